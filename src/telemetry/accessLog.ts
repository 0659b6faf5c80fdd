/** The access log: one JSON line for each request, with the same fields in the same order. */

/** What there is to say about a request. Absent and empty fields are left out of the line. */
export interface AccessLogEntry {
	/** When the request arrived, ms since the epoch. */
	readonly timeMs: number
	readonly method: string
	readonly scheme: string
	readonly authority: string
	/** Anything from `?` or `#` on is cut off: queries hold secrets. */
	readonly path: string
	/** HTTP status, or 0 when the client left before one. */
	readonly status: number
	/** The refusal's reason for a mesh-made reply. */
	readonly refusal?: string | undefined
	readonly rule?: string | undefined
	readonly service?: string | undefined
	/** Id of the endpoint that answered. */
	readonly endpoint?: string | undefined
	/** Requests sent for this one; absent when it was one, or none. */
	readonly attempts?: number | undefined
	readonly durationMs: number
	/** Declared length of the body; absent when nobody declared it. */
	readonly requestBytes?: number | undefined
	readonly responseBytes?: number | undefined
	/** SPIFFE ID of the workload that called, where it has proven that. */
	readonly caller?: string | undefined
	/** `<iss>/<sub>` of the end user, where a token has proven that. */
	readonly user?: string | undefined
	/** `<namespace>/<name>` of the policy that refused or admitted the request. */
	readonly policy?: string | undefined
	/** What policies that are tried out would do instead, and which of them. */
	readonly would?: 'refuse' | 'admit' | undefined
	readonly wouldBy?: string | undefined
	readonly clientAddress?: string | undefined
	readonly userAgent?: string | undefined
	readonly traceId?: string | undefined
	readonly revision: number
	readonly snapshotAgeMs: number
	readonly region: string
}

/** In UTF-16 units. What strangers choose is bounded tightly, what resources name by the longest legal name. */
const MAX_PATH = 1_024
const MAX_USER_AGENT = 256
const MAX_AUTHORITY = 255
const MAX_TOKEN = 64
const MAX_NAME = 1_024

/** The line, without a line break at its end and never with one inside. */
export function accessLogLine(entry: AccessLogEntry): string {
	const line = JSON.stringify({
		time: new Date(entry.timeMs).toISOString(),
		method: text(entry.method, MAX_TOKEN),
		scheme: text(entry.scheme, MAX_TOKEN),
		authority: text(entry.authority, MAX_AUTHORITY),
		path: text(withoutQuery(entry.path), MAX_PATH),
		status: entry.status,
		refusal: text(entry.refusal, MAX_NAME),
		rule: text(entry.rule, MAX_NAME),
		service: text(entry.service, MAX_NAME),
		endpoint: text(entry.endpoint, MAX_NAME),
		attempts: entry.attempts,
		durationMs: entry.durationMs,
		requestBytes: entry.requestBytes,
		responseBytes: entry.responseBytes,
		caller: text(entry.caller, MAX_NAME),
		user: text(entry.user, MAX_NAME),
		policy: text(entry.policy, MAX_NAME),
		would: entry.would,
		wouldBy: text(entry.wouldBy, MAX_NAME),
		clientAddress: text(entry.clientAddress, MAX_TOKEN),
		userAgent: text(entry.userAgent, MAX_USER_AGENT),
		traceId: text(entry.traceId, MAX_TOKEN),
		revision: entry.revision,
		snapshotAgeMs: entry.snapshotAgeMs,
		region: text(entry.region, MAX_TOKEN),
	})
	return printable(line)
}

/** JSON lets these through, but terminals obey the first range and some readers end a line at the others. */
const UNSAFE = /[\u007f-\u009f\u2028\u2029]/
const UNSAFE_ALL = /[\u007f-\u009f\u2028\u2029]/g

/** JSON that no reader of lines misreads. */
export const printable = (line: string): string => (UNSAFE.test(line) ? line.replace(UNSAFE_ALL, escapeUnit) : line)

const escapeUnit = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`

/** At most `max` units of a text, never half of a surrogate pair; undefined for an empty one. */
export function text(value: string | undefined, max: number): string | undefined {
	if (value === undefined || value === '') return undefined
	if (value.length <= max) return value
	const last = value.charCodeAt(max - 1)
	return value.slice(0, last >= 0xd800 && last <= 0xdbff ? max - 1 : max)
}

export function withoutQuery(path: string): string {
	const end = path.search(/[?#]/)
	return end < 0 ? path : path.slice(0, end)
}
