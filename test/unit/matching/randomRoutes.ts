/** Routes and requests drawn from a small world, so that they collide often. */
import type { Candidate, RequestFacts } from '../../../src/matching/ruleIndex.ts'
import type { SpecCondition, SpecMatch, SpecRoute } from './specMatcher.ts'

type Random = () => number

const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)]!
const some = <T>(random: Random, max: number, make: (i: number) => T): T[] =>
	Array.from({ length: Math.floor(random() * (max + 1)) }, (_, i) => make(i))

const HOSTNAMES = ['a.example.com', 'x.a.example.com', 'example.com', '*.example.com', '*.a.example.com', '*.com']
const HOSTS = ['a.example.com', 'x.a.example.com', 'y.x.a.example.com', 'example.com', 'b.example.com', 'other.org']
const SEGMENTS = ['a', 'b', 'ab', 'c']
const EXPRESSIONS = ['/a/.*', '/[ab]', '/.*', '/a+(/b)?', '.*/', '/(a|ab)/.+', '//.*']
const METHODS = ['GET', 'POST', 'PUT']

export const randomHost = (random: Random): string => pick(random, HOSTS)

export function randomRoute(random: Random, number: number): SpecRoute {
	return {
		name: `${pick(random, ['default', 'shop', 'shop-2'])}/r${number}`,
		createdAt: Math.floor(random() * 3),
		hostnames: [...new Set(some(random, 2, () => pick(random, HOSTNAMES)))],
		rules: [0, ...some(random, 2, Number)].map(() => [0, ...some(random, 2, Number)].map(() => randomMatch(random))),
	}
}

function randomMatch(random: Random): SpecMatch {
	return {
		path: randomPathMatch(random),
		...(random() < 0.3 ? { method: pick(random, METHODS) } : {}),
		headers: some(random, 2, (i) => randomCondition(random, `h${i}`)),
		queryParams: some(random, 2, (i) => randomCondition(random, `q${i}`)),
	}
}

/** Prefixes are as the build makes them: without a trailing slash, and empty for the root. */
function randomPathMatch(random: Random): SpecMatch['path'] {
	const kind = random()
	if (kind < 0.15) return { type: 'RegularExpression', value: pick(random, EXPRESSIONS) }
	const path = some(random, 4, () => `/${pick(random, SEGMENTS)}`).join('')
	if (kind < 0.6) return { type: 'PathPrefix', value: path }
	return { type: 'Exact', value: `${path}${random() < 0.3 ? '/' : ''}` || '/' }
}

function randomCondition(random: Random, name: string): SpecCondition {
	const wanted = pick(random, ['1', '2'])
	return { name, holds: random() < 0.7 ? (value) => value === wanted : (value) => value !== null }
}

export function randomFacts(random: Random): RequestFacts {
	const values = () => new Map(['h0', 'h1', 'q0', 'q1'].map((name) => [name, pick(random, [null, '1', '2', '2'])]))
	const drawn = values()
	const value = (name: string) => drawn.get(name) ?? null
	const asked = { method: pick(random, METHODS), path: randomPath(random), header: value, queryParam: value }
	return { ...asked, caller: undefined, random }
}

function randomPath(random: Random): string {
	const path = some(random, 6, () => `/${pick(random, [...SEGMENTS, ''])}`).join('')
	return path + pick(random, ['', '', '/', '//']) || '/'
}

/** The route as the index takes it: one candidate for each hostname and match. */
export function candidatesOf(route: SpecRoute): { hostname: string; candidate: Candidate<string> }[] {
	return (route.hostnames.length === 0 ? [''] : route.hostnames).flatMap((hostname) =>
		route.rules.flatMap((matches, rule) =>
			matches.map((conditions, match) => ({ hostname, candidate: candidateOf(route, rule, match, conditions) })),
		),
	)
}

function candidateOf(route: SpecRoute, rule: number, match: number, conditions: SpecMatch): Candidate<string> {
	const { path, method, headers, queryParams } = conditions
	const expression = new RegExp(`^(?:${path.value})$`)
	return {
		path,
		method,
		headerCount: headers.length,
		queryParamCount: queryParams.length,
		createdAt: route.createdAt,
		route: route.name,
		rule,
		match,
		accepts: (facts) =>
			headers.every(({ name, holds }) => holds(facts.header(name))) &&
			queryParams.every(({ name, holds }) => holds(facts.queryParam(name))),
		pathMatches: path.type === 'RegularExpression' ? (text) => expression.test(text) : undefined,
		value: `${route.name}#${rule}.${match}`,
	}
}
