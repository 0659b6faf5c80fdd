/** Workload Identity Tokens: draft-ietf-wimse-workload-creds-02 in the profile of SPIFFE WIT-SVID. Never a bearer token. */
import { hashOf } from '../base64url.ts'
import { ok, type Result } from '../result.ts'
import { isSvidAlgorithm } from './algorithms.ts'
import type { Claims } from './jws.ts'
import { isRevoked, type ProofError, type Proven, refuse } from './proven.ts'
import { importPublicKey, readPublicJwk, thumbprint } from './publicKey.ts'
import { readSvidTimes, verifySubject } from './svid.ts'
import { readToken, readTokenId } from './token.ts'
import type { TrustStore } from './trustStore.ts'

/** It proves nothing until a WPT by its key comes with it. */
export interface VerifiedWit {
	readonly proven: Proven
	/** The workload's own, `cnf.jwk`. */
	readonly key: CryptoKey
	/** `cnf.jwk.alg`. */
	readonly alg: string
	/** What a WPT's `wth` must be. */
	readonly hash: string
}

/** `wit`: the value of `Workload-Identity-Token`; `now` in ms since the epoch. One signature check, unless it is wrong before. */
export async function verifyWit(trust: TrustStore, wit: string, now: number): Promise<Result<VerifiedWit, ProofError>> {
	const token = readToken(wit, ['wit+jwt'])
	if (!token.ok) return token
	const { claims } = token.value
	const times = readSvidTimes(claims, now)
	if (!times.ok) return times
	if (Object.hasOwn(claims, 'aud')) return refuse('unexpected_audience', 'a WIT-SVID must have no aud')
	const tokenId = readTokenId(claims.jti, 1)
	if (claims.jti !== undefined && tokenId === undefined)
		return refuse('bad_token_id', 'jti must have 1 to 256 characters')
	const subject = await verifySubject(trust, token.value, 'wit-svid')
	if (!subject.ok) return subject
	const bound = await boundKey(claims)
	if (!bound.ok) return bound
	const { keyThumbprint, ...key } = bound.value
	const proven: Proven = {
		...subject.value,
		...times.value,
		method: 'WorkloadProof',
		keyThumbprint,
		...(tokenId === undefined ? {} : { tokenId }),
	}
	if (isRevoked(trust, proven)) return refuse('revoked', 'the workload, its token and its key must not be revoked')
	return ok({ proven, ...key, hash: await hashOf(wit) })
}

/** RFC 7800 §3.2; `alg` inside the key (workload-creds §3.1), one that SPIFFE allows. */
async function boundKey(claims: Claims) {
	const { cnf } = claims
	const jwk = readPublicJwk(typeof cnf === 'object' && cnf !== null ? (cnf as { jwk?: unknown }).jwk : undefined)
	if (!jwk.ok) return refuse('bad_confirmation', `cnf.jwk: ${jwk.error}`)
	const { alg } = jwk.value
	if (!isSvidAlgorithm(alg)) return refuse('bad_confirmation', 'cnf.jwk: alg must be ES, RS or PS: e.g. ES256')
	const key = await importPublicKey(jwk.value)
	if (!key.ok) return refuse('bad_confirmation', `cnf.jwk: ${key.error}`)
	return ok({ key: key.value, alg, keyThumbprint: await thumbprint(jwk.value) })
}
