/** The statistics behind the bench's tables. */
import { describe, expect, test } from 'vitest'
import { pairedDifferences, pairedRatios, quantile, spread } from '../../../scripts/bench/statistics.ts'
import { seeded } from '../../random.ts'

describe('quantile', () => {
	test.each([
		[[3], 0.5, 3],
		[[1, 2], 0.5, 1.5],
		[[9, 1, 5], 0.5, 5],
		[[0, 10], 0.99, 9.9],
		[[4, 2, 8], 0, 2],
		[[4, 2, 8], 1, 8],
	])('of %j at %d is %d', (samples, q, expected) => {
		expect(quantile(samples, q)).toBeCloseTo(expected, 9)
	})

	test('has as many samples below it as above it at one half, whatever their order', () => {
		const seed = 7_411
		const random = seeded(seed)
		for (let run = 0; run < 200; run++) {
			const samples = Array.from({ length: 1 + Math.floor(random() * 40) }, () => Math.floor(random() * 20))
			const middle = quantile(samples, 0.5)
			const below = samples.filter((sample) => sample < middle).length
			const above = samples.filter((sample) => sample > middle).length
			expect(below, `seed ${seed}, run ${run}`).toBeLessThanOrEqual(samples.length / 2)
			expect(above, `seed ${seed}, run ${run}`).toBeLessThanOrEqual(samples.length / 2)
		}
	})

	test('leaves the samples in their order, which pairs them with other samples', () => {
		const samples = [3, 1, 2]
		quantile(samples, 0.5)
		expect(samples).toEqual([3, 1, 2])
	})
})

test('a ratio is of two samples of the same round, so that a slow round cancels out', () => {
	expect(pairedRatios([2, 20], [1, 10])).toEqual([2, 2])
})

test('a difference is of two samples of the same round', () => {
	expect(pairedDifferences([3, 25], [1, 20])).toEqual([2, 5])
})

test('samples of unequal numbers of rounds are a bug', () => {
	expect(() => pairedRatios([1, 2], [1])).toThrow('same rounds')
	expect(() => pairedDifferences([1], [1, 2])).toThrow('same rounds')
})

test('a spread shows the worst round too', () => {
	expect(spread([2, 9, 1])).toEqual({ median: 2, low: 1, high: 9 })
})
