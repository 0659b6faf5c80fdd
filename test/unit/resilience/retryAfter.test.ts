/** Pauses that servers ask for: kept when they fit, and no retry when they do not. */
import { describe, expect, it } from 'vitest'
import { retryAfterMs, retryPauseMs } from '../../../src/resilience/retryAfter.ts'

const NOW = Date.UTC(2026, 10, 23, 12, 0, 0)

describe('Retry-After', () => {
	it.each<[string | null, number | undefined]>([
		['0', 0],
		['120', 120_000],
		['9999999999', 9_999_999_999_000],
		['Mon, 23 Nov 2026 12:00:05 GMT', 5_000],
		['Mon, 23 Nov 2026 11:59:00 GMT', 0],
		[null, undefined],
		['', undefined],
		['-1', undefined],
		['1.5', undefined],
		['1e3', undefined],
		['99999999999', undefined],
		['soon', undefined],
		['2026-11-23T12:00:05Z', undefined],
		['Mon, 23 Nov 2026 12:00:05', undefined],
		['Mon, 23 Nov 2026 99:00:05 GMT', undefined],
		['5, 10', undefined],
	])('%j asks for %s ms', (value, expected) => {
		expect(retryAfterMs(value, NOW)).toBe(expected)
	})
})

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
