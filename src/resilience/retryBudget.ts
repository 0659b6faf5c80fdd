/**
 * How many retries a service can bear: without a budget, clients that retry multiply the load of a service that fails under load.
 *
 * `active`: retries under way are a share of the requests under way (Envoy, `retry_budget`). It follows load at once, but where
 * failures are much faster than successes, retries come and go more often than requests do.
 * `interval`: retries within an interval are a share of the requests within it, with a minimum rate (Gateway API, GEP-3388; Finagle,
 * `RetryBudget`). Requests count once, whatever becomes of them; extra requests of hedging count as retries.
 */
import type { RetryBudgetRules } from '../snapshot/trafficPolicy.ts'
import { createLeasedCount, expire, giveBack, type Lease, type LeasedCount, take } from './leasedCount.ts'

export interface ActiveBudget {
	readonly of: 'active'
	readonly requests: LeasedCount
	readonly retries: LeasedCount
}

export interface IntervalBudget {
	readonly of: 'interval'
	readonly requests: LeasedCount
	readonly retries: LeasedCount
	/** Retries that the minimum rate has saved up, of a second at most. */
	reserve: number
	reservedAt: number
}

export type RetryBudget = ActiveBudget | IntervalBudget

/** `requestMs`: how long a request is believed to be under way without a word of its end; only the active form asks. */
export function createRetryBudget(rules: RetryBudgetRules, requestMs: number, now: number): RetryBudget {
	// In the interval form nothing is given back: a count that forgets after the interval is the sliding window itself.
	const heldMs = rules.of === 'active' ? requestMs : rules.intervalMs
	const counts = { requests: createLeasedCount(heldMs), retries: createLeasedCount(heldMs) }
	if (rules.of === 'active') return { of: 'active', ...counts }
	return { of: 'interval', ...counts, reserve: largestReserve(rules.minimumPerSecond), reservedAt: now }
}

/** To be told of every request, once; what it returns is for `onRequestEnd`. */
export const onRequest = (budget: RetryBudget, now: number): Lease => take(budget.requests, now)

export function onRequestEnd(budget: RetryBudget, request: Lease, now: number): void {
	if (budget.of === 'active') giveBack(budget.requests, request, now)
}

/** Whether one more retry may be started now. Who is told so starts it at once, with `onRetryStart`, or not at all. */
export function mayRetry(budget: RetryBudget, rules: RetryBudgetRules, now: number): boolean {
	expire(budget.requests, now)
	expire(budget.retries, now)
	if (budget.of === 'active')
		return (
			rules.of === 'active' && budget.retries.count + 1 <= Math.max(rules.minimumConcurrency, shareOf(budget, rules))
		)
	return rules.of === 'interval' && (isWithinShare(budget, rules) || reserveAt(budget, rules, now) >= 1)
}

/** A retry begins with the pause before it: retries that wait are retries to come. What it returns is for `onRetryEnd`. */
export function onRetryStart(budget: RetryBudget, rules: RetryBudgetRules, now: number): Lease {
	if (budget.of === 'interval' && rules.of === 'interval' && !isWithinShare(budget, rules)) {
		budget.reserve = Math.max(0, reserveAt(budget, rules, now) - 1)
		budget.reservedAt = now
	}
	return take(budget.retries, now)
}

export function onRetryEnd(budget: RetryBudget, retry: Lease, now: number): void {
	if (budget.of === 'active') giveBack(budget.retries, retry, now)
}

/** 0.2 × 15 is a little more than 3, 0.29 × 100 a little less than 29. */
const shareOf = ({ requests }: RetryBudget, { share }: RetryBudgetRules): number => share * requests.count + 1e-9

const isWithinShare = (budget: RetryBudget, rules: RetryBudgetRules): boolean =>
	budget.retries.count + 1 <= shareOf(budget, rules)

/** What nobody used is lost but for a second's worth: the minimum is a rate, and no burst after a quiet night. */
function reserveAt(
	{ reserve, reservedAt }: IntervalBudget,
	{ minimumPerSecond }: Extract<RetryBudgetRules, { of: 'interval' }>,
	now: number,
): number {
	const saved = (Math.max(0, now - reservedAt) * minimumPerSecond) / 1_000
	return Math.min(largestReserve(minimumPerSecond), reserve + saved)
}

/** Less than one a second is one now and then. */
const largestReserve = (minimumPerSecond: number): number => (minimumPerSecond > 0 ? Math.max(1, minimumPerSecond) : 0)
