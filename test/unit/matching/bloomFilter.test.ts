/** The Bloom filter's promise: no name that was added is ever denied, and few others are let through. */
import { describe, expect, it } from 'vitest'
import { addToFilter, createFilter, mayContain } from '../../../src/matching/bloomFilter.ts'
import { seeded } from '../../random.ts'

const PATTERNS = ['*.example.com', '*', 'a.example.com', 'ünïcode.example', '', 'x'.repeat(253)]

function randomNames(seed: number, count: number): string[] {
	const random = seeded(seed)
	const label = () => Math.floor(random() * 36 ** 4).toString(36)
	const shapes = [
		() => `${label()}.example.com`,
		() => `*.${label()}.${label()}.org`,
		() => `${label()}--${label()}.mesh`,
	]
	return Array.from({ length: count }, () => shapes[Math.floor(random() * 3)]!())
}

describe('a Bloom filter', () => {
	it.each([0, 1, 10, 63, 1_000, 20_000])('made for %i names never denies one that was added', (expected) => {
		const filter = createFilter(expected)
		const names = [...PATTERNS, ...randomNames(expected + 1, 20_000)]
		for (const name of names) addToFilter(filter, name)
		expect(names.filter((name) => !mayContain(filter, name))).toEqual([])
	})

	it.each([1, 100, 512, 1_000, 10_000, 50_000])('of %i names lets fewer than 1 in 1,000 others through', (size) => {
		const filter = createFilter(size)
		const added = new Set(randomNames(7, size))
		for (const name of added) addToFilter(filter, name)
		const others = randomNames(8, 100_000).filter((name) => !added.has(name))
		const wrong = others.filter((name) => mayContain(filter, name))
		expect(wrong.length / others.length).toBeLessThan(0.001)
	})

	it('denies everything while it is empty', () => {
		const filter = createFilter(0)
		expect([...PATTERNS, ...randomNames(9, 1_000)].filter((name) => mayContain(filter, name))).toEqual([])
	})

	it('takes 16 bits a name', () => {
		expect(createFilter(100_000).bits.length).toBe(200_000)
	})
})
