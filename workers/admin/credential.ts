/** What a request shows of who sends it: an API token, or a login of Cloudflare Access. */
import { bearerToken } from './tokens.ts'

export interface Credential {
	readonly kind: 'token' | 'login'
	readonly text: string
}

/** Access lets a request's header fields have 16 KiB. */
const LOGIN = /^[\w-]{1,8192}\.[\w-]{1,8192}\.[\w-]{1,2048}$/

/** A token that is sent was meant, and decides alone. The cookie is for requests that reach the Worker past Access. */
export function credentialOf(headers: Headers, acceptsLogins: boolean): Credential | undefined {
	const authorization = headers.get('authorization')
	if (authorization !== null || !acceptsLogins) {
		const token = bearerToken(authorization)
		return token === undefined ? undefined : { kind: 'token', text: token }
	}
	const login = headers.get('cf-access-jwt-assertion') ?? cookieOf(headers, 'CF_Authorization')
	return login !== undefined && LOGIN.test(login) ? { kind: 'login', text: login } : undefined
}

function cookieOf(headers: Headers, name: string): string | undefined {
	const pairs = (headers.get('cookie') ?? '').split(';').map((pair) => pair.trim())
	return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1)
}
