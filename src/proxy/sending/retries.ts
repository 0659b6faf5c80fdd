/** Retries of a service under its budget: more attempts than it can bear would turn a failure into an outage. */
import { createLeasedCount, type Lease } from '../../resilience/leasedCount.ts'
import {
	createRetryBudget,
	mayRetry,
	onRequest,
	onRetryEnd,
	onRetryStart,
	type RetryBudget,
} from '../../resilience/retryBudget.ts'
import type { RetryBudgetRules } from '../../snapshot/trafficPolicy.ts'
import { REQUEST_LEASE_MS, type ServiceState } from '../knowledge/endpointState.ts'

/** Rules that changed leave theirs behind. */
const MOST_BUDGETS = 100

/**
 * What these rules go by. The active form counts the requests that the service has under way anyway. The form over an interval
 * counts those of its own rules: a rule of a route may have others than the service.
 */
function budgetOf({ budgets, underWay }: ServiceState, rules: RetryBudgetRules): RetryBudget {
	const key = rules.of === 'active' ? rules.of : keyOf(rules)
	const known = budgets.get(key)
	if (known !== undefined) return known
	if (budgets.size >= MOST_BUDGETS) budgets.clear()
	const budget: RetryBudget =
		rules.of === 'active'
			? { of: 'active', requests: underWay, retries: createLeasedCount(REQUEST_LEASE_MS) }
			: createRetryBudget(rules, REQUEST_LEASE_MS)
	budgets.set(key, budget)
	return budget
}

/** Written once of each rules: every request asks. */
const keys = new WeakMap<RetryBudgetRules, string>()

function keyOf(rules: RetryBudgetRules): string {
	const known = keys.get(rules)
	if (known !== undefined) return known
	const key = JSON.stringify(rules)
	keys.set(rules, key)
	return key
}

/** To be told once of each request. */
export function countRequest(state: ServiceState, rules: RetryBudgetRules, now: number): void {
	if (rules.of === 'interval') onRequest(budgetOf(state, rules), now)
}

/** Undefined when the budget is used up. */
export function startRetry(state: ServiceState, rules: RetryBudgetRules, now: number): Lease | undefined {
	const budget = budgetOf(state, rules)
	return mayRetry(budget, rules, now) ? onRetryStart(budget, now) : undefined
}

export const endRetry = (state: ServiceState, rules: RetryBudgetRules, retry: Lease, now: number): void =>
	onRetryEnd(budgetOf(state, rules), retry, now)
