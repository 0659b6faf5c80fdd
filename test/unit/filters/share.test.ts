/** Shares of requests. */
import { describe, expect, it } from 'vitest'
import { isDrawn } from '../../../src/filters/share.ts'
import { seeded } from '../../random.ts'

const LARGEST = 1 - 2 ** -53

describe('a share', () => {
	it.each([
		[undefined, 0, true],
		[undefined, LARGEST, true],
		[1, 0, true],
		[1, LARGEST, true],
		[0, 0, false],
		[0, LARGEST, false],
		[0.25, 0.2499, true],
		[0.25, 0.25, false],
	])('of %s draws %s: %s', (share, random, expected) => expect(isDrawn(share, random)).toBe(expected))

	it('is the share of requests that are drawn, within four standard deviations', () => {
		const [seed, n] = [7, 100_000]
		const random = seeded(seed)
		for (const share of [0.001, 0.1, 0.5, 0.99]) {
			let drawn = 0
			for (let i = 0; i < n; i++) if (isDrawn(share, random())) drawn++
			const tolerance = 4 * Math.sqrt(n * share * (1 - share))
			expect(Math.abs(drawn - n * share), `seed ${seed}, share ${share}`).toBeLessThan(tolerance)
		}
	})
})
