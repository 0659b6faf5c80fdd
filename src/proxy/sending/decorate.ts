/** What a rule does to the response on its way back: fields for browsers, edits, a session, and a fault's narrow bandwidth. */
import { endpointToken, readSession, writeSession } from '../../balancing/session.ts'
import { throttled } from '../../filters/throttle.ts'
import type { Field } from '../../snapshot/filters.ts'
import type { Plan } from '../compile/compileRule.ts'
import type { Exchange } from '../exchange.ts'
import type { ProxyPorts } from '../ports.ts'
import { copyResponse } from './copyResponse.ts'
import { backendFilters } from './outgoing.ts'

/** What the rule has the only say in, so that no backend opens what it keeps closed. */
const DECIDED_BY_RULE = [
	'access-control-allow-origin',
	'access-control-allow-credentials',
	'access-control-expose-headers',
]
/** Fields that a response may have several lines of. */
const APPENDED = new Set(['vary', 'set-cookie'])

/**
 * The very response while there is nothing to do to it. Refusals get the fields that let a browser's page read them, and nothing
 * else: they are the mesh's word, not the service's.
 */
export function decorated(
	exchange: Exchange,
	plan: Plan,
	response: Response,
	isRefusal: boolean,
	ports: Pick<ProxyPorts, 'now' | 'wait'>,
): Response {
	// The headers of a switched protocol are part of its handshake; a preflight's answer has all that it needs.
	if (response.status === 101 || exchange.isPreflight) return response
	const fields = plan.filters.cors?.actual(exchange.header('origin')) ?? []
	const session = isRefusal ? undefined : sessionField(exchange, plan, ports.now())
	const edits = isRefusal ? [] : [plan.filters.editResponse, backendFilters(exchange)?.editResponse]
	const slowed = !isRefusal && exchange.bandwidth !== undefined && response.body !== null
	if (plan.filters.cors === undefined && session === undefined && !slowed && edits.every((edit) => edit === undefined))
		return response
	const copy = slowed ? slowedDown(response, exchange.bandwidth!, ports) : copyResponse(response)
	if (plan.filters.cors !== undefined) for (const name of DECIDED_BY_RULE) copy.headers.delete(name)
	for (const field of fields) put(copy.headers, field)
	for (const edit of edits) edit?.(copy.headers)
	if (session !== undefined) put(copy.headers, session)
	return copy
}

function put(headers: Headers, [name, value]: Field): void {
	if (APPENDED.has(name)) headers.append(name, value)
	else headers.set(name, value)
}

/** Begins a session where the endpoint is not the one that the client's session names; keeps up the one that it does. */
function sessionField(exchange: Exchange, { session }: Plan, now: number): Field | undefined {
	if (session === undefined || exchange.endpoint === undefined) return undefined
	const nowSeconds = Math.floor(now / 1_000)
	const token = endpointToken(exchange.service!.name, exchange.endpoint.id)
	const held = readSession(session, exchange.header('cookie'), exchange.header(session.name), nowSeconds)
	return writeSession(session, held?.token === token ? held : token, nowSeconds, exchange.scheme === 'https')
}

/** A body that goes through our hands is sent in chunks: its length is no longer declared. */
function slowedDown(response: Response, bytesPerSecond: number, { now, wait }: Pick<ProxyPorts, 'now' | 'wait'>) {
	const copy = copyResponse(response, throttled(response.body!, bytesPerSecond, wait, now))
	copy.headers.delete('content-length')
	return copy
}
