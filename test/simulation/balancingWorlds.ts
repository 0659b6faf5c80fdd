/** The worlds in which balancers are compared, and what their latencies come to. */
import { POLICIES } from './balancingPolicies.ts'
import { quantile, run, type Server, server, type World } from './balancingQueue.ts'

const SEEDS = [1, 2, 3, 4, 5]
const REQUESTS = 25_000

export type Policy = keyof typeof POLICIES

const ten = (tenth: Partial<Server>): Server[] => Array.from({ length: 10 }, (_, i) => server(i === 9 ? tenth : {}))
const world = (tenth: Partial<Server>, utilisation: number, isolates: number): World => ({
	servers: ten(tenth),
	utilisation,
	isolates,
	requests: REQUESTS,
})
const SLOW = { meanMs: 100 }
const STALLING = { stallShare: 0.05, stallMs: 1_000 }

/** Ten endpoints of four workers and 10 ms each, except for the tenth. */
export const WORLDS = {
	'all equal, 65 %': world({}, 0.65, 1),
	'one 10 × slower, 65 %': world(SLOW, 0.65, 1),
	'one 10 × slower, 6 %': world(SLOW, 0.06, 1),
	'one stalls 5 % for 1 s, 65 %': world(STALLING, 0.65, 1),
	'one 10 × slower, 65 %, 20 isolates': world(SLOW, 0.65, 20),
	'one stalls 5 % for 1 s, 65 %, 20 isolates': world(STALLING, 0.65, 20),
} satisfies Readonly<Record<string, World>>

export interface Latency {
	readonly seed: number
	readonly p50: number
	readonly p99: number
}

/** One for each seed. */
export function latenciesOf(world: World, policy: Policy): Latency[] {
	return SEEDS.map((seed) => {
		const { latencies } = run(world, POLICIES[policy], seed)
		return { seed, p50: quantile(latencies, 0.5), p99: quantile(latencies, 0.99) }
	})
}

interface Pace {
	readonly utilisation: number
	readonly meanMs: number
}

/** For each 1 of weight. All runs last several times as long as latencies are remembered. */
export const PACES = {
	'a request in ten seconds': { utilisation: 1e-5, meanMs: 10 },
	'100 requests a second': { utilisation: 0.01, meanMs: 10 },
	'60 requests a second, and 60 under way': { utilisation: 0.6, meanMs: 1_000 },
} satisfies Readonly<Record<string, Pace>>

/** Share points between what each server got and its weight, the largest of all; the mean over the seeds, so that chance cancels out. */
export function weightError(
	weights: readonly number[],
	policy: Policy,
	{ utilisation, meanMs }: Pace,
	isSteady: boolean,
): number {
	// With workers in plenty, the load makes no latency longer.
	const servers = weights.map((weight) => server({ weight, workers: 100 * weight, meanMs, isSteady }))
	const total = weights.reduce((sum, weight) => sum + weight, 0)
	const runs = SEEDS.map((seed) =>
		run({ servers, utilisation, isolates: 1, requests: REQUESTS }, POLICIES[policy], seed),
	)
	const errors = weights.map((weight, i) => {
		const share = runs.reduce((sum, { shares }) => sum + shares[i]!, 0) / runs.length
		return Math.abs(share - weight / total)
	})
	return Math.max(...errors)
}
