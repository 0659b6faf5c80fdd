/** The weight of the moment: what lowers it, and how long it goes on changing. */
import { describe, expect, it } from 'vitest'
import { effectiveWeight, isSettled, type WeightState } from '../../../src/balancing/effectiveWeight.ts'
import { pushedBack } from '../../../src/balancing/pushback.ts'

const NOW = 1_800_000_000_000
const warmUp = { durationMs: 60_000, minimumShare: 0.1, aggression: 1 }
const pushback = pushedBack(undefined, 10_000, NOW, NOW)

describe('the effective weight', () => {
	it.each<[string, WeightState, number, number, boolean]>([
		['is the configured one for an endpoint of old', {}, 0, 8, true],
		['is lowered while it warms up', { addedAt: NOW }, 30_000, 4, false],
		['is lowered while it has asked for less', { pushback }, 5_000, 4, false],
		['is lowered for both', { addedAt: NOW - 25_000, pushback }, 5_000, 2, false],
		['is growing while it recovers', { pushback }, 15_000, 6, false],
		['is the configured one again after both', { addedAt: NOW, pushback }, 60_000, 8, true],
	])('%s', (_, state, elapsed, expected, settled) => {
		expect(effectiveWeight(8, state, warmUp, NOW + elapsed)).toBeCloseTo(expected, 9)
		expect(isSettled(state, warmUp, NOW + elapsed)).toBe(settled)
	})

	it('knows no warm-up where no rule asks for it', () => {
		expect(effectiveWeight(8, { addedAt: NOW }, undefined, NOW)).toBe(8)
		expect(isSettled({ addedAt: NOW }, undefined, NOW)).toBe(true)
	})
})
