/** Resilience over time: each mechanism against the trouble that it is for, with bounds that it keeps for every seed. */
import { describe, expect, it } from 'vitest'
import { adaptiveFigures, WORKERS } from './resilienceAdaptive.ts'
import { ADAPTIVE_PHASES, resilienceFigures } from './resilienceFigures.ts'
import { AFTER_100, frozen } from './resilienceFrozen.ts'
import { detector, outage, totalOutage } from './resilienceHealth.ts'
import { HEDGE_BUDGET, hedging, P95 } from './resilienceHedging.ts'
import { OUTLIER_RULES } from './resilienceOutliers.ts'
import { region } from './resilienceRegion.ts'
import { ACTIVE, INTERVAL, SHARE, storm } from './resilienceStorm.ts'

const SEEDS = [1, 2, 3]
const seeds = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

describe('a storm of retries', () => {
	it.each(SEEDS)('multiplies the load without a budget (seed %i)', (seed) => {
		expect(storm(seed, 0.5).added).toBeGreaterThan(0.85)
		expect(storm(seed, 1).added).toBe(3)
	})

	it.each(SEEDS)('adds at most the budget, in either form, whatever fails (seed %i)', (seed) => {
		for (const failureShare of [0.5, 1])
			for (const rules of [ACTIVE, INTERVAL]) {
				const { added, worstSecond } = storm(seed, failureShare, rules)
				// Half a percent: what the minimum rate adds while the first requests come.
				expect(added, rules.of).toBeLessThanOrEqual(SHARE + 0.005)
				expect(worstSecond, rules.of).toBeLessThan(1.5)
			}
	})

	it.each(SEEDS)('still repairs what the budget can (seed %i)', (seed) => {
		for (const rules of [ACTIVE, INTERVAL]) {
			const { added, failed } = storm(seed, 0.05, rules)
			expect(added, rules.of).toBeGreaterThan(0.045)
			expect(failed, rules.of).toBeLessThan(0.005)
		}
	})
})

describe('an endpoint', () => {
	it.each(SEEDS)('that fails every request is ejected within a second at 14 requests a second (seed %i)', (seed) => {
		const { ejectedAfterMs, failedRequests, probes, ejections } = outage(seed, 1, 120_000)
		expect(ejectedAfterMs).toBeLessThan(1_000)
		// Five in a row, those under way with them, and one for each return.
		expect(ejections).toBe(3)
		expect(probes).toBe(2)
		expect(failedRequests).toBeLessThanOrEqual(8)
	})

	it.each(SEEDS)('that is well again is used when its ejection is over (seed %i)', (seed) => {
		// Jitter included: 30 s after the first ejection, 90 s after the third.
		expect(outage(seed, 1, 10_000).usedAfterMs).toBeLessThan(33_500 - 10_000)
		expect(outage(seed, 1, 120_000).usedAfterMs).toBeLessThan(99_500)
	})

	it.each(SEEDS)('that fails a fifth of its requests is ejected within two intervals (seed %i)', (seed) => {
		expect(outage(seed, 0.2, 120_000).ejectedAfterMs).toBeLessThanOrEqual(2 * OUTLIER_RULES.intervalMs)
	})

	it('that is the bad one of ten is found, and no good one is, in 1,000 seeds', () => {
		// 140 requests each in an interval of 10 s: the bad one fails 20 %, the good ones 1 %.
		const figures = seeds(1_000).map((seed) => detector(seed, 3))
		expect(figures.filter(({ foundAfterIntervals }) => foundAfterIntervals > 1).length).toBeLessThanOrEqual(20)
		expect(figures.filter(({ foundAfterIntervals }) => foundAfterIntervals > 3)).toEqual([])
		expect(figures.reduce((sum, { goodEjected }) => sum + goodEjected, 0)).toBe(0)
	})

	it('is not ejected by comparison where all are good, in 300 seeds', () => {
		for (const seed of seeds(300)) expect(detector(seed, 3, 0.01).foundAfterIntervals, `seed ${seed}`).toBe(Infinity)
	})
})

describe('a service', () => {
	it.each(SEEDS)(
		'of which all endpoints fail keeps half of them, traffic flows, and all come back (seed %i)',
		(seed) => {
			const { mostEjected, leastPerSecond, allUsedAfterMs } = totalOutage(seed)
			expect(mostEjected).toBe(5)
			expect(leastPerSecond).toBeGreaterThan(90)
			expect(allUsedAfterMs).toBeLessThan(100_000)
		},
	)
})

