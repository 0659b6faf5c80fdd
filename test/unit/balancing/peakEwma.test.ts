/** Peak EWMA: how latencies are remembered, and what is expected of whom. */
import { describe, expect, it } from 'vitest'
import { newLoad } from '../../../src/balancing/endpointLoad.ts'
import { expectedWait, observeFailure, observeLatency, peakEwma } from '../../../src/balancing/peakEwma.ts'
import { seeded } from '../../random.ts'
import { candidate, scripted } from './candidates.ts'

const NOW = 1_800_000_000_000
const DECAY = 10_000
const loadOf = (ewmaMs: number, inFlight = 0, share = 1) =>
	Object.assign(newLoad(), { ewmaMs, ewmaAt: NOW, inFlight, share })

describe('a latency', () => {
	it.each([
		['the first one counts in full', 0, 0, 80, 80],
		['a higher one counts in full, at once', 20, 0, 80, 80],
		['an equal one changes nothing', 20, 500, 20, 20],
		['a lower one counts for the time since the last one', 100, DECAY, 20, 100 / Math.E + 20 * (1 - 1 / Math.E)],
		['a lower one at the same time counts for nothing', 100, 0, 20, 100],
		['a lower one after long counts for nearly all', 100, 20 * DECAY, 20, 20],
		[
			'a peak of before is no longer one, but a lower one still averages',
			100,
			DECAY,
			90,
			100 / Math.E + 90 * (1 - 1 / Math.E),
		],
		['one of no time at all counts as what the clock can tell', 0, 0, 0, 1],
		['a clock that runs backwards takes nothing away', 100, -5_000, 20, 100],
	])('%s', (_, before, elapsed, latencyMs, expected) => {
		const load = loadOf(before)
		observeLatency(load, latencyMs, NOW + elapsed, DECAY)
		expect(load.ewmaMs).toBeCloseTo(expected, 6)
		expect(load.ewmaAt).toBe(NOW + elapsed)
	})

	it('keeps the average between the least and the greatest seen, in any order', () => {
		for (let seed = 1; seed <= 300; seed++) {
			const random = seeded(seed)
			const load = newLoad()
			const seen: number[] = []
			for (let i = 0, now = NOW; i < 100; i++, now += random() * 2_000) {
				seen.push(1 + random() * 500)
				observeLatency(load, seen[i]!, now, DECAY)
				expect(load.ewmaMs, `seed ${seed}`).toBeLessThanOrEqual(Math.max(...seen) + 1e-9)
				expect(load.ewmaMs, `seed ${seed}`).toBeGreaterThanOrEqual(Math.min(...seen) - 1e-9)
				expect(load.ewmaMs, `seed ${seed}`).toBeGreaterThanOrEqual(seen[i]! - 1e-9)
			}
		}
	})
})

describe('a failure', () => {
	it.each([
		['of an endpoint that never answered counts a second', 0, 0, 1_000],
		['however quick doubles what is expected', 50, 2, 100],
		['that took longer than that counts in full', 50, 5_000, 5_000],
		['doubles up to a minute', 45_000, 2, 60_000],
		['never makes better what is worse', 90_000, 2, 90_000],
	])('%s', (_, before, latencyMs, expected) => {
		const load = loadOf(before)
		observeFailure(load, latencyMs, NOW, DECAY)
		expect(load.ewmaMs).toBeCloseTo(expected, 6)
	})

	it('answered at once draws no traffic: who refuses everything quickly is the last choice', () => {
		const candidates = [candidate(0, 20, NOW), candidate(0, 20, NOW)]
		observeFailure(candidates[0]!.load, 0, NOW, DECAY)
		const choose = peakEwma(candidates, 2, DECAY)
		expect(choose(NOW, scripted(0, 0))).toBe(1)
	})
})

describe('the expected wait', () => {
	it.each([
		['is the average for an idle endpoint', 50, 0, 0, 1, 50],
		['is that again for each request in flight', 50, 3, 0, 1, 200],
		['fades while nothing is heard', 50, 3, DECAY, 1, 200 / Math.E],
		['counts requests in flight by weight', 50, 4, 0, 2, 150],
		['fades the sooner, the more requests are due', 50, 0, DECAY / 4, 4, 50 / Math.E],
		['fades the later, the fewer are', 50, 0, 2 * DECAY, 1 / 2, 50 / Math.E],
		['fades 8 times later at most, however few are', 50, 0, 8 * DECAY, 1e-6, 50 / Math.E],
		['is nothing where nothing is known and nothing in flight', 0, 0, 0, 1, 0],
		['is nothing where what was known is forgotten', 50, 0, 30 * DECAY, 1, 0],
	])('%s', (_, ewmaMs, inFlight, elapsed, share, expected) => {
		expect(expectedWait(loadOf(ewmaMs, inFlight, share), NOW + elapsed, DECAY)).toBeCloseTo(expected, 6)
	})

	it('where nothing is known but something in flight is above all that is known, and grows with what is in flight', () => {
		const [one, two] = [expectedWait(loadOf(0, 1), NOW, DECAY), expectedWait(loadOf(0, 2), NOW, DECAY)]
		expect(one).toBeGreaterThan(expectedWait(loadOf(60_000, 50), NOW, DECAY))
		expect(two).toBeGreaterThan(one)
		expect(Number.isFinite(two)).toBe(true)
	})
})

describe('peak EWMA', () => {
	it('tells each endpoint its share of the mean weight', () => {
		const candidates = [1, 2, 5, 8].map((weight) => candidate(0, 0, 0, weight))
		peakEwma(candidates, 2, DECAY)
		expect(candidates.map(({ load }) => load.share)).toEqual([1 / 4, 1 / 2, 5 / 4, 2])
	})

	it('lets one request try a new endpoint, and keeps the others where answers come from', () => {
		const candidates = [candidate(2, 30, NOW), candidate()]
		const choose = peakEwma(candidates, 2, DECAY)
		expect(choose(NOW, scripted(0, 0))).toBe(1)
		candidates[1]!.load.inFlight = 1
		expect(choose(NOW, scripted(0.9, 0))).toBe(0)
	})

	it('tries a slow endpoint again when its slowness is forgotten', () => {
		const choose = peakEwma([candidate(0, 20, NOW + 60_000), candidate(0, 2_000, NOW)], 2, DECAY)
		expect(choose(NOW, scripted(0, 0))).toBe(0)
		expect(choose(NOW + 60_000, scripted(0, 0))).toBe(1)
	})
})
