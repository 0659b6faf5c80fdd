/** Pauses that servers ask for: kept when they fit, and no retry when they do not. */
import { describe, expect, it } from 'vitest'
import { retryPauseMs } from '../../../src/resilience/retryPause.ts'

describe('the pause before a retry', () => {
	it.each<[number, number | undefined, number | undefined, number | undefined]>([
		// backoff, Retry-After, left, pause
		[25, undefined, undefined, 25],
		[25, undefined, 26, 25],
		[25, undefined, 25, undefined],
		[25, 0, 1_000, 25],
		[25, 500, 1_000, 525],
		[25, 500, 525, undefined],
		[25, 975, 1_000, undefined],
		[25, 30_000, undefined, 30_025],
		[25, 30_001, undefined, undefined],
		[25, 30_001, 60_000, undefined],
		[25, undefined, 0, undefined],
		[25, undefined, -5, undefined],
	])('of backoff %i ms, asked for %s ms, with %s ms left, is %s', (backoff, after, left, expected) => {
		expect(retryPauseMs(backoff, after, left)).toBe(expected)
	})
})
