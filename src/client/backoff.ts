/** How long a client waits before it tries again: longer each time, never in step with others, never sooner than it was asked to. */
import type { MeshError } from './meshError.ts'

const FIRST_MS = 1_000
const LAST_MS = 60_000

/**
 * Doubles from 1 s to 60 s; half of it is chance (M. Brooker, Exponential Backoff And Jitter, 2015). What the mesh asked for comes on
 * top. `failures` counts from 1, `random` is in [0, 1).
 */
export function backoffMs(failures: number, { retryAfterMs = 0 }: Pick<MeshError, 'retryAfterMs'>, random: number) {
	const mostMs = Math.min(FIRST_MS * 2 ** Math.min(failures - 1, 16), LAST_MS)
	return retryAfterMs + (mostMs / 2) * (1 + random)
}
