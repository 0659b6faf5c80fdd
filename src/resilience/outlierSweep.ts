/**
 * Passive health by comparison: at the end of each interval, who did worse than the others.
 *
 * The rules are Envoy's ("Outlier detection": success rate, failure percentage). What Envoy lacks is a sense of chance: where all
 * succeed, its first endpoint with a single failure is an outlier. Here an endpoint must also have failed more than chance explains.
 */
import type { OutlierRules } from '../snapshot/trafficPolicy.ts'
import type { OutlierState } from './outliers.ts'

/**
 * − ln of the odds, one in a million, that an endpoint no worse than the others does so badly in an interval: the Chernoff bound
 * (W. Hoeffding, "Probability Inequalities for Sums of Bounded Random Variables", JASA 1963, theorem 1).
 */
const SURPRISE = Math.log(1_000_000)

/**
 * The endpoints to eject, worst first, and begins a new interval. To be called every `intervalMs`, or when traffic comes after that.
 * Whoever calls it asks `mayEject` for each. Requests that failed for want of a connection or of time are failures, too.
 */
export function sweep<T extends OutlierState>(rules: OutlierRules, states: readonly T[], now: number): T[] {
	const judged = states.filter((state) => now >= state.ejectedUntil)
	const outliers = new Set<T>([...bySuccessRate(rules, judged), ...byFailureShare(rules, judged)])
	const worstFirst = [...outliers].sort((a, b) => failureShareOf(b) - failureShareOf(a))
	for (const state of states) {
		state.requests = 0
		state.failures = 0
	}
	return worstFirst
}

const failureShareOf = ({ requests, failures }: OutlierState): number => failures / requests

function bySuccessRate<T extends OutlierState>({ successRate }: OutlierRules, states: readonly T[]): T[] {
	if (successRate === undefined) return []
	const known = withEnough(states, successRate)
	if (known.length === 0) return []
	const mean = known.reduce((sum, state) => sum + failureShareOf(state), 0) / known.length
	const variance = known.reduce((sum, state) => sum + (failureShareOf(state) - mean) ** 2, 0) / known.length
	const limit = mean + successRate.stdevFactor * Math.sqrt(variance)
	const requests = known.reduce((sum, state) => sum + state.requests, 0)
	const failures = known.reduce((sum, state) => sum + state.failures, 0)
	return known.filter((state) => {
		if (failureShareOf(state) <= limit + 1e-9) return false
		// What the others' share might be, by the rule of succession: that none has failed yet does not mean that none will.
		const usual = (failures - state.failures + 1) / (requests - state.requests + 2)
		return state.requests * divergence(failureShareOf(state), usual) > SURPRISE
	})
}

function byFailureShare<T extends OutlierState>({ failureShare }: OutlierRules, states: readonly T[]): T[] {
	if (failureShare === undefined) return []
	return withEnough(states, failureShare).filter((state) => failureShareOf(state) > failureShare.threshold)
}

/** Those with enough requests to be judged; none when they are too few to be compared. */
function withEnough<T extends OutlierState>(
	states: readonly T[],
	{ minimumHosts, minimumRequests }: { readonly minimumHosts: number; readonly minimumRequests: number },
): T[] {
	const known = states.filter(({ requests }) => requests >= Math.max(1, minimumRequests))
	return known.length >= minimumHosts ? known : []
}

/** How much a share `seen` surprises where `usual` (0 < usual < 1) was expected, per request: Kullback and Leibler's. */
function divergence(seen: number, usual: number): number {
	if (seen <= usual) return 0
	const rest = seen === 1 ? 0 : (1 - seen) * Math.log((1 - seen) / (1 - usual))
	return seen * Math.log(seen / usual) + rest
}
