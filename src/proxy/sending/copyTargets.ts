/** Whether a copy of a request may go to another service: whom that would refuse, or ask somebody about, it gets no copy of. */
import { verdictOn } from '../access/access.ts'
import type { CompiledService } from '../compile/compileService.ts'
import type { Exchange } from '../exchange.ts'
import type { RoutingTable } from '../knowledge/routingTable.ts'
import type { ProxyPorts, Scope } from '../ports.ts'
import { userSeenBy } from '../stages/authenticate.ts'
import type { Users } from '../users/users.ts'

/** Every token of the request that the other service's rules would look at must be one that they believe, wherever it was shown. */
export async function mayCopyTo(
	exchange: Exchange,
	service: CompiledService,
	users: Users,
	table: RoutingTable,
	ports: Pick<ProxyPorts, 'now' | 'wait' | 'issuerKeys'>,
	scope: Scope,
): Promise<boolean> {
	const user = await userSeenBy(service, asItCame(exchange), users, table, ports, scope)
	return (user === undefined || !('reason' in user)) && admitsCopy(exchange, service, user, table)
}

/** With the tokens that its own service did not get. */
const asItCame = (exchange: Exchange): Exchange => ({
	...exchange,
	target: exchange.path + new URL(exchange.request.url).search,
})

/** What policies say, with the user as the other service would see one. */
export function admitsCopy(
	exchange: Exchange,
	service: CompiledService,
	user: Exchange['user'],
	table: RoutingTable,
): boolean {
	const { target, path, authority } = exchange
	const copy: Exchange = { ...exchange, service, user }
	delete copy.userEdits
	const query = target.slice(path.length)
	const verdict = verdictOn(copy, () => ({ path, query, authority }), service.userFields, table, false)
	return verdict === undefined || (!('reason' in verdict) && verdict.allowed && verdict.authorizers.length === 0)
}
