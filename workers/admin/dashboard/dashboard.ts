/** The dashboard: one page without secrets, whose script reads the API with the login of the browser, or the token that it keeps. */
import type { AuthenticationFailure } from '../authenticate.ts'
import type { Call } from '../route.ts'
import { unauthenticated } from '../unauthenticated.ts'
import { markup } from './markup.ts'
import { script } from './script.ts'
import { styles } from './styles.ts'

/** Signed in: the page. */
export const dashboard = async ({ byLogin = false }: Call<unknown, unknown>): Promise<Response> =>
	page(200, { byLogin })

/** Signed out: the same page, which shows its sign-in form while the browser holds no token, and why a login was refused. */
export async function signIn(failure: AuthenticationFailure): Promise<Response> {
	const answer = unauthenticated(failure)
	const { status, headers } = answer
	const { detail } = (await answer.json()) as { detail: string }
	const refused = failure.reason === 'no_credential' ? '' : detail
	const told = ['retry-after', 'www-authenticate'].flatMap((name) => {
		const value = headers.get(name)
		return value === null ? [] : [[name, value]]
	})
	return page(status, { byLogin: false, refused, headers: Object.fromEntries(told) })
}

interface Page {
	readonly byLogin: boolean
	readonly refused?: string
	readonly headers?: Readonly<Record<string, string>>
}

function page(status: number, { byLogin, refused = '', headers = {} }: Page): Response {
	const nonce = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))))
	const policy = [
		"default-src 'none'",
		`script-src 'nonce-${nonce}'`,
		`style-src 'nonce-${nonce}'`,
		"connect-src 'self'",
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors 'none'",
	].join('; ')
	return new Response(markup({ nonce, styles, script, byLogin, refused }), {
		status,
		headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy, ...headers },
	})
}
