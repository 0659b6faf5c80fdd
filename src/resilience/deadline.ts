/** How long a request, and each of its attempts, may take (GEP-1742). Times are in ms since the epoch. */
import type { Timeouts } from '../snapshot/filters.ts'

/**
 * What an attempt that begins now may take: the rule's bound on an attempt, or what is left of the request's time if that is less.
 * 0 when nothing is left, undefined when there is no bound.
 */
export function attemptTimeoutMs(timeouts: Timeouts | undefined, startedAt: number, now: number): number | undefined {
	if (timeouts === undefined) return undefined
	const { requestMs, backendRequestMs } = timeouts
	if (requestMs === undefined) return backendRequestMs
	const leftMs = Math.max(0, startedAt + requestMs - now)
	return backendRequestMs === undefined ? leftMs : Math.min(leftMs, backendRequestMs)
}

/** Whether the whole request's time is up, so that no other attempt can be made. */
export function isRequestTimeout(timeouts: Timeouts | undefined, startedAt: number, now: number): boolean {
	return timeouts?.requestMs !== undefined && now - startedAt >= timeouts.requestMs
}
