/** The request as an endpoint gets it: hop-by-hop and spoofable fields gone, forwarding fields rebuilt, body untouched. */
import { traceIdOf } from '../telemetry/traceContext.ts'
import type { Exchange } from './exchange.ts'

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

/** Values of Connection that name no field (RFC 9110 §7.6.1), so that nothing has to be taken out. */
const CONNECTION_OPTIONS = new Set([
	'keep-alive',
	'close',
	'upgrade',
	'Upgrade',
	'Keep-Alive',
	'Close',
	'keep-alive, Upgrade',
])

/** `url` is the endpoint's base and the request's target. `clientAddress` is the peer's, '' when unknown. */
export function upstreamRequest(
	exchange: Exchange,
	url: string,
	clientAddress: string,
	newTraceparent: () => string,
): Request {
	const upstream = new Request(url, exchange.request)
	const { headers } = upstream
	const connection = headers.get('connection')
	if (connection !== null && !CONNECTION_OPTIONS.has(connection)) dropNamed(headers, connection)
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

/** RFC 9110 §7.6.1: an intermediary removes every field that Connection names. Host is not one to lose. */
function dropNamed(headers: Headers, connection: string): void {
	for (const option of connection.split(',')) {
		const name = option.trim().toLowerCase()
		if (/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name) && name !== 'upgrade' && name !== 'host') headers.delete(name)
	}
}

/** RFC 7239: IPv6 addresses and anything with a port are quoted, IPv6 also bracketed. */
function forwarded(clientAddress: string, { authority, scheme }: Exchange): string {
	const host = authority.includes(':') ? `"${authority}"` : authority
	const by = `host=${host};proto=${scheme}`
	if (clientAddress === '') return by
	return clientAddress.includes(':') ? `for="[${clientAddress}]";${by}` : `for=${clientAddress};${by}`
}
