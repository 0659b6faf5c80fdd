/**
 * How many retries a service can bear: without a budget, clients that retry multiply the load of a service that fails under load.
 *
 * `active`: retries under way are a share of the requests under way (Envoy, `retry_budget`). It follows load at once, but where
 * failures are much faster than successes, retries come and go more often than requests do.
 * `interval`: retries within an interval are a share of the requests within it, or what a minimum rate adds up to in it, whichever is
 * more (Gateway API, GEP-3388). The minimum may come at once, as in Finagle's `RetryBudget` and Linkerd: a rate that saves up less
 * refuses the retries of a few requests that come together. Requests count once, whatever becomes of them; extra requests of hedging
 * count as retries.
 */
import type { RetryBudgetRules } from '../snapshot/trafficPolicy.ts'
import { createLeasedCount, expire, giveBack, type Lease, type LeasedCount, take } from './leasedCount.ts'

export interface RetryBudget {
	readonly of: RetryBudgetRules['of']
	readonly requests: LeasedCount
	readonly retries: LeasedCount
}

/** `requestMs`: how long a request is believed to be under way without a word of its end; only the active form asks. */
export function createRetryBudget(rules: RetryBudgetRules, requestMs: number): RetryBudget {
	// In the interval form nothing is given back: a count that forgets after the interval is the sliding window itself.
	const heldMs = rules.of === 'active' ? requestMs : rules.intervalMs
	return { of: rules.of, requests: createLeasedCount(heldMs), retries: createLeasedCount(heldMs) }
}

/** To be told of every request, once; what it returns is for `onRequestEnd`. */
export const onRequest = (budget: RetryBudget, now: number): Lease => take(budget.requests, now)

export function onRequestEnd(budget: RetryBudget, request: Lease, now: number): void {
	if (budget.of === 'active') giveBack(budget.requests, request, now)
}

/** Whether one more retry may be started now. Who is told so starts it at once, with `onRetryStart`, or not at all. */
export function mayRetry(budget: RetryBudget, rules: RetryBudgetRules, now: number): boolean {
	if (budget.of !== rules.of) return false
	expire(budget.requests, now)
	expire(budget.retries, now)
	return budget.retries.count + 1 <= mostRetries(budget.requests.count, rules)
}

/** A retry begins with the pause before it: retries that wait are retries to come. What it returns is for `onRetryEnd`. */
export const onRetryStart = (budget: RetryBudget, now: number): Lease => take(budget.retries, now)

export function onRetryEnd(budget: RetryBudget, retry: Lease, now: number): void {
	if (budget.of === 'active') giveBack(budget.retries, retry, now)
}

function mostRetries(requests: number, rules: RetryBudgetRules): number {
	// 0.2 × 15 is a little more than 3, 0.29 × 100 a little less than 29.
	const share = rules.share * requests + 1e-9
	return Math.max(share, rules.of === 'active' ? rules.minimumConcurrency : minimumOf(rules))
}

/** Less than one in an interval is one now and then. */
const minimumOf = ({ minimumPerSecond, intervalMs }: Extract<RetryBudgetRules, { of: 'interval' }>): number =>
	minimumPerSecond > 0 ? Math.max(1, (minimumPerSecond * intervalMs) / 1_000) : 0
