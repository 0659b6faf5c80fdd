/** What the ring counts and remembers beside its keys: how fast, how much and how often somebody may have something. */
import { admit, createLimits, ISSUING, JOINING, type Limits, networkOf } from '../../src/keys/limits.ts'
import { type Delegations, openDelegations, writeDelegations } from './delegations.ts'
import { pruneJoinTokens } from './joins.ts'
import { pruneRevocations } from './revocations.ts'
import { forgetSeen, openSeen, type Seen } from './seen.ts'
import { createTables } from './tables.ts'

export interface Counters {
	readonly storage: DurableObjectStorage
	/** Tries of strangers to join, by network. */
	readonly joining: Limits
	/** What is issued, by workload. */
	readonly issuing: Limits
	readonly delegations: Delegations
	readonly seen: Seen
}

export function openCounters(storage: DurableObjectStorage, now: number): Counters {
	createTables(storage.sql)
	return {
		storage,
		joining: createLimits(JOINING, now),
		issuing: createLimits(ISSUING, now),
		delegations: openDelegations(storage.sql, now),
		seen: openSeen(storage.sql),
	}
}

/** Counts a try of a stranger to join; how long to wait if it comes too soon. */
export function admitJoin(
	{ joining }: Counters,
	clientAddress: string,
	now: number,
): { readonly retryAfterSeconds: number } | null {
	const retryAfterSeconds = admit(joining, networkOf(clientAddress), now)
	return retryAfterSeconds === 0 ? null : { retryAfterSeconds }
}

/** Forgets what nobody needs any more, and stores what was only counted. */
export function clearUp({ storage: { sql }, delegations, seen }: Counters, now: number): void {
	forgetSeen(sql, seen, now)
	pruneJoinTokens(sql, now)
	pruneRevocations(sql, now)
	writeDelegations(sql, delegations, now)
}
