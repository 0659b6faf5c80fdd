/** A route's rules ready to be matched: each compiled once per version, and its costly part only when first used. */
import { weightedChoice } from '../balancing/weighted.ts'
import { compileConditions } from '../matching/conditions.ts'
import { regexMatcher } from '../matching/regex.ts'
import { addCandidate, type Candidate, type RuleIndex, removeCandidate } from '../matching/ruleIndex.ts'
import type { Backend, Match, RouteSlice, Rule } from '../snapshot/snapshot.ts'

export interface CompiledRule {
	readonly name: string
	/** Draws a backend in proportion to the weights. */
	readonly backend: (random: number) => Backend
}

/** A slice as it sits in its virtual host's index, so that it can be taken out again. */
export interface CompiledSlice {
	readonly hostnames: readonly string[]
	readonly candidates: readonly Candidate<CompiledRule>[]
}

export function compileSlice(slice: RouteSlice): CompiledSlice {
	const candidates = slice.rules.flatMap((rule, ruleIndex) => {
		const compiled = compileRule(rule)
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
				accepts: lazyConditions(match),
				pathMatches: lazyPath(match),
				value: compiled,
			}),
		)
	})
	return { hostnames: slice.hostnames.length === 0 ? [''] : slice.hostnames, candidates }
}

export function addSlice(index: RuleIndex<CompiledRule>, { hostnames, candidates }: CompiledSlice): void {
	for (const hostname of hostnames) for (const candidate of candidates) addCandidate(index, hostname, candidate)
}

export function removeSlice(index: RuleIndex<CompiledRule>, { hostnames, candidates }: CompiledSlice): void {
	for (const hostname of hostnames) for (const candidate of candidates) removeCandidate(index, hostname, candidate)
}

function compileRule(rule: Rule): CompiledRule {
	let draw: ((random: number) => Backend) | undefined
	return {
		name: rule.name,
		backend: (random) => {
			draw ??= compileBackends(rule.backends)
			return draw(random)
		},
	}
}

function compileBackends(backends: readonly Backend[]): (random: number) => Backend {
	const [only] = backends
	if (backends.length === 1 && only !== undefined) return () => only
	const draw = weightedChoice(backends.map(({ weight }) => weight))
	// The build replaces backends that are all weightless by one that refuses: here some weight is positive.
	return (random) => backends[draw!(random)]!
}

function lazyConditions(match: Match): Candidate<CompiledRule>['accepts'] {
	if (match.headers === undefined && match.queryParams === undefined) return undefined
	let accepts: ReturnType<typeof compileConditions>
	return (facts) => {
		accepts ??= compileConditions(match.headers ?? [], match.queryParams ?? [])
		return accepts!(facts)
	}
}

function lazyPath({ path }: Match): Candidate<CompiledRule>['pathMatches'] {
	if (path.type !== 'RegularExpression') return undefined
	let matches: ((text: string) => boolean) | undefined
	return (text) => {
		matches ??= regexMatcher(path.program)
		return matches(text)
	}
}
