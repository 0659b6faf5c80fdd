/** Warm-up: a new endpoint's share grows with time, so that empty caches and cold code do not meet full load. */
import type { WarmUp } from '../snapshot/trafficPolicy.ts'

/** Envoy counts an endpoint's first second as if it were over. */
const FIRST_MS = 1_000

/**
 * The factor of an endpoint's weight, above 0 and up to 1: max(minimum, (time / duration)^(1/aggression)). Times in ms since the epoch. An
 * aggression above 1 gives most at the beginning, one below 1 at the end. Where all endpoints are equally new, it changes nothing;
 * nor does a duration that is none.
 * Source: Envoy, slow start mode (https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/slow_start).
 */
export function warmUpFactor(now: number, addedAt: number, { durationMs, minimumShare, aggression }: WarmUp): number {
	const time = Math.max(now - addedAt, FIRST_MS) / durationMs
	return time > 0 && time < 1 ? Math.max(minimumShare, time ** (1 / aggression)) : 1
}
