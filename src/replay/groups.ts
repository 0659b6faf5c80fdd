/** Replayed requests, counted by who sent them, by which route they came, and what decided. */
import type { AccessSample } from '../ports.ts'

/** Why a request is refused, as its refusal would say it. */
export type RefusedFor = 'access_denied' | 'ambiguous_path' | 'invalid_token'

export interface Change {
	/** SPIFFE ID of the caller; null where none was proven. */
	readonly source: string | null
	/** Of a request with an end user. */
	readonly user?: { readonly issuer: string }
	readonly service: string
	/** Name of the rule that matched; '' for the one that stands in while a Service has no route. */
	readonly rule: string
	/** `<namespace>/<name>` of the HTTPRoute. */
	readonly route: string | null
	readonly method: string
	/** The first two segments; numbers and ids as `{*}`. */
	readonly path: string
	/** The policy that refuses or admits then; null where none matches, '' where its name is not for who asks. */
	readonly by: string | null
	/** Of a request that is refused then. */
	readonly reason?: RefusedFor
	/** Authorizers that have to allow it where it is admitted: what they refuse, is refused before and then. Nobody is asked. */
	readonly asks?: readonly string[]
	readonly count: number
}

export interface Groups {
	readonly rows: Map<string, Omit<Change, 'count'> & { count: number }>
}

export const createGroups = (): Groups => ({ rows: new Map() })

export function addChange(
	{ rows }: Groups,
	{ caller, user, service, rule, method, path }: AccessSample,
	{ by, reason }: { readonly by?: string; readonly reason?: RefusedFor },
	asks: readonly string[],
): void {
	const row = {
		source: caller?.spiffeId ?? null,
		...(user === undefined ? {} : { user: { issuer: user.issuer } }),
		...{ service, rule, route: routeOf(rule), method, path: pathGroup(path), by: by ?? null },
		...(reason === undefined ? {} : { reason }),
		...(asks.length === 0 ? {} : { asks }),
	}
	const key = JSON.stringify(row)
	const known = rows.get(key)
	if (known === undefined) rows.set(key, { ...row, count: 1 })
	else known.count++
}

/** The most frequent first. */
export const listed = ({ rows }: Groups): readonly Change[] => [...rows.values()].sort((a, b) => b.count - a.count)

/** `<namespace>/<route>/<rule>`. */
function routeOf(rule: string): string | null {
	const [namespace, route] = rule.split('/', 2)
	return route === undefined ? null : `${namespace}/${route}`
}

/** What stands for one thing among many: numbers, UUIDs, and other long ids. */
const ID = /^(?:[0-9]+|[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|(?=.*[0-9])[0-9A-Za-z_-]{16,})$/

export function pathGroup(path: string): string {
	const [, ...segments] = path.split('/')
	const shown = segments.slice(0, 2).map((segment) => (ID.test(segment) ? '{*}' : segment))
	return `/${shown.join('/')}${segments.length > 2 ? '/…' : ''}`
}
