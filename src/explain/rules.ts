/** Which rules a request may be for, with the odds of each, and which it only just misses. */
import { compileConditions } from '../matching/conditions.ts'
import { type Candidate, createRuleIndex, indexesFor, type RuleIndex } from '../matching/ruleIndex.ts'
import { type Caller, isFrom } from '../matching/source.ts'
import type { CompiledRule } from '../proxy/compile/compileRule.ts'
import { addSlice, type CompiledSlice } from '../proxy/compile/compileSlice.ts'
import type { Exchange } from '../proxy/exchange.ts'
import type { ResolvedHost } from '../proxy/knowledge/routingTable.ts'
import type { Refusal } from '../proxy/refusal.ts'
import { match } from '../proxy/stages/match.ts'
import type { Source } from '../snapshot/filters.ts'
import type { Match, ValueMatch } from '../snapshot/match.ts'
import type { ExplainedMatch, ExplainedRule, FailedCondition, NearMiss } from './explanation.ts'
import { failedUsers, looksAtUsers, type RefusedUsers } from './users.ts'

type Rule = Candidate<CompiledRule>

/** The largest draw there is: what is left to chance happens with it only when it is certain. The smallest is 0. */
export const UNLUCKY = 1 - 2 ** -53
const MAX_NEAR_MISSES = 20

export interface PossibleRule {
	readonly rule: CompiledRule
	readonly explained: ExplainedRule
	/** 0–1. */
	readonly odds: number
	/** It looks at the user, and the request's is not to be had. */
	readonly refusal: Refusal | undefined
}

export interface PossibleRules {
	/** In order of precedence. */
	readonly rules: readonly PossibleRule[]
	/** What becomes of requests that no rule takes, and the odds of that: 0 when some rule takes all that come to it. */
	readonly refusal: Refusal | undefined
	readonly refusedOdds: number
}

/**
 * Runs the match stage over the rules themselves, each of which tells when it is asked. A rule that takes a share lets the others
 * be asked too: what it leaves is theirs.
 */
export function possibleRules(exchange: Exchange, host: ResolvedHost, refused: RefusedUsers): PossibleRules {
	const lucky = { ...exchange, random: () => 0 }
	const unlucky = { ...exchange, random: () => UNLUCKY }
	const found = new Map<CompiledRule, PossibleRule>()
	let left = 1
	const asked = watched(
		host,
		exchange,
		(candidate) => candidate.method,
		(candidate) => {
			const { value } = candidate
			// Its draw counts for all of its matches: who is asked again was passed over.
			const reached = found.has(value) ? undefined : reaches(candidate, lucky)
			if (reached === undefined) return false
			const isCertain = reaches(candidate, unlucky) !== undefined
			const odds = left * (isCertain ? 1 : shareOf(value))
			left = isCertain ? 0 : left - odds
			const refusal = reached.missing === undefined ? undefined : refused.get(reached.missing)
			found.set(value, { rule: value, explained: explainedRule(candidate), odds, refusal })
			return isCertain
		},
	)
	const trial = { ...exchange }
	const refusal = match(trial, asked)
	if (refusal !== undefined) return { rules: [...found.values()], refusal, refusedOdds: left }
	if (found.size > 0) return { rules: [...found.values()], refusal, refusedOdds: 0 }
	const standIn = { rule: trial.rule!, explained: { name: trial.rule!.name }, odds: 1, refusal }
	return { rules: [standIn], refusal, refusedOdds: 0 }
}

/** Whether a request comes to a rule; `missing` is the namespace whose user it needs and nobody knows. */
function reaches({ accepts }: Rule, exchange: Exchange): { readonly missing: string | undefined } | undefined {
	const isAccepted = accepts === undefined || accepts(exchange)
	const missing = exchange.routeUsers?.missing?.namespace
	if (missing !== undefined) exchange.routeUsers!.missing = undefined
	return isAccepted || missing !== undefined ? { missing } : undefined
}

/** Namespaces of rules that look at users, and whose host and path fit. */
export function namespacesLookingAtUsers(exchange: Exchange, host: ResolvedHost): ReadonlySet<string> {
	const found = new Set<string>()
	const sameMethod = ({ method }: Rule) => method && exchange.method
	const asked = watched(host, exchange, sameMethod, ({ value, route }) => {
		if (looksAtUsers(value.source!)) found.add(namespaceOf(route))
		return false
	})
	match({ ...exchange }, asked)
	return found
}

const namespaceOf = (route: string): string => route.split('/', 1)[0]!

