/** An HTTPRoute's rules in the form that proxies compile. */
import type { HTTPRoute } from '../resources/httpRoute.ts'
import type { Attachment } from './attachRoute.ts'
import { regexProgram } from './regexProgram.ts'
import type { Backend, Match, PathMatch, RouteSlice, Rule, ValueMatch } from './snapshot.ts'

type RouteRule = HTTPRoute['spec']['rules'][number]
type RouteMatch = RouteRule['matches'][number]

/** What a route contributes to one virtual host. `backends` are those of each rule, in order. */
export function routeSlice(
	route: HTTPRoute,
	createdAt: number,
	attachment: Attachment,
	rules: readonly Rule[],
): RouteSlice {
	return {
		kind: 'routeSlice',
		route: `${route.metadata.namespace}/${route.metadata.name}`,
		createdAt,
		hostnames: attachment.hostnames,
		...(attachment.callerNamespace === undefined ? {} : { callerNamespace: attachment.callerNamespace }),
		rules,
	}
}

export function ruleOf(route: HTTPRoute, index: number, backends: readonly Backend[]): Rule {
	const rule = route.spec.rules[index]!
	return {
		name: `${route.metadata.namespace}/${route.metadata.name}/${rule.name ?? index}`,
		matches: rule.matches.map(matchOf),
		backends,
	}
}

function matchOf(match: RouteMatch): Match {
	return {
		path: pathOf(match.path),
		...(match.method === undefined ? {} : { method: match.method }),
		...(match.headers.length > 0
			? { headers: match.headers.map((header) => valueMatchOf({ ...header, name: header.name.toLowerCase() })) }
			: {}),
		...(match.queryParams.length > 0 ? { queryParams: match.queryParams.map(valueMatchOf) } : {}),
	}
}

/** Prefixes match by segment, so `/match/` is `/match` and `/` is the empty prefix. */
function pathOf({ type, value }: RouteMatch['path']): PathMatch {
	if (type === 'RegularExpression') return { type, value, program: programOf(value) }
	if (type === 'Exact') return { type, value }
	return { type, value: value.endsWith('/') ? value.slice(0, -1) : value }
}

function valueMatchOf({ type, name, value }: { type: string; name: string; value: string }): ValueMatch {
	return type === 'RegularExpression'
		? { name, type, value, program: programOf(value) }
		: { name, type: 'Exact', value }
}

/** Validation has compiled every pattern once already; a failure here is a bug. */
function programOf(pattern: string) {
	const program = regexProgram(pattern)
	if (!program.ok) throw new Error(`a pattern that validation let through does not compile: ${program.error}`)
	return program.value
}
