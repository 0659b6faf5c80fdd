/** Every way the API says no: RFC 9457 problem documents, one table from type to status. */

/** Types are URIs that identify a problem; they need not resolve (RFC 9457 §3.1.1). */
const BASE = 'https://selvedge.dev/problems/'

const problems = {
	'invalid-request': { status: 400, title: 'The request is not valid' },
	'invalid-documents': { status: 400, title: 'The documents are not valid' },
	/** Of WITs and WPTs; the drafts want 400, never 401. */
	'invalid-proof': { status: 400, title: 'The workload has not proven who it is' },
	unauthenticated: { status: 401, title: 'A valid token is needed' },
	forbidden: { status: 403, title: 'Who asks may not do this' },
	'not-found': { status: 404, title: 'There is no such thing' },
	'method-not-allowed': { status: 405, title: 'The path does not have this method' },
	'too-many-endpoints': { status: 409, title: 'The service has as many endpoints as it may' },
	'too-many-revocations': { status: 409, title: 'As many revocations are in force as may be' },
	'secrets-not-kept': { status: 409, title: 'Secrets cannot be kept here' },
	'precondition-failed': { status: 412, title: 'The resource is not at the revision that was expected' },
	'too-large': { status: 413, title: 'The request is too large' },
	'unsupported-media-type': { status: 415, title: 'The body has a type that is not accepted here' },
	'too-many-attempts': { status: 429, title: 'Too many credentials that are not good were tried' },
	internal: { status: 500, title: 'The mesh made a mistake' },
	unavailable: { status: 503, title: 'A part of the control plane cannot answer now' },
} as const

export type ProblemType = keyof typeof problems
export const problemTypes = Object.keys(problems) as ProblemType[]

/** One thing that is wrong. `path` names the field: `spec.rules[0].matches[1].path.value`, `query.limit`. */
export interface ProblemError {
	readonly path: string
	readonly message: string
	/** Gateway API's own word for the mistake, where it has one, such as `IncompatibleFilters`. */
	readonly reason?: string
	/** 1-based, where a request carries several documents. */
	readonly document?: number
	readonly kind?: string
	readonly namespace?: string
	readonly name?: string
	readonly line?: number
}

interface Extras {
	readonly errors?: readonly ProblemError[]
	readonly headers?: Record<string, string>
	/** Further members of the document, such as `currentRevision`. */
	readonly members?: Readonly<Record<string, unknown>>
}

export function problem(type: ProblemType, detail: string, extras: Extras = {}): Response {
	const { status, title } = problems[type]
	const body = { type: BASE + type, title, status, detail, ...extras.members }
	return new Response(JSON.stringify(extras.errors === undefined ? body : { ...body, errors: extras.errors }), {
		status,
		headers: { 'content-type': 'application/problem+json', ...extras.headers },
	})
}

/** Several things wrong with the request itself. The detail repeats the first, for people who read only that. */
export function invalidRequest(errors: readonly ProblemError[]): Response {
	const first = errors[0]
	const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : ''
	return problem('invalid-request', first ? `${first.path}: ${first.message}${more}` : 'The request is not valid', {
		errors,
	})
}
