/** What an isolate has learnt about endpoints and services. It outlives snapshots: a new revision must not make the mesh forget. */
import { type EndpointLoad, newLoad } from '../../balancing/endpointLoad.ts'
import type { HashTables } from '../../balancing/hashTables.ts'
import type { Pushback } from '../../balancing/pushback.ts'
import type { ServiceName } from '../../names.ts'
import type { AdaptiveState } from '../../resilience/adaptiveConcurrency.ts'
import type { RecentLatencies } from '../../resilience/hedging.ts'
import { createLeasedCount, type LeasedCount } from '../../resilience/leasedCount.ts'
import type { LimitState, Slot } from '../../resilience/limits.ts'
import { createOutlierState, type OutlierState } from '../../resilience/outliers.ts'
import type { RetryBudget } from '../../resilience/retryBudget.ts'

export interface EndpointState {
	/** Its `inFlight` is the count of `underWay`. */
	readonly load: EndpointLoad
	readonly underWay: LeasedCount
	readonly outlier: OutlierState
	pushback: Pushback | undefined
	/** When this isolate first heard of it beside others, in ms since the epoch. Undefined: it was there from the beginning. */
	readonly seenAt: number | undefined
}

export interface ServiceState {
	/** Where round robin goes on. */
	turn: number
	readonly endpoints: Map<string, EndpointState>
	/** Grows whenever an endpoint's availability or weight changes, so that balancers look again. */
	changes: number
	/** Compiling anew, for a label or another policy, must not build them anew. */
	readonly hashTables: HashTables
	readonly underWay: LeasedCount
	/** By what they go by: those of the service, and of routes to it. */
	readonly budgets: Map<string, RetryBudget>
	/** When outliers were last looked for by comparison. */
	sweptAt: number
	// What follows is there once a policy asks for it.
	limits: LimitState | undefined
	/** Whoever waits for a slot, the longest first. */
	readonly waiting: Waiter[]
	adaptive: AdaptiveState | undefined
	latencies: RecentLatencies | undefined
}

export interface Waiter {
	readonly go: (slot: Slot) => void
	/** ms since the epoch. */
	readonly until: number
}

export type EndpointStates = Map<ServiceName, ServiceState>

/** A request is believed to be under way for so long without a word of its end: the platform ends requests without telling. */
export const REQUEST_LEASE_MS = 300_000

export const newEndpointState = (seenAt?: number): EndpointState => ({
	load: newLoad(),
	underWay: createLeasedCount(REQUEST_LEASE_MS),
	outlier: createOutlierState(),
	pushback: undefined,
	seenAt,
})

export const newServiceState = (turn: number): ServiceState => ({
	turn,
	endpoints: new Map(),
	changes: 0,
	hashTables: new Map(),
	underWay: createLeasedCount(REQUEST_LEASE_MS),
	budgets: new Map(),
	sweptAt: 0,
	limits: undefined,
	waiting: [],
	adaptive: undefined,
	latencies: undefined,
})

/**
 * The state of a service and exactly the endpoints named: known ones keep theirs, vanished ones are forgotten. `now` is in ms since
 * the epoch.
 */
export function reconcile(
	states: EndpointStates,
	service: ServiceName,
	ids: readonly string[],
	random: () => number,
	now: number,
): ServiceState {
	const known = states.get(service)
	// Isolates start at different places, so that a fresh fleet does not begin with the same endpoint.
	const state = known ?? newServiceState(Math.floor(random() * 1_000_000))
	states.set(service, state)
	const current = new Set(ids)
	for (const id of state.endpoints.keys()) if (!current.has(id)) state.endpoints.delete(id)
	// Only what joins others is new: when all are, there is nobody to take the load meanwhile.
	const seenAt = state.endpoints.size > 0 ? now : undefined
	for (const id of ids) if (!state.endpoints.has(id)) state.endpoints.set(id, newEndpointState(seenAt))
	state.changes++
	return state
}
