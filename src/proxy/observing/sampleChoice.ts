/**
 * Which requests are worth remembering: a share of all, and the first in a minute of each service, rule, caller and verdict, so that who
 * calls seldom is among them. Both within a rate, of which the share cannot use up the last.
 */
import type { CompiledRule } from '../compile/compileRule.ts'
import type { Exchange } from '../exchange.ts'
import type { RoutingTable } from '../knowledge/routingTable.ts'

/** What policies said. `unasked`: nobody asked them, because the request's token was not believed. */
export type Verdict = 'allowed' | 'refused' | 'unasked'

export interface Choice {
	readonly isChosen: (exchange: Exchange, verdict: Verdict, now: number) => boolean
	/** One was taken. */
	readonly spend: (verdict: Verdict) => void
	/** All that were taken have been told. */
	readonly begin: () => void
}

interface Rate {
	readonly perSecond: number
	/** What may be taken at once after a pause, and between two reports. */
	readonly burst: number
	/** Only those that are the first of their kind get what is left below this. */
	readonly reserved: number
}

interface Budget {
	readonly rate: Rate
	left: number
	refilledAt: number
	/** Since the last report. */
	taken: number
}

export const SAMPLE_BURST = 100
const OF_POLICIES: Rate = { perSecond: 5, burst: SAMPLE_BURST, reserved: 20 }
/** Whoever likes sends made-up tokens: a fifth as many, and beside the others, so that they displace none. */
export const UNASKED_BURST = 20
const UNASKED: Rate = { perSecond: 1, burst: UNASKED_BURST, reserved: 4 }

const SEEN_MS = 60_000
/** Callers of services by rules that are remembered: of all rules, and of one. */
const MAX_SEEN = 1_000
const MAX_SEEN_OF_RULE = 500

/** When the first of a kind was taken, in ms since the epoch. */
type Seen = Record<Verdict, number>

/** Of one rule: by service, then by the SPIFFE ID of the caller. */
interface SeenByRule {
	readonly services: Map<string, Map<string | undefined, Seen>>
	size: number
}

export function createChoice(table: RoutingTable): Choice {
	const [ofPolicies, unasked] = [newBudget(OF_POLICIES), newBudget(UNASKED)]
	const budgetOf = (verdict: Verdict): Budget => (verdict === 'unasked' ? unasked : ofPolicies)
	const isFirst = createFirsts()
	return {
		isChosen: (exchange, verdict, now) => {
			const budget = budgetOf(verdict)
			const { perSecond, burst, reserved } = budget.rate
			if (budget.taken >= burst) return false
			budget.left = Math.min(burst, budget.left + (Math.max(0, now - budget.refilledAt) / 1_000) * perSecond)
			budget.refilledAt = now
			if (budget.left < 1) return false
			return (budget.left >= reserved && table.random() < table.sampleShare) || isFirst(exchange, verdict, now)
		},
		spend: (verdict) => {
			const budget = budgetOf(verdict)
			budget.left--
			budget.taken++
		},
		begin: () => {
			ofPolicies.taken = 0
			unasked.taken = 0
		},
	}
}

const newBudget = (rate: Rate): Budget => ({ rate, left: rate.burst, refilledAt: 0, taken: 0 })

/** Requests without a rule. */
const NO_RULE = {}

/** Kept with the rule, so that a look takes no new text, and so that it goes when the rule does. */
function createFirsts(): (exchange: Exchange, verdict: Verdict, now: number) => boolean {
	let rules = new WeakMap<CompiledRule | typeof NO_RULE, SeenByRule>()
	let size = 0

	const add = (rule: CompiledRule | typeof NO_RULE, service: string, caller: string | undefined): Seen => {
		if (size >= MAX_SEEN) {
			rules = new WeakMap()
			size = 0
		}
		let known = rules.get(rule)
		if (known === undefined || known.size >= MAX_SEEN_OF_RULE) {
			size -= known?.size ?? 0
			known = { services: new Map(), size: 0 }
			rules.set(rule, known)
		}
		const callers = known.services.get(service) ?? new Map<string | undefined, Seen>()
		known.services.set(service, callers)
		const seen: Seen = { allowed: -SEEN_MS, refused: -SEEN_MS, unasked: -SEEN_MS }
		callers.set(caller, seen)
		known.size++
		size++
		return seen
	}

	return ({ rule = NO_RULE, service, caller }, verdict, now) => {
		const name = service!.name
		const id = caller?.spiffeId
		const seen = rules.get(rule)?.services.get(name)?.get(id) ?? add(rule, name, id)
		if (now - seen[verdict] < SEEN_MS) return false
		seen[verdict] = now
		return true
	}
}
