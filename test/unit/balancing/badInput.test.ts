/** What balancers make of what should not be: nobody throws, nobody chooses whom there is not, and nothing spoils what is known. */
import { describe, expect, it } from 'vitest'
import { type Candidate, newLoad } from '../../../src/balancing/endpointLoad.ts'
import { hashKey } from '../../../src/balancing/hashKey.ts'
import { leastRequest } from '../../../src/balancing/leastRequest.ts'
import { maglev } from '../../../src/balancing/maglev.ts'
import { expectedWait, observeFailure, observeLatency, peakEwma } from '../../../src/balancing/peakEwma.ts'
import { pushbackFactor, pushedBack } from '../../../src/balancing/pushback.ts'
import { ringHash } from '../../../src/balancing/ringHash.ts'
import { weightedChoice } from '../../../src/balancing/weighted.ts'
import { seeded } from '../../random.ts'
import { candidate } from './candidates.ts'

const NOW = 1_800_000_000_000
const DECAY = 10_000
const CHOICES = 500

/** Everybody that is chosen among endpoints of these weights; undefined for nobody. */
type Chosen = (weights: readonly number[], spoil?: (candidate: Candidate) => void) => Set<number | undefined>

const byLoad =
	(make: (candidates: readonly Candidate[]) => ReturnType<typeof leastRequest>): Chosen =>
	(weights, spoil = () => {}) => {
		const candidates = weights.map((weight) => candidate(0, 20, NOW, weight))
		candidates.forEach(spoil)
		const choose = make(candidates)
		const random = seeded(1)
		return new Set(Array.from({ length: CHOICES }, () => choose(NOW, random)))
	}
const byHash =
	(make: (endpoints: readonly { id: string; weight: number }[]) => ReturnType<typeof maglev>): Chosen =>
	(weights) => {
		const choose = make(weights.map((weight, i) => ({ id: `e${i}`, weight })))
		const avoid = (index: number) => {
			if (!(index in weights)) expect.fail(`asked about ${index}`)
			return false
		}
		return new Set(Array.from({ length: CHOICES }, (_, i) => choose(hashKey(`key-${i}`), avoid)))
	}
const BALANCERS: Readonly<Record<string, { readonly chosen: Chosen; readonly ofNoWeight: 'all' | 'nobody' }>> = {
	// Whoever compiles a service leaves endpoints of weight 0 out. Those who are asked all the same take them for equal.
	'least request': { chosen: byLoad((all) => leastRequest(all, 2)), ofNoWeight: 'all' },
	'least request of ten': { chosen: byLoad((all) => leastRequest(all, 10)), ofNoWeight: 'all' },
	'peak EWMA': { chosen: byLoad((all) => peakEwma(all, 2, DECAY)), ofNoWeight: 'all' },
	'peak EWMA without memory': { chosen: byLoad((all) => peakEwma(all, 2, 0)), ofNoWeight: 'all' },
	'peak EWMA of less than no memory': { chosen: byLoad((all) => peakEwma(all, 2, -DECAY)), ofNoWeight: 'all' },
	'ring hash': { chosen: byHash((all) => ringHash(all, { minimum: 64, maximum: 1_024 })), ofNoWeight: 'nobody' },
	Maglev: { chosen: byHash((all) => maglev(all, 1_021)), ofNoWeight: 'nobody' },
}
const NOBODY = new Set([undefined])

describe.each(Object.entries(BALANCERS))('%s', (_, { chosen, ofNoWeight }) => {
	it.each([
		['no endpoint', [], NOBODY],
		['one endpoint', [1], new Set([0])],
		['one endpoint of hardly any weight', [1e-300], new Set([0])],
		['endpoints of hardly any weight', [1e-300, 1e-300], new Set([0, 1])],
		['endpoints of enormous weight', [1e300, 1e300], new Set([0, 1])],
	])('knows whom to choose of %s', (_, weights, expected) => {
		expect(chosen(weights)).toEqual(expected)
	})

	it.each([
		['0', [0, 0, 0]],
		['NaN', [Number.NaN, Number.NaN, Number.NaN]],
	])(`chooses ${ofNoWeight} where all weights are %s`, (_, weights) => {
		expect(chosen(weights)).toEqual(ofNoWeight === 'all' ? new Set([0, 1, 2]) : NOBODY)
	})

	it.each([
		['in flight', { inFlight: Number.NaN }],
		['latency', { ewmaMs: Number.NaN }],
		['time', { ewmaAt: Number.NaN }],
		['time to come', { ewmaAt: NOW + 1e9 }],
		['negative count in flight', { inFlight: -3 }],
	])('still chooses among all when what it knows of all is a wrong %s', (_, wrong) => {
		expect(chosen([1, 1, 1], ({ load }) => Object.assign(load, wrong))).toEqual(new Set([0, 1, 2]))
	})
})

describe('peak EWMA', () => {
	it.each([
		['NaN', Number.NaN, 50, 100],
		['infinite', Number.POSITIVE_INFINITY, 50, 100],
		['infinite and negative', Number.NEGATIVE_INFINITY, 50, 100],
		['negative', -5, 50, 100],
		['zero', 0, 50, 100],
	])('takes nothing from a latency that is %s', (_, latencyMs, ofAnswer, ofFailure) => {
		const [answered, failed] = [newLoad(), newLoad()]
		for (const load of [answered, failed]) Object.assign(load, { ewmaMs: 50, ewmaAt: NOW })
		observeLatency(answered, latencyMs, NOW, DECAY)
		observeFailure(failed, latencyMs, NOW, DECAY)
		expect([answered.ewmaMs, failed.ewmaMs]).toEqual([ofAnswer, ofFailure])
		observeLatency(answered, 80, NOW + 1, DECAY)
		expect(expectedWait(answered, NOW + 1, DECAY)).toBe(80)
	})

	it.each([0, -1, -DECAY])('forgets at once when it is to remember for %i ms', (decayMs) => {
		const load = Object.assign(newLoad(), { ewmaMs: 50, ewmaAt: NOW })
		expect(expectedWait(load, NOW + 1, decayMs)).toBe(0)
		observeLatency(load, 20, NOW + 1, decayMs)
		expect(expectedWait(load, NOW + 1, decayMs)).toBe(20)
	})
})

describe('the rest', () => {
	it('draws nothing of weights that are no numbers', () => {
		expect(weightedChoice([Number.NaN, 1])).toBeUndefined()
	})

	it.each([-1, -1e9, 0])(
		'an endpoint that asks for less for %i ms has a factor above 0 and up to 1, and is soon whole',
		(ms) => {
			const pushback = pushedBack(undefined, ms, NOW, NOW)
			for (let after = 0; after <= 1_000; after += 50) {
				const factor = pushbackFactor(pushback, NOW + after)
				expect(factor).toBeGreaterThan(0)
				expect(factor).toBeLessThanOrEqual(1)
			}
			expect(pushbackFactor(pushback, NOW + 1_000)).toBe(1)
		},
	)
})
