/** What an issuing uses up: a join token and proofs, together with the record of it, or not at all. */
import { spiffeIdOf } from '../../src/identity/spiffeId.ts'
import type { JoinRefusal, JwtSvidRequest, Uses, WitRequest } from '../../src/ports.ts'
import { findJoinToken, useJoinToken } from './joins.ts'
import { countSeen, type Seen, seenRefusal, storeSeen } from './seen.ts'
import type { RingState } from './state.ts'

export interface Till {
	readonly state: RingState
	readonly storage: DurableObjectStorage
	readonly seen: Seen
}

type Asked = Pick<WitRequest | JwtSvidRequest, 'workload' | 'evidence' | 'uses'>

const NOTHING: Uses = {}
/** Most of what fills a share lives for not much longer. */
const FULL_RETRY_SECONDS = 60

const subjectOf = ({ state }: Till, { workload: { namespace, workload } }: Asked): string =>
	spiffeIdOf(state.context.trustDomain, namespace, workload)

/** Why it cannot be used up. To ask costs the workload nothing of what it may be issued: who replays its proofs exhausts nothing. */
export function usesRefusal(till: Till, asked: Asked, now: number): JoinRefusal | undefined {
	const { sql } = till.storage
	const { joinToken, once = [] } = asked.uses ?? NOTHING
	if (joinToken !== undefined && !isFor(sql, joinToken, asked, now)) return { reason: 'join_token_gone' }
	const refusal = seenRefusal(sql, till.seen, subjectOf(till, asked), once, now)
	if (refusal === undefined) return undefined
	return refusal.reason === 'again'
		? { reason: 'shown_before', value: refusal.value }
		: { reason: 'too_many', retryAfterSeconds: FULL_RETRY_SECONDS }
}

function isFor(sql: SqlStorage, hash: string, { workload, evidence }: Asked, now: number): boolean {
	const found = findJoinToken(sql, hash, now)
	return (
		found?.workload.namespace === workload.namespace &&
		found.workload.workload === workload.workload &&
		found.trust === evidence.trust
	)
}

/**
 * Uses it up and puts on record what is issued for it, in one transaction: before, nothing may leave. If somebody was faster while
 * it was signed, or something cannot be stored, which is thrown, all is as it was.
 */
export function useUp(till: Till, asked: Asked, record: () => void, now: number): JoinRefusal | undefined {
	const refusal = usesRefusal(till, asked, now)
	if (refusal !== undefined) return refusal
	const { storage, seen } = till
	const { joinToken, once = [] } = asked.uses ?? NOTHING
	const subject = subjectOf(till, asked)
	storage.transactionSync(() => {
		if (joinToken !== undefined) useJoinToken(storage.sql, joinToken, now)
		storeSeen(storage.sql, subject, once)
		record()
	})
	countSeen(seen, subject, once.length)
	return undefined
}
