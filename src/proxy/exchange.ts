/** One request in flight: what it says, and what was decided about it. */
import type { RequestFacts } from '../matching/ruleIndex.ts'
import type { CompiledService, TargetEndpoint } from './compileService.ts'
import type { CompiledRule } from './compileSlice.ts'

export interface Exchange extends RequestFacts {
	readonly request: Request
	/** ms since the epoch. */
	readonly startedAt: number
	readonly scheme: string
	/** Host and port as the client said them, lower case. */
	readonly authority: string
	/** The authority without its port. */
	readonly host: string
	/** Path and query, as the backend will get them. */
	readonly target: string
	rule?: CompiledRule
	service?: CompiledService
	endpoint?: TargetEndpoint
}

/**
 * Reads a request by slices of its URL: parsing it costs ten times as much. The runtime has already made the URL absolute,
 * lower-cased its authority and resolved its dot segments, so rules match on the very path that the backend will see.
 */
export function admit(request: Request, now: number): Exchange {
	const { url } = request
	const colon = url.indexOf(':')
	const authorityAt = colon + 3
	const targetAt = url.indexOf('/', authorityAt)
	const authority = url.slice(authorityAt, targetAt)
	const target = url.slice(targetAt)
	const queryAt = target.indexOf('?')
	let query: URLSearchParams | undefined
	return {
		request,
		startedAt: now,
		method: request.method,
		scheme: url.slice(0, colon),
		authority,
		host: withoutPort(authority),
		target,
		path: queryAt < 0 ? target : target.slice(0, queryAt),
		header: (name) => request.headers.get(name),
		queryParam: (name) => {
			query ??= new URLSearchParams(queryAt < 0 ? '' : target.slice(queryAt))
			return query.get(name)
		},
	}
}

/** Also drops the root label's dot: `a.example.com.` is `a.example.com`. */
function withoutPort(authority: string): string {
	const colon = authority.lastIndexOf(':')
	const host = colon < 0 || authority.endsWith(']') ? authority : authority.slice(0, colon)
	return host.endsWith('.') ? host.slice(0, -1) : host
}
