/** Shares that change with time and health: endpoints that warm up, that ask for less, and regions that stand in for each other. */
import { describe, expect, it } from 'vitest'
import { effectiveWeight } from '../../src/balancing/effectiveWeight.ts'
import { newLoad } from '../../src/balancing/endpointLoad.ts'
import { leastRequest } from '../../src/balancing/leastRequest.ts'
import { drawLevel, levelLoads, levelsOf } from '../../src/balancing/locality.ts'
import { seeded } from '../random.ts'
import { underPushback } from './balancingPushback.ts'

const NOW = 1_800_000_000_000
const SEEDS = [1, 2, 3]

describe('a new endpoint among nine', () => {
	const rules = { durationMs: 60_000, minimumShare: 0.1, aggression: 1 }

	it.each([
		[0, 0.1],
		[15_000, 0.25],
		[30_000, 0.5],
		[45_000, 0.75],
		[60_000, 1],
	])('gets after %i ms the share that a weight of %d is due, within half a point', (age, factor) => {
		for (const seed of SEEDS) {
			const random = seeded(seed)
			const candidates = Array.from({ length: 10 }, (_, i) => ({
				weight: effectiveWeight(1, i === 0 ? { addedAt: NOW } : {}, rules, NOW + age),
				load: newLoad(),
			}))
			const choose = leastRequest(candidates, 2)
			let count = 0
			for (let i = 0; i < 50_000; i++) if (choose(NOW + age, random) === 0) count++
			expect(Math.abs(count / 50_000 - factor / (9 + factor)), `seed ${seed}`).toBeLessThan(0.005)
		}
	})
})

describe('an endpoint that can do 20 of the 50 requests a second that it is due, and says so', () => {
	it('is left alone so that refusals fall from 15 % to less than 1 %, and is still used for a third of what it can', () => {
		for (const seed of SEEDS) {
			const [ignored, heeded] = [underPushback(seed, 20, '5', false), underPushback(seed, 20, '5', true)]
			expect(ignored.refused, `seed ${seed}`).toBeGreaterThan(0.14)
			expect(heeded.refused, `seed ${seed}`).toBeLessThan(0.01)
			expect(heeded.served / 0.1, `seed ${seed}`).toBeGreaterThan(1 / 3)
		}
	})

	it('refuses less, the longer it asks for', () => {
		const refused = ['0', '1', '5', '30'].map((retryAfter) => underPushback(1, 20, retryAfter, true).refused)
		for (let i = 1; i < refused.length; i++) expect(refused[i]).toBeLessThan(refused[i - 1]!)
	})

	it('that can do nothing keeps 1/32 of its weight, and so finds out when it is well again', () => {
		for (const seed of SEEDS) {
			const { refused } = underPushback(seed, 0, '30', true)
			expect(refused, `seed ${seed}`).toBeGreaterThan(0.005)
			expect(refused, `seed ${seed}`).toBeLessThan(0.015)
		}
	})
})

describe('regions of ten endpoints each', () => {
	const REGIONS = ['weur', 'eeur', 'enam', 'apac']
	const endpoints = Array.from({ length: 40 }, (_, i) => ({ locality: REGIONS[i % 4]! }))
	const rules = { failover: ['eeur', 'enam'], others: 'last', overflowBelow: 1 / 1.4 } as const

	/** Share of the requests by region, with endpoints drawn among those available, or all in panic; and of requests that met one ejected. */
	function outage(ejected: Readonly<Record<string, number>>, seed: number) {
		const random = seeded(seed)
		const levels = levelsOf(endpoints, 'weur', rules)
		const isOut = (index: number) => Math.floor(index / 4) < (ejected[endpoints[index]!.locality] ?? 0)
		const available = levels.map((level) => level.filter((index) => !isOut(index)))
		const loads = levelLoads(
			levels.map((level, i) => available[i]!.length / level.length),
			rules.overflowBelow,
			0.5,
		)
		const shares: Record<string, number> = { weur: 0, eeur: 0, enam: 0, apac: 0 }
		let metOne = 0
		for (let i = 0; i < 40_000; i++) {
			const level = drawLevel(loads, random())!
			const among = (loads[level]!.inPanic ? levels : available)[level]!
			const index = among[Math.floor(random() * among.length)]!
			shares[endpoints[index]!.locality]! += 1 / 40_000
			if (isOut(index)) metOne += 1 / 40_000
		}
		return { shares, metOne }
	}

	it.each([
		['nothing is wrong', {}, [1, 0, 0, 0], 0],
		['two endpoints nearby are out', { weur: 2 }, [1, 0, 0, 0], 0],
		['half of those nearby are out', { weur: 5 }, [0.7, 0.3, 0, 0], 0],
		['all nearby are out', { weur: 10 }, [0, 1, 0, 0], 0],
		['half nearby and half of the next region are out', { weur: 5, eeur: 5 }, [0.7, 0.3, 0, 0], 0],
		['eight nearby and eight of the next region are out', { weur: 8, eeur: 8 }, [0.28, 0.28, 0.44, 0], 0],
		['both next regions are out', { weur: 5, eeur: 10, enam: 10 }, [0.7, 0, 0, 0.3], 0],
		['nearly all is out: panic', { weur: 9, eeur: 9, enam: 9, apac: 9 }, [0.25, 0.25, 0.25, 0.25], 0.9],
		['all is out: panic nearby', { weur: 10, eeur: 10, enam: 10, apac: 10 }, [1, 0, 0, 0], 1],
	])('share requests as stated, within a point, when %s', (_, ejected, expected, expectedToMeetOne) => {
		for (const seed of SEEDS) {
			const { shares, metOne } = outage(ejected, seed)
			for (const [i, region] of REGIONS.entries())
				expect(Math.abs(shares[region]! - expected[i]!), `seed ${seed} ${region}`).toBeLessThan(0.01)
			expect(Math.abs(metOne - expectedToMeetOne), `seed ${seed}`).toBeLessThan(0.01)
		}
	})
})
