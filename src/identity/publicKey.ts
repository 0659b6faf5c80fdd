/** Public keys as JWK (RFC 7517): read from strangers, imported for the one algorithm they name, and called by their thumbprint. */
import { fromBase64Url, hashOf } from '../base64url.ts'
import { err, ok, type Result } from '../result.ts'
import type { PublicJwk } from '../snapshot/trust.ts'
import { algorithmOf } from './algorithms.ts'
import { isRocaModulus } from './weakPrimes.ts'

/** NIST SP 800-131A asks for 2048; beyond 4096 a check costs too much, and the platform refuses it. */
const RSA_BITS = { least: 2_048, most: 4_096 }
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/**
 * A stranger's JSON as a public signature key: with `alg`, without private parts, not for encryption (`use`, `key_ops`), of the
 * members that the algorithm needs and no others. Whether it is a key at all, `importPublicKey` says.
 */
export function readPublicJwk(value: unknown): Result<PublicJwk, string> {
	if (typeof value !== 'object' || value === null || Array.isArray(value)) return err('a JWK is an object')
	const { kty, alg, use, key_ops, crv, x, y, n, e } = value as Record<string, unknown>
	const algorithm = typeof alg === 'string' ? algorithmOf(alg) : undefined
	if (typeof alg !== 'string' || algorithm === undefined) return err('alg must name an asymmetric signature algorithm')
	if (kty !== algorithm.kty) return err(`kty must be ${algorithm.kty} for ${alg}`)
	if (PRIVATE_MEMBERS.some((name) => (value as Record<string, unknown>)[name] !== undefined))
		return err('it must have no private members')
	if (use !== undefined && use !== 'sig') return err('use must be sig')
	if (key_ops !== undefined && !(Array.isArray(key_ops) && key_ops.includes('verify')))
		return err('key_ops must contain verify')
	if (algorithm.kty === 'RSA')
		return isText(n) && isText(e) ? ok({ kty: 'RSA', alg, n, e }) : err('n and e must be there')
	const curve = algorithm.kty === 'EC' ? algorithm.import.namedCurve : 'Ed25519'
	if (crv !== curve || !isText(x)) return err(`crv must be ${curve}, and x must be there`)
	if (algorithm.kty === 'OKP') return ok({ kty: 'OKP', alg, crv: curve, x })
	return isText(y) ? ok({ kty: 'EC', alg, crv: curve, x, y }) : err('y must be there')
}

const isText = (value: unknown): value is string => typeof value === 'string'

/** For verification with its `alg` only. Refused: a point off its curve, RSA below 2048 or above 4096 bits, known weak keys. */
export async function importPublicKey(jwk: PublicJwk): Promise<Result<CryptoKey, string>> {
	const read = readPublicJwk(jwk)
	if (!read.ok) return read
	const { alg, ...members } = read.value
	const algorithm = algorithmOf(alg)!
	const fault =
		algorithm.kty === 'RSA'
			? rsaFault(members)
			: pointFault(members, algorithm.kty === 'EC' ? algorithm.fieldBytes : 32)
	if (fault !== undefined) return err(fault)
	try {
		return ok(await crypto.subtle.importKey('jwk', members, algorithm.import, true, ['verify']))
	} catch {
		// A DataError, whatever is wrong with the key.
		return err('it is not a point of its curve, or no key at all')
	}
}

function pointFault({ x, y }: Omit<PublicJwk, 'alg'>, bytes: number): string | undefined {
	const isRight = (coordinate: string | undefined) =>
		coordinate === undefined || fromBase64Url(coordinate)?.length === bytes
	return isRight(x) && isRight(y) ? undefined : `coordinates must have ${bytes} bytes, in base64url`
}

function rsaFault({ n = '', e = '' }: Omit<PublicJwk, 'alg'>): string | undefined {
	const modulus = fromBase64Url(n)
	const exponent = fromBase64Url(e)
	if (!modulus?.[0] || !exponent?.[0]) return 'n and e must be in base64url, without leading zeros'
	const bits = modulus.length * 8 - Math.clz32(modulus[0]) + 24
	if (bits < RSA_BITS.least || bits > RSA_BITS.most)
		return `an RSA key must have ${RSA_BITS.least} to ${RSA_BITS.most} bits`
	// An exponent of 1 makes every message its own signature.
	const isOdd = (exponent.at(-1)! & 1) === 1 && (modulus.at(-1)! & 1) === 1
	if (!isOdd || exponent.length > 4 || (exponent.length === 1 && exponent[0] < 3))
		return 'e must be odd, from 3 to 2^32'
	return isRocaModulus(modulus) ? 'the key is weak (CVE-2017-15361)' : undefined
}

/** RFC 7638: SHA-256, base64url. */
export function thumbprint({ kty, crv, x, y, n, e }: PublicJwk): Promise<string> {
	// Members in lexical order, and only those that make the key.
	if (kty === 'EC') return hashOf(JSON.stringify({ crv, kty, x, y }))
	return hashOf(JSON.stringify(kty === 'RSA' ? { e, kty, n } : { crv, kty, x }))
}
