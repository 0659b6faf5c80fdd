/** Which rule of which virtual host a request is for. */
import { findCandidate } from '../../matching/ruleIndex.ts'
import type { Exchange } from '../exchange.ts'
import type { Refusal } from '../refusal.ts'
import type { ResolvedHost } from '../routingTable.ts'

/** Sets the exchange's rule. A virtual host without any route forwards to its service as usual (GAMMA, GEP-1294). */
export function match(exchange: Exchange, { virtualHost, indexes }: ResolvedHost): Refusal | undefined {
	const candidate = findCandidate(indexes, exchange)
	const rule = candidate?.value ?? (virtualHost.slices.size === 0 ? virtualHost.defaultRule : undefined)
	if (rule === undefined) return { reason: 'no_matching_rule', host: exchange.host }
	exchange.rule = rule
	return undefined
}
