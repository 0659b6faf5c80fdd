/** When a request is sent once more, and how well a service's latency is known. */
import { describe, expect, it } from 'vitest'
import { createRecentLatencies, hedgeDelayMs, mayHedge, recordLatency } from '../../../src/resilience/hedging.ts'
import type { HedgingRules } from '../../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../../random.ts'

const START = 1_700_000_000_000

const atQuantile = (quantile: number): HedgingRules => ({ after: { quantile }, maxExtra: 1 })

describe('the delay', () => {
	it('is what the rules say where they say it', () => {
		expect(hedgeDelayMs(createRecentLatencies(START), { after: { ms: 70 }, maxExtra: 1 }, START)).toBe(70)
	})

	it.each([
		[0.5, 10],
		[0.95, 100],
		[0.99, 500],
		[0.999, 5_000],
	])('at the quantile %d is unknown before %i samples', (quantile, samples) => {
		const recent = createRecentLatencies(START)
		for (let i = 1; i < samples; i++) recordLatency(recent, 10, START)
		expect(hedgeDelayMs(recent, atQuantile(quantile), START)).toBeUndefined()
		recordLatency(recent, 10, START)
		expect(hedgeDelayMs(recent, atQuantile(quantile), START)).toBeDefined()
	})

	it('at a quantile is within 8.7 % of it, whatever the latencies', () => {
		for (let seed = 1; seed <= 100; seed++) {
			const random = seeded(seed)
			const scale = 0.3 * 10 ** (random() * 4)
			const spread = 1 + random() * 20
			const values = Array.from({ length: 3_000 }, () => Math.min(131_000, scale * spread ** random()))
			const recent = createRecentLatencies(START)
			for (const value of values) recordLatency(recent, value, START)
			const sorted = values.sort((a, b) => a - b)
			for (const quantile of [0.5, 0.9, 0.95, 0.99]) {
				const exact = sorted[Math.ceil(quantile * values.length) - 1]!
				const observed = hedgeDelayMs(recent, atQuantile(quantile), START)!
				expect(Math.abs(observed / exact - 1), `seed ${seed}: ${observed} for ${exact}`).toBeLessThanOrEqual(0.087)
			}
		}
	})

	it('is a quarter of a second old at most', () => {
		const recent = createRecentLatencies(START)
		for (let i = 0; i < 100; i++) recordLatency(recent, 10, START)
		const before = hedgeDelayMs(recent, atQuantile(0.95), START)!
		for (let i = 0; i < 900; i++) recordLatency(recent, 100, START)
		expect(hedgeDelayMs(recent, atQuantile(0.95), START + 249)).toBe(before)
		expect(hedgeDelayMs(recent, atQuantile(0.95), START + 250)).toBeGreaterThan(90)
	})

	it.each([
		['much', 1_000, 60],
		['little', 40, 240],
	])('forgets how it was: under %s traffic (%i/s) within %i s', (_, perSecond, seconds) => {
		const recent = createRecentLatencies(START)
		let now = START
		const pass = (forSeconds: number, ms: number) => {
			for (let i = 0; i < forSeconds * perSecond; i++) {
				now += 1_000 / perSecond
				recordLatency(recent, ms, now)
			}
		}
		pass(600, 1_000)
		pass(seconds, 10)
		expect(hedgeDelayMs(recent, atQuantile(0.95), now)).toBeLessThan(11)
	})

	it.each([Number.NaN, -1, Number.NEGATIVE_INFINITY])('is not moved by a latency of %d', (ms) => {
		const recent = createRecentLatencies(START)
		for (let i = 0; i < 200; i++) recordLatency(recent, ms, START)
		expect(recent).toEqual(createRecentLatencies(START))
	})

	it.each([0, 0.25, 131_072, 1e9, Number.POSITIVE_INFINITY])('is finite and positive for latencies of %d', (ms) => {
		const recent = createRecentLatencies(START)
		for (let i = 0; i < 200; i++) recordLatency(recent, ms, START)
		const delay = hedgeDelayMs(recent, atQuantile(0.95), START)!
		expect(delay).toBeGreaterThan(0)
		expect(delay).toBeLessThanOrEqual(131_072)
	})
})

describe('another request', () => {
	const hedging: HedgingRules = { after: { ms: 10 }, maxExtra: 2 }

	it.each([
		['GET', 0, true],
		['GET', 1, true],
		['GET', 2, false],
		['PUT', 0, true],
		['POST', 0, false],
		['PATCH', 0, false],
	])('of method %s beside %i extra ones: %s', (method, extras, expected) => {
		expect(mayHedge(hedging, extras, method)).toBe(expected)
	})
})
