/** How endpoints are chosen, watched and spared, as it travels: durations in ms, shares 0–1, defaults filled in. */
import type { RetryRule, Timeouts } from './filters.ts'

/** What a TrafficPolicy asks for. Where several apply, the nearest one's field counts: route, Service, namespace, mesh. */
export interface TrafficRules {
	readonly balancer?: Balancer
	readonly warmUp?: WarmUp
	readonly locality?: LocalityRules
	/** With fewer available endpoints than this share, all are used: a guess at health must not become the outage. */
	readonly panicShare?: number
	readonly outliers?: OutlierRules
	readonly limits?: Limits
	readonly adaptive?: AdaptiveRules
	readonly retryBudget?: RetryBudgetRules
	readonly hedging?: HedgingRules
	readonly timeouts?: Timeouts
	readonly retry?: RetryRule
	/** Whether 429, and 503 with Retry-After, lower an endpoint's share for that time. */
	readonly pushback?: PushbackRules
}

export type Balancer =
	| { readonly type: 'RoundRobin' | 'Random' }
	/** The one with the fewest requests in flight among `choices` drawn ones (2–10). */
	| { readonly type: 'LeastRequest'; readonly choices: number }
	/** The one with the lowest expected wait among `choices` drawn ones; `decayMs` is how long a latency is remembered. */
	| { readonly type: 'PeakEwma'; readonly choices: number; readonly decayMs: number }
	| {
			readonly type: 'RingHash'
			readonly key: HashKey
			readonly minimumRingSize: number
			readonly maximumRingSize: number
	  }
	/** `tableSize` is prime. */
	| { readonly type: 'Maglev'; readonly key: HashKey; readonly tableSize: number }

/** What a request is known by. Requests without it go round robin. */
export type HashKey =
	| { readonly from: 'header' | 'cookie' | 'query'; readonly name: string }
	| { readonly from: 'source' | 'clientAddress' }

/** A new endpoint's share grows from `minimumShare` to all within `durationMs`, as time to the power of 1/aggression (Envoy). */
export interface WarmUp {
	readonly durationMs: number
	readonly minimumShare: number
	readonly aggression: number
}

export interface LocalityRules {
	/** Localities in the order in which they stand in for the caller's own region; others come last, or never. */
	readonly failover: readonly string[]
	readonly others: 'last' | 'never'
	/** Traffic leaves a locality in proportion as its available share falls below this: 1 / Envoy's overprovisioning factor. */
	readonly overflowBelow: number
}

/** Passive health. Counts are of one isolate; ejections are shared by all of a region. 0 turns a detector off. */
export interface OutlierRules {
	readonly consecutive5xx: number
	/** 502, 503 and 504, and failures of connection. */
	readonly consecutiveGatewayErrors: number
	/** Failures of connection and timeouts, when they are counted apart from what endpoints answer. */
	readonly consecutiveLocalOriginFailures: number
	readonly intervalMs: number
	readonly baseEjectionMs: number
	readonly maxEjectionMs: number
	/** Share of the endpoints that may be ejected; one always may, while another is left. */
	readonly maxEjectionShare: number
	/** Ejects who succeeds less than mean − factor × standard deviation, of those with enough requests in an interval. */
	readonly successRate?: {
		readonly minimumHosts: number
		readonly minimumRequests: number
		readonly stdevFactor: number
	}
	/** Ejects who fails more than this share of its requests in an interval. */
	readonly failureShare?: {
		readonly threshold: number
		readonly minimumHosts: number
		readonly minimumRequests: number
	}
}

/** Of one isolate, per service. Beyond, 503. */
export interface Limits {
	readonly maxInFlight?: number
	/** Requests that may wait for one of those in flight to end. */
	readonly maxPending?: number
	/** How long one waits at most. */
	readonly maxWaitMs?: number
}

/** Gradient concurrency limit: as many requests at once as do not make the service slower (Netflix concurrency-limits, gradient2). */
export interface AdaptiveRules {
	readonly initialLimit: number
	readonly minimumLimit: number
	readonly maximumLimit: number
	/** Tolerated ratio of the short-term to the long-term latency, ≥ 1. */
	readonly tolerance: number
	/** 0–1: how fast the limit moves. */
	readonly smoothing: number
}

/** Either share of active requests (Istio, Envoy) or share over an interval with a minimum rate (GEP-3388, Finagle). */
export type RetryBudgetRules =
	| { readonly of: 'active'; readonly share: number; readonly minimumConcurrency: number }
	| { readonly of: 'interval'; readonly share: number; readonly intervalMs: number; readonly minimumPerSecond: number }

export interface HedgingRules {
	/** After this long, or after the latency that this share of the requests keep (observed; 0.95 is the p95). */
	readonly after: { readonly ms: number } | { readonly quantile: number }
	/** Requests sent beside the first one at most. */
	readonly maxExtra: number
}

export interface PushbackRules {
	/** How long 429, or 503, without a Retry-After lowers the share. */
	readonly defaultMs: number
	/** No Retry-After counts for longer. */
	readonly maxMs: number
}

/** Active health, done by the service's registry. */
export interface HealthCheck {
	readonly path: string
	readonly method: 'GET' | 'HEAD'
	readonly intervalMs: number
	readonly timeoutMs: number
	/** Successes in a row until an endpoint counts as healthy again, failures until it does not. */
	readonly healthyThreshold: number
	readonly unhealthyThreshold: number
	/** Inclusive ranges. */
	readonly expectedStatuses: readonly (readonly [from: number, to: number])[]
	/** Up to this share of the interval is added at random. */
	readonly jitterShare: number
}
