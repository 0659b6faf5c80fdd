/** An explanation as those see it who are limited to namespaces: of requests that their own rules and services answer. */
import type { Explanation, Outcome, Way } from '../../../src/explain/explanation.ts'
import { sentence } from '../../../src/explain/outcome.ts'
import { ownsName } from '../../../src/namespaces.ts'
import type { Principal } from '../../../src/ports.ts'

type Who = Pick<Principal, 'namespaces'>

/** What may be said of a service of others: that the rule names it, and how much it gets. */
const SAID_OF_OTHERS = ['stage', 'service', 'backend', 'weight', 'percent', 'verdict', 'outcome', 'rule']

/**
 * Undefined where others answer, or nobody: which hosts and rules there are beside one's own is not to be found out. What is told of
 * others' services is what the rule itself says.
 */
export function ownExplanation(explanation: Explanation, who: Who): Explanation | undefined {
	if (who.namespaces === undefined) return explanation
	const { alternatives = [], nearMisses } = explanation
	if (![explanation, ...alternatives].every((way) => isOwn(way, explanation.outcomes, who))) return undefined
	const shown = withoutOthers({ ...explanation, nearMisses: [] }, who) as Explanation
	const own = nearMisses.filter(({ route }) => ownsName(who, route))
	return { ...shown, outcome: sentence(shown.outcomes), nearMisses: own }
}

/** A rule that stands in for routes is of the service that it leads to. */
function isOwn({ rule }: Way, outcomes: readonly Outcome[], who: Who): boolean {
	if (rule === undefined) return false
	if (rule.route !== undefined) return ownsName(who, rule.route)
	const services = outcomes.flatMap((outcome) => (outcome.outcome === 'sent' ? [outcome.service] : []))
	return services.length > 0 && services.every((service) => ownsName(who, service))
}

function withoutOthers(value: unknown, who: Who): unknown {
	if (Array.isArray(value)) return value.map((item) => withoutOthers(item, who))
	if (typeof value !== 'object' || value === null) return value
	const { service, policy } = value as { service?: unknown; policy?: unknown }
	const isOthers = typeof service === 'string' && !ownsName(who, service)
	const hidesPolicy = typeof policy === 'string' && !ownsName(who, policy)
	return Object.fromEntries(
		Object.entries(value)
			.filter(([name]) => !(isOthers && !SAID_OF_OTHERS.includes(name)) && !(hidesPolicy && name === 'policy'))
			.map(([name, member]) => [name, withoutOthers(member, who)]),
	)
}
