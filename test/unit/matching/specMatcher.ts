/** A slow and obviously right matcher, written from the Gateway API specification: what the rule index is held to. */
import type { RequestFacts } from '../../../src/matching/ruleIndex.ts'

export interface SpecCondition {
	readonly name: string
	readonly holds: (value: string | null) => boolean
}

export interface SpecMatch {
	readonly path: { readonly type: 'Exact' | 'PathPrefix' | 'RegularExpression'; readonly value: string }
	readonly method?: string
	readonly headers: readonly SpecCondition[]
	readonly queryParams: readonly SpecCondition[]
}

export interface SpecRoute {
	/** `<namespace>/<name>`. */
	readonly name: string
	readonly createdAt: number
	/** None: any host. */
	readonly hostnames: readonly string[]
	readonly rules: readonly (readonly SpecMatch[])[]
}

/** One match that a request satisfies, with the hostname of its route that let it in. */
interface Hit {
	readonly route: SpecRoute
	readonly hostname: string
	readonly rule: number
	readonly match: number
	readonly conditions: SpecMatch
}

/** `<route>#<rule>.<match>` of the match that wins, or undefined. */
export function specWinner(routes: readonly SpecRoute[], host: string, facts: RequestFacts): string | undefined {
	const hits = routes.flatMap((route) =>
		(route.hostnames.length === 0 ? [''] : route.hostnames)
			.filter((hostname) => hostnameAdmits(hostname, host))
			.flatMap((hostname) =>
				route.rules.flatMap((matches, rule) =>
					matches.flatMap((conditions, match) =>
						satisfies(conditions, facts) ? [{ route, hostname, rule, match, conditions }] : [],
					),
				),
			),
	)
	const [best] = hits.sort(byPrecedence)
	return best && `${best.route.name}#${best.rule}.${best.match}`
}

/** "*.example.com" admits "test.example.com" and "foo.test.example.com", not "example.com". */
function hostnameAdmits(hostname: string, host: string): boolean {
	if (hostname === '') return true
	const wanted = hostname.split('.').reverse()
	const labels = host.split('.').reverse()
	if (wanted.at(-1) !== '*') return hostname === host
	return labels.length >= wanted.length && wanted.slice(0, -1).every((label, i) => label === labels[i])
}

function satisfies(match: SpecMatch, facts: RequestFacts): boolean {
	return (
		pathSatisfies(match.path, facts.path) &&
		(match.method === undefined || match.method === facts.method) &&
		match.headers.every(({ name, holds }) => holds(facts.header(name))) &&
		match.queryParams.every(({ name, holds }) => holds(facts.queryParam(name)))
	)
}

function pathSatisfies({ type, value }: SpecMatch['path'], path: string): boolean {
	if (type === 'Exact') return path === value
	if (type === 'RegularExpression') return new RegExp(`^(?:${value})$`).test(path)
	// "Matching is done on a path element by element basis. A trailing slash of the prefix is ignored."
	const elements = path.split('/')
	return value.split('/').every((element, i) => element === elements[i])
}

const pathRank = { Exact: 0, RegularExpression: 1, PathPrefix: 2 }
const isWildcard = (hostname: string) => hostname === '' || hostname.startsWith('*.')

/** Gateway API's order of precedence, one line per step; the first difference decides. */
const steps: readonly ((hit: Hit) => number | string)[] = [
	({ hostname }) => (isWildcard(hostname) ? 1 : 0),
	({ hostname }) => -hostname.length,
	({ conditions }) => pathRank[conditions.path.type],
	({ conditions }) => -conditions.path.value.length,
	({ conditions }) => (conditions.method === undefined ? 1 : 0),
	({ conditions }) => -conditions.headers.length,
	({ conditions }) => -conditions.queryParams.length,
	({ route }) => route.createdAt,
	({ route }) => route.name,
	({ rule }) => rule,
	({ match }) => match,
]

function byPrecedence(a: Hit, b: Hit): number {
	for (const step of steps) {
		const left = step(a)
		const right = step(b)
		if (left !== right) return left < right ? -1 : 1
	}
	return 0
}
