/** DPoP proofs (RFC 9449 §4): whoever asks for a WIT has the key that it will be bound to. */
import { isMeantFor } from '../../../src/identity/audience.ts'
import { importPublicKey, readPublicJwk, thumbprint } from '../../../src/identity/publicKey.ts'
import { checkSignature, readToken, readTokenId } from '../../../src/identity/token.ts'
import { ok, type Result } from '../../../src/result.ts'
import type { PublicJwk } from '../../../src/snapshot/trust.ts'
import { type Refused, refuse } from './refused.ts'

export interface DpopProof {
	/** With `alg`, as `cnf.jwk` has it. */
	readonly jwk: PublicJwk
	/** RFC 7638. */
	readonly thumbprint: string
	/** What may be shown once, until `expiresAt` in ms since the epoch. */
	readonly once: string
	readonly expiresAt: number
}

/** How far `iat` may be off, either way. */
const LEEWAY_MS = 60_000
const MAX_BYTES = 4_096

const wrong = (description: string): Result<never, Refused> => refuse('invalid_dpop_proof', description)

/** `proof`: the header's value; `endpoint`: the URL that the mesh is configured for. Whether it was shown before is not asked here. */
export async function verifyDpop(
	proof: string | null,
	endpoint: string,
	now: number,
): Promise<Result<DpopProof, Refused>> {
	if (proof === null) return wrong('a DPoP header must prove the key that the WIT is for (RFC 9449)')
	const token = readToken(proof, ['dpop+jwt'], MAX_BYTES)
	if (!token.ok) return wrong(`DPoP: ${token.error.detail}`)
	const { header, claims } = token.value
	const key = await keyOf(header.jwk)
	if (!key.ok) return key
	const fault = await checkSignature(token.value, key.value.key, 'ES256')
	if (fault !== undefined) return wrong(`DPoP: ${fault.detail}`)
	const { htm, htu, iat } = claims
	if (htm !== 'POST' || !isMeantFor(htu, [endpoint])) return wrong(`DPoP: htm must be POST, and htu ${endpoint}`)
	if (typeof iat !== 'number' || !(Math.abs(now - iat * 1000) <= LEEWAY_MS))
		return wrong('DPoP: iat must be within a minute of now')
	const jti = readTokenId(claims.jti, 1)
	if (jti === undefined) return wrong('DPoP: jti must have 1 to 256 characters')
	const print = await thumbprint(key.value.jwk)
	return ok({
		jwk: key.value.jwk,
		thumbprint: print,
		once: `dpop ${print} ${jti}`,
		expiresAt: iat * 1000 + LEEWAY_MS + 1000,
	})
}

/** RFC 9449 §4.2: a public key. Its `alg` need not be there, and then is that of the proof. */
async function keyOf(value: unknown): Promise<Result<{ jwk: PublicJwk; key: CryptoKey }, Refused>> {
	const jwk = readPublicJwk(typeof value === 'object' && value !== null ? { alg: 'ES256', ...value } : value)
	if (!jwk.ok) return wrong(`DPoP: jwk: ${jwk.error}`)
	if (jwk.value.alg !== 'ES256') return wrong('DPoP: jwk: alg must be ES256')
	const key = await importPublicKey(jwk.value)
	return key.ok ? ok({ jwk: jwk.value, key: key.value }) : wrong(`DPoP: jwk: ${key.error}`)
}
