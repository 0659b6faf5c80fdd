/** When a server says itself when to come back: Retry-After (RFC 9110 §10.2.3), as the pause before a retry. */

/** A client that waits holds what it waits with. Whoever wants more patience gets the answer at once, Retry-After and all. */
const LONGEST_PAUSE_MS = 30_000

const SECONDS = /^[0-9]{1,10}$/
/** IMF-fixdate, the only form that may be sent (RFC 9110 §5.6.7). */
const DATE =
	/^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT$/

/** The field in ms from `now`, 0 for a date that is past. Undefined when it is absent or malformed. */
export function retryAfterMs(value: string | null, now: number): number | undefined {
	if (value === null) return undefined
	if (SECONDS.test(value)) return Number(value) * 1_000
	if (!DATE.test(value)) return undefined
	const at = Date.parse(value)
	return Number.isNaN(at) ? undefined : Math.max(0, at - now)
}

/**
 * The pause before a retry: what the server asked for, and the backoff on top of it, whose jitter keeps those that were sent away together
 * from returning together. Undefined when it does not fit in the time left (`leftMs`; undefined: no bound) or asks for more than
 * 30 s: then there is no retry.
 */
export function retryPauseMs(
	backoffMs: number,
	afterMs: number | undefined,
	leftMs: number | undefined,
): number | undefined {
	if (afterMs !== undefined && afterMs > LONGEST_PAUSE_MS) return undefined
	const pause = backoffMs + (afterMs ?? 0)
	return leftMs !== undefined && pause >= leftMs ? undefined : pause
}
