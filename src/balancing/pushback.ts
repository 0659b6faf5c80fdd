/** Pushback: an endpoint that asks for less gets less, until the time that it names, and then little by little more. */
import { retryAfterMs } from '../retryAfter.ts'
import type { PushbackRules } from '../snapshot/trafficPolicy.ts'

export interface Pushback {
	/** When the share was last lowered. Times are in ms since the epoch. */
	readonly since: number
	/** Until when it stays so. */
	readonly until: number
	/** When it will be whole again. */
	readonly over: number
	/** The factor of the endpoint's weight until then. */
	readonly factor: number
}

/** Halving, and then growing steadily, is what makes shares fair (Chiu and Jain, 1989: additive increase, multiplicative decrease). */
const DECREASE = 0.5
/** Never nothing: where all ask for less, somebody must serve. */
const LEAST_FACTOR = 1 / 32
const SHORTEST_RECOVERY_MS = 1_000

/**
 * How long a response asks for less, in ms; undefined when it does not. 429 always does, 503 with a Retry-After: without one it is a
 * failure like others. A Retry-After that cannot be read counts as the default.
 */
export function pushbackMs(
	status: number,
	retryAfter: string | null,
	rules: PushbackRules,
	now: number,
): number | undefined {
	if (status !== 429 && (status !== 503 || retryAfter === null)) return undefined
	const asked = retryAfterMs(retryAfter, now)
	return Math.min(asked ?? rules.defaultMs, rules.maxMs)
}

/**
 * The endpoint's state after it has asked for less for `forMs`. Each time halves its share, down to 1/32. Answers to requests from
 * before the last time (`sentAt`) know nothing of the lower share and only prolong it.
 */
export function pushedBack(before: Pushback | undefined, forMs: number, sentAt: number, now: number): Pushback {
	const until = Math.max(now + forMs, before?.until ?? 0)
	const over = Math.max(until + Math.max(forMs, SHORTEST_RECOVERY_MS), before?.over ?? 0)
	if (before !== undefined && sentAt < before.since && now < before.until) return { ...before, until, over }
	return { since: now, until, over, factor: Math.max(pushbackFactor(before, now) * DECREASE, LEAST_FACTOR) }
}

/** The factor of an endpoint's weight, above 0 and up to 1: low until the time asked for, growing to 1 in as long again. */
export function pushbackFactor(pushback: Pushback | undefined, now: number): number {
	if (pushback === undefined || now >= pushback.over) return 1
	const { until, over, factor } = pushback
	return now <= until ? factor : factor + ((1 - factor) * (now - until)) / (over - until)
}
