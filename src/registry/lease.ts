/**
 * One endpoint's lease: a promise to be heard from again within its time to live, as in a CoRE Resource Directory's
 * registration lifetime (RFC 9176 §5) or a Consul TTL check. It is alive until `expiresAtMs`, and not at it.
 */
import type { Lease, LeaseRequest, LeaseState } from '../ports.ts'
import type { Endpoint } from '../snapshot/snapshot.ts'

/** A lease as the registry keeps it: the request that asked for it, and times in ms since the epoch. */
export interface HeldLease extends LeaseRequest {
	readonly state: LeaseState
	readonly registeredAtMs: number
	readonly expiresAtMs: number
	/** It lives on grace: prolonged by `resume`, and not heard from since. */
	readonly onGrace: boolean
}

export const isAlive = (lease: HeldLease, nowMs: number): boolean => nowMs < lease.expiresAtMs

/** The lease that a request is given at `nowMs`: active, for its whole TTL. The first registration's time is kept. */
export function grant(request: LeaseRequest, nowMs: number, held?: HeldLease): HeldLease {
	return {
		id: request.id,
		url: request.url,
		weight: request.weight,
		labels: sorted(request.labels),
		...(request.locality !== undefined && { locality: request.locality }),
		ttlSeconds: request.ttlSeconds,
		state: 'active',
		registeredAtMs: held?.registeredAtMs ?? nowMs,
		expiresAtMs: expiry(request.ttlSeconds, nowMs),
		onGrace: false,
	}
}

/** Heard from: another whole TTL from `nowMs`. A draining lease stays draining. */
export const renew = (lease: HeldLease, nowMs: number): HeldLease => ({
	...lease,
	expiresAtMs: expiry(lease.ttlSeconds, nowMs),
	onGrace: false,
})

/** Not heard from, and not to blame: another whole TTL, once. */
export const prolong = (lease: HeldLease, nowMs: number): HeldLease => ({
	...lease,
	expiresAtMs: expiry(lease.ttlSeconds, nowMs),
	onGrace: true,
})

/** What the data plane is told of a lease. Labels come in order of key, so equal endpoints serialize equally. */
export function endpointOf(lease: HeldLease): Endpoint {
	const { id, url, weight, labels, locality, registeredAtMs } = lease
	return {
		id,
		url,
		weight,
		...(Object.keys(labels).length > 0 && { labels }),
		...(locality !== undefined && { locality }),
		joinedAt: registeredAtMs,
	}
}

/** What an API client is told of a lease. */
export function leaseOf(held: HeldLease): Lease {
	const { registeredAtMs, expiresAtMs, onGrace: _, ...lease } = held
	return { ...lease, registeredAt: rfc3339(registeredAtMs), expiresAt: rfc3339(expiresAtMs) }
}

const expiry = (ttlSeconds: number, nowMs: number): number => nowMs + ttlSeconds * 1000
const rfc3339 = (ms: number): string => new Date(ms).toISOString()

const sorted = (labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
	Object.fromEntries(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)))
