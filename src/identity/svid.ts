/** What WIT-SVIDs and JWT-SVIDs have in common: a workload's name, signed by a key of its own trust domain. */
import { ok, type Result } from '../result.ts'
import type { KeyUse } from '../snapshot/trust.ts'
import { algOfKey, isSvidAlgorithm } from './algorithms.ts'
import type { Claims, Jwt } from './jws.ts'
import { type ProofError, refuse } from './proven.ts'
import { parseSpiffeId, type SpiffeId, workloadOf } from './spiffeId.ts'
import { checkSignature, MAX_AHEAD_MS, readTimes, type Times } from './token.ts'
import { type KeyFault, keyOf, type TrustStore } from './trustStore.ts'

/** The longest that the mesh issues, and the longest that a revocation need be remembered for. */
const MAX_LIFETIME_MS = 86_400_000

export interface Subject {
	readonly spiffeId: string
	readonly trustDomain: string
	readonly namespace?: string
	readonly workload?: string
}

/** What another trust domain issued for longer than a revocation lasts would be good again after it. */
export function readSvidTimes(claims: Claims, now: number): Result<Times, ProofError> {
	const times = readTimes(claims, now)
	return times.ok && times.value.expiresAt > now + MAX_LIFETIME_MS + MAX_AHEAD_MS
		? refuse('too_long_lived', 'exp must be at most 24 hours ahead')
		: times
}

/**
 * The workload that `sub` names, if a key of that use of that very trust domain signed the token. Neither `kid` nor `iss` can lead
 * to another trust domain's keys (SPIFFE Trust Domain and Bundle §5.1).
 */
export async function verifySubject(trust: TrustStore, jwt: Jwt, use: KeyUse): Promise<Result<Subject, ProofError>> {
	const { alg, kid } = jwt.header
	if (!isSvidAlgorithm(alg))
		return refuse('unsupported_algorithm', 'alg must be ES, RS or PS with 256, 384 or 512: e.g. ES256')
	if (!kid) return refuse('missing_key_id', 'kid must name the key of the issuer')
	const subject = readSubject(trust.trustDomain, jwt.claims.sub)
	if (subject === undefined)
		return refuse(
			'bad_subject',
			`sub must be the SPIFFE ID of a workload, e.g. spiffe://${trust.trustDomain}/ns/…/sa/…`,
		)
	const key = await keyOf(trust, subject.trustDomain, use, kid)
	if (typeof key === 'string') return refuse(key, keyFaults[key])
	const fault = await checkSignature(jwt, key, algOfKey(key)!)
	return fault === undefined ? ok(subject) : { ok: false, error: fault }
}

/** Of ours, the ID must have the form in which the mesh names workloads; of others, any path. */
export function readSubject(ours: string, sub: unknown): Subject | undefined {
	const id = typeof sub === 'string' ? parseSpiffeId(sub) : undefined
	if (id === undefined || id.path === '') return undefined
	const workload = workloadOf(id, ours)
	return id.trustDomain === ours && workload === undefined ? undefined : subjectOf(id, workload)
}

const subjectOf = ({ id, trustDomain }: SpiffeId, workload: ReturnType<typeof workloadOf>): Subject => ({
	spiffeId: id,
	trustDomain,
	...workload,
})

export const keyFaults: Readonly<Record<KeyFault, string>> = {
	unknown_trust_domain: 'the trust domain must be that of the mesh, or federated with it',
	unknown_key: 'the key must be one that the trust domain publishes for this use',
	unusable_key: 'the key that the trust domain publishes under this name cannot be used',
}
