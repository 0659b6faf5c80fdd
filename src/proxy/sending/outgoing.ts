/** How a request leaves when its rule or backend changes it: where to, by what name, and with which fields. */
import { editPath } from '../../filters/pathEdit.ts'
import type { CompiledFilters } from '../compile/compileFilters.ts'
import type { Plan } from '../compile/compileRule.ts'
import type { Exchange } from '../exchange.ts'

export interface Outgoing {
	/** Path and query. */
	readonly target: string
	/** Goes into X-Forwarded-Host. */
	readonly authority: string
	/** In order: the rule's, then the backend's. */
	readonly edits: readonly ((headers: Headers) => void)[]
	/** The whole body, when it was read to be sent more than once. */
	readonly body?: ArrayBuffer | undefined
	/** The time that is left, which the service is told. */
	readonly deadlineMs?: number | undefined
}

/** What the service will see of a request's URL. */
export interface Destination {
	readonly path: string
	/** With its `?`, or empty. */
	readonly query: string
	readonly authority: string
}

/** Of two rewrites the backend's counts: it is the more specific. Both edit the path that the client sent. */
export function destinationOf(exchange: Exchange, plan: Plan | undefined): Destination {
	const { path: pathEdit, hostname } = { ...plan?.filters.rewrite, ...backendFilters(exchange)?.rewrite }
	const { target, path, authority } = exchange
	return {
		path: pathEdit === undefined ? path : editPath(path, pathEdit),
		query: target.slice(path.length),
		authority: hostname ?? authority,
	}
}

export function outgoingOf(
	exchange: Exchange,
	plan: Plan | undefined,
	body: ArrayBuffer | undefined,
	deadlineMs?: number,
): Outgoing {
	const backend = backendFilters(exchange)
	const { path, query, authority } = destinationOf(exchange, plan)
	return {
		target: path + query,
		authority,
		edits: [plan?.filters.editRequest, backend?.editRequest].filter((edit) => edit !== undefined),
		body,
		deadlineMs,
	}
}

/** The filters of the backend that was drawn. */
export function backendFilters({ backend }: Exchange): CompiledFilters | undefined {
	return backend !== undefined && 'filters' in backend ? backend.filters : undefined
}
