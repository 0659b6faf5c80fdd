/** What an isolate has learnt about endpoints. It outlives snapshots: a new revision must not make the mesh forget. */
import type { ServiceName } from '../names.ts'

export interface EndpointState {
	/** Requests sent and not answered yet. */
	inFlight: number
}

export interface ServiceState {
	/** Where round robin goes on. */
	turn: number
	readonly endpoints: Map<string, EndpointState>
}

export type EndpointStates = Map<ServiceName, ServiceState>

/** The state of a service and exactly the endpoints named: known ones keep theirs, vanished ones are forgotten. */
export function reconcile(
	states: EndpointStates,
	service: ServiceName,
	ids: readonly string[],
	random: () => number,
): ServiceState {
	// Isolates start at different places, so that a fresh fleet does not begin with the same endpoint.
	const state = states.get(service) ?? { turn: Math.floor(random() * 1_000_000), endpoints: new Map() }
	states.set(service, state)
	const current = new Set(ids)
	for (const id of state.endpoints.keys()) if (!current.has(id)) state.endpoints.delete(id)
	for (const id of ids) if (!state.endpoints.has(id)) state.endpoints.set(id, { inFlight: 0 })
	return state
}
