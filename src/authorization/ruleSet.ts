/**
 * The rules of one action in one layer, arranged so that a request is compared with those that can match it, not with all.
 *
 * Each rule stands under one thing that it demands to the letter: a principal, a host, the beginning of a path. Of several that one is
 * taken which the fewest other rules demand, too. Only rules that demand nothing to the letter are always tried.
 */
import type { Reader } from './attribute.ts'
import type { CompiledRule } from './compileRule.ts'
import type { LookUp } from './criterion.ts'
import type { Facts } from './facts.ts'

export interface RuleSet {
	/** Lists are in order. */
	readonly always: readonly CompiledRule[]
	readonly indexes: readonly RuleIndex[]
}

interface RuleIndex {
	readonly read: Reader
	readonly rules: ReadonlyMap<string, readonly CompiledRule[]>
}

/** A rule and the ways in which it could be found. */
export interface FindableRule {
	readonly rule: CompiledRule
	readonly lookUps: readonly LookUp[]
}

/** `rules` in order. Undefined when there are none. */
export function createRuleSet(rules: readonly FindableRule[]): RuleSet | undefined {
	if (rules.length === 0) return undefined
	const sharing = countSharing(rules)
	const always: CompiledRule[] = []
	const indexes = new Map<string, { read: Reader; rules: Map<string, CompiledRule[]> }>()
	for (const { rule, lookUps } of rules) {
		const [best] = lookUps.toSorted((a, b) => sharing(a) - sharing(b))
		if (best === undefined) {
			always.push(rule)
			continue
		}
		const index = indexes.get(best.id) ?? { read: best.read, rules: new Map<string, CompiledRule[]>() }
		indexes.set(best.id, index)
		for (const key of new Set(best.keys)) {
			const list = index.rules.get(key)
			if (list === undefined) index.rules.set(key, [rule])
			else list.push(rule)
		}
	}
	return { always, indexes: [...indexes.values()] }
}

/** How many rules can be found by a way's most common key. */
function countSharing(rules: readonly FindableRule[]): (lookUp: LookUp) => number {
	const namesOf = ({ id, keys }: LookUp) => keys.map((key) => `${id} ${key}`)
	const demands = Map.groupBy(
		rules.flatMap(({ lookUps }) => lookUps.flatMap(namesOf)),
		(name) => name,
	)
	return (lookUp) => namesOf(lookUp).reduce((most, name) => Math.max(most, demands.get(name)!.length), 0)
}

/** The first rule in order that matches; undefined: none does. */
export function firstMatch({ always, indexes }: RuleSet, facts: Facts): CompiledRule | undefined {
	let first = firstOf(always, facts, undefined)
	for (let i = 0; i < indexes.length; i++) {
		const { read, rules } = indexes[i]!
		const reading = read(facts)
		if (reading === null || reading === undefined) continue
		if (typeof reading === 'string') first = firstOf(rules.get(reading), facts, first)
		else for (let j = 0; j < reading.length; j++) first = firstOf(rules.get(reading[j]!), facts, first)
	}
	return first
}

/** `before`, or a rule in front of it. */
function firstOf(
	rules: readonly CompiledRule[] | undefined,
	facts: Facts,
	before: CompiledRule | undefined,
): CompiledRule | undefined {
	if (rules === undefined) return before
	for (let i = 0; i < rules.length; i++) {
		const rule = rules[i]!
		if (before !== undefined && rule.order >= before.order) return before
		if (rule.matches(facts)) return rule
	}
	return before
}

/** All rules that match, in order. */
export function allMatches({ always, indexes }: RuleSet, facts: Facts): readonly CompiledRule[] {
	const found = indexes.flatMap(({ read, rules }) => [read(facts) ?? []].flat().flatMap((key) => rules.get(key) ?? []))
	return [...new Set([...always, ...found])].filter(({ matches }) => matches(facts)).sort((a, b) => a.order - b.order)
}
