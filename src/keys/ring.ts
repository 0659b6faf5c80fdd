/** The key ring as data: every key with its state. All times are in ms since the epoch. */
import type { KeyPurpose, KeyState } from '../ports/keyRing.ts'
import type { PublicJwk } from '../snapshot/trust.ts'

/** What a key is beside its pair, when it is a certificate authority. */
export interface Authority {
	/** Subject key identifier, lower-case hex. */
	readonly keyId: string
	/** PEM. A standby intermediate has none: it gets one from the root that is active when it takes over. */
	readonly certificate?: string
	/** When the certificate ends. */
	readonly expiresAt?: number
	/** This root as the one before it signed it, PEM, and that one's kid. */
	readonly cross?: { readonly certificate: string; readonly by: string }
}

export interface RingKey {
	/** RFC 7638 thumbprint. */
	readonly kid: string
	readonly purpose: KeyPurpose
	readonly state: KeyState
	readonly jwk: PublicJwk
	readonly createdAt: number
	/** The first version of what is published that has it. */
	readonly publishedIn?: number
	/** When that version was taken over: since when verifiers can have the key. */
	readonly publishedAt?: number
	readonly activatedAt?: number
	readonly retiredAt?: number
	/** Of revoked keys too. */
	readonly removedAt?: number
	/** No earlier than the end of the last thing that it signed; of an authority, of the last leaf below it. */
	readonly signedUntil?: number
	readonly authority?: Authority
}

export interface Ring {
	/** Oldest first. */
	readonly keys: readonly RingKey[]
	/** Purposes whose rotation somebody asked for, and that has not come yet. */
	readonly requested: readonly KeyPurpose[]
	/** Grows with every change of what is published. */
	readonly version: number
	/** The version that was taken over. */
	readonly publishedVersion: number
	/** Copies of the key set that may be used for longer than those handed out now have all expired then. */
	readonly copiesUntil: number
}

/** What operators choose (`Mesh` spec.keys). */
export interface KeySettings {
	/** Of the keys that sign tokens. */
	readonly rotationIntervalMs: number
	/** For how long a key is published before it signs. */
	readonly publicationLeadMs: number
}

export const EMPTY_RING: Ring = { keys: [], requested: [], version: 0, publishedVersion: 0, copiesUntil: 0 }

/** Roots come before what they certify. */
export const PURPOSES: readonly KeyPurpose[] = ['x509-root', 'x509-intermediate', 'wit-svid', 'jwt-svid', 'delegation']

export const isAuthority = (purpose: KeyPurpose): boolean => purpose === 'x509-root' || purpose === 'x509-intermediate'

/** Verifiers are told of it. */
export const isLive = ({ state }: RingKey): boolean => state === 'pending' || state === 'active' || state === 'retired'

/** It signs what the mesh issues, or will. */
export const isSigning = ({ state }: RingKey): boolean => state === 'pending' || state === 'active'

const inState = (ring: Ring, purpose: KeyPurpose, state: KeyState): RingKey | undefined =>
	ring.keys.find((key) => key.purpose === purpose && key.state === state)

export const activeKey = (ring: Ring, purpose: KeyPurpose): RingKey | undefined => inState(ring, purpose, 'active')
export const pendingKey = (ring: Ring, purpose: KeyPurpose): RingKey | undefined => inState(ring, purpose, 'pending')

/** Every purpose has its keys, or none has: they come to be in one transaction. */
export const hasStarted = ({ keys }: Ring): boolean => keys.length > 0
