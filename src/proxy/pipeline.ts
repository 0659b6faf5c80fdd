/** The data path. Read it top to bottom: this is the order every request goes through. */
import { admit, type Exchange } from './exchange.ts'
import { forwarder } from './forward.ts'
import { withoutHopByHop } from './hopByHop.ts'
import { type Knowledge, keepFresh, learnHost, learnService } from './knowledge.ts'
import type { ProxyPorts, Scope } from './ports.ts'
import type { Refusal } from './refusal.ts'
import { rescue } from './rescue.ts'
import { type ResolvedHost, resolveHost } from './routingTable.ts'
import { match } from './stages/match.ts'
import { pickEndpoint, pickService } from './stages/pick.ts'

export type Serve = (request: Request, scope: Scope) => Promise<Response>

/** Makes the one function that serves every request of an isolate. What it knows grows in `knowledge`. */
export function pipeline(knowledge: Knowledge, ports: ProxyPorts): Serve {
	const { table } = knowledge
	const forward = forwarder(ports)

	return async (request, scope) => {
		const exchange = admit(request, ports.now())
		const catchingUp = keepFresh(knowledge, exchange.startedAt, scope)
		if (catchingUp !== undefined) await catchingUp
		let outcome: Response | Refusal
		try {
			// The virtual host first: from the table when it is warm, from the control plane once when it is not.
			const host =
				exchange.host === ''
					? ({ reason: 'malformed_url' } as const)
					: (resolveHost(table, exchange.host) ?? (await place(knowledge, exchange, scope)))
			outcome =
				'reason' in host
					? host
					: // Then the rule, whose backend and endpoint are drawn.
						(match(exchange, host) ?? (await pick(knowledge, exchange, scope)) ?? (await forward(exchange)))
		} catch (error) {
			ports.report(error)
			outcome = { reason: 'bug' }
		}
		const refusal = outcome instanceof Response ? undefined : outcome
		const response = outcome instanceof Response ? withoutHopByHop(outcome) : rescue(outcome, exchange, table.revision)
		ports.observe(exchange, response, refusal)
		return response
	}
}

/** Places a host that the warm table does not resolve. */
async function place(knowledge: Knowledge, exchange: Exchange, scope: Scope): Promise<ResolvedHost | Refusal> {
	const { host, startedAt } = exchange
	if (resolveHost(knowledge.table, host) === null) return { reason: 'unknown_host', host }
	const answer = await learnHost(knowledge, host, startedAt, scope)
	if (answer === 'unknown') return { reason: 'unknown_host', host }
	if (answer === 'exhausted') return { reason: 'lookups_exhausted', host }
	if (answer === 'unreachable') return { reason: 'control_plane_unreachable', host }
	return answer
}

/** Backend, then endpoint. Only a service's first request in an isolate waits here. */
function pick(
	knowledge: Knowledge,
	exchange: Exchange,
	scope: Scope,
): Refusal | undefined | Promise<Refusal | undefined> {
	const picked = pickService(exchange, knowledge.table)
	if (picked === undefined) return pickEndpoint(exchange)
	return 'missing' in picked ? pickAfterLoading(knowledge, exchange, picked.missing, scope) : picked
}

async function pickAfterLoading(
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
	return pickEndpoint(exchange)
}
