/**
 * One endpoint's health as its checks tell it: what a result changes, and when the next check is due.
 *
 * Thresholds are Envoy's ("Health checking", Envoy documentation, architecture overview). Unlike there, an endpoint counts as
 * healthy until its checks say otherwise: a lease is its own word that it is ready, a registry may need a whole interval to get
 * to everyone, and a check with a wrong path must not stop a service that runs. Only of an endpoint that registered less than
 * an interval ago and has never passed, the first failure decides, as in Envoy. Times are in ms since the epoch; a random number is
 * in [0, 1).
 */
import type { HealthCheck } from '../snapshot/trafficPolicy.ts'

/** How a check ended. The failure is a few words: `status 503`, `timeout`. */
export type CheckResult = { readonly passed: true } | { readonly passed: false; readonly failure: string }

export interface EndpointHealth {
	/** What is checked: under another URL is another endpoint. */
	readonly url: string
	readonly healthy: boolean
	/** Since when it is so; absent while it has never been otherwise. */
	readonly sinceMs?: number
	/** Results in a row that say otherwise. */
	readonly against: number
	/** The newest failure that counted. What follows while it is unhealthy says nothing new. */
	readonly lastFailure?: string
	/** Until then nothing good is known of it. */
	readonly newUntilMs: number
	/** When its next check may begin. */
	readonly dueAtMs: number
}

/**
 * An endpoint that is checked from now on. Its first check comes at random within an interval, so that ten thousand are not
 * checked at once. `registeredAtMs` is that of a lease; an endpoint of a document may have served for long.
 */
export function beginChecks(
	url: string,
	check: HealthCheck,
	nowMs: number,
	random: number,
	registeredAtMs?: number,
): EndpointHealth {
	return {
		url,
		healthy: true,
		against: 0,
		newUntilMs: registeredAtMs === undefined ? 0 : registeredAtMs + check.intervalMs,
		dueAtMs: spread(check, nowMs, random),
	}
}

/** Health after the result of a check that began at `nowMs`. */
export function observe(
	health: EndpointHealth,
	result: CheckResult,
	check: HealthCheck,
	nowMs: number,
	random: number,
): EndpointHealth {
	const dueAtMs = nowMs + Math.round(check.intervalMs * (1 + check.jitterShare * random))
	const newUntilMs = result.passed ? 0 : health.newUntilMs
	if (result.passed === health.healthy) return { ...health, against: 0, newUntilMs, dueAtMs }
	const against = health.against + 1
	const lastFailure = result.passed ? {} : { lastFailure: result.failure }
	if (against < threshold(health, check, nowMs)) return { ...health, ...lastFailure, against, newUntilMs, dueAtMs }
	return { ...health, ...lastFailure, healthy: result.passed, sinceMs: nowMs, against: 0, newUntilMs: 0, dueAtMs }
}

/** As much of its health as holds when the check itself becomes another one: not how often the old one was at odds with it. */
export const underCheck = (
	health: EndpointHealth,
	check: HealthCheck,
	nowMs: number,
	random: number,
): EndpointHealth => ({
	...health,
	against: 0,
	dueAtMs: spread(check, nowMs, random),
})

/** Whether two healths differ in more than when the next check is due: what a restart must not forget. */
export const sameButDue = (a: EndpointHealth, b: EndpointHealth): boolean =>
	a.healthy === b.healthy && a.against === b.against && a.sinceMs === b.sinceMs && a.lastFailure === b.lastFailure

export const isExpected = (status: number, { expectedStatuses }: HealthCheck): boolean =>
	expectedStatuses.some(([from, to]) => from <= status && status <= to)

function threshold(health: EndpointHealth, check: HealthCheck, nowMs: number): number {
	if (!health.healthy) return check.healthyThreshold
	return nowMs < health.newUntilMs ? 1 : check.unhealthyThreshold
}

const spread = (check: HealthCheck, nowMs: number, random: number): number =>
	nowMs + Math.round(check.intervalMs * random)
