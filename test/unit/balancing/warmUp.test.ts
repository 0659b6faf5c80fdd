/** Warm-up: Envoy's formula, and its ends. */
import { describe, expect, it } from 'vitest'
import { warmUpFactor } from '../../../src/balancing/warmUp.ts'

const ADDED = 1_800_000_000_000
const rules = { durationMs: 60_000, minimumShare: 0.1, aggression: 1 }

describe('a new endpoint', () => {
	it.each([
		['begins with the minimum', 0, {}, 0.1],
		['keeps it until time gives more', 5_000, {}, 0.1],
		['has half of its share after half of the time', 30_000, {}, 0.5],
		['has all of it in the end', 60_000, {}, 1],
		['has all of it for good', 1e9, {}, 1],
		['grows quickly at first with an aggression above 1', 15_000, { aggression: 2 }, 0.5],
		['grows slowly at first with an aggression below 1', 30_000, { aggression: 0.5 }, 0.25],
		['has a second of time from the beginning', 0, { minimumShare: 0 }, 1 / 60],
		['has something even if it is of the future', -5_000, { minimumShare: 0 }, 1 / 60],
		['is warm at once when a second is all it takes', 0, { durationMs: 500 }, 1],
		['is warm at once when it has no time', 0, { durationMs: 0 }, 1],
		['is warm at once when it has less than no time', 0, { durationMs: -60_000, aggression: 2 }, 1],
		['is warm at once when its minimum is all', 0, { minimumShare: 1 }, 1],
	])('%s', (_, age, changes, expected) => {
		expect(warmUpFactor(ADDED + age, ADDED, { ...rules, ...changes })).toBeCloseTo(expected, 9)
	})

	it('never loses what it has gained', () => {
		for (const aggression of [0.2, 1, 5]) {
			let before = 0
			for (let age = 0; age <= 70_000; age += 100) {
				const factor = warmUpFactor(ADDED + age, ADDED, { ...rules, aggression })
				expect(factor).toBeGreaterThanOrEqual(before)
				before = factor
			}
			expect(before).toBe(1)
		}
	})
})
