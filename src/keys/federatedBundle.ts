/** The bundle document of another trust domain (SPIFFE Trust Domain and Bundle §4), read into what the data plane needs of it. */
import { err, ok, type Result } from '../result.ts'
import type { PublicJwk, TrustBundle, TrustKey } from '../snapshot/trust.ts'

/** In characters. */
const MAX_BUNDLE_LENGTH = 262_144
const MAX_KEYS = 64
const MAX_KID_LENGTH = 256
/** Base64url digits of a modulus of 2048 bits (RFC 7518 §3.3). */
const MIN_MODULUS_LENGTH = 342
/** JWT-SVID §3.1, WIT-SVID: RSA and ECDSA. The first one is meant where a key names none. */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
	'P-256': ['ES256'],
	'P-384': ['ES384'],
	'P-521': ['ES512'],
	RSA: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
}

/**
 * Keys for WIT-SVIDs and JWT-SVIDs; entries of other uses, and those that could verify nothing, are left out (§4.2.2). The mesh takes
 * no X509-SVIDs of others, so their roots are left out too. The error says why a document is none.
 */
export function readBundle(trustDomain: string, body: string): Result<TrustBundle, string> {
	if (body.length > MAX_BUNDLE_LENGTH)
		return err(`has ${body.length} characters; at most ${MAX_BUNDLE_LENGTH} are read`)
	const document = parsed(body)
	if (document === undefined) return err('is no JSON object')
	const { keys } = document
	if (!Array.isArray(keys)) return err('has no array `keys`')
	if (keys.length > MAX_KEYS) return err(`has ${keys.length} keys; at most ${MAX_KEYS} are read`)
	const found = keys.map(readKey).filter((key) => key !== undefined)
	if (found.length === 0) return err('has no key for WIT-SVIDs or JWT-SVIDs')
	return ok({ trustDomain, keys: found, authorities: [] })
}

function parsed(body: string): Record<string, unknown> | undefined {
	try {
		const value: unknown = JSON.parse(body)
		return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
	} catch {
		return undefined
	}
}

function readKey(value: unknown): TrustKey | undefined {
	if (typeof value !== 'object' || value === null) return undefined
	const { kid, use, ...rest } = value as Record<string, unknown>
	if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH) return undefined
	if (use !== 'wit-svid' && use !== 'jwt-svid') return undefined
	const jwk = publicJwk(rest)
	return jwk && { kid, use, jwk }
}

/** The members that make a public key, and no others. */
function publicJwk({ kty, crv, x, y, n, e, alg }: Record<string, unknown>): PublicJwk | undefined {
	const algorithms = ALGORITHMS[String(kty === 'EC' ? crv : kty)] ?? []
	const named = alg ?? algorithms[0]
	if (typeof named !== 'string' || !algorithms.includes(named)) return undefined
	if (kty === 'EC' && isText(crv) && isText(x) && isText(y)) return { kty, crv, x, y, alg: named }
	if (kty === 'RSA' && isText(n) && isText(e) && n.length >= MIN_MODULUS_LENGTH) return { kty, n, e, alg: named }
	return undefined
}

const isText = (value: unknown): value is string => typeof value === 'string'
