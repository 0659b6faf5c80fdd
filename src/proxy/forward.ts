/** Sends a request to its endpoint and brings the answer back untouched. */
import { isEdgeMade } from '../resilience/edgeMade.ts'
import { newTraceparent } from '../telemetry/traceContext.ts'
import type { Exchange } from './exchange.ts'
import type { Outgoing } from './outgoing.ts'
import type { ProxyPorts } from './ports.ts'
import type { Refusal } from './refusal.ts'
import { upstreamRequest } from './upstreamRequest.ts'

export type Forward = (exchange: Exchange, outgoing?: Outgoing, limit?: TimeLimit) => Promise<Response | Refusal>

export interface TimeLimit {
	readonly ms: number
	/** What it means when the time is up. */
	readonly refusal: Refusal
}

/** One attempt. The very response that the endpoint gave is returned: its body streams, its fields are as they came. */
export function forwarder(ports: ProxyPorts): Forward {
	const traceparent = () => newTraceparent(ports.random, false)
	return async (exchange, outgoing, limit) => {
		const { id, state } = exchange.endpoint!
		const service = exchange.service!
		if (service.credential !== undefined && 'invalid' in service.credential)
			return { reason: 'credential_unavailable', service: service.name, detail: service.credential.invalid }
		if (exchange.method === 'POST' && isNativeGrpc(exchange.header('content-type'))) return { reason: 'native_grpc' }
		// TRACE makes the service repeat the request, secret and all (RFC 9110 §9.3.8).
		if (service.credential !== undefined && exchange.method === 'TRACE')
			return { reason: 'method_refused', method: 'TRACE', service: service.name }
		state.inFlight++
		exchange.attempts++
		try {
			const sender = { clientAddress: ports.clientAddress(exchange.request), newTraceparent: traceparent }
			const request = upstreamRequest(exchange, { service, endpoint: exchange.endpoint! }, sender, outgoing)
			const response = await ports.send(request, limit?.ms)
			// The status first: to look a field up costs more than all the rest of this.
			if (response.status < 520 || !isEdgeMade(response, exchange.header('cf-ray'))) return response
			return { reason: 'upstream_failed', endpoint: id, detail: `the edge answered ${response.status} for it` }
		} catch (error) {
			if (limit !== undefined && (error as Error | undefined)?.name === 'TimeoutError') return limit.refusal
			return { reason: 'upstream_failed', endpoint: id, detail: sentence(error) }
		} finally {
			state.inFlight--
		}
	}
}

/** `application/grpc` and `application/grpc+…`, but not gRPC-Web, whose trailers are part of its body. */
const isNativeGrpc = (contentType: string | null): boolean =>
	contentType?.startsWith('application/grpc') === true && /^application\/grpc(?:\+|;|$)/.test(contentType)

/** The runtime's own words, cut to a line. Its internal references are for its makers. */
function sentence(error: unknown): string {
	const message = error instanceof Error ? error.message : String(error)
	return message.startsWith('internal error') ? 'the address cannot be resolved or refuses TLS' : message.slice(0, 200)
}
