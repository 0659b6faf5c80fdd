/** Deadlines of a request and of its attempts. */
import { describe, expect, it } from 'vitest'
import { attemptTimeoutMs, isRequestTimeout } from '../../../src/resilience/deadline.ts'
import type { Timeouts } from '../../../src/snapshot/filters.ts'
import { seeded } from '../../random.ts'

const START = 1_700_000_000_000

describe('an attempt', () => {
	it.each<[Timeouts | undefined, number, number | undefined]>([
		[undefined, 0, undefined],
		[{}, 50, undefined],
		[{ backendRequestMs: 100 }, 0, 100],
		[{ backendRequestMs: 100 }, 99_999, 100],
		[{ requestMs: 500 }, 0, 500],
		[{ requestMs: 500 }, 499, 1],
		[{ requestMs: 500 }, 500, 0],
		[{ requestMs: 500 }, 9_000, 0],
		[{ requestMs: 500, backendRequestMs: 100 }, 0, 100],
		[{ requestMs: 500, backendRequestMs: 100 }, 400, 100],
		[{ requestMs: 500, backendRequestMs: 100 }, 450, 50],
		[{ requestMs: 500, backendRequestMs: 100 }, 501, 0],
	])('under %j, %i ms after the request came, may take %s ms', (timeouts, after, expected) => {
		expect(attemptTimeoutMs(timeouts, START, START + after)).toBe(expected)
	})

	it('may take no time exactly when the time of the request is up', () => {
		for (let seed = 1; seed <= 5_000; seed++) {
			const random = seeded(seed)
			const whole = (max: number) => 1 + Math.floor(random() * max)
			const timeouts: Timeouts = {
				...(random() < 0.7 && { requestMs: whole(1_000) }),
				...(random() < 0.7 && { backendRequestMs: whole(1_000) }),
			}
			const now = START + Math.floor(random() * 1_500)
			const where = `seed ${seed}: ${JSON.stringify(timeouts)} at ${now - START}`
			expect(attemptTimeoutMs(timeouts, START, now) === 0, where).toBe(isRequestTimeout(timeouts, START, now))
		}
	})
})

describe('the time of a request', () => {
	it.each<[Timeouts | undefined, number, boolean]>([
		[undefined, 1e9, false],
		[{}, 1e9, false],
		[{ backendRequestMs: 1 }, 1e9, false],
		[{ requestMs: 500 }, 0, false],
		[{ requestMs: 500 }, 499, false],
		[{ requestMs: 500 }, 500, true],
		[{ requestMs: 500, backendRequestMs: 1 }, 499, false],
	])('under %j is up after %i ms: %s', (timeouts, after, expected) => {
		expect(isRequestTimeout(timeouts, START, START + after)).toBe(expected)
	})
})
