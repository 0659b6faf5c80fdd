/** The dashboard: one page without secrets, whose script reads the API with the token that the browser keeps. */
import type { AuthenticationFailure } from '../authenticate.ts'
import { markup } from './markup.ts'
import { script } from './script.ts'
import { styles } from './styles.ts'

/** Signed in: the page. */
export const dashboard = async (): Promise<Response> => page(200)

/** Signed out: the same page, which shows its sign-in form while the browser holds no token. */
export function signIn(failure: AuthenticationFailure): Response {
	if (failure === 'too_many_attempts') return page(429, { 'retry-after': '1' })
	return page(401, { 'www-authenticate': 'Bearer realm="selvedge"' })
}

function page(status: number, headers: Record<string, string> = {}): Response {
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
	return new Response(markup({ nonce, styles, script }), {
		status,
		headers: { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy, ...headers },
	})
}
