/** The bundle document of another trust domain (SPIFFE Trust Domain and Bundle §4), read into what the data plane needs of it. */
import { err, ok, type Result } from '../result.ts'
import type { PublicJwk, TrustKey } from '../snapshot/trust.ts'

export interface BundleDocument {
	/** None: the trust domain takes back all that it has published (§4.1.3). */
	readonly keys: readonly TrustKey[]
	/** `spiffe_sequence` in decimal digits: it may need more than the 53 bits of a number (§4.1.1). */
	readonly sequence?: string
	/** `spiffe_refresh_hint` in seconds, as it was said. */
	readonly refreshHintSeconds?: number
}

/** In bytes; who has read it compares characters, of which there are no more. */
export const MAX_BUNDLE_BYTES = 1_048_576
const MAX_KEYS = 64
const MAX_KID_LENGTH = 256
/** JWT-SVID §3.1, WIT-SVID: RSA and ECDSA. The first one is meant where a key names none. */
const ALGORITHMS: Readonly<Record<string, readonly string[]>> = {
	'P-256': ['ES256'],
	'P-384': ['ES384'],
	'P-521': ['ES512'],
	RSA: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
}
/** Base64url digits of a coordinate (RFC 7518 §6.2.1). */
const COORDINATE_LENGTH: Readonly<Record<string, number>> = { 'P-256': 43, 'P-384': 64, 'P-521': 88 }
/** Base64url digits of a modulus of 2048 bits (RFC 7518 §3.3) and of 4096, beyond which the platform takes none. */
const MODULUS_LENGTH = { least: 342, most: 683 }
const MAX_EXPONENT_LENGTH = 6

/**
 * Keys for WIT-SVIDs and JWT-SVIDs. Entries of other uses, types and algorithms are left out (§4.1.3, §4.2); the mesh takes no
 * X509-SVIDs of others, so their roots are too. An entry that breaks the rules of its own type makes the whole document none: what
 * else in it is wrong, nobody knows. The error says why.
 */
export function readBundle(body: string): Result<BundleDocument, string> {
	if (body.length > MAX_BUNDLE_BYTES) return err(`has ${body.length} characters; at most ${MAX_BUNDLE_BYTES} are read`)
	const document = parsed(body)
	if (document === undefined) return err('is no JSON object')
	const { keys: entries, spiffe_sequence: sequence, spiffe_refresh_hint: hint } = document
	if (!Array.isArray(entries)) return err('has no array `keys`')
	if (entries.length > MAX_KEYS) return err(`has ${entries.length} keys; at most ${MAX_KEYS} are read`)
	if (sequence !== undefined && !(typeof sequence === 'string' && /^-?\d{1,40}$/.test(sequence)))
		return err('has a spiffe_sequence that is no integer')
	if (hint !== undefined && !Number.isSafeInteger(hint)) return err('has a spiffe_refresh_hint that is no integer')
	const keys: TrustKey[] = []
	for (const [position, entry] of entries.entries()) {
		const key = readKey(entry)
		if (typeof key === 'string') return err(`has a key that is none: keys[${position}] ${key}`)
		if (key !== undefined) keys.push(key)
	}
	return ok({
		keys,
		...(sequence === undefined ? {} : { sequence }),
		...(hint === undefined ? {} : { refreshHintSeconds: hint as number }),
	})
}

/** Whether a document is older than the one before it. Without a number on both, what came last is the newest (Federation §4.2). */
export const goesBack = (before: string | undefined, after: string | undefined): boolean =>
	before !== undefined && after !== undefined && BigInt(after) < BigInt(before)

function parsed(body: string): Record<string, unknown> | undefined {
	try {
		const value: unknown = JSON.parse(body, keepDigits as (key: string, value: unknown) => unknown)
		return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
	} catch {
		return undefined
	}
}

/** The sequence as it is written; false for what is written as anything but a number. */
const keepDigits = (key: string, value: unknown, { source }: { readonly source?: string }): unknown =>
	key === 'spiffe_sequence' ? typeof value === 'number' && source : value

/** Undefined: not for us. A text: what it must have. */
function readKey(value: unknown): TrustKey | string | undefined {
	if (typeof value !== 'object' || value === null) return 'must be an object'
	const { kid, use, ...rest } = value as Record<string, unknown>
	if (use !== 'wit-svid' && use !== 'jwt-svid') return undefined
	const jwk = publicJwk(rest)
	if (jwk === undefined || typeof jwk === 'string') return jwk
	if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_LENGTH)
		return `must have a kid of 1 to ${MAX_KID_LENGTH} characters`
	return { kid, use, jwk }
}

/** The members that make a public key, and no others. */
function publicJwk({ kty, crv, x, y, n, e, alg }: Record<string, unknown>): PublicJwk | string | undefined {
	const type = String(kty === 'EC' ? crv : kty)
	const algorithms = Object.hasOwn(ALGORITHMS, type) ? ALGORITHMS[type]! : []
	const named = alg ?? algorithms[0]
	if (typeof named !== 'string' || !algorithms.includes(named)) return undefined
	if (kty === 'EC') {
		const isRight = (text: unknown) => isBase64Url(text) && text.length === COORDINATE_LENGTH[type]
		if (!isRight(x) || !isRight(y)) return `must have x and y of ${COORDINATE_LENGTH[type]} base64url digits`
		return { kty, crv: type, x: x as string, y: y as string, alg: named }
	}
	if (!isBase64Url(n) || !isBase64Url(e)) return 'must have n and e in base64url'
	// Who verified with these would be fooled, or kept waiting.
	if (n.length < MODULUS_LENGTH.least || n.length > MODULUS_LENGTH.most || e.length > MAX_EXPONENT_LENGTH)
		return undefined
	return { kty: 'RSA', n, e, alg: named }
}

const isBase64Url = (value: unknown): value is string => typeof value === 'string' && /^[\w-]+$/.test(value)
