/** A route's rules ready to be matched: each compiled once per version, and its costly part only when first used. */
import { compileUserTest, type UserTest } from '../../authorization/userTest.ts'
import { isPreflight } from '../../filters/cors.ts'
import { isDrawn } from '../../filters/share.ts'
import { compileConditions } from '../../matching/conditions.ts'
import { regexMatcher } from '../../matching/regex.ts'
import {
	addCandidate,
	type Candidate,
	type RequestFacts,
	type RuleIndex,
	removeCandidate,
} from '../../matching/ruleIndex.ts'
import { isFrom } from '../../matching/source.ts'
import type { TrafficMatch } from '../../snapshot/filters.ts'
import type { Match, RouteSlice, Rule } from '../../snapshot/snapshot.ts'
import type { Exchange } from '../exchange.ts'
import { type CompiledRule, compileRule } from './compileRule.ts'
import { forPorts } from './servicePort.ts'

/** A slice as it sits in its virtual host's index, so that it can be taken out again. */
export interface CompiledSlice {
	readonly hostnames: readonly string[]
	readonly candidates: readonly Candidate<CompiledRule>[]
	/** Whether the route is for the port that a request names at all. Undefined: for all of them. */
	readonly isFor?: ((exchange: Exchange) => boolean) | undefined
}

/** `trustDomain` is the mesh's own; `ownPort` is where callers reach it, if that is known. */
export function compileSlice(slice: RouteSlice, trustDomain: string, ownPort?: number): CompiledSlice {
	const isFor = forPorts(slice.servicePorts, ownPort)
	const candidates = slice.rules.flatMap((rule, ruleIndex) => {
		const compiled = compileRule(rule, trustDomain, slice.ports)
		const isWanted = compileTraffic(rule.only)
		const isForUser = compileUsers(rule, compiled, slice.route.split('/', 1)[0]!)
		return rule.matches.map(
			(match, matchIndex): Candidate<CompiledRule> => ({
				path: match.path,
				method: match.method,
				headerCount: match.headers?.length ?? 0,
				queryParamCount: match.queryParams?.length ?? 0,
				createdAt: slice.createdAt,
				route: slice.route,
				rule: ruleIndex,
				match: matchIndex,
				accepts: withPorts(both(both(lazyConditions(match), isWanted), isForUser), isFor),
				pathMatches: lazyPath(match),
				value: compiled,
			}),
		)
	})
	return { hostnames: slice.hostnames.length === 0 ? [''] : slice.hostnames, candidates, isFor }
}

export function addSlice(index: RuleIndex<CompiledRule>, { hostnames, candidates }: CompiledSlice): void {
	for (const hostname of hostnames) for (const candidate of candidates) addCandidate(index, hostname, candidate)
}

export function removeSlice(index: RuleIndex<CompiledRule>, { hostnames, candidates }: CompiledSlice): void {
	for (const hostname of hostnames) for (const candidate of candidates) removeCandidate(index, hostname, candidate)
}

/** The port decides first: chance must not be asked about a request that the rule is not for. */
function withPorts(
	accepts: Candidate<CompiledRule>['accepts'],
	isFor: CompiledSlice['isFor'],
): Candidate<CompiledRule>['accepts'] {
	if (isFor === undefined) return accepts
	// What rules are matched against here is always an exchange.
	return (facts) => isFor(facts as Exchange) && (accepts === undefined || accepts(facts))
}

function lazyConditions(match: Match): Candidate<CompiledRule>['accepts'] {
	if (match.headers === undefined && match.queryParams === undefined) return undefined
	let accepts: ReturnType<typeof compileConditions>
	return (facts) => {
		accepts ??= compileConditions(match.headers ?? [], match.queryParams ?? [])
		return accepts!(facts)
	}
}

/** Chance after the conditions: a request that the rule is not for must not use up a share of it. Users last: tokens cost. */
function both(
	first: Candidate<CompiledRule>['accepts'],
	second: Candidate<CompiledRule>['accepts'],
): Candidate<CompiledRule>['accepts'] {
	if (first === undefined || second === undefined) return first ?? second
	return (facts) => first(facts) && second(facts)
}

/** Asked by each match and hostname of the rule, and drawn once for each request: a share is one of requests, not of matches. */
function compileTraffic(only: readonly TrafficMatch[] | undefined): Candidate<CompiledRule>['accepts'] {
	if (only === undefined) return undefined
	const verdicts = new WeakMap<RequestFacts, boolean>()
	return (facts) => {
		const known = verdicts.get(facts)
		if (known !== undefined) return known
		const verdict = only.every((traffic) => isOf(traffic, facts))
		verdicts.set(facts, verdict)
		return verdict
	}
}

function isOf({ sources, share }: TrafficMatch, facts: RequestFacts): boolean {
	return (
		(sources === undefined || isFrom(sources, facts.caller)) && (share === undefined || isDrawn(share, facts.random()))
	)
}

/** The rule does not match while its user is not known, and says whose is missing: see `matchByUser`. */
function compileUsers(rule: Rule, compiled: CompiledRule, namespace: string): Candidate<CompiledRule>['accepts'] {
	const when = rule.only?.flatMap((traffic) => traffic.when ?? []) ?? []
	if (when.length === 0) return undefined
	const asked = { namespace, rule: compiled }
	let isWanted: UserTest | undefined
	return (facts) => {
		if (isForAnyUser(rule, facts)) return true
		const exchange = facts as Exchange
		exchange.routeUsers ??= { known: new Map(), missing: undefined }
		const { routeUsers } = exchange
		const user = routeUsers.known.get(namespace)
		if (user === undefined) {
			routeUsers.missing ??= asked
			return false
		}
		isWanted ??= compileUserTest(when)
		return isWanted(user ?? undefined)
	}
}

/** Browsers send no token with preflights. A rule that answers them itself does, and lets nothing through; others are as for nobody. */
export const isForAnyUser = ({ filters }: Rule, facts: RequestFacts): boolean =>
	filters?.cors !== undefined &&
	isPreflight(facts.method, facts.header('origin'), facts.header('access-control-request-method'))

function lazyPath({ path }: Match): Candidate<CompiledRule>['pathMatches'] {
	if (path.type !== 'RegularExpression') return undefined
	let matches: ((text: string) => boolean) | undefined
	return (text) => {
		matches ??= regexMatcher(path.program)
		return matches(text)
	}
}