describe('a region of twenty isolates', () => {
	it.each(SEEDS)(
		'learns from the first that finds out, and spares its callers half of the failures (seed %i)',
		(seed) => {
			const [alone, together] = [region(seed, false), region(seed, true)]
			expect(together.failedElsewhere).toBeLessThan(0.7 * alone.failedElsewhere)
			// A report within 5 s, a sync within another, and the half second in which the first finds out.
			expect(together.allKnowAfterMs).toBeLessThan(7_000)
			expect(alone.allKnowAfterMs).toBeGreaterThan(9_000)
		},
	)

	it.each(SEEDS)('keeps half of the endpoints even if one of them ejects them all, forever (seed %i)', (seed) => {
		expect(region(seed, true, true).mostEjected).toBe(5)
	})
})

describe('an adaptive limit', () => {
	it.each(SEEDS)('stays near what the service can do at once, without a cost in what it does (seed %i)', (seed) => {
		const [half, twice, fewer, again] = adaptiveFigures(seed, ADAPTIVE_PHASES)
		// Little's law: 800 a second of 50 ms each are 40 at once.
		for (const { limit, latencyMs } of [twice!, again!]) {
			expect(limit).toBeGreaterThan(WORKERS)
			expect(limit).toBeLessThan(3 * WORKERS)
			expect(latencyMs).toBeLessThan(150)
		}
		expect(half!.latencyMs).toBeLessThan(55)
		expect(fewer!.limit).toBeGreaterThan(WORKERS / 4)
		expect(fewer!.limit).toBeLessThan(1.25 * WORKERS)
		for (const { name, served } of [half!, twice!, fewer!, again!]) expect(served, name).toBeGreaterThan(0.96)
	})
})

describe('hedging', () => {
	it.each(SEEDS)('after the p95 takes most of the tail away for about 5 % more load (seed %i)', (seed) => {
		const [without, withIt] = [hedging(seed), hedging(seed, P95)]
		expect(withIt.p99Ms).toBeLessThan(without.p99Ms / 5)
		expect(withIt.p50Ms).toBeLessThan(without.p50Ms * 1.02)
		expect(withIt.added).toBeGreaterThan(0.03)
		expect(withIt.added).toBeLessThan(0.055)
	})

	it.each(SEEDS)('adds no more than the budget when everything is slow (seed %i)', (seed) => {
		const everythingIsSlow = (now: number) => (now > 20_000 ? 10 : 1)
		for (const rules of [P95, { after: { ms: 50 }, maxExtra: 2 }]) {
			const { added } = hedging(seed, rules, everythingIsSlow, 20_000)
			// One percent: what the budget had saved up before.
			expect(added).toBeLessThan(HEDGE_BUDGET.share + 0.01)
		}
	})

	it.each(SEEDS)(
		'does not hide an endpoint that froze: it is ejected in seconds, and p99 is well again (seed %i)',
		(seed) => {
			for (const rules of [AFTER_100, P95]) {
				const { p99Ms, ejectedAfterMs, goodEjected, probes } = frozen(seed, rules, true)
				expect(ejectedAfterMs).toBeLessThan(3_000)
				expect(p99Ms.frozen).toBeGreaterThan(p99Ms.before * 1.2)
				expect(p99Ms.ejected).toBeLessThan(p99Ms.before * 1.1)
				expect(goodEjected).toBe(0)
				// One an interval, when its 30 s are over.
				expect(probes).toBe(3)
				expect(frozen(seed, rules, false).p99Ms.frozen).toBeGreaterThan(p99Ms.before * 1.5)
			}
		},
	)
})

describe('the table of figures', () => {
	it('has every mechanism in it, and a number in every row', () => {
		const rows = resilienceFigures().split('\n').slice(2)
		for (const what of ['retries', 'one of 10', 'all of 10', '20 isolates', 'adaptive limit', 'hedging'])
			expect(rows.filter((row) => row.startsWith(`| ${what}`)).length, what).toBeGreaterThan(0)
		for (const row of rows) expect(row).toMatch(/\| [\d.,]+ \([\d.,]+–[\d.,]+\) +\|$/)
	})
})
