/** Whom a registry checks, and in which order: the endpoints of one service, leased and fixed, as their leases come and go. */
import type { EndpointWatch, FixedEndpoint, HealthStatus } from '../ports.ts'
import type { HealthCheck } from '../snapshot/trafficPolicy.ts'
import { beginChecks, type EndpointHealth, underCheck } from './health.ts'
import type { Roster } from './roster.ts'

/** By the endpoint's id. */
export type Healths = ReadonlyMap<string, EndpointHealth>

/**
 * The healths of the endpoints that there are now. Those that went are forgotten, those that came begin; the others stay as they
 * are, and where the check has changed they are spread anew. Overdue leases are to be expired before.
 */
export function followEndpoints(
	healths: Healths,
	roster: Roster,
	watch: EndpointWatch,
	{ nowMs, random, checkChanged = false }: { nowMs: number; random: () => number; checkChanged?: boolean },
): Map<string, EndpointHealth> {
	const followed = new Map<string, EndpointHealth>()
	if (watch.check === null) return followed
	for (const [id, { url, registeredAtMs }] of checkedEndpoints(roster, watch.fixed)) {
		const held = healths.get(id)
		if (held?.url !== url) followed.set(id, beginChecks(url, watch.check, nowMs, random(), registeredAtMs))
		else followed.set(id, checkChanged ? underCheck(held, watch.check, nowMs, random()) : held)
	}
	return followed
}

/** As proxies see the service: active leases, and fixed endpoints whose id none of them has. */
function checkedEndpoints(
	{ leases }: Roster,
	fixed: readonly FixedEndpoint[],
): Map<string, { readonly url: string; readonly registeredAtMs?: number }> {
	const endpoints = new Map<string, { url: string; registeredAtMs?: number }>()
	for (const { id, url } of fixed) endpoints.set(id, { url })
	for (const { id, url, state, registeredAtMs } of leases.values())
		if (state === 'active') endpoints.set(id, { url, registeredAtMs })
	return endpoints
}

/** In order of id. */
export function unhealthyIds(healths: Healths): string[] {
	const ids: string[] = []
	for (const [id, { healthy }] of healths) if (!healthy) ids.push(id)
	return ids.sort()
}

/** Whose check is due, the longest overdue first. */
export function dueIds(healths: Healths, nowMs: number): string[] {
	return [...healths]
		.filter(([, { dueAtMs }]) => dueAtMs <= nowMs)
		.sort(([, a], [, b]) => a.dueAtMs - b.dueAtMs)
		.map(([id]) => id)
}

/** When the next check is due; undefined when there is nobody to check. */
export function nextDueMs(healths: Healths): number | undefined {
	let earliest: number | undefined
	for (const { dueAtMs } of healths.values()) if (earliest === undefined || dueAtMs < earliest) earliest = dueAtMs
	return earliest
}

/** When a check that was due before a restart is due: as it was, unless that is so long ago that everyone's has passed. */
export function dueAfterRestart(due: number, check: HealthCheck, nowMs: number, random: number): number {
	const isKnown = due > nowMs - check.intervalMs && due <= nowMs + check.intervalMs * (1 + check.jitterShare)
	return isKnown ? due : nowMs + Math.round(check.intervalMs * random)
}

/** What an API client is told of an endpoint's health. */
export const statusOf = ({ healthy, sinceMs, lastFailure }: EndpointHealth): HealthStatus => ({
	healthy,
	...(sinceMs !== undefined && { since: new Date(sinceMs).toISOString() }),
	...(lastFailure !== undefined && { lastFailure }),
})
