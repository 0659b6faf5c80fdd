/** One request in flight: what it says, and what was decided about it. */
import type { AccessVerdict } from '../authorization/decide.ts'
import type { User } from '../identity/userToken.ts'
import type { RequestFacts } from '../matching/ruleIndex.ts'
import type { Caller } from '../matching/source.ts'
import type { CheckedFields } from './access/checkedFields.ts'
import type { CompiledBackend, CompiledRule, Plan } from './compile/compileRule.ts'
import type { CompiledService } from './compile/compileService.ts'
import type { TargetEndpoint } from './compile/targetEndpoint.ts'
import type { Refusal } from './refusal.ts'

export interface Exchange extends RequestFacts {
	readonly request: Request
	/** ms since the epoch. */
	readonly startedAt: number
	readonly scheme: string
	/** Host and port as the client said them, lower case. */
	readonly authority: string
	/** The authority without its port. */
	readonly host: string
	/** The peer's address, '' when unknown. */
	readonly clientAddress: string
	/** Path and query, as the backend will get them: without the tokens that are not for it. */
	target: string
	/** The snapshot's, of which its rule is. */
	revision?: number
	/** The history that the revision is of. */
	epoch?: string | undefined
	rule?: CompiledRule | undefined
	/** Of its rule, if that does more than send requests on. */
	plan?: Plan | undefined
	backend?: CompiledBackend
	service?: CompiledService
	endpoint?: TargetEndpoint
	/** Bytes per second at which a fault lets the response's body through. */
	bandwidth?: number | undefined
	/** Answered as a CORS preflight by its rule. */
	isPreflight: boolean
	/** Who asks; undefined while nobody has proven it. */
	caller: Caller | undefined
	/** Whether it has been asked who does: a proof may count once only. */
	isIdentified: boolean
	/** Why what it shows of itself is not believed. For its service to mind, which may not look at proofs at all. */
	distrust?: Refusal
	/** Undefined while no rule has looked at users. */
	routeUsers?: RouteUsers
	/** The end user; undefined while no token proves one. */
	user: User | undefined
	/** What policies of access say of it. Undefined: none was asked. */
	access?: AccessVerdict
	/** What the authorizers that were asked say to the service and to the client. */
	checked?: CheckedFields
	/** What becomes of the fields that show the user. */
	userEdits?: UserEdits
	/** What the service is told of the caller, signed. */
	assertion?: string
	/** Requests sent for this one. */
	attempts: number
}

/** How the fields of a request change because of its users. */
export interface UserEdits {
	/** Fields that held a token which is not for the service. */
	readonly dropped: readonly string[]
	/** Names of cookies that did. */
	readonly cookies: readonly string[]
	readonly said: readonly (readonly [name: string, value: string])[]
}

/** End users as routes see them, which look before there is a service to be seen by. */
export interface RouteUsers {
	/** By the routes' namespace. Null: nobody. */
	readonly known: Map<string, User | null>
	/** What was passed over for want of the user of its namespace, first of all. */
	missing: { readonly namespace: string; readonly rule: CompiledRule } | undefined
}

/**
 * URLs that mean what they say: lower-case host without empty labels, no dot segments, nothing that the WHATWG URL parser would
 * rewrite. Slices of them are what the backend will see; anything else is parsed first, so that rules never match on another path.
 */
const PLAIN_URL =
	/^https?:\/\/[a-z0-9-]+(?:\.[a-z0-9-]+)*\.?(?::[0-9]+)?(?:\/(?!(?:\.|%2[eE]){1,2}(?:[/?]|$))[\w.~!$&'()*+,;=:@%|[\]-]*)+(?:\?[\w.~!$&()*+,;=:@%/?|[\]-]*)?$/

/**
 * Names, addresses and ports. URLs allow more, such as `a,b;c=d.example.com`, which a wildcard would match and which would mean
 * something else in the forwarding fields, or `a.example.com..`, which no policy names and some resolver may take for `a.example.com`.
 */
const AUTHORITY = /^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])(?::[0-9]+)?$/

/**
 * Reads a request. Slicing its URL costs a tenth of parsing it. The host is empty when the URL is none, or names none.
 * `random` is uniform in [0, 1).
 */
export function admit(
	request: Request,
	now: number,
	random: () => number,
	clientAddress = '',
	caller?: Caller,
): Exchange {
	const { url } = request
	const arrival = { request: withoutEmptyBody(request), now, random, clientAddress, caller }
	if (PLAIN_URL.test(url)) {
		const schemeEnd = url.indexOf(':')
		const targetAt = url.indexOf('/', schemeEnd + 3)
		const authority = url.slice(schemeEnd + 3, targetAt)
		return exchangeOf(arrival, url.slice(0, schemeEnd), authority, url.slice(targetAt))
	}
	if (!URL.canParse(url)) return exchangeOf(arrival, '', '', '/')
	const { protocol, host, pathname, search } = new URL(url)
	const authority = AUTHORITY.test(host) ? host : ''
	return exchangeOf(arrival, protocol.slice(0, -1), authority, pathname + search)
}

/** To the runtime `Content-Length: 0` is a body, which can be sent once only. To HTTP it is none. */
const withoutEmptyBody = (request: Request): Request =>
	request.body !== null && request.headers.get('content-length') === '0'
		? new Request(request, { body: null })
		: request

/** The same request, of which nothing has been decided but who asks. */
export function admitAgain({ request, startedAt, random, clientAddress, caller, distrust }: Exchange): Exchange {
	const exchange = admit(request, startedAt, random, clientAddress, caller)
	exchange.isIdentified = true
	if (distrust !== undefined) exchange.distrust = distrust
	return exchange
}

interface Arrival {
	readonly request: Request
	readonly now: number
	readonly random: () => number
	readonly clientAddress: string
	readonly caller: Caller | undefined
}

function exchangeOf(
	{ request, now, random, clientAddress, caller }: Arrival,
	scheme: string,
	authority: string,
	target: string,
): Exchange {
	const queryAt = target.indexOf('?')
	let query: URLSearchParams | undefined
	return {
		request,
		startedAt: now,
		clientAddress,
		caller,
		user: undefined,
		random,
		attempts: 0,
		isPreflight: false,
		isIdentified: false,
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
export function withoutPort(authority: string): string {
	const colon = authority.lastIndexOf(':')
	const host = colon < 0 || authority.endsWith(']') ? authority : authority.slice(0, colon)
	return host.endsWith('.') ? host.slice(0, -1) : host
}
