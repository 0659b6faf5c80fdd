/** One request on its way: what holds for all of its attempts, and what may come of them. */
import { isRetryableStatus } from '../../resilience/retry.ts'
import type { RetryRule } from '../../snapshot/filters.ts'
import type { Plan } from '../compile/compileRule.ts'
import { LOST_CONNECTION } from '../compile/defaultTraffic.ts'
import type { Exchange } from '../exchange.ts'
import type { ProxyPorts } from '../ports.ts'
import type { Refusal } from '../refusal.ts'
import type { AttemptPolicy } from './attemptPolicy.ts'
import type { Forward } from './forward.ts'

export type Outcome = Response | Refusal
export type AttemptPorts = Pick<ProxyPorts, 'now' | 'random' | 'wait' | 'pipe'>

export interface Errand {
	readonly exchange: Exchange
	readonly plan: Plan | undefined
	readonly policy: AttemptPolicy
	/** The whole body, where it was read to be sent more than once. */
	readonly body: ArrayBuffer | undefined
	readonly forward: Forward
	readonly ports: AttemptPorts
	/** Ids of the endpoints that have had a try. */
	readonly tried: Set<string>
}

/** Connection errors and timeouts of an attempt always have (GEP-1731); a refusal of the mesh's own making never has. */
export function hasFailed(outcome: Outcome, retry: RetryRule): boolean {
	if (outcome instanceof Response) return isRetryableStatus(retry, outcome.status)
	return outcome.reason === 'upstream_failed' || outcome.reason === 'upstream_timeout'
}

/** Where nobody said how to retry, a service that is slow is not asked again: that would make it slower. */
export const isWorthRetrying = (outcome: Outcome, retry: RetryRule): boolean =>
	hasFailed(outcome, retry) &&
	(retry !== LOST_CONNECTION || outcome instanceof Response || outcome.reason === 'upstream_failed')
