/**
 * The leases of one service, and what each event does to them. Deciding is pure: an event gives a change, to be
 * stored and then committed. An overdue lease is gone for every event before `expire` removes it, but takes up room.
 */
import type { Lease, LeaseRequest, RegistryRefusal } from '../ports.ts'
import { err, ok, type Result } from '../result.ts'
import type { Endpoint } from '../snapshot/snapshot.ts'
import { endpointOf, grant, type HeldLease, isAlive, leaseOf, prolong, renew } from './lease.ts'

/** Bounds what one service can make the registry, the root and every replica carry. */
export const ENDPOINT_LIMIT = 10_000

/** Of all its endpoints as JSON, in characters, about: with a document's fixed ones, no more than the root carries in one part. */
export const ENDPOINTS_CHARACTERS = 7_000_000

/** A deadline passed by longer than this was not attended: the registry was not running to hear a heartbeat. */
const ATTENDANCE_MS = 1_000

export interface Roster {
	/** Grows by one exactly when the endpoints that take traffic change. */
	readonly version: number
	readonly leases: ReadonlyMap<string, HeldLease>
}

/** What an event changes: small, so that storing a heartbeat is storing one lease. */
export interface Change {
	readonly version: number
	readonly put: readonly HeldLease[]
	readonly remove: readonly string[]
}

/** An event's answer, and what is to be stored before it is given. */
export interface Step<T> {
	readonly change: Change
	readonly reply: Result<T, RegistryRefusal>
}

/** Grants a lease, or renews and replaces the one with this id. A draining endpoint becomes active again. */
export function register(
	roster: Roster,
	request: LeaseRequest,
	nowMs: number,
): Step<{ readonly lease: Lease; readonly created: boolean }> {
	const held = live(roster, request.id, nowMs)
	if (!held && !roster.leases.has(request.id) && roster.leases.size >= ENDPOINT_LIMIT) {
		return refuse(roster, { reason: 'too_many_endpoints', limit: ENDPOINT_LIMIT })
	}
	const lease = grant(request, nowMs, held)
	if (growsTooLarge(roster, lease))
		return refuse(roster, { reason: 'endpoints_too_large', limit: ENDPOINTS_CHARACTERS })
	const same = held?.state === 'active' && JSON.stringify(endpointOf(held)) === JSON.stringify(endpointOf(lease))
	return {
		change: { version: roster.version + (same ? 0 : 1), put: [lease], remove: [] },
		reply: ok({ lease: leaseOf(lease), created: !held }),
	}
}

/** Renews a lease for its TTL. Looks at no other lease, and never changes the version. */
export function heartbeat(roster: Roster, id: string, nowMs: number): Step<Lease> {
	const held = live(roster, id, nowMs)
	if (!held) return refuse(roster, { reason: 'no_such_endpoint', id })
	const lease = renew(held, nowMs)
	return { change: { version: roster.version, put: [lease], remove: [] }, reply: ok(leaseOf(lease)) }
}

/** Takes an endpoint out of traffic. Its lease runs on, renewable, until it ends or is given up. */
export function drain(roster: Roster, id: string, nowMs: number): Step<Lease> {
	const held = live(roster, id, nowMs)
	if (!held) return refuse(roster, { reason: 'no_such_endpoint', id })
	if (held.state === 'draining') return { change: unchanged(roster), reply: ok(leaseOf(held)) }
	const lease: HeldLease = { ...held, state: 'draining' }
	return { change: { version: roster.version + 1, put: [lease], remove: [] }, reply: ok(leaseOf(lease)) }
}

/** Gives a lease up; the answer is the lease as it was. */
export function deregister(roster: Roster, id: string, nowMs: number): Step<Lease> {
	const held = live(roster, id, nowMs)
	if (!held) return refuse(roster, { reason: 'no_such_endpoint', id })
	const version = roster.version + (held.state === 'active' ? 1 : 0)
	return { change: { version, put: [], remove: [id] }, reply: ok(leaseOf(held)) }
}

/** Removes the leases that are over at `nowMs`. */
export function expire(roster: Roster, nowMs: number): Change {
	const ended = [...roster.leases.values()].filter((lease) => !isAlive(lease, nowMs))
	const version = roster.version + (ended.some((lease) => lease.state === 'active') ? 1 : 0)
	return { version, put: [], remove: ended.map((lease) => lease.id) }
}

/**
 * The grace after a time in which the registry itself was away (a restart of the whole mesh, a suspended machine):
 * nobody could renew, so silence proves nothing and every lease starts one TTL anew, like the grace period of a
 * restarted NFS server (RFC 8881 §8.4.2). Once per silence: a lease already on grace gets no more, so an endpoint
 * that died meanwhile goes one TTL after the return. Call before `expire`.
 */
export function resume(roster: Roster, nowMs: number): Change {
	const deadlineMs = nextDeadline(roster)
	if (deadlineMs === undefined || nowMs - deadlineMs <= ATTENDANCE_MS) return unchanged(roster)
	const silent = [...roster.leases.values()].filter((lease) => !lease.onGrace)
	return { version: roster.version, put: silent.map((lease) => prolong(lease, nowMs)), remove: [] }
}

/** When the next lease ends unless it is renewed, in ms since the epoch; undefined when there is none. */
export function nextDeadline(roster: Roster): number | undefined {
	let earliest: number | undefined
	for (const { expiresAtMs } of roster.leases.values()) {
		if (earliest === undefined || expiresAtMs < earliest) earliest = expiresAtMs
	}
	return earliest
}

/** The endpoints that take traffic: alive and not draining, in order of id (by UTF-16 code unit). */
export function trafficEndpoints(roster: Roster, nowMs: number): Endpoint[] {
	return liveLeases(roster, nowMs)
		.filter((lease) => lease.state === 'active')
		.map(endpointOf)
}

/** Every lease that is alive, draining ones too, in order of id. */
export function liveLeases(roster: Roster, nowMs: number): HeldLease[] {
	return [...roster.leases.values()]
		.filter((lease) => isAlive(lease, nowMs))
		.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0))
}

/** The roster after a change. It shares and updates the given map: a heartbeat among 10,000 leases copies nothing. */
export function commit(leases: Map<string, HeldLease>, change: Change): Roster {
	for (const id of change.remove) leases.delete(id)
	for (const lease of change.put) leases.set(lease.id, lease)
	return { version: change.version, leases }
}

function live(roster: Roster, id: string, nowMs: number): HeldLease | undefined {
	const held = roster.leases.get(id)
	return held && isAlive(held, nowMs) ? held : undefined
}

/** A lease that takes no more room than the one it replaces is always welcome. */
function growsTooLarge(roster: Roster, lease: HeldLease): boolean {
	const held = roster.leases.get(lease.id)
	const more = charactersOf(lease) - (held === undefined ? 0 : charactersOf(held))
	if (more <= 0) return false
	let total = more
	for (const other of roster.leases.values()) total += charactersOf(other)
	return total > ENDPOINTS_CHARACTERS
}

/** An upper bound of its JSON, without making it: every registration adds this up over all leases. */
function charactersOf({ id, url, labels, locality }: HeldLease): number {
	let characters = 110 + id.length + url.length + (locality?.length ?? 0)
	for (const key in labels) characters += key.length + labels[key]!.length + 6
	return characters
}

const unchanged = (roster: Roster): Change => ({ version: roster.version, put: [], remove: [] })

const refuse = (roster: Roster, refusal: RegistryRefusal): Step<never> => ({
	change: unchanged(roster),
	reply: err(refusal),
})
