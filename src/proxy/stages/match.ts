/** Which rule of which virtual host a request is for. */
import { type Candidate, findCandidate, indexesFor } from '../../matching/ruleIndex.ts'
import type { CompiledRule } from '../compileRule.ts'
import type { Exchange } from '../exchange.ts'
import type { Refusal } from '../refusal.ts'
import type { ResolvedHost } from '../routingTable.ts'

/** Sets the exchange's rule. A virtual host without any route forwards to its service as usual (GAMMA, GEP-1294). */
export function match(exchange: Exchange, host: ResolvedHost): Refusal | undefined {
	const { virtualHost, indexes } = host
	const own = exchange.caller === undefined ? undefined : virtualHost.consumers.get(exchange.caller.namespace)
	// Consumer routes stand in for the Service's own for as long as their namespace has any (GEP-1294).
	const candidate: Candidate<CompiledRule> | undefined =
		own === undefined ? findCandidate(indexes, exchange) : findCandidate(indexesFor(own, exchange.host), exchange)
	const hasRoutes = own !== undefined || virtualHost.slices.size > 0
	const rule = candidate?.value ?? (hasRoutes ? undefined : virtualHost.defaultRule)
	if (rule === undefined) return { reason: 'no_matching_rule', host: exchange.host }
	exchange.rule = rule
	return undefined
}
