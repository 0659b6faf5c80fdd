/** Who did worse than the others, and worse than chance explains. */
import { describe, expect, it } from 'vitest'
import { sweep } from '../../../src/resilience/outlierSweep.ts'
import { createOutlierState, eject, type OutlierState } from '../../../src/resilience/outliers.ts'
import type { OutlierRules } from '../../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../../random.ts'

const START = 1_700_000_000_000

const base: OutlierRules = {
	consecutive5xx: 0,
	consecutiveGatewayErrors: 0,
	consecutiveLocalOriginFailures: 0,
	intervalMs: 10_000,
	baseEjectionMs: 30_000,
	maxEjectionMs: 300_000,
	maxEjectionShare: 0.5,
}
const successRate = { ...base, successRate: { minimumHosts: 5, minimumRequests: 100, stdevFactor: 1.9 } }
const failureShare = { ...base, failureShare: { threshold: 0.85, minimumHosts: 3, minimumRequests: 50 } }

/** Each as [failures, requests]. */
const endpoints = (...counts: (readonly [number, number])[]): OutlierState[] =>
	counts.map(([failures, requests]) => ({ ...createOutlierState(), failures, requests }))
const times = (n: number, failures: number, requests: number) =>
	Array.from({ length: n }, () => [failures, requests] as const)
const found = (rules: OutlierRules, states: readonly OutlierState[]) =>
	sweep(rules, states, START).map((state) => states.indexOf(state))

describe('by success rate', () => {
	it.each<[string, readonly (readonly [number, number])[], number[]]>([
		['one that fails half of its requests', [...times(9, 1, 100), [50, 100]], [9]],
		['one that fails them all, beside four that never fail', [[100, 100], ...times(4, 0, 100)], [0]],
		['two, the worse one first', [[60, 100], ...times(18, 0, 100), [80, 100]], [19, 0]],
		['nobody where all are the same', times(10, 10, 100), []],
		['nobody where all fail', times(10, 100, 100), []],
		['nobody where nobody fails', times(10, 0, 100), []],
		['nobody for a single failure beside perfection', [[1, 100], ...times(9, 0, 100)], []],
		['nobody for what chance explains', [...times(9, 1, 100), [5, 100]], []],
		['nobody of too few', [[100, 100], ...times(3, 0, 100)], []],
		['nobody with too few requests', [[99, 99], ...times(5, 0, 100)], []],
		['nobody where only others have requests enough to be five', [[100, 100], ...times(3, 0, 100), [0, 99]], []],
		['nobody where there is nobody', [], []],
	])('finds %s', (_, counts, expected) => {
		expect(found(successRate, endpoints(...counts))).toEqual(expected)
	})

	it('is not led astray by those without any request, even where none is required', () => {
		const rules = { ...base, successRate: { minimumHosts: 5, minimumRequests: 0, stdevFactor: 1.9 } }
		expect(found(rules, endpoints([100, 100], [0, 0], ...times(9, 0, 100)))).toEqual([0])
		// Half of them fail: that is one standard deviation.
		expect(found(rules, endpoints(...times(3, 100, 100), [0, 0], ...times(3, 0, 100)))).toEqual([])
	})

	it('takes every number of requests for what it is, and never finds one that fails less than the mean', () => {
		for (let seed = 1; seed <= 2_000; seed++) {
			const random = seeded(seed)
			const counts = Array.from({ length: Math.floor(random() * 30) }, () => {
				const requests = Math.floor(random() ** 3 * 5_000)
				return [Math.floor(random() * (requests + 1)), requests] as const
			})
			const judged = counts.filter(([, requests]) => requests >= 100).map(([failures, requests]) => failures / requests)
			const mean = judged.reduce((sum, share) => sum + share, 0) / judged.length
			for (const index of found(successRate, endpoints(...counts))) {
				const [failures, requests] = counts[index]!
				expect(requests, `seed ${seed}`).toBeGreaterThanOrEqual(100)
				expect(failures / requests, `seed ${seed}`).toBeGreaterThan(mean)
			}
		}
	})
})

describe('by share of failures', () => {
	it.each<[string, readonly (readonly [number, number])[], number[]]>([
		['everyone above the threshold, even all of them', times(3, 86, 100), [0, 1, 2]],
		['nobody at the threshold', times(3, 85, 100), []],
		['nobody of too few', times(2, 100, 100), []],
		['nobody with too few requests', [...times(3, 0, 50), [49, 49]], []],
		['nobody without any request', times(3, 0, 0), []],
	])('finds %s', (_, counts, expected) => {
		expect(found(failureShare, endpoints(...counts))).toEqual(expected)
	})

	it('finds nobody in an interval without requests, even where no request is required', () => {
		const rules = { ...base, failureShare: { threshold: 0, minimumHosts: 0, minimumRequests: 0 } }
		expect(found(rules, endpoints([0, 0], [1, 1]))).toEqual([1])
	})
})

describe('a sweep', () => {
	it('finds an endpoint once that two detectors find', () => {
		expect(found({ ...successRate, ...failureShare }, endpoints([100, 100], ...times(9, 0, 100)))).toEqual([0])
	})

	it('begins a new interval for everybody', () => {
		const states = endpoints([100, 100], ...times(9, 0, 100))
		sweep(successRate, states, START)
		expect(states.map(({ requests, failures }) => requests + failures)).toEqual(states.map(() => 0))
		expect(sweep(successRate, states, START + 10_000)).toEqual([])
	})

	it('judges nobody who is ejected', () => {
		const states = endpoints([0, 0], ...times(9, 0, 100))
		eject(successRate, states[0]!, START, 0)
		Object.assign(states[0]!, { failures: 100, requests: 100 })
		expect(found(successRate, states)).toEqual([])
	})
})
