/** The pause before a retry, which the server may have a say in. */

/** A client that waits holds what it waits with. Whoever wants more patience gets the answer at once, Retry-After and all. */
const LONGEST_PAUSE_MS = 30_000

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
