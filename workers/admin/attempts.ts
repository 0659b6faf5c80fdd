/** How often unknown credentials may be tried: by each network, so that who guesses locks nobody else out, and by all of them. */
import { admit, createLimits } from '../../src/keys/limits.ts'

/**
 * Failures, by network and in one isolate. A network's hundred clients with good tokens that an isolate sees for the first time pass
 * at once, since what succeeds is given back.
 */
export const FAILURES = { each: { burst: 20, perSecond: 1 }, all: { burst: 100, perSecond: 100 } }

export interface Attempts {
	/** Counts a try as failed. Seconds to wait for the next one, or 0: this one may be made. */
	begin(network: string): number
	/** It did not fail: it counts for nothing. */
	succeeded(network: string): void
}

export function createAttempts(now: () => number): Attempts {
	const limits = createLimits(FAILURES, now())
	const { buckets, all } = limits
	return {
		begin: (network) => admit(limits, network, now()),
		succeeded: (network) => {
			const own = buckets.get(network)
			if (own !== undefined) own.tokens = Math.min(FAILURES.each.burst, own.tokens + 1)
			all.tokens = Math.min(FAILURES.all.burst, all.tokens + 1)
		},
	}
}
