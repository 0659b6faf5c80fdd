/** The request as an endpoint gets it: hop-by-hop and spoofable fields gone, forwarding fields rebuilt, body untouched. */
import { traceIdOf } from '../telemetry/traceContext.ts'
import type { Exchange } from './exchange.ts'
import { fieldsNamedBy } from './hopByHop.ts'

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
	'selvedge-caller',
]

/** `url` is the endpoint's base and the request's target. `clientAddress` is the peer's, '' when unknown. */
export function upstreamRequest(
	exchange: Exchange,
	url: string,
	clientAddress: string,
	newTraceparent: () => string,
): Request {
	const upstream = new Request(url, exchange.request)
	const { headers } = upstream
	const named = fieldsNamedBy(headers.get('connection'))
	if (named !== undefined) for (const name of named) headers.delete(name)
	for (let i = 0; i < SPOOFABLE.length; i++) headers.delete(SPOOFABLE[i]!)
	headers.set('forwarded', forwarded(clientAddress, exchange))
	if (clientAddress === '') headers.delete('x-forwarded-for')
	else headers.set('x-forwarded-for', clientAddress)
	headers.set('x-forwarded-proto', exchange.scheme)
	headers.set('x-forwarded-host', exchange.authority)
	if (traceIdOf(headers.get('traceparent')) === undefined) {
		// A tracestate without its traceparent says nothing (Trace Context §3.4).
		headers.delete('tracestate')
		headers.set('traceparent', newTraceparent())
	}
	return upstream
}

/** RFC 7239: IPv6 addresses and anything with a port are quoted, IPv6 also bracketed. */
function forwarded(clientAddress: string, { authority, scheme }: Exchange): string {
	const host = authority.includes(':') ? `"${authority}"` : authority
	const by = `host=${host};proto=${scheme}`
	if (clientAddress === '') return by
	return clientAddress.includes(':') ? `for="[${clientAddress}]";${by}` : `for=${clientAddress};${by}`
}
