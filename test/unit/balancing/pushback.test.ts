/** Pushback: who asks for less and for how long, what it costs them, and how they come back. */
import { describe, expect, it } from 'vitest'
import { type Pushback, pushbackFactor, pushbackMs, pushedBack } from '../../../src/balancing/pushback.ts'
import { seeded } from '../../random.ts'

const NOW = 1_800_000_000_000

describe('a response', () => {
	const rules = { defaultMs: 2_000, maxMs: 30_000 }
	it.each([
		[429, null, 2_000],
		[429, '5', 5_000],
		[429, 'soon', 2_000],
		[429, '3600', 30_000],
		[503, '5', 5_000],
		[503, 'soon', 2_000],
		[503, null, undefined],
		[200, '5', undefined],
		[500, '5', undefined],
		[301, '5', undefined],
	])('of status %i with Retry-After %j asks for %j ms', (status, retryAfter, expected) => {
		expect(pushbackMs(status, retryAfter, rules, NOW)).toBe(expected)
	})

	it('never asks for longer than allowed, its default neither', () => {
		expect(pushbackMs(429, null, { defaultMs: 9_000, maxMs: 1_000 }, NOW)).toBe(1_000)
	})
})

describe('an endpoint that asked for less', () => {
	const once = pushedBack(undefined, 10_000, NOW - 50, NOW)

	it.each([
		['has half of its share at once', 0, 0.5],
		['has it until the time that it named', 10_000, 0.5],
		['has grown by half of what it lacks after half as long again', 15_000, 0.75],
		['has all of it after as long again', 20_000, 1],
		['has all of it for good', 1e9, 1],
	])('%s', (_, elapsed, expected) => {
		expect(pushbackFactor(once, NOW + elapsed)).toBeCloseTo(expected, 9)
	})

	it('has all of its share if it never did', () => expect(pushbackFactor(undefined, NOW)).toBe(1))

	it('is halved again when a request of after that meets the same', () => {
		const twice = pushedBack(once, 10_000, NOW + 1, NOW + 60)
		expect(pushbackFactor(twice, NOW + 60)).toBe(0.25)
	})

	it('is not halved by answers to requests of before that, which prolong it', () => {
		const later = pushedBack(once, 20_000, NOW - 1, NOW + 60)
		expect(pushbackFactor(later, NOW + 60)).toBe(0.5)
		expect(pushbackFactor(later, NOW + 20_060)).toBe(0.5)
		expect(pushbackFactor(later, NOW + 40_060)).toBe(1)
	})

	it('is halved by a late answer to a request of before that, once the time that it named is over', () => {
		const over = NOW + 20_000
		expect(pushbackFactor(pushedBack(once, 1_000, NOW - 1, over), over)).toBe(0.5)
		const recovering = NOW + 15_000
		expect(pushbackFactor(pushedBack(once, 1_000, NOW - 1, recovering), recovering)).toBeCloseTo(0.375, 9)
	})

	it('is halved from what it has while it recovers', () => {
		const recovering = NOW + 15_000
		expect(pushbackFactor(pushedBack(once, 1_000, recovering - 10, recovering), recovering)).toBeCloseTo(0.375, 9)
	})

	it('recovers within a second from no time at all', () => {
		const asked = pushedBack(undefined, 0, NOW, NOW)
		expect(pushbackFactor(asked, NOW + 500)).toBeCloseTo(0.75, 9)
		expect(pushbackFactor(asked, NOW + 1_000)).toBe(1)
	})

	it('never has nothing, is back in the end, and never jumps up, whatever it asks for', () => {
		for (let seed = 1; seed <= 300; seed++) {
			const random = seeded(seed)
			let pushback: Pushback | undefined
			let now = NOW
			let factor = 1
			for (let i = 0; i < 200; i++) {
				const elapsed = random() * 100
				now += elapsed
				const grown = pushbackFactor(pushback, now)
				// Half of the share comes back within a second at the quickest, and 31/32 are the most that can lack.
				expect(grown - factor, `seed ${seed}`).toBeLessThanOrEqual(elapsed / 1_000 + 1e-9)
				if (random() < 0.3) pushback = pushedBack(pushback, random() * 5_000, now - random() * 500, now)
				factor = pushbackFactor(pushback, now)
				expect(factor, `seed ${seed}`).toBeGreaterThanOrEqual(1 / 32)
				expect(factor, `seed ${seed}`).toBeLessThanOrEqual(grown + 1e-9)
			}
			expect(pushbackFactor(pushback, now + 10_001), `seed ${seed}`).toBe(1)
		}
	})
})
