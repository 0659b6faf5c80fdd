/**
 * How many requests of a service an isolate has under way, and how many wait: the circuit breaker of Envoy (max_requests,
 * max_pending_requests) and the bulkhead of M. Nygard's "Release It!". The counting is here, the queue is the caller's:
 *
 * - before `admit`, where anybody waits, and after each `done`: as long as `next` gives slots, the longest waiting one goes;
 * - a waiter that leaves before its turn is taken out of the queue with `abandon`; after its turn, it owes a `done`;
 * - waiters whose time (`maxWaitMs`) is over stand at the front, and are taken out likewise, whether they still live or not.
 */
import type { Limits } from '../snapshot/trafficPolicy.ts'
import { createLeasedCount, expire, giveBack, type Lease, type LeasedCount, take } from './leasedCount.ts'

export interface LimitState {
	readonly inFlight: LeasedCount
	pending: number
}

/** One of those that may be in flight. */
export type Slot = Lease

/** `slotMs`: how long a request is believed to be under way without a word of its end. Longer than any request may take. */
export const createLimitState = (slotMs: number): LimitState => ({ inFlight: createLeasedCount(slotMs), pending: 0 })

/**
 * A slot means go. Nobody overtakes those that wait. `adaptiveLimit` (≥ 1) holds beside the fixed one.
 * Without `maxPending` none may wait.
 */
export function admit(
	state: LimitState,
	limits: Limits,
	now: number,
	adaptiveLimit = Number.POSITIVE_INFINITY,
): Slot | 'wait' | 'refuse' {
	if (state.pending === 0 && hasRoom(state, limits, now, adaptiveLimit)) return take(state.inFlight, now)
	if (state.pending >= (limits.maxPending ?? 0)) return 'refuse'
	state.pending++
	return 'wait'
}

/** A request has ended, however it did. */
export const done = (state: LimitState, slot: Slot, now: number): void => giveBack(state.inFlight, slot, now)

/** The slot of the one that has waited longest; it waits no more. Undefined when nobody waits, or there is no room. */
export function next(
	state: LimitState,
	limits: Limits,
	now: number,
	adaptiveLimit = Number.POSITIVE_INFINITY,
): Slot | undefined {
	if (state.pending === 0 || !hasRoom(state, limits, now, adaptiveLimit)) return undefined
	state.pending--
	return take(state.inFlight, now)
}

/** One that waited has left before its turn: its client is gone, or its time is over. */
export function abandon(state: LimitState): void {
	if (state.pending > 0) state.pending--
}

function hasRoom({ inFlight }: LimitState, { maxInFlight }: Limits, now: number, adaptiveLimit: number): boolean {
	expire(inFlight, now)
	return inFlight.count < Math.min(maxInFlight ?? Number.POSITIVE_INFINITY, adaptiveLimit)
}
