/** Choosing among a few that are drawn: who can be drawn, who wins, and who is never chosen. */
import { describe, expect, it } from 'vitest'
import type { Candidate, Choose } from '../../../src/balancing/endpointLoad.ts'
import { powerOfChoices } from '../../../src/balancing/powerOfChoices.ts'
import { seeded } from '../../random.ts'
import { candidate, scripted } from './candidates.ts'

const inFlight = ({ load }: Candidate) => load.inFlight
const choosing = (loads: readonly number[], choices = 2) =>
	powerOfChoices(
		loads.map((load) => candidate(load)),
		choices,
		inFlight,
	)

/** How often each is chosen. */
function countsOf(choose: Choose, size: number, seed: number, avoid?: (index: number) => boolean, times = 40_000) {
	const random = seeded(seed)
	const counts = new Array<number>(size).fill(0)
	for (let i = 0; i < times; i++) counts[choose(0, random, avoid)!]!++
	return counts
}

describe('power of choices', () => {
	it('takes the less costly of two, whichever comes first', () => {
		const choose = choosing([3, 1, 2, 9])
		expect(choose(0, scripted(0, 0))).toBe(1)
		expect(choose(0, scripted(0.25, 0))).toBe(1)
		expect(choose(0, scripted(0.5, 0.99))).toBe(2)
	})

	it('takes the first one drawn of equals', () => {
		const choose = choosing([1, 1, 1, 1])
		for (const [first, second] of [
			[0, 0.9],
			[0.3, 0],
			[0.9, 0.5],
		] as const)
			expect(choose(0, scripted(first, second))).toBe(Math.floor(first * 4))
	})

	it('never draws the best so far again: of two endpoints, the less costly one always wins', () => {
		expect(countsOf(choosing([1, 0]), 2, 1)).toEqual([0, 40_000])
		expect(countsOf(choosing([0, 1]), 2, 2)).toEqual([40_000, 0])
	})

	it('chooses the costliest of n with two choices never, and the cheapest for 2/n', () => {
		const counts = countsOf(choosing([0, 1, 2, 3, 4]), 5, 3)
		expect(counts[4]).toBe(0)
		// Pairs that hold the cheapest: 4 of 10.
		expect(counts[0]! / 40_000).toBeCloseTo(0.4, 1)
		expect(counts[3]! / 40_000).toBeCloseTo(0.1, 1)
	})

	it('with more choices finds the cheapest more often', () => {
		const loads = Array.from({ length: 20 }, (_, i) => i)
		const found = [2, 3, 5, 10].map((choices) => countsOf(choosing(loads, choices), 20, choices)[0]! / 40_000)
		expect(found[0]).toBeCloseTo(0.1, 1)
		for (let i = 1; i < found.length; i++) expect(found[i]!).toBeGreaterThan(found[i - 1]! + 0.03)
	})

	it('draws equal weights alike, and unequal ones in proportion', () => {
		const even = countsOf(choosing([0, 0, 0, 0]), 4, 5)
		for (const count of even) expect(Math.abs(count / 40_000 - 0.25)).toBeLessThan(0.01)
		const weights = [1, 2, 3, 4]
		const uneven = countsOf(
			powerOfChoices(
				weights.map((weight) => candidate(0, 0, 0, weight)),
				2,
				inFlight,
			),
			4,
			6,
		)
		for (const [i, count] of uneven.entries()) expect(Math.abs(count / 40_000 - weights[i]! / 10)).toBeLessThan(0.01)
	})

	it.each([1, 2, 3, 10, 100])(
		'of %i endpoints never chooses one that is to be avoided, while there is another',
		(size) => {
			for (let seed = 1; seed <= 200; seed++) {
				const random = seeded(seed)
				const uneven = seed % 2 === 0
				const candidates = Array.from({ length: size }, () => candidate(random() * 5, 0, 0, uneven ? 1 + random() : 1))
				const choose = powerOfChoices(candidates, 2 + (seed % 9), inFlight)
				const avoided = candidates.map(() => random() < 0.9)
				const avoid = (index: number) => {
					if (!(index in candidates)) expect.fail(`seed ${seed}: asked about ${index}`)
					return avoided[index]!
				}
				for (let i = 0; i < 20; i++) {
					const chosen = choose(0, random, avoid)
					if (avoided.every(Boolean)) expect(chosen, `seed ${seed}`).toBeUndefined()
					else expect(avoided[chosen!], `seed ${seed}`).toBe(false)
				}
			}
		},
	)

	it('spreads what avoided endpoints would have got over all others', () => {
		const counts = countsOf(choosing([0, 0, 0, 0, 0, 0]), 6, 7, (index) => index < 2)
		expect(counts.slice(0, 2)).toEqual([0, 0])
		for (const count of counts.slice(2)) expect(Math.abs(count / 40_000 - 0.25)).toBeLessThan(0.02)
	})

	it('still compares when only two are left', () => {
		const counts = countsOf(choosing([0, 0, 5, 1]), 4, 8, (index) => index < 2)
		expect(counts[3]! / 40_000).toBeGreaterThan(0.9)
	})

	it('has nothing to choose from nobody, and no choice with one', () => {
		expect(choosing([])(0, scripted())).toBeUndefined()
		expect(choosing([7])(0, scripted())).toBe(0)
		expect(choosing([7])(0, scripted(), () => true)).toBeUndefined()
	})
})
