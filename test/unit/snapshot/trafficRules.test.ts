/** Whatever policy is accepted travels as numbers that algorithms can bear. */
import { expect, it } from 'vitest'
import { parseDocuments } from '../../../src/resources/documents.ts'
import type { TrafficPolicy } from '../../../src/resources/trafficPolicy.ts'
import { healthCheckOf, type Sections, trafficRulesOf } from '../../../src/snapshot/policies/trafficRules.ts'
import { seeded } from '../../random.ts'

const pick = <T>(random: () => number, items: readonly T[]): T => items[Math.floor(random() * items.length)]!

/** A good document of every section, where each number, duration and choice may become another one. */
function document(random: () => number): unknown {
	const odd = <T>(usual: T): unknown =>
		random() < 0.93 ? usual : pick(random, [0, -1, 0.5, 1, 101, 1e9, 1e-9, '0s', '1h', '-1s', null])
	const hashOn = pick(random, [{ header: 'X-A' }, { source: 'Workload' }, { cookie: 'c' }])
	const loadBalancer = pick(random, [
		{ type: 'LeastRequest', leastRequest: { choices: odd(3) } },
		{ type: 'PeakEwma', peakEwma: { decay: odd('1s'), choices: odd(10) } },
		{ type: 'RingHash', hashOn, ringHash: { minimumRingSize: odd(10), maximumRingSize: odd(1_000) } },
		{ type: 'Maglev', hashOn, maglev: { tableSize: odd(251) } },
	])
	return {
		apiVersion: 'selvedge.dev/v1',
		kind: 'TrafficPolicy',
		metadata: { name: 'p' },
		spec: {
			targetRefs: [{ kind: 'Service', name: 's' }],
			loadBalancer,
			warmup: { duration: odd('1m'), minimumPercent: odd(5), aggression: odd(1.5) },
			locality: { overflowThresholdPercent: odd(80) },
			outlierDetection: { interval: odd('5s'), baseEjectionTime: odd('1m'), maxEjectionPercent: odd(50) },
			circuitBreaker: { maxRequests: odd(5), maxPendingRequests: odd(5) },
			adaptiveConcurrency: { minimumLimit: odd(2), tolerance: odd(2), smoothing: odd(0.3) },
			retryBudget: { percent: odd(20), minRetryRate: { count: odd(3), interval: odd('10s') } },
			hedging: { percentile: odd(95) },
			healthCheck: { interval: odd('5s'), timeout: odd('2s'), jitterPercent: odd(20) },
		},
	}
}

/** Every number in a value, by its path. */
const numbersIn = (value: unknown, path = ''): [path: string, number][] => {
	if (typeof value === 'number') return [[path, value]]
	if (typeof value !== 'object' || value === null) return []
	return Object.entries(value).flatMap(([name, inner]) => numbersIn(inner, `${path}.${name}`))
}

it('accepted policies have finite numbers, shares of at most one, and no time of zero', () => {
	const counts = { accepted: 0, refused: 0 }
	for (let seed = 1; seed <= 3_000; seed++) {
		const parsed = parseDocuments(JSON.stringify(document(seeded(seed))), 'json', {
			addresses: 'any',
			meshDomain: 'mesh.example.com',
		})
		counts[parsed.ok ? 'accepted' : 'refused']++
		if (!parsed.ok) continue
		const sections = (parsed.value[0] as TrafficPolicy).spec as Sections
		const travelling = { ...trafficRulesOf(sections), health: healthCheckOf(sections.healthCheck!) }
		// What travels is JSON: nothing in it may be lost on the way.
		expect(JSON.parse(JSON.stringify(travelling)), `seed ${seed}`).toEqual(travelling)
		for (const [path, number] of numbersIn(travelling)) {
			expect(Number.isFinite(number) && number >= 0, `${path} ${number}, seed ${seed}`).toBe(true)
			if (/share$|threshold$|quantile$|overflowBelow$/i.test(path) && !/healthyThreshold$/i.test(path))
				expect(number, `${path}, seed ${seed}`).toBeLessThanOrEqual(1)
			if (/(interval|timeout|duration|decay|ejection)Ms$/i.test(path))
				expect(number, `${path}, seed ${seed}`).toBeGreaterThan(0)
		}
	}
	expect(counts.accepted).toBeGreaterThan(300)
	expect(counts.refused).toBeGreaterThan(300)
})

it('sections that say nothing to proxies make no rules', () => {
	expect(trafficRulesOf({})).toBeUndefined()
})
