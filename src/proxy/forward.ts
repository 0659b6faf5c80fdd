/** Sends a request to its endpoint and brings the answer back untouched. */
import { newTraceparent } from '../telemetry/traceContext.ts'
import type { Exchange } from './exchange.ts'
import type { ProxyPorts } from './ports.ts'
import type { Refusal } from './refusal.ts'
import { upstreamRequest } from './upstreamRequest.ts'

export type Forward = (exchange: Exchange) => Promise<Response | Refusal>

/** One attempt. The very response that the endpoint gave is returned: its body streams, its fields are as they came. */
export function forwarder(ports: ProxyPorts): Forward {
	const traceparent = () => newTraceparent(ports.random, false)
	return async (exchange) => {
		const { base, id, state } = exchange.endpoint!
		state.inFlight++
		try {
			const request = upstreamRequest(
				exchange,
				base + exchange.target,
				ports.clientAddress(exchange.request),
				traceparent,
			)
			return await ports.send(request)
		} catch (error) {
			return { reason: 'upstream_failed', endpoint: id, detail: sentence(error) }
		} finally {
			state.inFlight--
		}
	}
}

/** The runtime's own words, cut to a line. Its internal references are for its makers. */
function sentence(error: unknown): string {
	const message = error instanceof Error ? error.message : String(error)
	return message.startsWith('internal error') ? 'the address cannot be resolved or refuses TLS' : message.slice(0, 200)
}
