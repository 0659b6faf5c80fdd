/** Consistent hashing over 100,000 keys: even, true to weights, and calm when endpoints come and go. */
import { describe, expect, it } from 'vitest'
import { cpuTimeMs } from '../unit/cpuTime.ts'
import { endpointsOf, evenness, HASHES, type Hash, ownersOf, removal } from './balancingHashing.ts'

/** Share of the keys that may move although their endpoint stays; most ÷ mean of equal endpoints. */
const BOUNDS: readonly (readonly [Hash, number, { readonly moved: number; readonly most: number }])[] = [
	['ring hash', 3, { moved: 0, most: 1.1 }],
	['ring hash', 10, { moved: 0, most: 1.15 }],
	['ring hash', 100, { moved: 0, most: 1.25 }],
	['Maglev', 3, { moved: 0.005, most: 1.03 }],
	['Maglev', 10, { moved: 0.01, most: 1.05 }],
	['Maglev', 100, { moved: 0.02, most: 1.15 }],
]

describe.each(BOUNDS)('%s among %i', (kind, size, { moved, most }) => {
	it('moves the keys of an endpoint that leaves, 1/n of all, and hardly another', () => {
		for (const gone of [0, 1, size - 1]) {
			const result = removal(kind, size, gone)
			expect(result.owned * size).toBeGreaterThan(0.8)
			expect(result.owned * size).toBeLessThan(1.25)
			expect(result.moved).toBeLessThanOrEqual(moved)
		}
	})

	it('spreads keys evenly, the most loaded endpoint included', () => {
		expect(Math.max(...evenness(kind, endpointsOf(size)))).toBeLessThan(most)
	})

	it('spreads the keys of one that is ejected over the others as evenly, and moves no other key', () => {
		const choose = HASHES[kind](endpointsOf(size))
		const before = ownersOf(choose)
		const after = ownersOf((hash) => choose(hash, (index) => index === 0))
		expect(before.filter((owner, i) => owner !== 0 && owner !== after[i])).toEqual([])
		const counts = endpointsOf(size).map(() => 0)
		for (const owner of after) counts[owner]!++
		expect(counts[0]).toBe(0)
		expect((Math.max(...counts) * (size - 1)) / after.length).toBeLessThan(most + 0.02)
	})
})

describe.each(Object.keys(HASHES) as Hash[])('%s', (kind) => {
	it('gives unequal endpoints keys by weight', () => {
		for (const due of evenness(
			kind,
			endpointsOf(20, (i) => 1 + (i % 4)),
		)) {
			expect(due).toBeGreaterThan(0.85)
			expect(due).toBeLessThan(1.15)
		}
	})

	it('has 10,000 endpoints ready within two seconds', () => {
		const startedAt = cpuTimeMs()
		HASHES[kind](endpointsOf(10_000))
		expect(cpuTimeMs() - startedAt).toBeLessThan(2_000)
	})
})
