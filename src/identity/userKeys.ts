/** Keys of those who issue end users' tokens: read from their key sets, and held so that each is imported when it is first used. */
import { err, ok, type Result } from '../result.ts'
import type { UserKey } from '../snapshot/requestAuthentication.ts'
import { type JoseHeader, type Jws, verifyJws } from './jws.ts'
import { type ProofError, refuse } from './proven.ts'
import { importPublicKey, readPublicJwk } from './publicKey.ts'

/** A key for one algorithm. The imported key is kept, never the promise of one: a promise belongs to the request that made it. */
export interface HeldKey extends UserKey {
	imported?: CryptoKey | 'unusable'
	/** Its issuer has taken it back: what was verified with it must be verified anew. */
	isGone?: true
}

/** One for each algorithm that a key is for. */
export const heldKeys = (keys: readonly UserKey[]): HeldKey[] =>
	keys.flatMap(({ alsoFor = [], jwk, ...named }) =>
		[jwk.alg, ...alsoFor].map((alg) => ({ ...named, jwk: { ...jwk, alg } })),
	)

// === key sets ===

const MAX_KEY_ID = 256
/** Base64url digits of a modulus of 4096 bits: no member of a key that is ever imported has more. */
const MAX_MEMBER = 683
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
const ALGORITHM_OF_CURVE: ReadonlyMap<unknown, string> = new Map([
	['P-256', 'ES256'],
	['P-384', 'ES384'],
	['P-521', 'ES512'],
	['Ed25519', 'EdDSA'],
])

/**
 * A key of an issuer's JWK Set as it is published: undefined for what can verify no token. One without `alg`, which RFC 7517 §4.4 lets
 * issuers leave out, gets the one of its curve; an RSA key, all that RSA keys are for.
 */
export function readUserKey(value: Readonly<Record<string, unknown>>): UserKey | undefined {
	const { kid, kty, alg, crv, n, e, x, y } = value
	if (kid !== undefined && (typeof kid !== 'string' || kid.length > MAX_KEY_ID)) return undefined
	if ([n, e, x, y].some((member) => typeof member === 'string' && member.length > MAX_MEMBER)) return undefined
	const named = kid === undefined ? {} : { kid }
	const derived = kty === 'RSA' ? RSA_ALGORITHMS[0] : ALGORITHM_OF_CURVE.get(crv)
	const read = readPublicJwk(alg === undefined ? { ...value, alg: derived } : value)
	if (!read.ok) return undefined
	const alsoFor = alg === undefined && kty === 'RSA' ? { alsoFor: RSA_ALGORITHMS.slice(1) } : {}
	return { ...named, jwk: read.value, ...alsoFor }
}

// === whose signature it is ===

/** How many keys a token without `kid` is tried with. */
const MAX_TRIED = 10

/** The key among these that signed it: the one that its `kid` names, or without one any that is for its `alg`. */
export async function signingKey(
	token: Pick<Jws, 'header' | 'signature' | 'signed'>,
	keys: readonly HeldKey[],
): Promise<Result<HeldKey, ProofError>> {
	const { header } = token
	const named = namedKeys(keys, header)
	const fitting = named.filter(({ jwk }) => jwk.alg === header.alg).slice(0, MAX_TRIED)
	if (named.length === 0) return unknownKey
	if (fitting.length === 0) return refuse('algorithm_mismatch', 'alg must be that of the key')
	let isUsable = false
	for (const held of fitting) {
		held.imported ??= await importedKey(held)
		if (held.imported === 'unusable') continue
		isUsable = true
		if (await verifyJws(token, held.imported)) return ok(held)
	}
	// None of these has the name that the token says: there may be another one that does.
	if (header.kid !== undefined && fitting.every(({ kid }) => kid === undefined)) return unknownKey
	return isUsable
		? refuse('bad_signature', 'the signature must be by its key')
		: refuse('unusable_key', 'the key that the issuer publishes must be one that can be used')
}

const unknownKey = err<ProofError>({ code: 'unknown_key', detail: 'kid must name a key that the issuer publishes' })

/** A key without a name may be the one that any token means. */
function namedKeys(keys: readonly HeldKey[], { kid }: JoseHeader): readonly HeldKey[] {
	if (kid === undefined) return keys
	const named = keys.filter((key) => key.kid === kid)
	return named.length > 0 ? named : keys.filter((key) => key.kid === undefined)
}

async function importedKey({ jwk }: HeldKey): Promise<CryptoKey | 'unusable'> {
	const result = await importPublicKey(jwk)
	return result.ok ? result.value : 'unusable'
}
