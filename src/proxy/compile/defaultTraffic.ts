/** How the mesh treats services that no TrafficPolicy speaks of. */
import type { TrafficRules } from '../../snapshot/trafficPolicy.ts'

/**
 * Least request, as in Istio and Envoy. A dead endpoint is left alone after five connections lost in a row, and a request that lost its
 * connection, is idempotent and has no body is sent to another endpoint, at most twice, while such retries are few. Few over an
 * interval, as in GEP-3388 and Linkerd: an endpoint that dies takes its share of all requests under way with it at once, which of
 * three endpoints is more than a fifth of them, and a budget of requests under way would refuse just those.
 */
export const DEFAULT_TRAFFIC = {
	balancer: { type: 'LeastRequest', choices: 2 },
	panicShare: 0.5,
	outliers: {
		consecutive5xx: 0,
		consecutiveGatewayErrors: 0,
		consecutiveLocalOriginFailures: 5,
		intervalMs: 10_000,
		baseEjectionMs: 30_000,
		maxEjectionMs: 300_000,
		maxEjectionShare: 0.5,
	},
	retryBudget: { of: 'interval', share: 0.2, intervalMs: 10_000, minimumPerSecond: 10 },
	pushback: { defaultMs: 1_000, maxMs: 300_000 },
} as const satisfies TrafficRules

/** The rules that hold for a service, the mesh's defaults included. */
export type ServiceTraffic = TrafficRules & Required<Pick<TrafficRules, keyof typeof DEFAULT_TRAFFIC>>

/** For connections lost where no rule says how to retry: only requests without a body, which cost nothing to repeat. */
export const LOST_CONNECTION = { attempts: 2, codes: [], backoffMs: 25, methods: [], maxBodyBytes: 0 } as const
