/**
 * What becomes of keys: pending → active → retired → removed, or revoked. Each transition takes a ring that satisfies the invariant
 * "one active key and one pending key a purpose", and answers one that does.
 */
import type { KeyPurpose } from '../ports/keyRing.ts'
import { type Authority, isAuthority, isLive, type KeySettings, type Ring, type RingKey } from './ring.ts'
import { maxAgeSeconds, removableAt } from './schedule.ts'

const YEAR_MS = 365 * 86_400_000

/** What was made for a transition, before it. */
export interface Material {
	/** The new standby. */
	readonly standby: RingKey
	/** Takes over instead of the pending key, which is of no use any more. */
	readonly successor?: RingKey
	/** By kid: authorities that have other certificates from now on. */
	readonly certified?: Readonly<Record<string, Authority>>
}

/** The first keys. They sign at once: nobody can hold a copy of the key set without them. */
export function start(ring: Ring, keys: readonly Material[], now: number): Ring {
	return { ...ring, keys: keys.flatMap(({ standby, successor }) => [activated(successor!, now), standby]) }
}

/** The standby takes over; the key before verifies what it signed. */
export const rotate = (ring: Ring, purpose: KeyPurpose, material: Material, now: number): Ring =>
	succeed(ring, purpose, material, now, (key) => ({ ...key, state: 'retired', retiredAt: now }))

/** The standby takes over at once, and nobody is to believe what the key before signed. */
export const revoke = (ring: Ring, purpose: KeyPurpose, material: Material, now: number): Ring =>
	succeed(ring, purpose, material, now, (key) => revoked(key, now))

/**
 * As `revoke`, with everything that a root vouches for: its intermediate, and what was retired before. A root that vouched for this
 * one by a cross certificate would still lead to it.
 */
export function revokeRoot(
	ring: Ring,
	materials: { readonly root: Material; readonly intermediate: Material },
	now: number,
): Ring {
	const keys = ring.keys.map((key) => (isAuthority(key.purpose) && key.state === 'retired' ? revoked(key, now) : key))
	const replaced = revoke({ ...ring, keys }, 'x509-root', materials.root, now)
	return revoke(replaced, 'x509-intermediate', materials.intermediate, now)
}

function succeed(
	ring: Ring,
	purpose: KeyPurpose,
	{ standby, successor, certified }: Material,
	now: number,
	leave: (active: RingKey) => RingKey,
): Ring {
	const become = (key: RingKey): RingKey => {
		if (key.purpose !== purpose) return key
		if (key.state === 'active') return leave(key)
		if (key.state !== 'pending') return key
		return successor === undefined ? activated(key, now) : revoked(key, now)
	}
	const keys = [...ring.keys.map(become), ...(successor === undefined ? [] : [activated(successor, now)]), standby]
	return {
		...ring,
		keys: keys.map((key) => withCertificates(key, certified?.[key.kid])),
		requested: ring.requested.filter((each) => each !== purpose),
	}
}

const activated = (key: RingKey, now: number): RingKey => ({ ...key, state: 'active', activatedAt: now })
const revoked = (key: RingKey, now: number): RingKey => ({ ...key, state: 'revoked', removedAt: now })
const withCertificates = (key: RingKey, authority: Authority | undefined): RingKey =>
	authority === undefined ? key : { ...key, authority }

/** A rotation that somebody asked for: it comes as soon as the standby has been published for long enough. */
export const request = (ring: Ring, purposes: readonly KeyPurpose[]): Ring => ({
	...ring,
	requested: [...new Set([...ring.requested, ...purposes])],
})

/** Retired keys go when everything that they signed has expired; what went is remembered for a year. */
export function removeExpired(ring: Ring, now: number): Ring {
	const keys = ring.keys
		.filter(({ removedAt }) => removedAt === undefined || removedAt + YEAR_MS > now)
		.map(
			(key): RingKey =>
				key.state === 'retired' && removableAt(key) <= now ? { ...key, state: 'removed', removedAt: now } : key,
		)
	const isSame = keys.length === ring.keys.length && keys.every((key, i) => key === ring.keys[i])
	return isSame ? ring : { ...ring, keys }
}

/**
 * Other settings from now on. Copies of the key set that were handed out, until `servedAt`, with a longer life than those to come may
 * lack a key that is new by then.
 */
export function adoptSettings(ring: Ring, before: KeySettings, after: KeySettings, servedAt: number): Ring {
	const longer = maxAgeSeconds(before)
	if (servedAt === 0 || longer <= maxAgeSeconds(after)) return ring
	return { ...ring, copiesUntil: Math.max(ring.copiesUntil, servedAt + longer * 1_000) }
}

/**
 * What is published is another from now on. Versions are times, or later: they go on growing even when the ring was lost, or put back
 * to an earlier state. `atLeast`: a version that was taken over already.
 */
export function announce(ring: Ring, now: number, atLeast = 0): Ring {
	const version = Math.max(now, ring.version + 1, atLeast + 1)
	const keys = ring.keys.map((key) =>
		isLive(key) && key.publishedIn === undefined ? { ...key, publishedIn: version } : key,
	)
	return { ...ring, version, keys }
}

/** What the control plane's root has, which may have lost its state, or have another that this ring has lost. */
export function reconcile(ring: Ring, theirs: number, now: number): Ring {
	if (theirs > ring.version) return announce(ring, now, theirs)
	return theirs < ring.publishedVersion ? { ...ring, publishedVersion: theirs } : ring
}

/** A version was taken over, and with it every key that was in it. */
export function acknowledge(ring: Ring, version: number, now: number): Ring {
	const isNew = ({ publishedAt, publishedIn }: RingKey) =>
		publishedAt === undefined && (publishedIn ?? Infinity) <= version
	return {
		...ring,
		publishedVersion: Math.max(ring.publishedVersion, version),
		keys: ring.keys.map((key) => (isNew(key) && isLive(key) ? { ...key, publishedAt: now } : key)),
	}
}
