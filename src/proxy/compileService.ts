/** A service ready to be called: its endpoints with their prefixes cut, and one function that chooses. */
import { endpointToken } from '../balancing/session.ts'
import { weightedChoice } from '../balancing/weighted.ts'
import type { ServiceName } from '../names.ts'
import type { Endpoint, ServiceTarget } from '../snapshot/snapshot.ts'
import { type CompiledCredential, compileCredential } from './compileCredential.ts'
import { type EndpointState, type EndpointStates, reconcile } from './endpointState.ts'

export interface TargetEndpoint {
	readonly id: string
	/** Scheme, authority and path prefix, without a final `/`: a request's target is appended. */
	readonly base: string
	readonly state: EndpointState
}

export interface CompiledService {
	readonly name: ServiceName
	/** Undefined when no endpoint takes traffic. One of those to avoid, by id, only when there is no other. */
	readonly pick: (avoid?: ReadonlySet<string>) => TargetEndpoint | undefined
	/** The endpoint of a session, by its token. Also one of weight 0: who is there may stay. */
	readonly find: (token: string) => TargetEndpoint | undefined
	/** As the snapshot has them, with their weights. */
	readonly endpoints: readonly Endpoint[]
	/** Outside the mesh: it is told nothing of who calls. */
	readonly external: boolean
	/** What the mesh adds to each request. */
	readonly credential: CompiledCredential | undefined
}

/** Equal weights go round robin; unequal ones are drawn in proportion. Either costs the same for 10 and 10,000 endpoints. */
export function compileService(target: ServiceTarget, states: EndpointStates, random: () => number): CompiledService {
	const state = reconcile(
		states,
		target.service,
		target.endpoints.map(({ id }) => id),
		random,
	)
	const compiled = target.endpoints.map(
		(endpoint): TargetEndpoint => ({
			id: endpoint.id,
			base: baseOf(endpoint),
			state: state.endpoints.get(endpoint.id)!,
		}),
	)
	const weighted = target.endpoints.filter(({ weight }) => weight > 0)
	const endpoints = compiled.filter((_, i) => target.endpoints[i]!.weight > 0)
	const draw = weighted.every(({ weight }) => weight === weighted[0]!.weight)
		? undefined
		: weightedChoice(weighted.map(({ weight }) => weight))
	const next = draw
		? () => draw(random())
		: () => {
				state.turn = (state.turn + 1) % Number.MAX_SAFE_INTEGER
				return state.turn % endpoints.length
			}
	let byToken: ReadonlyMap<string, TargetEndpoint> | undefined
	const { external = false, credential } = target
	return {
		name: target.service,
		pick: (avoid) => {
			const at = next()
			const endpoint = endpoints[at]
			return avoid === undefined || endpoint === undefined || !avoid.has(endpoint.id)
				? endpoint
				: (another(endpoints, at, avoid) ?? endpoint)
		},
		find: (token) => {
			byToken ??= new Map(compiled.map((endpoint) => [endpointToken(target.service, endpoint.id), endpoint]))
			return byToken.get(token)
		},
		endpoints: target.endpoints,
		external,
		credential: credential === undefined ? undefined : compileCredential(credential),
	}
}

/** The first one after `at` that is not to be avoided. */
function another(
	endpoints: readonly TargetEndpoint[],
	at: number,
	avoid: ReadonlySet<string>,
): TargetEndpoint | undefined {
	for (let i = 1; i < endpoints.length; i++) {
		const endpoint = endpoints[(at + i) % endpoints.length]!
		if (!avoid.has(endpoint.id)) return endpoint
	}
	return undefined
}

function baseOf({ url }: Endpoint): string {
	return url.endsWith('/') ? url.slice(0, -1) : url
}
