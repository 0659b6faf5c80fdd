/** A service ready to be called: its endpoints with their prefixes cut, and one function that chooses. */
import { weightedChoice } from '../balancing/weighted.ts'
import type { ServiceName } from '../names.ts'
import type { Endpoint, ServiceTarget } from '../snapshot/snapshot.ts'
import { type EndpointState, type EndpointStates, reconcile } from './endpointState.ts'

export interface TargetEndpoint {
	readonly id: string
	/** Scheme, authority and path prefix, without a final `/`: a request's target is appended. */
	readonly base: string
	readonly state: EndpointState
}

export interface CompiledService {
	readonly name: ServiceName
	/** Undefined when no endpoint takes traffic. */
	readonly pick: () => TargetEndpoint | undefined
}

/** Equal weights go round robin; unequal ones are drawn in proportion. Either costs the same for 10 and 10,000 endpoints. */
export function compileService(target: ServiceTarget, states: EndpointStates, random: () => number): CompiledService {
	const state = reconcile(
		states,
		target.service,
		target.endpoints.map(({ id }) => id),
		random,
	)
	const weighted = target.endpoints.filter(({ weight }) => weight > 0)
	const endpoints = weighted.map(
		(endpoint): TargetEndpoint => ({
			id: endpoint.id,
			base: baseOf(endpoint),
			state: state.endpoints.get(endpoint.id)!,
		}),
	)
	const draw = weighted.every(({ weight }) => weight === weighted[0]!.weight)
		? undefined
		: weightedChoice(weighted.map(({ weight }) => weight))
	const pick = draw
		? () => endpoints[draw(random())]
		: () => {
				state.turn = (state.turn + 1) % Number.MAX_SAFE_INTEGER
				return endpoints[state.turn % endpoints.length]
			}
	return { name: target.service, pick }
}

function baseOf({ url }: Endpoint): string {
	return url.endsWith('/') ? url.slice(0, -1) : url
}