/** Asks every rule whose host and path fit, whatever else it wants, in the order in which the match stage would. */
export function nearMisses(exchange: Exchange, host: ResolvedHost, { rules, refusedOdds }: PossibleRules): NearMiss[] {
	const misses: NearMiss[] = []
	const seen = new Set<Rule>()
	const winners = new Set(rules.map(({ rule }) => rule))
	const last = refusedOdds > 0 ? undefined : rules.at(-1)?.rule
	let isWon = false
	const sameMethod = ({ method }: Rule) => method && exchange.method
	const asked = watched(host, exchange, sameMethod, (candidate, { isFor }) => {
		const { value } = candidate
		const failed = [
			...failedConditions(candidate, exchange),
			...(isFor?.(exchange) === false ? [otherPort(exchange)] : []),
		]
		if (failed.length === 0) isWon ||= value === last
		else if (!winners.has(value) && !seen.has(candidate)) {
			seen.add(candidate)
			misses.push({ rule: value.name, ...routeAndMatch(candidate), wouldWin: !isWon, failed })
		}
		return misses.length >= MAX_NEAR_MISSES
	})
	match({ ...exchange }, asked)
	return misses
}

/** The virtual host with other eyes: `visit` is told of each candidate instead of what the candidate itself asks for. */
function watched(
	{ virtualHost }: ResolvedHost,
	{ host, caller }: Exchange,
	methodOf: (candidate: Rule) => string | undefined,
	visit: (candidate: Rule, slice: CompiledSlice) => boolean,
): ResolvedHost {
	const watch = (slice: CompiledSlice): CompiledSlice => ({
		...slice,
		candidates: slice.candidates.map((candidate) => ({
			...candidate,
			method: methodOf(candidate),
			accepts: () => visit(candidate, slice),
		})),
	})
	const index = createRuleIndex<CompiledRule>()
	for (const slice of virtualHost.slices.values()) addSlice(index, watch(slice))
	const consumers = new Map<string, RuleIndex<CompiledRule>>()
	for (const { callerNamespace, compiled } of virtualHost.consumerSlices.values()) {
		if (callerNamespace !== caller?.namespace) continue
		const own = consumers.get(callerNamespace) ?? createRuleIndex<CompiledRule>()
		consumers.set(callerNamespace, own)
		addSlice(own, watch(compiled))
	}
	return { virtualHost: { ...virtualHost, index, consumers }, indexes: indexesFor(index, host) }
}

/** Each TrafficMatch of a rule is drawn by itself. */
const shareOf = ({ source }: CompiledRule): number =>
	(source?.only ?? []).reduce((odds, { share = 1 }) => odds * share, 1)

function failedConditions({ value, route, match: at }: Rule, exchange: Exchange): FailedCondition[] {
	const { matches, only = [] } = value.source!
	const { method, headers = [], queryParams = [] } = matches[at]!
	const fails = (...conditions: Parameters<typeof compileConditions>) => !compileConditions(...conditions)!(exchange)
	return [
		...(method === undefined || method === exchange.method
			? []
			: [{ condition: 'method', wanted: method, got: exchange.method } as const]),
		...headers
			.filter((header) => fails([header], []))
			.map((header) => ({ condition: 'header', ...missed(header, exchange.header(header.name)) }) as const),
		...queryParams
			.filter((param) => fails([], [param]))
			.map((param) => ({ condition: 'queryParam', ...missed(param, exchange.queryParam(param.name)) }) as const),
		...only.flatMap(({ sources, share }): FailedCondition[] => [
			...(sources === undefined || isFrom(sources, exchange.caller) ? [] : [notFrom(sources, exchange.caller)]),
			...(share === 0 ? [{ condition: 'share', wanted: '0 % of the requests', got: null } as const] : []),
		]),
		...failedUsers(value.source!, namespaceOf(route), exchange),
	]
}

const missed = ({ name, type, value }: ValueMatch, got: string | null) => ({ name, wanted: `${type} ${value}`, got })

const notFrom = (sources: readonly Source[], caller: Caller | undefined): FailedCondition => ({
	condition: 'source',
	wanted: sources.map(({ namespace, workload = '*' }) => `${namespace}/${workload}`).join(', '),
	got: caller === undefined ? null : `${caller.namespace}/${caller.workload}`,
})

const otherPort = ({ authority }: Exchange): FailedCondition => ({
	condition: 'port',
	wanted: 'a port of the Service that the route is for',
	got: authority,
})

const explainedRule = (candidate: Rule): ExplainedRule => ({ name: candidate.value.name, ...routeAndMatch(candidate) })

const routeAndMatch = ({ value, route, match: at }: Rule) => ({
	route,
	match: explainedMatch(value.source!.matches[at]!),
})

/** As documents write it: without the program of a regular expression, and with the slash of the root. */
function explainedMatch({ path, method, headers, queryParams }: Match): ExplainedMatch {
	const plain = ({ name, type, value }: ValueMatch) => ({ name, type, value })
	return {
		path: { type: path.type, value: path.value || '/' },
		...(method === undefined ? {} : { method }),
		...(headers === undefined ? {} : { headers: headers.map(plain) }),
		...(queryParams === undefined ? {} : { queryParams: queryParams.map(plain) }),
	}
}
