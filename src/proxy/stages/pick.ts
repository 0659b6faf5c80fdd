/** Which backend of the rule, and which of its endpoints, a request goes to. */
import type { Balancer } from '../../snapshot/trafficPolicy.ts'
import type { Exchange } from '../exchange.ts'
import type { RoutingTable } from '../knowledge/routingTable.ts'
import type { Refusal } from '../refusal.ts'

/** A service that this isolate has not loaded yet. Not a refusal: the caller loads it and picks again. */
export interface Missing {
	readonly missing: string
}

/** Draws a backend. Its service is to be picked from next, by `pickEndpoint`, so that a load in between draws no second time. */
export function pickService(exchange: Exchange, table: RoutingTable): Refusal | Missing | undefined {
	const backend = exchange.rule!.backend(table.random())
	if ('invalid' in backend) return { reason: 'invalid_backend', detail: backend.invalid }
	exchange.backend = backend
	const service = table.services.get(backend.service)
	if (service === undefined) return { missing: backend.service }
	exchange.service = service
	return undefined
}

/** The rule's own, in place of its service's. */
export const balancerOf = ({ rule }: Exchange): Balancer | undefined => rule?.plan?.().traffic?.balancer

/** Chooses an endpoint, one not in `avoid` while there is another. `now` is in ms since the epoch. */
export function pickEndpoint(exchange: Exchange, now: number, avoid?: ReadonlySet<string>): Refusal | undefined {
	const endpoint = exchange.service!.pick(exchange, now, avoid, balancerOf(exchange))
	if (endpoint === undefined) return { reason: 'no_endpoint', service: exchange.service!.name }
	exchange.endpoint = endpoint
	return undefined
}
