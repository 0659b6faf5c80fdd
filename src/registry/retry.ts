/** How long the registry waits before it tells the root again. */

const FIRST_MS = 1_000
const LAST_MS = 20_000

/**
 * Doubles with each failure from 1 s to 20 s, plus a random part of up to half of it, so that the registries of a
 * whole mesh do not return to a recovering root in step (M. Brooker, Exponential Backoff And Jitter, 2015).
 * `failures` counts from 0, `random` is in [0, 1). The answer is in [1,000, 30,000] ms.
 */
export function retryDelayMs(failures: number, random: number): number {
	const leastMs = Math.min(FIRST_MS * 2 ** Math.min(failures, 16), LAST_MS)
	return Math.round(leastMs * (1 + random / 2))
}
