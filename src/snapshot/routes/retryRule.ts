/** How long a rule's requests may take and when they are tried again, as it travels: ms, with every default filled in. */
import { durationMs } from '../../resources/duration.ts'
import type { Rule as RuleDocument } from '../../resources/httpRoute.ts'
import type { RetryPolicy } from '../../resources/retryPolicy.ts'
import type { RetryRule, Timeouts } from '../filters.ts'

/** Envoy's default base interval, from the prior art of GEP-1731. */
const DEFAULT_BACKOFF_MS = 25
const DEFAULT_MAX_BODY_BYTES = 65_536

/** `0s` switches a timeout off (GEP-1742). Undefined when none is left. */
export function timeoutsOf(document: RuleDocument['timeouts']): Timeouts | undefined {
	const requestMs = positiveMs(document?.request)
	const backendRequestMs = positiveMs(document?.backendRequest)
	if (requestMs === undefined && backendRequestMs === undefined) return undefined
	return {
		...(requestMs === undefined ? {} : { requestMs }),
		...(backendRequestMs === undefined ? {} : { backendRequestMs }),
	}
}

/** Several RetryPolicies each widen the rule: the methods of all, the longest bodies of any. They need a `retry` to widen. */
export function retryOf(document: RuleDocument['retry'], policies: readonly RetryPolicy[]): RetryRule | undefined {
	if (document === undefined || document.attempts === 0) return undefined
	return {
		attempts: document.attempts,
		codes: document.codes,
		backoffMs: positiveMs(document.backoff) ?? DEFAULT_BACKOFF_MS,
		methods: [...new Set(policies.flatMap(({ spec }) => spec.methods))],
		maxBodyBytes:
			policies.length === 0 ? DEFAULT_MAX_BODY_BYTES : Math.max(...policies.map(({ spec }) => spec.maxBodyBytes)),
	}
}

/** Validation has read every duration once already. */
function positiveMs(duration: string | undefined): number | undefined {
	const ms = duration === undefined ? undefined : durationMs(duration)
	return ms === 0 ? undefined : ms
}
