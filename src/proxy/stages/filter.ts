/** What a rule's or a backend's filters do before a request is sent: refuse it, answer it, or hold it up. */
import { isPreflight } from '../../filters/cors.ts'
import { isDrawn } from '../../filters/share.ts'
import type { CompiledFault, CompiledFilters } from '../compile/compileFilters.ts'
import type { Exchange } from '../exchange.ts'
import { answerDirectly, answerPreflight, answerRedirect } from '../ownReply.ts'
import type { ProxyPorts } from '../ports.ts'
import type { Refusal } from '../refusal.ts'

type Reply = Response | Refusal | undefined

/** What comes before anything else acts: a preflight asks about a request that is yet to come, and shows nothing of who will send it. */
export function filterFirst(exchange: Exchange, { invalid, cors }: CompiledFilters, revision: number): Reply {
	if (invalid !== undefined) return { reason: 'invalid_filter', detail: invalid }
	if (cors === undefined || !asksPermission(exchange)) return undefined
	exchange.isPreflight = true
	return answerPreflight(exchange, cors, revision)
}

/** In the order of `Filters`. */
export function filter(
	exchange: Exchange,
	filters: CompiledFilters | undefined,
	revision: number,
	{ wait }: Pick<ProxyPorts, 'wait'>,
): Reply | Promise<Reply> {
	if (filters === undefined) return undefined
	const first = filterFirst(exchange, filters, revision)
	if (first !== undefined) return first
	if (filters.faults === undefined) return answer(exchange, filters, revision)
	const fault = drawFaults(exchange, filters.faults)
	exchange.bandwidth = fault.bytesPerSecond ?? exchange.bandwidth
	const outcome = (): Reply =>
		fault.status === undefined
			? answer(exchange, filters, revision)
			: { reason: 'fault_injected', status: fault.status }
	return fault.delayMs === 0 ? outcome() : wait(fault.delayMs).then(outcome)
}

function answer(exchange: Exchange, { directResponse, redirect }: CompiledFilters, revision: number): Reply {
	if (directResponse !== undefined) return answerDirectly(exchange, directResponse, revision)
	if (redirect !== undefined) return answerRedirect(exchange, redirect, revision)
	return undefined
}

const asksPermission = (exchange: Exchange): boolean =>
	exchange.method === 'OPTIONS' &&
	isPreflight(exchange.method, exchange.header('origin'), exchange.header('access-control-request-method'))

/** What the faults of a rule do to one request. */
interface DrawnFault {
	readonly delayMs: number
	readonly status: number | undefined
	readonly bytesPerSecond: number | undefined
}

/** Delays add up; of several aborts the first drawn answers; of several bandwidths the narrowest holds. */
function drawFaults(exchange: Exchange, faults: readonly CompiledFault[]): DrawnFault {
	let delayMs = 0
	let status: number | undefined
	let bytesPerSecond: number | undefined
	for (const { applies, delay, abort, bandwidth } of faults) {
		if (applies !== undefined && !applies(exchange)) continue
		if (delay !== undefined && isDrawn(delay.share, exchange.random())) delayMs += delay.ms
		if (abort !== undefined && isDrawn(abort.share, exchange.random())) status ??= abort.status
		if (bandwidth !== undefined && isDrawn(bandwidth.share, exchange.random()))
			bytesPerSecond = Math.min(bytesPerSecond ?? Number.POSITIVE_INFINITY, bandwidth.bytesPerSecond)
	}
	return { delayMs, status, bytesPerSecond }
}
