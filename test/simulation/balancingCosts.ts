/** What one choice costs, in a loop, without a request around it. */
import { type Candidate, newLoad } from '../../src/balancing/endpointLoad.ts'
import { hashKey } from '../../src/balancing/hashKey.ts'
import { leastRequest } from '../../src/balancing/leastRequest.ts'
import { peakEwma } from '../../src/balancing/peakEwma.ts'
import { seeded } from '../random.ts'
import { endpointsOf, HASHES } from './balancingHashing.ts'

export const SIZES = [10, 100, 10_000]
const CHOICES = 100_000
const ROUNDS = 5
const NOW = 1_800_000_000_000

/** ns of a choice, the best of some rounds: a machine with other work makes it slower, never quicker. */
export function costsOf(size: number): Readonly<Record<string, number>> {
	const random = seeded(size)
	const even = candidatesOf(size, random, () => 1)
	const uneven = candidatesOf(size, random, (i) => 1 + (i % 3))
	const keys = Array.from({ length: 1_024 }, (_, i) => `customer-${i}-${Math.floor(random() * 1e9)}@example.com`)
	const ways: Readonly<Record<string, (i: number) => number>> = {
		'least request': choosing(leastRequest(even, 2), random),
		'least request, weights': choosing(leastRequest(uneven, 2), random),
		'peak EWMA': choosing(peakEwma(even, 2, 10_000), random),
		'peak EWMA, weights': choosing(peakEwma(uneven, 2, 10_000), random),
		'peak EWMA, 10 choices': choosing(peakEwma(even, 10, 10_000), random),
	}
	const hashing = Object.entries(HASHES).map(([name, make]) => {
		const choose = make(endpointsOf(size))
		return [name, (i: number) => choose(hashKey(keys[i % keys.length]!))!] as const
	})
	return Object.fromEntries([...Object.entries(ways), ...hashing].map(([name, way]) => [name, nanosOf(way)]))
}

const choosing = (choose: ReturnType<typeof leastRequest>, random: () => number) => () => choose(NOW, random)!

const candidatesOf = (size: number, random: () => number, weightOf: (i: number) => number): Candidate[] =>
	Array.from({ length: size }, (_, i) => {
		const load = Object.assign(newLoad(), { inFlight: Math.floor(5 * random()), ewmaMs: 10 + 90 * random() })
		return { weight: weightOf(i), load: Object.assign(load, { ewmaAt: NOW - 1_000 * random() }) }
	})

function nanosOf(way: (i: number) => number): number {
	let best = Number.POSITIVE_INFINITY
	let sum = 0
	for (let round = 0; round < ROUNDS; round++) {
		const startedAt = performance.now()
		for (let i = 0; i < CHOICES; i++) sum += way(i)
		best = Math.min(best, ((performance.now() - startedAt) * 1e6) / CHOICES)
	}
	if (!(sum >= 0)) throw new Error('something was not chosen')
	return best
}
