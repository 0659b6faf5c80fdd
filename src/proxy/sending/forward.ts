/** Sends a request to its endpoint and brings the answer back untouched. */
import { isEdgeMade } from '../../resilience/edgeMade.ts'
import { newTraceparent } from '../../telemetry/traceContext.ts'
import type { Exchange } from '../exchange.ts'
import type { ProxyPorts } from '../ports.ts'
import type { Refusal } from '../refusal.ts'
import { balancerOf } from '../stages/pick.ts'
import { beginAttempt, endAttempt, type Lesson } from './outcomes.ts'
import type { Outgoing } from './outgoing.ts'
import { upstreamRequest } from './upstreamRequest.ts'

export type Forward = (exchange: Exchange, outgoing?: Outgoing, bound?: Bound) => Promise<Response | Refusal>

/** What may end an attempt before its endpoint does. */
export interface Bound {
	readonly timeout?: TimeLimit | undefined
	/** Aborted when another attempt has answered, and this one is given up. With `BEATEN` that says something of its endpoint. */
	readonly signal?: AbortSignal | undefined
}

/** Aborts the first attempt when one that was sent later to another endpoint has been answered. */
export const BEATEN = new DOMException('another endpoint has answered before', 'AbortError')

export interface TimeLimit {
	readonly ms: number
	/** What it means when the time is up. */
	readonly refusal: Refusal
	/** The caller set it, below what the mesh allows: an endpoint that takes longer has done nothing wrong. */
	readonly isCallers: boolean
}

/** One attempt. The very response that the endpoint gave is returned: its body streams, its fields are as they came. */
export function forwarder(ports: ProxyPorts): Forward {
	const traceparent = () => newTraceparent(ports.random, false)
	return async (exchange, outgoing, bound) => {
		const service = exchange.service!
		const endpoint = exchange.endpoint!
		if (service.credential !== undefined && 'invalid' in service.credential)
			return { reason: 'credential_unavailable', service: service.name, detail: service.credential.invalid }
		if (exchange.method === 'POST' && isNativeGrpc(exchange.header('content-type'))) return { reason: 'native_grpc' }
		// TRACE makes the service repeat the request, secret and all (RFC 9110 §9.3.8).
		if (service.credential !== undefined && exchange.method === 'TRACE')
			return { reason: 'method_refused', method: 'TRACE', service: service.name }
		exchange.attempts++
		const attempt = beginAttempt(service, endpoint, ports.now(), balancerOf(exchange))
		const timeout = bound?.timeout
		const sender = { clientAddress: exchange.clientAddress, newTraceparent: traceparent }
		let result: Response | Refusal
		try {
			const request = upstreamRequest(exchange, { service, endpoint }, sender, outgoing)
			const response = await ports.send(request, timeout?.ms, bound?.signal)
			// The status first: to look a field up costs more than all the rest of this.
			result =
				response.status >= 520 && isEdgeMade(response, exchange.header('cf-ray'))
					? failed(endpoint.id, `the edge answered ${response.status} for it`)
					: response
		} catch (error) {
			result =
				timeout !== undefined && (error as Error | undefined)?.name === 'TimeoutError'
					? timeout.refusal
					: failed(endpoint.id, sentence(error))
		}
		endAttempt(attempt, lessonOf(result, bound), ports.now(), ports.random)
		return result
	}
}

function lessonOf(result: Response | Refusal, bound: Bound | undefined): Lesson {
	if (bound === undefined) return result
	const { timeout, signal } = bound
	if (signal?.aborted) return signal.reason === BEATEN ? 'beaten' : undefined
	return timeout?.isCallers === true && result === timeout.refusal ? undefined : result
}

const failed = (endpoint: string, detail: string): Refusal => ({ reason: 'upstream_failed', endpoint, detail })

/** `application/grpc` and `application/grpc+…`, but not gRPC-Web, whose trailers are part of its body. */
const isNativeGrpc = (contentType: string | null): boolean =>
	contentType?.startsWith('application/grpc') === true && /^application\/grpc(?:\+|;|$)/.test(contentType)

/** The runtime's own words, cut to a line. Its internal references are for its makers. */
function sentence(error: unknown): string {
	const message = error instanceof Error ? error.message : String(error)
	return message.startsWith('internal error') ? 'the address cannot be resolved or refuses TLS' : message.slice(0, 200)
}
