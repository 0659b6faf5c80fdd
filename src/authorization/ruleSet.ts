/**
 * The rules of one action in one layer, arranged so that a request is compared with those that can match it, not with all.
 *
 * Each rule stands under one thing that it demands: a principal, the beginning of a path, the end of a host. Of several that one is
 * taken which the fewest other rules demand, too. A look-up asks for all that is cut out of a text alike, so that a request pays for
 * the kinds and lengths of what rules demand, and not for their number. Only rules that demand nothing of the kind are always tried.
 */
import type { Reader } from './attribute.ts'
import type { CompiledRule } from './compileRule.ts'
import type { LookUp } from './criterion.ts'
import type { Facts } from './facts.ts'
import { type Cut, cutOut, type SearchKey } from './searchKey.ts'

export interface RuleSet {
	/** Lists are in order. */
	readonly always: readonly CompiledRule[]
	readonly indexes: readonly RuleIndex[]
}

interface RuleIndex {
	readonly read: Reader
	readonly cuts: readonly CutRules[]
}

interface CutRules extends Cut {
	/** By what is cut out. */
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
	const bestOf = countSharing(rules)
	const always: CompiledRule[] = []
	const indexes = new Map<string, { read: Reader; cuts: Map<string, Cut & { rules: Map<string, CompiledRule[]> }> }>()
	for (const { rule, lookUps } of rules) {
		const best = bestOf(lookUps)
		if (best === undefined) always.push(rule)
		else
			for (const { kind, at, text } of best.keys) {
				const { cuts } = entryOf(indexes, best.id, { read: best.read, cuts: new Map() })
				const cut = entryOf(cuts, `${kind} ${at}`, { kind, at, rules: new Map() })
				const list = entryOf<CompiledRule[]>(cut.rules, text, [])
				if (list.at(-1) !== rule) list.push(rule)
			}
	}
	return { always, indexes: Array.from(indexes.values(), ({ read, cuts }) => ({ read, cuts: [...cuts.values()] })) }
}

function entryOf<T>(map: Map<string, T>, key: string, first: T): T {
	const entry = map.get(key) ?? first
	map.set(key, entry)
	return entry
}

/** How each rule is found among the fewest others: by one of its look-ups, and there by one key of each list. */
function countSharing(rules: readonly FindableRule[]): (lookUps: readonly LookUp[]) => BestLookUp | undefined {
	const nameOf = (id: string, { kind, at, text }: SearchKey) => `${id} ${kind} ${at} ${text}`
	const demands = new Map<string, number>()
	for (const { id, keys } of rules.flatMap(({ lookUps }) => lookUps))
		for (const key of keys.flat()) {
			const name = nameOf(id, key)
			demands.set(name, (demands.get(name) ?? 0) + 1)
		}
	return (lookUps) => {
		const ways = lookUps.map(({ id, read, keys }) => {
			// What is empty, as an address that is not known, few requests have.
			const sharing = (key: SearchKey) => (key.text === '' ? 0 : demands.get(nameOf(id, key))!)
			const rarest = keys.map((list) => least(list, sharing)!)
			return { id, read, keys: rarest, most: Math.max(0, ...rarest.map(sharing)) }
		})
		return least(ways, ({ most }) => most)
	}
}

interface BestLookUp extends Pick<LookUp, 'id' | 'read'> {
	/** A request that the rule matches has one of them. */
	readonly keys: readonly SearchKey[]
}

/** Of several the first; undefined: of none. */
const least = <T>(among: readonly T[], measure: (one: T) => number): T | undefined =>
	among.toSorted((a, b) => measure(a) - measure(b))[0]

/** The first rule in order that matches; undefined: none does. */
export function firstMatch(set: RuleSet, facts: Facts): CompiledRule | undefined {
	let first: CompiledRule | undefined
	for (const rules of listsOf(set, facts)) first = firstOf(rules, facts, first)
	return first
}

/** `before`, or a rule in front of it. */
function firstOf(
	rules: readonly CompiledRule[],
	facts: Facts,
	before: CompiledRule | undefined,
): CompiledRule | undefined {
	for (let i = 0; i < rules.length; i++) {
		const rule = rules[i]!
		if (before !== undefined && rule.order >= before.order) return before
		if (rule.matches(facts)) return rule
	}
	return before
}

/** All rules that match, in order. */
export const allMatches = (set: RuleSet, facts: Facts): readonly CompiledRule[] =>
	[...new Set(listsOf(set, facts).flat())].filter(({ matches }) => matches(facts)).sort((a, b) => a.order - b.order)

/** Lists, each in order, in which all rules stand that can match. */
function listsOf({ always, indexes }: RuleSet, facts: Facts): readonly (readonly CompiledRule[])[] {
	const found = [always]
	for (let i = 0; i < indexes.length; i++) {
		const { read, cuts } = indexes[i]!
		const reading = read(facts)
		if (reading === null || reading === undefined) continue
		if (typeof reading === 'string') collect(cuts, reading, found)
		else for (let j = 0; j < reading.length; j++) collect(cuts, reading[j]!, found)
	}
	return found
}

function collect(cuts: readonly CutRules[], text: string, found: (readonly CompiledRule[])[]): void {
	for (let i = 0; i < cuts.length; i++) {
		const cut = cuts[i]!
		const rules = cut.rules.get(cutOut(text, cut))
		if (rules !== undefined) found.push(rules)
	}
}
