/** Ring hash: the size of the ring, and what it keeps when its size changes. */
import { describe, expect, it } from 'vitest'
import { hashKey } from '../../../src/balancing/hashKey.ts'
import { ringHash } from '../../../src/balancing/ringHash.ts'

const keys = Array.from({ length: 20_000 }, (_, i) => hashKey(`key-${i}`))
const equal = (count: number, weight = 1) => Array.from({ length: count }, (_, i) => ({ id: `endpoint-${i}`, weight }))

/** The places where one endpoint's stretch ends, found by looking up close points: with few of them, all are found. */
function stretches(count: number, size: { minimum: number; maximum: number }, weight = 1): number {
	const choose = ringHash(equal(count, weight), size)
	let changes = 0
	let before = choose(0)
	for (let i = 1; i <= 2 ** 17; i++) {
		const now = choose(i === 2 ** 17 ? 0 : i * 2 ** 36)
		if (now !== before) changes++
		before = now
	}
	return changes
}

describe('a ring', () => {
	it.each([
		['as many as its maximum allows', 4, { minimum: 16, maximum: 64 }, 1, 64],
		['its maximum, where its minimum is as much and no power of two fits', 3, { minimum: 60, maximum: 60 }, 1, 60],
		['one for each, where its maximum is less', 50, { minimum: 1, maximum: 8 }, 1, 50],
		['the same number for its size with small weights', 4, { minimum: 16, maximum: 64 }, 0.01, 40],
		['the same number with large weights', 4, { minimum: 16, maximum: 64 }, 10_000, 40],
	])('has %s', (_, count, size, weight, points) => {
		// Neighbouring points of one endpoint are one stretch: 1/n of the points have one of their own behind them.
		const seen = stretches(count, size, weight)
		expect(seen).toBeLessThanOrEqual(points)
		expect(seen).toBeGreaterThan(points * (1 - 1 / count) * 0.7)
	})

	it('shares keys by weight', () => {
		const weights = [1, 2, 3, 10]
		const choose = ringHash(
			weights.map((weight, i) => ({ id: `endpoint-${i}`, weight })),
			{ minimum: 1_024, maximum: 8_388_608 },
		)
		const counts = weights.map(() => 0)
		for (const key of keys) counts[choose(key)!]!++
		for (const [i, count] of counts.entries()) {
			const due = weights[i]! / 16
			expect(Math.abs(count / keys.length / due - 1)).toBeLessThan(0.2)
		}
	})

	it('moves keys to a new endpoint only, from 1 to 200 endpoints', () => {
		const size = { minimum: 1_024, maximum: 8_388_608 }
		for (const count of [1, 2, 5, 20, 200]) {
			const [old, grown] = [ringHash(equal(count), size), ringHash(equal(count + 1), size)]
			const moved = keys.filter((key) => old(key) !== grown(key))
			for (const key of moved) expect(grown(key)).toBe(count)
			expect(moved.length / keys.length).toBeGreaterThan(0.5 / (count + 1))
			expect(moved.length / keys.length).toBeLessThan(1.6 / (count + 1))
		}
	})

	it('tells endpoints apart also where there are more of them than two bytes can name', () => {
		const choose = ringHash(equal(70_000), { minimum: 1, maximum: 70_000 })
		const owners = keys.map((key) => choose(key)!)
		expect(Math.max(...owners)).toBeGreaterThan(66_000)
		expect(Math.max(...owners)).toBeLessThan(70_000)
	})

	it('refuses what would not fit into its numbers, as a bug', () => {
		expect(() => ringHash(new Array(2 ** 21 + 1).fill({ id: 'e', weight: 1 }), { minimum: 1, maximum: 1 })).toThrow(
			RangeError,
		)
	})
})
