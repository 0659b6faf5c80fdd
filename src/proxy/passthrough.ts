/** Requests to hosts that nobody registered, where the mesh lets them through: sent on to the very URL that they ask for. */
import { isInDomain, unreachable } from '../hosts.ts'
import { type CompiledRule, ruleTo } from './compile/compileRule.ts'
import type { CompiledService } from './compile/compileService.ts'
import { NO_USERS } from './compile/compileUsers.ts'
import { DEFAULT_PEERS } from './compile/defaultPeers.ts'
import { DEFAULT_TRAFFIC } from './compile/defaultTraffic.ts'
import type { TargetEndpoint } from './compile/targetEndpoint.ts'
import type { Exchange } from './exchange.ts'
import { newEndpointState, newServiceState } from './knowledge/endpointState.ts'
import type { RoutingTable } from './knowledge/routingTable.ts'

/** What stands in for the rule, service and endpoint that nobody wrote. They have no names. */
export interface Passthrough {
	readonly rule: CompiledRule
	readonly service: CompiledService
	readonly endpoint: TargetEndpoint
}

/**
 * The way out for a request whose host the mesh does not know; undefined where there is none: while only what is registered may
 * be called, for hosts that are the mesh's own to answer, and for hosts that the platform cannot reach or that only the
 * machine's own network knows, unless the proxy runs where those are fine.
 *
 * The host is judged as URL parsing leaves it: `0x7f.1` is an address, not a name.
 */
export function passthrough(table: RoutingTable, { scheme, authority }: Exchange): Passthrough | undefined {
	const base = `${scheme}://${authority}`
	if (table.egress !== 'allowAny' || !URL.canParse(base)) return undefined
	const { protocol, hostname } = new URL(base)
	const host = hostname.replace(/\.$/, '')
	if (protocol !== 'http:' && protocol !== 'https:') return undefined
	if (isInDomain(host, table.meshDomain)) return undefined
	if (table.addresses === 'names' && unreachable(host) !== undefined) return undefined
	const endpoint: TargetEndpoint = { id: authority, base, state: newEndpointState() }
	const service: CompiledService = {
		name: '',
		pick: () => endpoint,
		find: () => undefined,
		endpoints: [],
		external: true,
		credential: undefined,
		traffic: DEFAULT_TRAFFIC,
		peers: DEFAULT_PEERS,
		...NO_USERS,
		access: [],
		state: newServiceState(0),
		isManaged: false,
	}
	return { rule: ruleTo(''), service, endpoint }
}
