/**
 * Cross-origin resource sharing: the fields that tell a browser which pages may use a response.
 *
 * Gateway API, HTTPCORSFilter (GEP-1767); Fetch standard, "CORS protocol" (https://fetch.spec.whatwg.org/#http-cors-protocol).
 */
import type { Cors, Field } from '../snapshot/filters.ts'
import { compileOrigins } from './corsOrigin.ts'

export interface CompiledCors {
	/**
	 * What answers a preflight, given its Origin, Access-Control-Request-Method and Access-Control-Request-Headers. An origin that
	 * is not allowed is told nothing, and so the browser does not go on.
	 */
	preflight(origin: string | null, method: string | null, headers: string | null): readonly Field[]
	/** What goes onto an actual response, in place of the backend's own fields; `vary` goes beside what is there. */
	actual(origin: string | null): readonly Field[]
}

/** For caches, wherever the answer depends on who asks (Fetch standard, "CORS protocol and HTTP caches"). */
const VARY: Field = ['vary', 'Origin']
const ONLY_VARY: readonly Field[] = [VARY]

/**
 * With credentials `*` means nothing to a browser (Fetch standard, "CORS protocol and credentials"): origin, method and headers of
 * the request stand in its place, and response headers must be exposed by name. Without, `*` goes out as it is, to everybody.
 */
export function compileCors(cors: Cors): CompiledCors {
	const { allowOrigins, allowCredentials } = cors
	const methods = namesField('access-control-allow-methods', cors.allowMethods, allowCredentials)
	const headers = namesField('access-control-allow-headers', cors.allowHeaders, allowCredentials)
	const exposed = namesField('access-control-expose-headers', cors.exposeHeaders, allowCredentials)(null)
	const always: readonly Field[] = allowCredentials
		? [...exposed, ['access-control-allow-credentials', 'true']]
		: exposed
	const anyOrigin: readonly Field[] | undefined =
		allowOrigins.includes('*') && !allowCredentials ? [['access-control-allow-origin', '*'], ...always] : undefined
	const isAllowed = compileOrigins(allowOrigins)
	const maxAge: Field = ['access-control-max-age', String(cors.maxAgeSeconds)]

	const actual = (origin: string | null): readonly Field[] => {
		if (anyOrigin !== undefined) return anyOrigin
		if (origin === null || !isAllowed(origin)) return ONLY_VARY
		return [['access-control-allow-origin', origin], ...always, VARY]
	}
	return {
		actual,
		preflight(origin, requestedMethod, requestedHeaders) {
			const fields = actual(origin)
			if (fields === ONLY_VARY) return fields
			return [...fields, ...methods(requestedMethod), ...headers(requestedHeaders), maxAge]
		},
	}
}

/** Whether a request asks for permission instead of for a resource: Fetch standard, "CORS-preflight request". */
export function isPreflight(method: string, origin: string | null, requestMethod: string | null): boolean {
	return method === 'OPTIONS' && origin !== null && requestMethod !== null
}

/** A field that lists names, or nothing for an empty list. With credentials, what was requested stands in for `*`. */
function namesField(
	name: string,
	allowed: readonly string[],
	allowCredentials: boolean,
): (requested: string | null) => readonly Field[] {
	const isAny = allowed.includes('*')
	if (isAny && allowCredentials) {
		const named = allowed.filter((each) => each !== '*').join(', ')
		return (requested) => (requested || named ? [[name, requested || named]] : [])
	}
	const fields: readonly Field[] = allowed.length === 0 ? [] : [[name, isAny ? '*' : allowed.join(', ')]]
	return () => fields
}
