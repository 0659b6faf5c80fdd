/** The request as an endpoint gets it: hop-by-hop and spoofable fields gone, forwarding fields rebuilt, body untouched. */
import { DEADLINE_FIELD, formatDeadline } from '../../resilience/deadlines.ts'
import { traceIdOf } from '../../telemetry/traceContext.ts'
import { tellService } from '../access/checkedFields.ts'
import type { CompiledService } from '../compile/compileService.ts'
import type { TargetEndpoint } from '../compile/targetEndpoint.ts'
import type { Exchange } from '../exchange.ts'
import { tellUser } from '../users/tellUser.ts'
import { fieldsNamedBy } from './hopByHop.ts'
import type { Outgoing } from './outgoing.ts'

/** Who calls, in the mesh's own signed words. */
const CALLER_FIELD = 'selvedge-caller'

/**
 * Fields that backends trust although anybody can send them, beside those that are rebuilt below. `proxy-authorization` is
 * meant for us (RFC 9110 §11.7.2). The runtime itself drops Keep-Alive, TE, Trailer, Transfer-Encoding and Upgrade.
 */
const SPOOFABLE = [
	'proxy-authorization',
	'x-real-ip',
	'x-forwarded-port',
	'x-forwarded-prefix',
	'x-forwarded-client-cert',
	'client-cert',
	'client-cert-chain',
	'workload-identity-token',
	'workload-proof-token',
	CALLER_FIELD,
]
const SPOOFABLE_SET: ReadonlySet<string> = new Set(SPOOFABLE)
/** Whether the service gets a field from nobody but the mesh, or not at all. `name` in lower case. */
export const isSpoofable = (name: string): boolean => SPOOFABLE_SET.has(name)

/** What says who called, by what name and with how much time: the mesh's own affair, and nothing for a service outside of it. */
const INTERNAL = [
	'forwarded',
	'x-forwarded-for',
	'x-forwarded-proto',
	'x-forwarded-host',
	'cf-connecting-ip',
	DEADLINE_FIELD,
]

/** Marks what was sent on to a host that nobody registered, so that it is known when it comes back (RFC 8586). */
const LOOP_TOKEN = 'selvedge'

/** Whether a request was here before on its way to an unregistered host. */
export const isLooping = (cdnLoop: string | null): boolean =>
	cdnLoop?.split(',').some((token) => token.split(';')[0]!.trim() === LOOP_TOKEN) === true

/** Where a request goes next. */
export interface Hop {
	readonly service: CompiledService
	readonly endpoint: TargetEndpoint
}

/** What the sender knows and the request does not say. */
export interface Sender {
	/** The peer's, '' when unknown. */
	readonly clientAddress: string
	readonly newTraceparent: () => string
}

/** Whether `Authorization` is a workload's. */
export const showsWorkloadToken = ({ caller }: Exchange): boolean =>
	caller?.method === 'JWTSVID' || caller?.alsoBy?.includes('JWTSVID') === true

/** `outgoing` is what the rule makes of it, if it makes anything of it. The hop's credential, if it has one, is a good one. */
export function upstreamRequest(
	exchange: Exchange,
	{ service, endpoint }: Hop,
	{ clientAddress, newTraceparent }: Sender,
	outgoing?: Outgoing,
): Request {
	const url = endpoint.base + (outgoing === undefined ? exchange.target : outgoing.target)
	const upstream = newRequest(service.credential === undefined ? url : withCredential(url, service), exchange, outgoing)
	const { headers } = upstream
	const named = fieldsNamedBy(headers.get('connection'))
	if (named !== undefined) for (const name of named) headers.delete(name)
	for (let i = 0; i < SPOOFABLE.length; i++) headers.delete(SPOOFABLE[i]!)
	// A bearer token that has done its work here must not work for whoever gets it.
	if (showsWorkloadToken(exchange)) headers.delete('authorization')
	if (service.userFields.length + service.tokenFields.length > 0 || exchange.userEdits !== undefined)
		tellUser(headers, exchange, service)
	if (exchange.checked !== undefined) tellService(headers, exchange.checked, service === exchange.service)
	if (outgoing !== undefined) tellDeadline(headers, outgoing)
	if (service.external) for (const name of INTERNAL) headers.delete(name)
	else setForwarding(headers, exchange, clientAddress, outgoing?.authority ?? exchange.authority)
	if (traceIdOf(headers.get('traceparent')) === undefined) {
		// A tracestate without its traceparent says nothing (Trace Context §3.4).
		headers.delete('tracestate')
		headers.set('traceparent', newTraceparent())
	}
	if (outgoing !== undefined) for (const edit of outgoing.edits) edit(headers)
	if (service.credential !== undefined) setCredential(headers, service)
	// A copy for another service is not the caller's: it has called somebody else.
	if (exchange.assertion !== undefined && service === exchange.service) headers.set(CALLER_FIELD, exchange.assertion)
	if (service.name === '') headers.append('cdn-loop', LOOP_TOKEN)
	return upstream
}

function tellDeadline(headers: Headers, { deadlineMs }: Outgoing): void {
	const deadline = deadlineMs === undefined ? undefined : formatDeadline(deadlineMs)
	// The caller's own would allow the service more than is left.
	if (deadline === undefined) headers.delete(DEADLINE_FIELD)
	else headers.set(DEADLINE_FIELD, deadline)
}

function newRequest(url: string, { request }: Exchange, outgoing: Outgoing | undefined): Request {
	if (outgoing?.body === undefined) return new Request(url, request)
	return new Request(url, { method: request.method, headers: request.headers, body: outgoing.body })
}

function setForwarding(headers: Headers, exchange: Exchange, clientAddress: string, authority: string): void {
	headers.set('forwarded', forwarded(clientAddress, exchange))
	if (clientAddress === '') headers.delete('x-forwarded-for')
	else headers.set('x-forwarded-for', clientAddress)
	headers.set('x-forwarded-proto', exchange.scheme)
	headers.set('x-forwarded-host', authority)
}

/** RFC 7239: IPv6 addresses and anything with a port are quoted, IPv6 also bracketed. */
function forwarded(clientAddress: string, { authority, scheme }: Exchange): string {
	const host = authority.includes(':') ? `"${authority}"` : authority
	const by = `host=${host};proto=${scheme}`
	if (clientAddress === '') return by
	return clientAddress.includes(':') ? `for="[${clientAddress}]";${by}` : `for=${clientAddress};${by}`
}

/** Takes the place of whatever the caller sent under the name of the secret. */
function withCredential(url: string, { credential }: CompiledService): string {
	if (credential === undefined || 'invalid' in credential || credential.in !== 'query') return url
	const queryAt = url.indexOf('?')
	const sent = queryAt < 0 ? [] : url.slice(queryAt + 1).split('&')
	// The caller's other parameters keep their spelling: signatures may cover it.
	const others = sent.filter((parameter) => parameter !== '' && !new URLSearchParams(parameter).has(credential.name))
	const own = new URLSearchParams([[credential.name, credential.value]]).toString()
	return `${queryAt < 0 ? url : url.slice(0, queryAt)}?${[...others, own].join('&')}`
}

function setCredential(headers: Headers, { credential }: CompiledService): void {
	if (credential === undefined || 'invalid' in credential || credential.in !== 'header') return
	headers.set(credential.name, credential.value)
}
