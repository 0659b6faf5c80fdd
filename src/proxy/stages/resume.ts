/** Whether a request belongs to a session, and so to an endpoint that it has met before (GEP-1619). */
import { readSession } from '../../balancing/session.ts'
import type { Plan } from '../compile/compileRule.ts'
import type { Exchange } from '../exchange.ts'
import type { RoutingTable } from '../knowledge/routingTable.ts'
import type { Missing } from './pick.ts'

/**
 * Sets backend, service and endpoint where the session's endpoint is still one of the rule's; its backend's weight does not matter.
 * `resumed: false` without a session, or when its endpoint is gone: the request is placed like any other, and gets a new one.
 */
export function resume(
	exchange: Exchange,
	{ session, backends }: Plan,
	table: RoutingTable,
): { readonly resumed: boolean } | Missing {
	const none = { resumed: false }
	if (session === undefined) return none
	const nowSeconds = Math.floor(exchange.startedAt / 1_000)
	const held = readSession(session, exchange.header('cookie'), exchange.header(session.name), nowSeconds)
	if (held === undefined) return none
	for (const backend of backends) {
		if ('invalid' in backend) continue
		const service = table.services.get(backend.service)
		if (service === undefined) return { missing: backend.service }
		const endpoint = service.find(held.token)
		if (endpoint === undefined) continue
		exchange.backend = backend
		exchange.service = service
		exchange.endpoint = endpoint
		return { resumed: true }
	}
	return none
}
