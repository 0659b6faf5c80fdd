/** The balancers that are compared: the mesh's own, round robin, and one that knows everything. */
import { leastRequest } from '../../src/balancing/leastRequest.ts'
import { observeLatency, peakEwma } from '../../src/balancing/peakEwma.ts'
import { weightedChoice } from '../../src/balancing/weighted.ts'
import type { Balancing } from './balancingQueue.ts'

const DECAY_MS = 10_000

/** Each isolate begins somewhere else. */
const roundRobin: Balancing = (servers) => {
	let turn: number | undefined
	return {
		choose: (_, random) => {
			turn = turn === undefined ? Math.floor(random() * servers.length) : (turn + 1) % servers.length
			return turn
		},
		observe: () => {},
	}
}

const random: Balancing = (servers) => {
	const draw = weightedChoice(servers.map(({ weight }) => weight))!
	return { choose: (_, drawn) => draw(drawn()), observe: () => {} }
}

const least: Balancing = (servers) => ({ choose: leastRequest(servers, 2), observe: () => {} })

const ewma: Balancing = (servers) => ({
	choose: peakEwma(servers, 2, DECAY_MS),
	observe: (at, latencyMs, now) => observeLatency(servers[at]!.load, latencyMs, now, DECAY_MS),
})

/** Sees every queue, and knows how quick each server is on average: the least expected completion. No balancer can know that. */
const oracle: Balancing = (_, queueMs, { servers }) => ({
	choose: () => {
		let best = 0
		let least = Number.POSITIVE_INFINITY
		servers.forEach(({ meanMs, stallShare, stallMs }, at) => {
			const expected = queueMs(at) + meanMs + stallShare * stallMs
			if (expected < least) [best, least] = [at, expected]
		})
		return best
	},
	observe: () => {},
})

export const POLICIES = {
	'round robin': roundRobin,
	random,
	'least request': least,
	'peak EWMA': ewma,
	'best possible': oracle,
} satisfies Readonly<Record<string, Balancing>>
