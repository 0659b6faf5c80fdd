/** When keys rotate: what is due now, and when to look again. */
import type { KeyPurpose } from '../ports/keyRing.ts'
import {
	activeKey,
	hasStarted,
	isAuthority,
	type KeySettings,
	PURPOSES,
	pendingKey,
	type Ring,
	type RingKey,
} from './ring.ts'

const DAY_MS = 86_400_000

export const DEFAULT_SETTINGS: KeySettings = { rotationIntervalMs: 7 * DAY_MS, publicationLeadMs: 3_600_000 }

const INTERMEDIATE_INTERVAL_MS = 30 * DAY_MS
const ROOT_INTERVAL_MS = 365 * DAY_MS
/** Twice its time as the active one: its last leaves outlive it. It is made when the key takes over. */
export const INTERMEDIATE_LIFETIME_MS = 2 * INTERMEDIATE_INTERVAL_MS
/** A year as the standby, a year as the active one, and a year in hand: it is made, and published, with the key. */
export const ROOT_LIFETIME_MS = 3 * ROOT_INTERVAL_MS

/** A retired key stays for this long after the last thing that it signed: clocks differ. */
const REMOVAL_MARGIN_MS = 60_000

/** What isolates know may be 1.2 s old, and a copy of the key set 2 s where it is asked for most: a new key must not come sooner. */
const MIN_LEAD_MS = 5_000
const MAX_LEAD_MS = 7 * DAY_MS
const MIN_INTERVAL_MS = 60_000
const MAX_INTERVAL_MS = 90 * DAY_MS

/** What was asked for, within what works: a lead of 5 s to 7 d, shorter than the interval, which is 1 min to 90 d. */
export function settingsOf(asked: {
	rotationIntervalMs?: number | undefined
	publicationLeadMs?: number | undefined
}): KeySettings {
	const { rotationIntervalMs = DEFAULT_SETTINGS.rotationIntervalMs } = asked
	const { publicationLeadMs = DEFAULT_SETTINGS.publicationLeadMs } = asked
	const interval = bounded(rotationIntervalMs, MIN_INTERVAL_MS, MAX_INTERVAL_MS)
	return {
		rotationIntervalMs: interval,
		publicationLeadMs: bounded(publicationLeadMs, MIN_LEAD_MS, Math.min(MAX_LEAD_MS, interval)),
	}
}

const bounded = (value: number, least: number, most: number): number => Math.min(Math.max(value, least), most)

/** For how long a copy of the key set may be used: a quarter of the lead, so that every copy has a new key long before it signs. */
export const maxAgeSeconds = ({ publicationLeadMs }: KeySettings): number =>
	Math.max(1, Math.floor(publicationLeadMs / 4_000))

function intervalMs(purpose: KeyPurpose, { rotationIntervalMs }: KeySettings): number {
	if (!isAuthority(purpose)) return rotationIntervalMs
	return purpose === 'x509-root' ? ROOT_INTERVAL_MS : INTERMEDIATE_INTERVAL_MS
}

/** Since when the active key should have a successor. */
function wantedAt(ring: Ring, purpose: KeyPurpose, settings: KeySettings): number {
	if (ring.requested.includes(purpose)) return 0
	return (activeKey(ring, purpose)?.activatedAt ?? 0) + intervalMs(purpose, settings)
}

/** From when on every copy of the key set that anybody may still use has the key. Undefined: it is not published yet. */
function knownFrom(ring: Ring, key: RingKey, { publicationLeadMs }: KeySettings): number | undefined {
	return key.publishedAt === undefined ? undefined : Math.max(key.publishedAt + publicationLeadMs, ring.copiesUntil)
}

/** When the standby takes over. Undefined: that is not known, because it is not published yet. */
export function takeOverAt(ring: Ring, purpose: KeyPurpose, settings: KeySettings): number | undefined {
	const pending = pendingKey(ring, purpose)
	const known = pending && knownFrom(ring, pending, settings)
	return known === undefined ? undefined : Math.max(wantedAt(ring, purpose, settings), known)
}

/** As `takeOverAt`, but a guess where that is not known: nothing is published before now. */
export function expectedTakeOverAt(ring: Ring, purpose: KeyPurpose, settings: KeySettings, now: number): number {
	const wanted = wantedAt(ring, purpose, settings)
	return takeOverAt(ring, purpose, settings) ?? Math.max(wanted, now + settings.publicationLeadMs, ring.copiesUntil)
}

/** Purposes whose standby is to take over now, roots first. */
export const dueRotations = (ring: Ring, settings: KeySettings, now: number): KeyPurpose[] =>
	PURPOSES.filter((purpose) => (takeOverAt(ring, purpose, settings) ?? Infinity) <= now)

/** Purposes whose active key should have had a successor by now, and whose standby is not published. */
export const heldUp = (ring: Ring, settings: KeySettings, now: number): KeyPurpose[] =>
	PURPOSES.filter(
		(purpose) => takeOverAt(ring, purpose, settings) === undefined && wantedAt(ring, purpose, settings) <= now,
	)

/** When a retired key may go: everything that it signed has expired. */
export const removableAt = ({ signedUntil, retiredAt }: RingKey): number =>
	Math.max(signedUntil ?? 0, retiredAt ?? 0) + REMOVAL_MARGIN_MS

/** When the ring has to be looked at again. Infinity: not before something else happens to it. */
export function nextDueAt(ring: Ring, settings: KeySettings): number {
	if (!hasStarted(ring)) return Infinity
	const rotations = PURPOSES.map((purpose) => takeOverAt(ring, purpose, settings) ?? Infinity)
	const removals = ring.keys.filter(({ state }) => state === 'retired').map(removableAt)
	return Math.min(...rotations, ...removals)
}
