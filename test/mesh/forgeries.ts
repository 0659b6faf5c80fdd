/** Tokens as attackers make them: with any header and any claims, signed with whatever is at hand. */
import { createHmac } from 'node:crypto'
import { SignJWT } from 'jose'
import { DOMAIN } from './meshHarness.ts'
import { type Key, newId } from './workload.ts'

export const ORDERS = `spiffe://${DOMAIN}/ns/default/sa/orders`

export const seconds = (): number => Math.floor(Date.now() / 1_000)

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** RFC 7515 A.5: nothing after the last dot. */
export const unsigned = (header: object, claims: object, alg = 'none'): string =>
	`${part({ ...header, alg })}.${part(claims)}.`

/** HMAC under a secret that everybody knows. */
export function symmetric(header: object, claims: object, secret: string): string {
	const signed = `${part({ ...header, alg: 'HS256' })}.${part(claims)}`
	return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

export const signedBy = (key: Key, header: object, claims: object): Promise<string> =>
	new SignJWT({ ...claims }).setProtectedHeader({ alg: 'ES256', ...header }).sign(key.privateKey)

/** A good token with other claims than those that were signed. */
export function altered(token: string, claims: object): string {
	const [header, payload = '', signature] = token.split('.')
	const before = JSON.parse(Buffer.from(payload, 'base64url').toString()) as object
	return [header, part({ ...before, ...claims }), signature].join('.')
}

/** As the mesh's own of workload-creds-02, for a key of the attacker's. */
export const witClaims = (key: Key, claims: object = {}) => ({
	iss: `spiffe://${DOMAIN}`,
	sub: ORDERS,
	iat: seconds(),
	exp: seconds() + 600,
	jti: newId(),
	cnf: { jwk: key.jwk },
	...claims,
})

/** As the mesh's own JWT-SVIDs. */
export const svidClaims = (aud: string, claims: object = {}) => ({
	iss: `https://admin.${DOMAIN}`,
	sub: ORDERS,
	aud: [aud],
	iat: seconds(),
	exp: seconds() + 300,
	jti: newId(),
	...claims,
})

/** What is no SPIFFE ID of a workload here, although it looks like one to somebody. */
export const BAD_SUBJECTS: readonly string[] = [
	`spiffe://${DOMAIN}/ns/default/sa/../sa/orders`,
	`spiffe://${DOMAIN}/ns/default/sa/./orders`,
	`spiffe://${DOMAIN}/ns/default/sa/%2e%2e/orders`,
	`spiffe://${DOMAIN}/ns/default/sa/%6frders`,
	`spiffe://${DOMAIN}/ns/default%2fsa/orders`,
	`spiffe://${DOMAIN}/ns/default/sa/Orders`,
	`spiffe://${DOMAIN}/ns/default/sa/orders/`,
	`spiffe://${DOMAIN}//ns/default/sa/orders`,
	`spiffe://${DOMAIN}/ns/default/sa/orders?x`,
	`spiffe://${DOMAIN}/ns/default/sa/orders#x`,
	`spiffe://${DOMAIN}/ns/default/sa/orders\u0000`,
	`spiffe://${DOMAIN}/ns/default/sa`,
	`spiffe://${DOMAIN}`,
	`spiffe://${DOMAIN.toUpperCase()}/ns/default/sa/orders`,
	`spiffe://${DOMAIN}:80/ns/default/sa/orders`,
	`spiffe://admin@${DOMAIN}/ns/default/sa/orders`,
	`SPIFFE://${DOMAIN}/ns/default/sa/orders`,
]

/** Of other trust domains, which vouch for nobody here. */
export const FOREIGN_SUBJECTS: readonly string[] = [
	'spiffe://evil.example/ns/default/sa/orders',
	`spiffe://${DOMAIN}.evil.example/ns/default/sa/orders`,
	`spiffe://x${DOMAIN}/ns/default/sa/orders`,
]
