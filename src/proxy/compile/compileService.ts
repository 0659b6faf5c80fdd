/** A service ready to be called: its endpoints with their prefixes cut, one function that chooses, and what its policies ask for. */
import type { CompiledAccess } from '../../authorization/compileAccess.ts'
import { endpointToken } from '../../balancing/session.ts'
import type { ServiceName } from '../../names.ts'
import type { PeerRules } from '../../snapshot/peerAuthentication.ts'
import type { Endpoint, ServiceTarget } from '../../snapshot/snapshot.ts'
import type { Balancer, TrafficRules } from '../../snapshot/trafficPolicy.ts'
import { type EndpointStates, reconcile, type ServiceState } from '../knowledge/endpointState.ts'
import { type ChooseEndpoint, compileBalancer } from '../sending/balancer.ts'
import type { Asking } from '../sending/hashOn.ts'
import { type CompiledCredential, compileCredential } from './compileCredential.ts'
import { type CompiledUsers, NO_USERS } from './compileUsers.ts'
import { type CompiledPeers, DEFAULT_PEERS } from './defaultPeers.ts'
import { DEFAULT_TRAFFIC, type ServiceTraffic } from './defaultTraffic.ts'
import type { BalancedEndpoint, TargetEndpoint } from './targetEndpoint.ts'

export interface CompiledService extends CompiledUsers {
	readonly name: ServiceName
	/**
	 * The endpoint for a request, at `now` (ms since the epoch). Undefined when none takes traffic. One of those to avoid, by id, only
	 * when there is no other.
	 */
	readonly pick: (
		asking: Asking,
		now: number,
		avoid?: ReadonlySet<string>,
		/** The rule's own, in place of the service's. */
		balancer?: Balancer,
	) => TargetEndpoint | undefined
	/** The endpoint of a session, by its token. Also one of weight 0: who is there may stay. */
	readonly find: (token: string) => TargetEndpoint | undefined
	/** As the snapshot has them, with their weights. */
	readonly endpoints: readonly Endpoint[]
	/** Outside the mesh: it is told nothing of who calls. */
	readonly external: boolean
	/** What the mesh adds to each request. */
	readonly credential: CompiledCredential | undefined
	readonly traffic: ServiceTraffic
	readonly peers: CompiledPeers
	/** Who may call it: the policies of mesh, namespace and Service, those that have any. */
	readonly access: readonly CompiledAccess[]
	readonly state: ServiceState
	/** Whether each request must be admitted, timed or hedged. Of most services it is sent on, and that is all. */
	readonly isManaged: boolean
}

/** What the rest of the mesh has to say about a service. */
export interface ServiceContext {
	/** Of mesh, namespace and Service, the nearest one's field each. */
	readonly traffic: TrafficRules
	readonly peers?: PeerRules
	readonly users?: CompiledUsers
	readonly access?: readonly CompiledAccess[]
	/** Where this isolate runs. */
	readonly region: string
	/** ms since the epoch. */
	readonly now: number
}

export function compileService(
	target: ServiceTarget,
	states: EndpointStates,
	random: () => number,
	{ traffic: asked, peers, users = NO_USERS, access = [], region, now }: ServiceContext,
): CompiledService {
	const ids = target.endpoints.map(({ id }) => id)
	const state = reconcile(states, target.service, ids, random, now)
	const traffic: ServiceTraffic = { ...DEFAULT_TRAFFIC, ...asked }
	const endpoints = target.endpoints.map((endpoint) => balanced(endpoint, state))
	const weighted = endpoints.filter(({ weight }) => weight > 0)
	const choosing = (balancer: Balancer) => compileBalancer(weighted, state, { ...traffic, balancer }, region, random)
	const choose = choosing(traffic.balancer)
	const ofRules = new WeakMap<Balancer, ChooseEndpoint>()
	let byToken: ReadonlyMap<string, TargetEndpoint> | undefined
	const { external = false, credential } = target
	return {
		name: target.service,
		pick: (asking, now, avoid, balancer) => {
			if (balancer === undefined) return choose(asking, now, avoid)
			const ofRule = ofRules.get(balancer) ?? choosing(balancer)
			ofRules.set(balancer, ofRule)
			return ofRule(asking, now, avoid)
		},
		find: (token) => {
			byToken ??= new Map(endpoints.map((endpoint) => [endpointToken(target.service, endpoint.id), endpoint]))
			return byToken.get(token)
		},
		endpoints: target.endpoints,
		external,
		credential: credential === undefined ? undefined : compileCredential(credential),
		traffic,
		peers: { ...DEFAULT_PEERS, ...peers },
		...users,
		access,
		state,
		isManaged: isManaged(asked),
	}
}

function isManaged({ limits, adaptive, hedging, timeouts, retry, retryBudget }: TrafficRules): boolean {
	if (limits !== undefined || adaptive !== undefined || hedging !== undefined) return true
	// The form over an interval counts every request.
	return timeouts !== undefined || retry !== undefined || retryBudget?.of === 'interval'
}

function balanced(endpoint: Endpoint, state: ServiceState): BalancedEndpoint {
	const { id, weight, locality, unhealthy = false, joinedAt } = endpoint
	const place = locality === undefined ? {} : { locality }
	return { id, base: baseOf(endpoint), state: state.endpoints.get(id)!, weight, ...place, unhealthy, joinedAt }
}

function baseOf({ url }: Endpoint): string {
	return url.endsWith('/') ? url.slice(0, -1) : url
}
