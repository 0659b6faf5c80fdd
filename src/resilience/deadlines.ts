/**
 * Deadlines that shrink along a call chain: a service is told how much of its caller's time is left, and hands on what is left of that.
 *
 * The field is `Selvedge-Deadline: 1500`, the ms left when it was sent, as gRPC's `grpc-timeout` has it (gRPC over HTTP/2). A point in time
 * would need clocks that agree. What is left out is the way itself: each hop believes in a deadline later by the time that the request
 * travelled, never in an earlier one. A caller can but lower what the mesh allows.
 */
import type { Timeouts } from '../snapshot/filters.ts'
import { attemptTimeoutMs } from './deadline.ts'

/** Lower case, as fields are looked up. */
export const DEADLINE_FIELD = 'selvedge-deadline'

/** 24 h. */
const LONGEST_MS = 86_400_000

const DIGITS = /^[0-9]{1,8}$/

/** The ms left, from 1 to those of 24 h. Undefined when there is no such field, or it says anything else, or is there twice. */
export function parseDeadline(value: string | null): number | undefined {
	if (value === null || !DIGITS.test(value)) return undefined
	const ms = Number(value)
	return ms >= 1 && ms <= LONGEST_MS ? ms : undefined
}

/** The field's value. Undefined when not even a millisecond is left: the request must not be sent. */
export function formatDeadline(leftMs: number): string | undefined {
	const ms = Math.min(LONGEST_MS, Math.floor(leftMs))
	return ms >= 1 ? String(ms) : undefined
}

/** The rule's timeouts with the whole request's lowered to the caller's deadline. All that holds for timeouts holds for these. */
export function withDeadline(timeouts: Timeouts | undefined, deadlineMs: number | undefined): Timeouts | undefined {
	if (deadlineMs === undefined) return timeouts
	if (timeouts?.requestMs !== undefined && timeouts.requestMs <= deadlineMs) return timeouts
	return { ...timeouts, requestMs: deadlineMs }
}

/**
 * What an attempt that begins now may take, and so what it is told: the least of the caller's deadline (the field as it came at
 * `startedAt`), the request's timeout and the attempt's. 0 when nothing is left, undefined when there is no bound.
 */
export function remainingMs(
	field: string | null,
	startedAt: number,
	now: number,
	timeouts: Timeouts | undefined,
): number | undefined {
	return attemptTimeoutMs(withDeadline(timeouts, parseDeadline(field)), startedAt, now)
}
