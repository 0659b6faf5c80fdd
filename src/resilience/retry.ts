/** Whether and when a failed attempt is followed by another. */
import type { RetryRule } from '../snapshot/filters.ts'

/** Methods that mean the same however often they arrive (RFC 9110 §9.2.2). Method names are case-sensitive. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])

export const isIdempotent = (method: string): boolean => IDEMPOTENT.has(method)

/** Whether a request may be sent more than once at all: it is idempotent, or the rule says that its method is. */
export function mayRetry(rule: RetryRule, method: string): boolean {
	return rule.attempts > 0 && (isIdempotent(method) || rule.methods.includes(method))
}

/** Whether an endpoint's answer counts as a failed attempt. */
export const isRetryableStatus = (rule: RetryRule, status: number): boolean => rule.codes.includes(status)

/** The step stops doubling at half of the longest wait, so that even the longest waits differ by their jitter. */
const LAST_STEP = 5

/**
 * The wait before a try, in ms, from 1 to 10 times the rule's backoff: that is the least there is between two attempts (GEP-1731),
 * and Envoy's cap (`x-envoy-max-retries`). `attempt` is 1 before the second try; the step doubles with each. Up to as much again
 * is added at random, so that clients that failed together do not return together (M. Brooker, Exponential Backoff And
 * Jitter, 2015). `random` is in [0, 1).
 */
export function backoffMs(rule: RetryRule, attempt: number, random: number): number {
	const step = rule.backoffMs * Math.min(2 ** (attempt - 1), LAST_STEP)
	return step * (1 + random)
}
