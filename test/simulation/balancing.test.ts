/** What the balancers are worth, on endpoints that are not equal, seen from one isolate and from twenty. */
import { describe, expect, it } from 'vitest'
import { balancingTables } from './balancingTables.ts'
import { latenciesOf, PACES, WORLDS, weightError } from './balancingWorlds.ts'

/** How much of round robin's p99 peak EWMA may have, and how far above the best possible it may be; for each of the seeds. */
const BOUNDS: Readonly<Record<keyof typeof WORLDS, { readonly ofRoundRobin: number; readonly ofBest: number }>> = {
	'all equal, 65 %': { ofRoundRobin: 1.05, ofBest: 1.1 },
	// Round robin gives the slow endpoint more than it can do: its queue grows as long as the run lasts.
	'one 10 × slower, 65 %': { ofRoundRobin: 1 / 100, ofBest: 1.15 },
	'one 10 × slower, 6 %': { ofRoundRobin: 1 / 3, ofBest: 1.15 },
	'one stalls 5 % for 1 s, 65 %': { ofRoundRobin: 1 / 100, ofBest: 1.15 },
	'one 10 × slower, 65 %, 20 isolates': { ofRoundRobin: 1 / 100, ofBest: 1.25 },
	'one stalls 5 % for 1 s, 65 %, 20 isolates': { ofRoundRobin: 1 / 100, ofBest: 1.25 },
}

describe('peak EWMA', () => {
	it.each(Object.entries(BOUNDS))('keeps the p99 near the best possible: %s', (name, { ofRoundRobin, ofBest }) => {
		const world = WORLDS[name as keyof typeof WORLDS]
		const [ewma, roundRobin, best] = [
			latenciesOf(world, 'peak EWMA'),
			latenciesOf(world, 'round robin'),
			latenciesOf(world, 'best possible'),
		]
		for (const [i, { seed, p99 }] of ewma.entries()) {
			expect(p99, `seed ${seed}`).toBeLessThan(ofRoundRobin * roundRobin[i]!.p99)
			expect(p99, `seed ${seed}`).toBeLessThan(ofBest * best[i]!.p99)
		}
	})
})

describe('least request', () => {
	it('keeps a slow endpoint from being overrun, but does not see as well as peak EWMA', () => {
		const world = WORLDS['one 10 × slower, 65 %, 20 isolates']
		const [least, ewma, roundRobin] = [
			latenciesOf(world, 'least request'),
			latenciesOf(world, 'peak EWMA'),
			latenciesOf(world, 'round robin'),
		]
		for (const [i, { seed, p99 }] of least.entries()) {
			expect(p99, `seed ${seed}`).toBeLessThan(roundRobin[i]!.p99 / 20)
			expect(p99, `seed ${seed}`).toBeGreaterThan(2 * ewma[i]!.p99)
		}
	})
})

const WEIGHTS = [
	[1, 3],
	[1, 2, 3, 4],
	[1, 10],
	[1, 1, 1, 1, 20],
]

describe('weights', () => {
	it.each([
		['random', true, 1],
		['least request', true, 1],
		['peak EWMA', true, 2],
		['least request', false, 1],
		['peak EWMA', false, 2],
	] as const)(
		'are kept by %s where latencies are equal (each time: %s) within %i points',
		(policy, isSteady, points) => {
			for (const weights of WEIGHTS)
				for (const [pace, traffic] of Object.entries(PACES)) {
					const error = weightError(weights, policy, traffic, isSteady)
					expect(100 * error, `${weights}, ${pace}`).toBeLessThan(points)
				}
		},
	)
})

describe('in the first second of an isolate, when no peak is forgotten yet', () => {
	it('peak EWMA leans towards even shares by 5 points at most', () => {
		for (const weights of WEIGHTS) {
			const error = weightError(weights, 'peak EWMA', { utilisation: 0.6, meanMs: 10 }, false)
			expect(100 * error, `${weights}`).toBeLessThan(5)
		}
	})
})

describe('the tables for the page of results', () => {
	it('have a row for each world, hash and balancer, and figures in each column', () => {
		const name = 'all equal, 65 %'
		const [latencies, hashes, costs] = balancingTables({ [name]: WORLDS[name] }, [3, 10], [10, 100])
			.split('\n\n')
			.map((table) => table.split('\n').slice(2))
		expect(latencies).toEqual([expect.stringMatching(/^\| all equal, 65 % (\| \d+(–\d+)? +){5}\|$/)])
		expect(hashes).toHaveLength(4)
		for (const row of hashes!)
			expect(row).toMatch(/^\| (ring hash|Maglev {3}) (\| \d+ +){1}(\| [\d.]+ % +){2}\| [\d.]+ +\|$/)
		expect(costs).toHaveLength(7)
		for (const row of costs!) expect(row).toMatch(/^\| [^|]+ (\| [\d,]+ +){2}\|$/)
	})
})
