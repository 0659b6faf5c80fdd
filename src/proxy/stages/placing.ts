/** Finds what a request needs and this isolate may not hold yet: its virtual host, and the service it goes to. */
import { namespaceOf } from '../access/access.ts'
import type { Plan } from '../compile/compileRule.ts'
import type { CompiledService } from '../compile/compileService.ts'
import type { Exchange } from '../exchange.ts'
import { type Knowledge, learnHost, learnNamespace, learnService } from '../knowledge/knowledge.ts'
import { type ResolvedHost, resolveHost } from '../knowledge/routingTable.ts'
import { type Passthrough, passthrough } from '../passthrough.ts'
import type { Scope } from '../ports.ts'
import type { Refusal } from '../refusal.ts'
import { isLooping } from '../sending/upstreamRequest.ts'
import { pickEndpoint, pickService } from './pick.ts'
import { resume } from './resume.ts'

/** Places a host that the warm table does not resolve. */
export async function place(
	knowledge: Knowledge,
	exchange: Exchange,
	scope: Scope,
): Promise<ResolvedHost | Passthrough | Refusal> {
	const { host, startedAt } = exchange
	if (host === '') return { reason: 'malformed_url' }
	if (resolveHost(knowledge.table, host) === null) return wayOut(knowledge, exchange)
	const answer = await learnHost(knowledge, host, startedAt, scope)
	if (answer === 'unknown') return wayOut(knowledge, exchange)
	if (answer === 'exhausted') return { reason: 'lookups_exhausted', host }
	if (answer === 'unreachable') return { reason: 'control_plane_unreachable', host }
	return answer
}

/** A host that nobody registered: out of the mesh, where that is allowed, but not in circles. */
function wayOut({ table }: Knowledge, exchange: Exchange): Passthrough | Refusal {
	const { host } = exchange
	const out = passthrough(table, exchange)
	if (out === undefined) return { reason: 'unknown_host', host }
	return isLooping(exchange.header('cdn-loop')) ? { reason: 'loop_detected', host } : out
}

/** Backend and service. Only a service's first request in an isolate waits here. */
export function draw(
	knowledge: Knowledge,
	exchange: Exchange,
	scope: Scope,
): Refusal | undefined | Promise<Refusal | undefined> {
	const drawn = pickService(exchange, knowledge.table)
	if (drawn === undefined || 'reason' in drawn) return drawn
	return load(knowledge, exchange, drawn.missing, scope)
}

async function load(
	knowledge: Knowledge,
	exchange: Exchange,
	name: string,
	scope: Scope,
): Promise<Refusal | undefined> {
	const reached = await learnService(knowledge, name, exchange.startedAt, scope)
	if (!reached) return { reason: 'control_plane_unreachable', host: exchange.host }
	const service = knowledge.table.services.get(name)
	if (service === undefined) return { reason: 'no_endpoint', service: name }
	exchange.service = service
	return undefined
}

/** What holds for a namespace none of whose services this isolate may have met. */
export async function learnNamespaceOf(
	knowledge: Knowledge,
	exchange: Exchange,
	scope: Scope,
): Promise<Refusal | undefined> {
	const reached = await learnNamespace(knowledge, namespaceOf(exchange), exchange.startedAt, scope)
	return reached ? undefined : { reason: 'control_plane_unreachable', host: exchange.host }
}

/** Backend, service and endpoint of the request's session, if it has one; else any backend, and no endpoint yet. */
export async function resumeOrDraw(
	knowledge: Knowledge,
	exchange: Exchange,
	plan: Plan,
	scope: Scope,
): Promise<Refusal | undefined> {
	if (plan.session === undefined) return draw(knowledge, exchange, scope)
	for (;;) {
		const found = resume(exchange, plan, knowledge.table)
		if (!('missing' in found)) return found.resumed ? undefined : draw(knowledge, exchange, scope)
		const reached = await learnService(knowledge, found.missing, exchange.startedAt, scope)
		if (!reached) return { reason: 'control_plane_unreachable', host: exchange.host }
	}
}

/** `now` is in ms since the epoch. */
export const settleEndpoint = (exchange: Exchange, now: number): Refusal | undefined =>
	exchange.endpoint === undefined ? pickEndpoint(exchange, now) : undefined

/** A service by name, asked for when this isolate does not hold it. Undefined when it cannot be had. */
export async function serviceFor(
	knowledge: Knowledge,
	exchange: Exchange,
	name: string,
	scope: Scope,
): Promise<CompiledService | undefined> {
	const held = knowledge.table.services.get(name)
	if (held !== undefined) return held
	await learnService(knowledge, name, exchange.startedAt, scope)
	return knowledge.table.services.get(name)
}
