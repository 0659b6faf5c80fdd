/**
 * Caller assertions: what the mesh tells a service of its caller, in `Selvedge-Caller`. A JWT by the isolate that forwarded the
 * request, with the delegation of its key in the header parameter `delegation`: any JWT library can verify both.
 */
import { ok, type Result } from '../result.ts'
import type { PeerMethod } from '../snapshot/peerAuthentication.ts'
import { algOfKey } from './algorithms.ts'
import { includesOneOf } from './audience.ts'
import { verifyDelegation } from './delegation.ts'
import { signJws } from './jws.ts'
import { type ProofError, refuse } from './proven.ts'
import { parseSpiffeId } from './spiffeId.ts'
import { checkSignature, readTimes, readToken } from './token.ts'

const TYPE = 'selvedge-caller+jwt'
/** It has a delegation inside. */
const MAX_BYTES = 16_384
const METHODS: readonly unknown[] = ['WorkloadProof', 'JWTSVID', 'ClientCertificate'] satisfies PeerMethod[]

/** Times in ms since the epoch; the token says them in whole seconds. */
export interface AssertionInput {
	readonly issuer: string
	/** The caller. */
	readonly spiffeId: string
	/** The origin of the called service, as mesh host. */
	readonly audience: string
	readonly method: PeerMethod
	readonly issuedAt: number
	/** Not later than the delegation's. */
	readonly expiresAt: number
}

/** `key`: the isolate's own, ES256, that `delegation` certifies. */
export function createAssertion(input: AssertionInput, delegation: string, key: CryptoKey): Promise<string> {
	const { issuer, spiffeId, audience, method, issuedAt, expiresAt } = input
	const claims = {
		iss: issuer,
		sub: spiffeId,
		aud: audience,
		iat: Math.floor(issuedAt / 1_000),
		exp: Math.floor(expiresAt / 1_000),
		method,
	}
	return signJws({ alg: 'ES256', typ: TYPE, delegation }, claims, key)
}

/**
 * For services. `keys`: the mesh's JWKS, undefined for a `kid` that is not in it. `expected.audiences`: the origins that the service
 * is called by. `now` and `expiresAt` in ms since the epoch.
 */
export async function verifyAssertion(
	assertion: string,
	keys: (kid: string) => Promise<CryptoKey | undefined>,
	expected: { readonly issuer: string; readonly audiences: readonly string[] },
	now: number,
): Promise<Result<{ readonly spiffeId: string; readonly method: PeerMethod; readonly expiresAt: number }, ProofError>> {
	const token = readToken(assertion, [TYPE], MAX_BYTES)
	if (!token.ok) return token
	const { header, claims } = token.value
	const times = readTimes(claims, now)
	if (!times.ok) return times
	if (claims.iss !== expected.issuer) return refuse('wrong_issuer', 'iss must be the issuer of the mesh')
	if (!includesOneOf(claims.aud, expected.audiences))
		return refuse('wrong_audience', 'aud must be the origin of the service')
	const id = typeof claims.sub === 'string' ? parseSpiffeId(claims.sub) : undefined
	if (id === undefined || id.path === '') return refuse('bad_subject', 'sub must be the SPIFFE ID of a workload')
	if (!METHODS.includes(claims.method)) return refuse('bad_claim', `method must be one of ${METHODS.join(', ')}`)
	if (typeof header.delegation !== 'string') return refuse('missing_key_id', 'the header must have a delegation')
	const delegation = await verifyDelegation(header.delegation, keys, expected.issuer, now)
	if (!delegation.ok) return delegation
	const { key, expiresAt } = delegation.value
	const fault = await checkSignature(token.value, key, algOfKey(key) ?? '')
	if (fault !== undefined) return { ok: false, error: fault }
	return ok({
		spiffeId: id.id,
		method: claims.method as PeerMethod,
		expiresAt: Math.min(times.value.expiresAt, expiresAt),
	})
}
