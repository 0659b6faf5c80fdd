/** Which rule of which virtual host a request is for. */
import { type Candidate, findCandidate, indexesFor } from '../../matching/ruleIndex.ts'
import type { CompiledRule } from '../compileRule.ts'
import type { CompiledSlice } from '../compileSlice.ts'
import type { Exchange } from '../exchange.ts'
import type { Refusal } from '../refusal.ts'
import type { ResolvedHost } from '../routingTable.ts'

/** Sets the exchange's rule. A virtual host without any route forwards to its service as usual (GAMMA, GEP-1294). */
export function match(exchange: Exchange, host: ResolvedHost): Refusal | undefined {
	const { virtualHost, indexes } = host
	const namespace = exchange.caller?.namespace
	const consumer = namespace === undefined ? undefined : virtualHost.consumers.get(namespace)
	let candidate: Candidate<CompiledRule> | undefined
	let isRouted = false
	// Consumer routes stand in for the Service's own for as long as their namespace has any (GEP-1294).
	if (consumer !== undefined) {
		candidate = findCandidate(indexesFor(consumer, exchange.host), exchange)
		isRouted = candidate !== undefined || anyFor(exchange, consumerRoutes(exchange, virtualHost))
	}
	if (!isRouted) {
		candidate = findCandidate(indexes, exchange)
		isRouted = candidate !== undefined || anyFor(exchange, virtualHost.slices.values())
	}
	const rule = candidate?.value ?? (isRouted ? undefined : virtualHost.defaultRule)
	if (rule === undefined) return { reason: 'no_matching_rule', host: exchange.host }
	exchange.rule = rule
	return undefined
}

/** A route for other ports of the Service is none for this request. */
function anyFor(exchange: Exchange, slices: Iterable<CompiledSlice>): boolean {
	for (const { isFor } of slices) if (isFor === undefined || isFor(exchange)) return true
	return false
}

function* consumerRoutes(
	{ caller }: Exchange,
	{ consumerSlices }: ResolvedHost['virtualHost'],
): Generator<CompiledSlice> {
	for (const { callerNamespace, compiled } of consumerSlices.values())
		if (callerNamespace === caller?.namespace) yield compiled
}
