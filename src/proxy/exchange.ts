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
 * URLs that mean what they say: lower-case host, no dot segments, nothing that the WHATWG URL parser would rewrite. Slices of
 * them are what the backend will see; anything else is parsed first, so that rules never match on another path than that.
 */
const PLAIN_URL =
	/^https?:\/\/[a-z0-9.-]+(?::[0-9]+)?(?:\/(?!(?:\.|%2[eE]){1,2}(?:[/?]|$))[\w.~!$&'()*+,;=:@%|[\]-]*)+(?:\?[\w.~!$&()*+,;=:@%/?|[\]-]*)?$/

/**
 * Names, addresses and ports. URLs allow more, such as `a,b;c=d.example.com`, which a wildcard would match and which would mean
 * something else in the forwarding fields.
 */
const AUTHORITY = /^(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]+)?$/

/** Reads a request. Slicing its URL costs a tenth of parsing it. The host is empty when the URL is none, or names none. */
export function admit(request: Request, now: number): Exchange {
	const { url } = request
	if (PLAIN_URL.test(url)) {
		const schemeEnd = url.indexOf(':')
		const targetAt = url.indexOf('/', schemeEnd + 3)
		return exchangeOf(request, now, url.slice(0, schemeEnd), url.slice(schemeEnd + 3, targetAt), url.slice(targetAt))
	}
	if (!URL.canParse(url)) return exchangeOf(request, now, '', '', '/')
	const { protocol, host, pathname, search } = new URL(url)
	return exchangeOf(request, now, protocol.slice(0, -1), AUTHORITY.test(host) ? host : '', pathname + search)
}

function exchangeOf(request: Request, now: number, scheme: string, authority: string, target: string): Exchange {
	const queryAt = target.indexOf('?')
	let query: URLSearchParams | undefined
	return {
		request,
		startedAt: now,
		method: request.method,
		scheme,
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
