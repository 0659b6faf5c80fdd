/** Maglev's table: who has how many slots, and the table of the paper's method. */
import { describe, expect, it } from 'vitest'
import type { HashedEndpoint } from '../../../src/balancing/consistentHash.ts'
import { hashKey } from '../../../src/balancing/hashKey.ts'
import { maglev } from '../../../src/balancing/maglev.ts'
import { seeded } from '../../random.ts'

const table = (endpoints: readonly HashedEndpoint[], size: number): number[] => {
	const choose = maglev(endpoints, size)
	return Array.from({ length: size }, (_, slot) => choose(slot)!)
}
const slotsOf = (endpoints: readonly HashedEndpoint[], size: number): number[] => {
	const counts = endpoints.map(() => 0)
	for (const owner of table(endpoints, size)) counts[owner]!++
	return counts
}

/** §3.4 of the paper, word by word, with the turns in the order that is given for each round. */
function fromThePaper(
	endpoints: readonly HashedEndpoint[],
	size: number,
	orderOfRound: (round: number) => readonly number[],
) {
	const permutations = endpoints.map(({ id }) => {
		const [offset, skip] = [hashKey(id, 0) % size, (hashKey(id, 1) % (size - 1)) + 1]
		return Array.from({ length: size }, (_, j) => (offset + j * skip) % size)
	})
	const entry = new Array<number>(size).fill(-1)
	const next = endpoints.map(() => 0)
	for (let round = 0, filled = 0; ; round++)
		for (const i of orderOfRound(round)) {
			while (entry[permutations[i]![next[i]!]!]! >= 0) next[i]!++
			entry[permutations[i]![next[i]!]!] = i
			if (++filled === size) return entry
		}
}

describe('the table', () => {
	it.each([
		[3, 7],
		[5, 101],
		[9, 1_021],
	])('of %i endpoints of equal weight and %i slots is the one of the paper', (count, size) => {
		const endpoints = Array.from({ length: count }, (_, i) => ({ id: `e${i}`, weight: 2 }))
		const forwards = endpoints.map((_, i) => i)
		const backwards = [...forwards].reverse()
		// The turns of a round are taken in the opposite order of the round before.
		const expected = fromThePaper(endpoints, size, (round) => (round % 2 === 0 ? backwards : forwards))
		expect(table(endpoints, size)).toEqual(expected)
	})

	it('gives equal weights the same number of slots, or one more', () => {
		for (const count of [1, 2, 3, 10, 100, 1_021]) {
			const slots = slotsOf(
				Array.from({ length: count }, (_, i) => ({ id: `e${i}`, weight: 0.3 })),
				1_021,
			)
			expect(Math.max(...slots) - Math.min(...slots)).toBeLessThanOrEqual(1)
		}
	})

	it('gives unequal weights slots in proportion, give or take one, and each one at least', () => {
		for (let seed = 1; seed <= 100; seed++) {
			const random = seeded(seed)
			const count = 2 + Math.floor(random() * 20)
			const endpoints = Array.from({ length: count }, (_, i) => ({ id: `e${i}`, weight: 0.1 + random() * 9 }))
			const total = endpoints.reduce((sum, { weight }) => sum + weight, 0)
			const slots = slotsOf(endpoints, 10_007)
			for (const [i, count] of slots.entries())
				expect(Math.abs(count - (10_007 * endpoints[i]!.weight) / total), `seed ${seed}`).toBeLessThan(10)
		}
		const lopsided = slotsOf(
			[
				{ id: 'heavy', weight: 1e6 },
				{ id: 'light', weight: 1 },
			],
			1_021,
		)
		expect(lopsided).toEqual([1_020, 1])
	})

	it('works with the smallest primes, and with more endpoints than slots', () => {
		const endpoints = Array.from({ length: 5 }, (_, i) => ({ id: `e${i}`, weight: 1 + i }))
		for (const size of [2, 3, 5]) expect(new Set(table(endpoints, size)).size).toBe(size)
	})

	it('tells endpoints apart also where there are more of them than two bytes can name', () => {
		const endpoints = Array.from({ length: 70_000 }, (_, i) => ({ id: `e${i}`, weight: 1 }))
		expect(new Set(table(endpoints, 100_003)).size).toBe(70_000)
	})
})
