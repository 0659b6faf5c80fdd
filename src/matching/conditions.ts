/** The conditions of a match that are neither path nor method, compiled into one predicate. */
import { type RegexProgram, regexMatcher } from './regex.ts'
import type { RequestFacts } from './ruleIndex.ts'

export interface ValueCondition {
	readonly name: string
	readonly type: 'Exact' | 'RegularExpression'
	readonly value: string
	readonly program?: RegexProgram
}

/** All conditions must hold. Returns undefined when there are none, so that an unconditional match asks nothing. */
export function compileConditions(
	headers: readonly ValueCondition[],
	queryParams: readonly ValueCondition[],
): ((facts: RequestFacts) => boolean) | undefined {
	const conditions = [
		...headers.map(({ name, ...condition }) => {
			const matches = compileValue(condition)
			return (facts: RequestFacts) => matches(facts.header(name))
		}),
		...queryParams.map(({ name, ...condition }) => {
			const matches = compileValue(condition)
			return (facts: RequestFacts) => matches(facts.queryParam(name))
		}),
	]
	if (conditions.length === 0) return undefined
	if (conditions.length === 1) return conditions[0]
	return (facts) => conditions.every((holds) => holds(facts))
}

/** An absent value never matches, not even a pattern that accepts the empty text. */
function compileValue(condition: Omit<ValueCondition, 'name'>): (value: string | null) => boolean {
	if (condition.program === undefined) return (value) => value === condition.value
	const matches = regexMatcher(condition.program)
	return (value) => value !== null && matches(value)
}
