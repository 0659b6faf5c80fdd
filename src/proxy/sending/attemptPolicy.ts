/** What holds for the attempts of one request: of rule, route, Service, namespace and mesh, the nearest one's word each. */
import { DEADLINE_FIELD, parseDeadline, withDeadline } from '../../resilience/deadlines.ts'
import type { RetryRule, Timeouts } from '../../snapshot/filters.ts'
import type { HedgingRules, RetryBudgetRules } from '../../snapshot/trafficPolicy.ts'
import type { Plan } from '../compile/compileRule.ts'
import { LOST_CONNECTION } from '../compile/defaultTraffic.ts'
import type { Exchange } from '../exchange.ts'

export interface AttemptPolicy {
	readonly timeouts: Timeouts | undefined
	readonly retry: RetryRule
	readonly hedging: HedgingRules | undefined
	readonly budget: RetryBudgetRules
	/** Whether the service is told how much time is left. */
	readonly tellsDeadline: boolean
	/** The caller gives it less time than the mesh: what runs out of that says nothing of the service. */
	readonly isHurried: boolean
}

/** The caller's own deadline can but lower what the mesh allows. */
export function policyFor(exchange: Exchange, plan: Plan | undefined): AttemptPolicy {
	const { traffic } = exchange.service!
	const timeouts = plan?.timeouts ?? plan?.traffic?.timeouts ?? traffic.timeouts
	const deadlineMs = parseDeadline(exchange.header(DEADLINE_FIELD))
	const shortened = withDeadline(timeouts, deadlineMs)
	// A switched protocol is a conversation, which nobody can hold twice.
	const isUpgrade = exchange.header('upgrade') !== null
	return {
		timeouts: shortened,
		retry: plan?.retry ?? plan?.traffic?.retry ?? traffic.retry ?? LOST_CONNECTION,
		hedging: isUpgrade ? undefined : (plan?.traffic?.hedging ?? traffic.hedging),
		budget: plan?.traffic?.retryBudget ?? traffic.retryBudget,
		tellsDeadline: timeouts !== undefined || deadlineMs !== undefined,
		isHurried: shortened !== timeouts,
	}
}
