/** The sections of TrafficPolicies as they travel: durations in ms, shares 0–1, names lower case, every default filled in. */
import { durationMs } from '../../resources/duration.ts'
import { statusRange } from '../../resources/trafficPolicyHealth.ts'
import type { RetryRule } from '../filters.ts'
import { retryOf, timeoutsOf } from '../routes/retryRule.ts'
import type {
	Balancer,
	HashKey,
	HealthCheck,
	Limits,
	OutlierRules,
	RetryBudgetRules,
	TrafficRules,
} from '../trafficPolicy.ts'
import type { SectionsOf } from './policies.ts'

export type Sections = SectionsOf<'TrafficPolicy'>
type Section<Name extends keyof Sections> = NonNullable<Sections[Name]>

/** Envoy's `min_retry_concurrency`. */
const MIN_RETRY_CONCURRENCY = 3
/** GEP-3388. */
const BUDGET_INTERVAL = '10s'
const MIN_RETRY_RATE = { count: 10, interval: '1s' }

/** Undefined where nothing is asked for that travels: health is checked by the service's registry. */
export function trafficRulesOf(sections: Sections): TrafficRules | undefined {
	const { warmup, locality, panicThresholdPercent, adaptiveConcurrency, hedging, pushback } = sections
	const rules: TrafficRules = {
		...(sections.loadBalancer && { balancer: balancerOf(sections.loadBalancer) }),
		...(warmup && {
			warmUp: {
				durationMs: ms(warmup.duration),
				minimumShare: share(warmup.minimumPercent),
				aggression: warmup.aggression,
			},
		}),
		...(locality && {
			locality: {
				failover: locality.failover,
				others: locality.others === 'Last' ? 'last' : 'never',
				overflowBelow: share(locality.overflowThresholdPercent),
			},
		}),
		...(panicThresholdPercent !== undefined && { panicShare: share(panicThresholdPercent) }),
		...(sections.outlierDetection && { outliers: outliersOf(sections.outlierDetection) }),
		...(sections.circuitBreaker && { limits: limitsOf(sections.circuitBreaker) }),
		...(adaptiveConcurrency && { adaptive: adaptiveConcurrency }),
		...(sections.retryBudget && { retryBudget: budgetOf(sections.retryBudget) }),
		...(hedging && {
			hedging: {
				after: hedging.delay === undefined ? { quantile: share(hedging.percentile!) } : { ms: ms(hedging.delay) },
				maxExtra: hedging.maxExtraRequests,
			},
		}),
		// Switched off is said too, for it may stand against what holds farther away.
		...(sections.timeouts && { timeouts: timeoutsOf(sections.timeouts) ?? {} }),
		...(sections.retry && { retry: retryRuleOf(sections.retry) }),
		...(pushback && { pushback: { defaultMs: ms(pushback.default), maxMs: ms(pushback.max) } }),
	}
	return Object.keys(rules).length === 0 ? undefined : rules
}

export function healthCheckOf(section: Section<'healthCheck'>): HealthCheck {
	const { path, method, interval, timeout, healthyThreshold, unhealthyThreshold, expectedStatuses } = section
	return {
		path,
		method,
		intervalMs: ms(interval),
		timeoutMs: ms(timeout),
		healthyThreshold,
		unhealthyThreshold,
		expectedStatuses: expectedStatuses.map((text) => statusRange(text)!),
		jitterShare: share(section.jitterPercent),
	}
}

/** Also of 0 attempts, which `retryOf` takes for no rule at all. */
function retryRuleOf(section: Section<'retry'>): RetryRule {
	return { ...retryOf({ ...section, attempts: 1 }, [])!, attempts: section.attempts }
}

function balancerOf(section: Section<'loadBalancer'>): Balancer {
	switch (section.type) {
		case 'LeastRequest':
			return { type: section.type, choices: section.leastRequest.choices }
		case 'PeakEwma': {
			const { choices, decay } = section.peakEwma
			return { type: section.type, choices, decayMs: ms(decay) }
		}
		case 'RingHash':
			return { type: section.type, key: hashKeyOf(section.hashOn), ...section.ringHash }
		case 'Maglev':
			return { type: section.type, key: hashKeyOf(section.hashOn), ...section.maglev }
		default:
			return { type: section.type }
	}
}

type HashOn = Extract<Section<'loadBalancer'>, { hashOn: unknown }>['hashOn']

/** Validation lets one of them stand. Fields of requests have names without case (RFC 9110 §5.1). */
function hashKeyOf({ header, cookie, query, source }: HashOn): HashKey {
	if (header !== undefined) return { from: 'header', name: header.toLowerCase() }
	if (cookie !== undefined) return { from: 'cookie', name: cookie }
	if (query !== undefined) return { from: 'query', name: query }
	return { from: source === 'Workload' ? 'source' : 'clientAddress' }
}

function outliersOf(section: Section<'outlierDetection'>): OutlierRules {
	const { successRate, failurePercentage } = section
	return {
		consecutive5xx: section.consecutive5xxErrors,
		consecutiveGatewayErrors: section.consecutiveGatewayErrors,
		consecutiveLocalOriginFailures: section.consecutiveLocalOriginFailures,
		intervalMs: ms(section.interval),
		baseEjectionMs: ms(section.baseEjectionTime),
		maxEjectionMs: ms(section.maxEjectionTime),
		maxEjectionShare: share(section.maxEjectionPercent),
		...(successRate && { successRate }),
		...(failurePercentage && {
			failureShare: {
				threshold: share(failurePercentage.thresholdPercent),
				minimumHosts: failurePercentage.minimumHosts,
				minimumRequests: failurePercentage.minimumRequests,
			},
		}),
	}
}

const limitsOf = ({ maxRequests, maxPendingRequests, maxWait }: Section<'circuitBreaker'>): Limits => ({
	...(maxRequests !== undefined && { maxInFlight: maxRequests }),
	...(maxPendingRequests !== undefined && { maxPending: maxPendingRequests }),
	...(maxWait !== undefined && { maxWaitMs: ms(maxWait) }),
})

function budgetOf(section: Section<'retryBudget'>): RetryBudgetRules {
	const { percent, minRetryConcurrency = MIN_RETRY_CONCURRENCY, interval, minRetryRate } = section
	if ((interval ?? minRetryRate) === undefined)
		return { of: 'active', share: share(percent), minimumConcurrency: minRetryConcurrency }
	const least = minRetryRate ?? MIN_RETRY_RATE
	return {
		of: 'interval',
		share: share(percent),
		intervalMs: ms(interval ?? BUDGET_INTERVAL),
		minimumPerSecond: (least.count * 1_000) / ms(least.interval),
	}
}

/** Validation has read every duration once already. */
const ms = (duration: string): number => durationMs(duration)!
/** Without the noise of binary fractions: 99.9 % is 0.999. */
const share = (percent: number): number => Number((percent / 100).toFixed(8))
