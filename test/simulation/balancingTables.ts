/** The balancers' simulations as Markdown, for the page of results. */
import { fixed, table } from '../../scripts/bench/report.ts'
import { costsOf, SIZES } from './balancingCosts.ts'
import { endpointsOf, evenness, HASHES, type Hash, removal } from './balancingHashing.ts'
import { POLICIES } from './balancingPolicies.ts'
import type { World } from './balancingQueue.ts'
import { type Latency, latenciesOf, type Policy, WORLDS } from './balancingWorlds.ts'

/** Latencies, keys that move, and costs. Takes about ten seconds, unless it is asked for less. */
export const balancingTables = (
	worlds: Readonly<Record<string, World>> = WORLDS,
	hashed: readonly number[] = [3, 10, 100],
	sizes: readonly number[] = SIZES,
): string => [latencyTable(worlds), hashTable(hashed), costTable(sizes)].join('\n\n')

/** p99 in ms, lowest and highest of the seeds. */
function latencyTable(worlds: Readonly<Record<string, World>>): string {
	const policies = Object.keys(POLICIES) as Policy[]
	const rows = Object.entries(worlds).map(([name, world]) => [
		name,
		...policies.map((policy) => span(latenciesOf(world, policy))),
	])
	return table(['p99, ms', ...policies], rows)
}

function span(latencies: readonly Latency[]): string {
	const p99s = latencies.map(({ p99 }) => p99)
	const [low, high] = [fixed(Math.min(...p99s)), fixed(Math.max(...p99s))]
	return low === high ? low : `${low}–${high}`
}

/** What one endpoint's leaving does, and how far the most loaded endpoint is above the mean. */
function hashTable(sizes: readonly number[]): string {
	const rows = (Object.keys(HASHES) as Hash[]).flatMap((kind) =>
		sizes.map((size) => {
			const { owned, moved } = removal(kind, size, 1)
			const most = Math.max(...evenness(kind, endpointsOf(size)))
			return [kind, fixed(size), percent(owned), percent(moved), fixed(most, 2)]
		}),
	)
	return table(['', 'endpoints', 'keys of the one that leaves', 'other keys that move', 'most ÷ mean'], rows)
}

const percent = (share: number): string => `${fixed(100 * share, 2)} %`

/** ns of one choice. */
function costTable(sizes: readonly number[]): string {
	const costs = sizes.map(costsOf)
	const names = Object.keys(costs[0]!)
	return table(
		['ns per choice', ...sizes.map((size) => `${fixed(size)} endpoints`)],
		names.map((name) => [name, ...costs.map((each) => fixed(each[name]!))]),
	)
}
