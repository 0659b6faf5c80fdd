/** What a rule does to a request besides choosing a backend, as it travels: references resolved, durations in ms, names lower case. */
import type { ServiceName } from '../names.ts'
import type { AccessCondition } from './authorization.ts'
import type { Match } from './match.ts'

/** Each field is absent where the rule does not use it. In the order in which they act. */
export interface Filters {
	/** Why a filter cannot be followed. Every request is refused with 500: leaving a filter out could open what it guards. */
	readonly invalid?: string
	/** Of a rule only: a preflight has no backend. */
	readonly cors?: Cors
	readonly faults?: readonly Fault[]
	readonly directResponse?: DirectResponse
	readonly redirect?: Redirect
	readonly requestHeaders?: HeaderEdits
	readonly rewrite?: UrlRewrite
	readonly mirrors?: readonly Mirror[]
	readonly responseHeaders?: HeaderEdits
}

/** Name and value. */
export type Field = readonly [name: string, value: string]

/** Set first, then add, then remove (Gateway API, HTTPHeaderFilter). */
export interface HeaderEdits {
	readonly set?: readonly Field[]
	readonly add?: readonly Field[]
	readonly remove?: readonly string[]
}

/** A new path: all of it, or what stands where the rule's prefix stood. */
export type PathEdit =
	| { readonly type: 'full'; readonly value: string }
	/** `prefix` is the rule's one PathPrefix without a final `/`. */
	| { readonly type: 'prefix'; readonly prefix: string; readonly value: string }

export interface Redirect {
	readonly scheme?: 'http' | 'https'
	readonly hostname?: string
	readonly port?: number
	readonly path?: PathEdit
	readonly statusCode: 301 | 302 | 303 | 307 | 308
}

export interface UrlRewrite {
	/** The authority meant for the backend: it goes into X-Forwarded-Host, since a Worker cannot choose Host. */
	readonly hostname?: string
	readonly path?: PathEdit
}

export interface Mirror {
	readonly service: ServiceName
	/** Share of the requests, 0–1. Absent: all. */
	readonly share?: number
}

/** GEP-1767. `*` stands for itself in origins, methods and headers; `https://*.example.com` for any number of labels. */
export interface Cors {
	readonly allowOrigins: readonly string[]
	readonly allowCredentials: boolean
	readonly allowMethods: readonly string[]
	readonly allowHeaders: readonly string[]
	readonly exposeHeaders: readonly string[]
	readonly maxAgeSeconds: number
}

/** A workload of the mesh, or every workload of a namespace. */
export interface Source {
	readonly namespace: string
	readonly workload?: string
}

/** A condition beside the matches of a rule: where it does not hold, the rule is passed over. */
export interface TrafficMatch {
	/** Any of them. A caller that proves no identity is none of them. */
	readonly sources?: readonly Source[]
	/** On the end user, as the route's namespace sees one. All of them; for nobody none holds. */
	readonly when?: readonly AccessCondition[]
	/** Share of the requests, 0–1, drawn for each request. */
	readonly share?: number
}

/** Shares are 0–1 and drawn independently of each other. */
export interface Fault {
	/** Any of them; absent: every request of the rule. */
	readonly matches?: readonly Match[]
	readonly sources?: readonly Source[]
	readonly delay?: { readonly ms: number; readonly share: number }
	readonly abort?: { readonly status: number; readonly share: number }
	/** Slows the response's body down. */
	readonly bandwidth?: { readonly bytesPerSecond: number; readonly share: number }
}

export interface DirectResponse {
	readonly status: number
	readonly headers: readonly Field[]
	readonly body: string
}

export interface Timeouts {
	/** From the request's arrival to the end of the response, all attempts included. */
	readonly requestMs?: number
	/** One attempt, to the end of its response. */
	readonly backendRequestMs?: number
}

/** GEP-1731. Connection errors and timeouts of an attempt are retried whatever `codes` says. */
export interface RetryRule {
	/** Tries after the first. */
	readonly attempts: number
	/** Response statuses that are retried. */
	readonly codes: readonly number[]
	/** The least time between two attempts. */
	readonly backoffMs: number
	/** Methods that are retried although they are not idempotent (RFC 9110 §9.2.2). */
	readonly methods: readonly string[]
	/** Requests with longer bodies, or bodies of unknown length, are sent once. */
	readonly maxBodyBytes: number
}

/** GEP-1619. */
export interface SessionPersistence {
	readonly type: 'Cookie' | 'Header'
	/** Of the cookie, or of the header (lower case). */
	readonly name: string
	/** The session ends this long after it began, whatever happens. */
	readonly absoluteTimeoutSeconds?: number
	/** The session ends when it is not used for this long. */
	readonly idleTimeoutSeconds?: number
	/** The cookie outlives the browser's session. */
	readonly permanent: boolean
	/** The cookie's Path. */
	readonly path: string
}
