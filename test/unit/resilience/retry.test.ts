/** Which requests are tried again, after which answers, and how long after. */
import { describe, expect, it } from 'vitest'
import { backoffMs, isIdempotent, isRetryableStatus, mayRetry } from '../../../src/resilience/retry.ts'
import type { RetryRule } from '../../../src/snapshot/filters.ts'
import { seeded } from '../../random.ts'

const rule = (changes: Partial<RetryRule> = {}): RetryRule => ({
	attempts: 3,
	codes: [500, 503],
	backoffMs: 25,
	methods: [],
	maxBodyBytes: 65_536,
	...changes,
})

describe('a method', () => {
	it.each(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE'])('%s is idempotent and may be retried', (method) => {
		expect(isIdempotent(method)).toBe(true)
		expect(mayRetry(rule(), method)).toBe(true)
	})

	it.each(['POST', 'PATCH', 'CONNECT', 'LOCK', 'get', ''])('%j is not, and may not', (method) => {
		expect(isIdempotent(method)).toBe(false)
		expect(mayRetry(rule(), method)).toBe(false)
	})

	it('that is not idempotent may be retried when the rule names it, and no other then', () => {
		expect(mayRetry(rule({ methods: ['POST'] }), 'POST')).toBe(true)
		expect(mayRetry(rule({ methods: ['POST'] }), 'PATCH')).toBe(false)
	})

	it('is never retried by a rule of no attempts', () => {
		for (const method of ['GET', 'POST']) expect(mayRetry(rule({ attempts: 0, methods: ['POST'] }), method)).toBe(false)
	})
})

describe('a status', () => {
	it.each([
		[500, true],
		[503, true],
		[502, false],
		[200, false],
	])('%i among the codes 500 and 503: %s', (status, expected) => {
		expect(isRetryableStatus(rule(), status)).toBe(expected)
	})

	it('is never retried by a rule without codes', () => expect(isRetryableStatus(rule({ codes: [] }), 500)).toBe(false))
})

describe('the backoff', () => {
	it.each([
		[1, 0, 25],
		[1, 0.5, 37.5],
		[2, 0, 50],
		[3, 0, 100],
		[3, 0.5, 150],
		[4, 0, 125],
		[5, 0, 125],
		[1_000_000, 0.5, 187.5],
	])('before retry %i with random %s is %s ms', (attempt, random, expected) => {
		expect(backoffMs(rule(), attempt, random)).toBe(expected)
	})

	it('is at least the least that the rule sets, at most ten times that, and never shorter for a later retry', () => {
		for (let seed = 1; seed <= 10_000; seed++) {
			const random = seeded(seed)
			const backoff = rule({ backoffMs: 1 + Math.floor(random() * 10_000) })
			const attempt = 1 + Math.floor(random() * 40)
			const drawn = random()
			const ms = backoffMs(backoff, attempt, drawn)
			const where = `seed ${seed}: attempt ${attempt} of ${backoff.backoffMs} ms: ${ms}`
			expect(ms, where).toBeGreaterThanOrEqual(backoff.backoffMs)
			expect(ms, where).toBeLessThan(10 * backoff.backoffMs)
			expect(ms, where).toBeLessThan(2 * backoffMs(backoff, attempt, 0))
			expect(backoffMs(backoff, attempt + 1, drawn), where).toBeGreaterThanOrEqual(ms)
		}
	})

	it('differs between clients that failed together, the longest too', () => {
		for (const attempt of [1, 10]) {
			const random = seeded(attempt)
			const waits = new Set(Array.from({ length: 1_000 }, () => Math.round(backoffMs(rule(), attempt, random()))))
			expect(waits.size).toBeGreaterThan(20)
		}
	})

	it('of nothing is nothing', () => expect(backoffMs(rule({ backoffMs: 0 }), 5_000, 0.5)).toBe(0))
})
