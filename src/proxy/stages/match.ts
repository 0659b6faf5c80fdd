/** Which rule of which virtual host a request is for. */
import { type Candidate, findCandidate, indexesFor } from '../../matching/ruleIndex.ts'
import type { CompiledRule } from '../compile/compileRule.ts'
import type { CompiledSlice } from '../compile/compileSlice.ts'
import type { Exchange } from '../exchange.ts'
import { type Knowledge, learnNamespace } from '../knowledge/knowledge.ts'
import { type ResolvedHost, resolveHost } from '../knowledge/routingTable.ts'
import type { ProxyPorts, Scope } from '../ports.ts'
import type { Refusal } from '../refusal.ts'
import type { Users } from '../users/users.ts'
import { userOfRoute } from './authenticate.ts'

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

interface Means {
	readonly knowledge: Knowledge
	readonly users: Users
	readonly ports: Pick<ProxyPorts, 'now' | 'wait' | 'issuerKeys'>
	readonly scope: Scope
}

/**
 * Matches again with the users for whom rules have asked, each namespace once. Nothing else changes: a rule's share of the requests was
 * drawn, and is remembered. Where the user is not to be had, it is the rule that asked which is refused, so that its CORS fields count.
 */
export async function matchByUser(
	exchange: Exchange,
	host: ResolvedHost,
	{ knowledge, users, ports, scope }: Means,
): Promise<Refusal | undefined> {
	const { table } = knowledge
	const routeUsers = exchange.routeUsers!
	let refusal: Refusal | undefined
	while (routeUsers.missing !== undefined) {
		const { namespace, rule } = routeUsers.missing
		exchange.rule = rule
		const reached = await learnNamespace(knowledge, namespace, exchange.startedAt, scope)
		if (!reached) return { reason: 'control_plane_unreachable', host: exchange.host }
		const user = await userOfRoute(exchange, namespace, users, table, ports, scope)
		if (user !== undefined && 'reason' in user) return user
		routeUsers.known.set(namespace, user ?? null)
		routeUsers.missing = undefined
		exchange.rule = undefined
		// Its rules may have changed in between.
		refusal = match(exchange, resolveHost(table, exchange.host) ?? host)
	}
	return refusal
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
