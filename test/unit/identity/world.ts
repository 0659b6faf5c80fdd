/** A mesh with its keys, a federated trust domain, and somebody who forges tokens with whatever header and claims they like. */
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { compileTrust } from '../../../src/identity/trustStore.ts'
import type { VerifiedWit } from '../../../src/identity/wit.ts'
import { verifyWit } from '../../../src/identity/wit.ts'
import type { KeyUse, PublicJwk, Revocations, Trust } from '../../../src/snapshot/trust.ts'

/** 2027-01-15 08:00:00 UTC. */
export const NOW = 1_800_000_000_000
export const SECONDS = NOW / 1_000
export const TRUST_DOMAIN = 'mesh.example.com'
export const PARTNER = 'partner.example.org'
export const ISSUER = 'https://admin.mesh.example.com'
export const ORDERS = 'spiffe://mesh.example.com/ns/default/sa/orders'

export interface Key {
	readonly privateKey: KeyObject
	readonly jwk: PublicJwk
}

const CURVES = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' } as const

export function makeKey(alg = 'ES256'): Key {
	const pair =
		alg in CURVES
			? generateKeyPairSync('ec', { namedCurve: CURVES[alg as keyof typeof CURVES] })
			: alg === 'EdDSA'
				? generateKeyPairSync('ed25519')
				: generateKeyPairSync('rsa', { modulusLength: 2_048 })
	return { privateKey: pair.privateKey, jwk: { ...pair.publicKey.export({ format: 'jwk' }), alg } as PublicJwk }
}

export const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A JWS by Node's own crypto, with any header: what is signed how, `alg` says, not the header. */
export function forge(header: unknown, claims: unknown, { privateKey, jwk }: Key, alg = jwk.alg): string {
	return signText(`${part(header)}.${part(claims)}`, privateKey, alg)
}

export function signText(text: string, privateKey: KeyObject, alg = 'ES256'): string {
	const key = {
		key: privateKey,
		dsaEncoding: 'ieee-p1363' as const,
		...(alg.startsWith('PS') ? { padding: 6, saltLength: -1 } : {}),
	}
	const signature = sign(alg === 'EdDSA' ? null : `sha${alg.slice(2)}`, Buffer.from(text), key)
	return `${text}.${signature.toString('base64url')}`
}

export const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')

export const meshWit = makeKey()
export const meshJwt = makeKey()
export const partnerWit = makeKey()
export const partnerJwt = makeKey()
export const workload = makeKey()
export const stranger = makeKey()

const published = (use: KeyUse, kid: string, { jwk }: Key) => ({ use, kid, jwk })
const NOTHING: Revocations = { workloads: {}, tokens: [], keys: [], certificates: [] }

/** Both trust domains have a key that they call `k1`. */
export const trustOf = (changes: Partial<Trust> = {}, revocations: Partial<Revocations> = {}): Trust => ({
	kind: 'trust',
	trustDomain: TRUST_DOMAIN,
	issuer: ISSUER,
	keys: [published('wit-svid', 'k1', meshWit), published('jwt-svid', 'k2', meshJwt)],
	authorities: [],
	federated: [
		{
			trustDomain: PARTNER,
			keys: [published('wit-svid', 'k1', partnerWit), published('jwt-svid', 'p2', partnerJwt)],
			authorities: [],
		},
	],
	revocations: { ...NOTHING, ...revocations },
	...changes,
})
export const store = (changes: Partial<Trust> = {}, revocations: Partial<Revocations> = {}) =>
	compileTrust(trustOf(changes, revocations))

type Fields = Readonly<Record<string, unknown>>

export const witHeader = { alg: 'ES256', kid: 'k1', typ: 'wit+jwt' }
export const witClaims = {
	sub: ORDERS,
	iss: `spiffe://${TRUST_DOMAIN}`,
	iat: SECONDS - 10,
	exp: SECONDS + 3_600,
	jti: 'wit-1',
	cnf: { jwk: workload.jwk },
}
export const wit = (claims: Fields = {}, header: Fields = {}, key = meshWit): string =>
	forge({ ...witHeader, ...header }, { ...witClaims, ...claims }, key)

const jwtHeader = { alg: 'ES256', kid: 'k2', typ: 'JWT' }
export const jwtClaims = {
	sub: ORDERS,
	iss: ISSUER,
	aud: ['https://orders.mesh.example.com'],
	iat: SECONDS - 10,
	exp: SECONDS + 300,
	jti: 'jwt-1',
}
export const jwtSvid = (claims: Fields = {}, header: Fields = {}, key = meshJwt): string =>
	forge({ ...jwtHeader, ...header }, { ...jwtClaims, ...claims }, key)

export const WIT = wit()
export const wptHeader = { alg: 'ES256', typ: 'wpt+jwt' }
export const wptClaims = {
	aud: 'https://orders.mesh.example.com/v1/orders',
	exp: SECONDS + 60,
	jti: 'proof-0123456789abcdef',
	wth: sha256(WIT),
}
export const wpt = (claims: Fields = {}, header: Fields = {}, key = workload): string =>
	forge({ ...wptHeader, ...header }, { ...wptClaims, ...claims }, key)

export async function verifiedWit(token = WIT): Promise<VerifiedWit> {
	const verified = await verifyWit(store(), token, NOW)
	if (!verified.ok) throw new Error(verified.error.detail)
	return verified.value
}

/** The code of a refusal, or `ok`. */
export const outcome = (result: { ok: true } | { ok: false; error: { code: string } }): string =>
	result.ok ? 'ok' : result.error.code
