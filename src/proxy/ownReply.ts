/** Replies that rules make without asking a service: preflights, redirects and direct responses. Refusals are `rescue.ts`. */
import type { CompiledCors } from '../filters/cors.ts'
import { redirectLocation } from '../filters/redirect.ts'
import type { DirectResponse } from '../snapshot/filters.ts'
import type { CompiledRedirect } from './compile/compileFilters.ts'
import type { Exchange } from './exchange.ts'
import { proxyStatus } from './proxyStatus.ts'
import { BODILESS } from './sending/copyResponse.ts'

const encoder = new TextEncoder()

/** Answers for the backend, which never sees preflights (GEP-1767). An origin that is not allowed gets no permission. */
export function answerPreflight(exchange: Exchange, cors: CompiledCors, revision: number): Response {
	const headers = new Headers({ 'proxy-status': madeBy('cors_preflight', exchange, revision) })
	const fields = cors.preflight(
		exchange.header('origin'),
		exchange.header('access-control-request-method'),
		exchange.header('access-control-request-headers'),
	)
	for (const [name, value] of fields) headers.append(name, value)
	return new Response(null, { status: 204, headers })
}

export function answerRedirect(exchange: Exchange, { redirect, ports }: CompiledRedirect, revision: number): Response {
	const { scheme, host, path, target } = exchange
	const location = redirectLocation(redirect, { scheme, host, path, query: target.slice(path.length) }, ports)
	const headers = { location, 'content-length': '0', 'proxy-status': madeBy('redirect', exchange, revision) }
	return new Response(null, { status: redirect.statusCode, headers })
}

export function answerDirectly(
	exchange: Exchange,
	{ status, headers, body }: DirectResponse,
	revision: number,
): Response {
	const bytes = encoder.encode(body)
	const response = new Response(BODILESS.has(status) || exchange.method === 'HEAD' ? null : bytes, { status })
	for (const [name, value] of headers) response.headers.append(name, value)
	if (!BODILESS.has(status)) response.headers.set('content-length', String(bytes.length))
	response.headers.set('proxy-status', madeBy('direct_response', exchange, revision))
	return response
}

const madeBy = (details: string, { rule }: Exchange, revision: number): string =>
	proxyStatus({ details, revision, rule: rule?.name })
