/** Settings within what works, and for how long copies may be used. */
import { describe, expect, it } from 'vitest'
import { DEFAULT_SETTINGS, maxAgeSeconds, settingsOf } from '../../../src/keys/schedule.ts'

const HOUR = 3_600_000

describe('settings', () => {
	it.each([
		[{}, DEFAULT_SETTINGS],
		[
			{ rotationIntervalMs: 2 * HOUR, publicationLeadMs: 5_000 },
			{ rotationIntervalMs: 2 * HOUR, publicationLeadMs: 5_000 },
		],
		[
			{ rotationIntervalMs: 1, publicationLeadMs: 0 },
			{ rotationIntervalMs: 60_000, publicationLeadMs: 5_000 },
		],
		[
			{ rotationIntervalMs: 1e15, publicationLeadMs: 1e15 },
			{ rotationIntervalMs: 2_160 * HOUR, publicationLeadMs: 168 * HOUR },
		],
		[
			{ rotationIntervalMs: HOUR, publicationLeadMs: 2 * HOUR },
			{ rotationIntervalMs: HOUR, publicationLeadMs: HOUR },
		],
	])('%o mean %o', (asked, meant) => {
		expect(settingsOf(asked)).toEqual(meant)
	})

	it.each([
		[HOUR, 900],
		[10_000, 2],
		[5_000, 1],
	])('with a lead of %d ms let copies be used for %d s, never longer than the lead', (publicationLeadMs, seconds) => {
		expect(maxAgeSeconds({ ...DEFAULT_SETTINGS, publicationLeadMs })).toBe(seconds)
		expect(seconds * 1000).toBeLessThanOrEqual(publicationLeadMs)
	})
})
