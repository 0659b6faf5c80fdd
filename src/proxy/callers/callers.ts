/** What an isolate remembers of credentials that it has verified: a caller that it has met costs look-ups, and no signature check. */
import { isRevoked, type Proven } from '../../identity/proven.ts'
import { createSeen, type Seen } from '../../identity/replay.ts'
import type { TrustStore } from '../../identity/trustStore.ts'
import type { VerifiedWit } from '../../identity/wit.ts'
import type { Caller } from '../../matching/source.ts'
import type { Exchange } from '../exchange.ts'
import type { Trusted } from '../knowledge/trusting.ts'
import { createRecent, type Recent, recall, remember } from '../recent.ts'

/** A credential that was good, whom it makes known when it is shown again, and the trust that it was last compared with. */
export interface Held {
	readonly proven: Proven
	readonly caller: Caller
	checkedWith: TrustStore
}

/** A bearer token is good for some origins only. */
export interface HeldToken extends Held {
	readonly origins: Set<string>
}

export interface HeldWit extends Held {
	readonly text: string
	readonly wit: VerifiedWit
}

/** A WPT that was good, and all of the request that it was good for. */
interface HeldProof {
	readonly wpt: string
	readonly wit: HeldWit
	/** ms since the epoch. */
	readonly expiresAt: number
	readonly scheme: string
	readonly authority: string
	/** Undefined: it is for every path of the origin. */
	readonly path: string | undefined
	readonly authorization: string | null
	/** The other fields that it binds, or that must be bound if they are there. */
	readonly fields: readonly (readonly [name: string, value: string | null])[]
}

export interface Memory {
	readonly wits: Recent<HeldWit>
	/** By the end of the WPT, see `proofKey`. */
	readonly proofs: Recent<HeldProof>
	/** By `Authorization`; null: nothing that the mesh could judge. */
	readonly bearers: Recent<HeldToken | null>
	/** By fingerprint, likewise. */
	readonly certificates: Recent<Held | null>
}

export interface Callers {
	/** Outlives every key: a proof that was shown stays shown. */
	readonly seen: Seen
	/** With the keys that everything in it was verified with. */
	memory: Memory & { readonly keys: string }
}

/** In characters, of one generation of each kind. Only who has an identity adds a WIT or a proof. */
const LIMIT = 2_097_152
/** What one takes beside its text. */
export const ENTRY_SIZE = 512

const createMemory = (keys: string): Callers['memory'] => ({
	keys,
	wits: createRecent(LIMIT),
	proofs: createRecent(LIMIT),
	bearers: createRecent(LIMIT),
	certificates: createRecent(LIMIT),
})

export const createCallers = (): Callers => ({ seen: createSeen(), memory: createMemory('') })

/**
 * What was verified with these very keys. Whoever verifies meanwhile with others goes on with a memory that nobody looks into any
 * more, so that a key which was taken away leaves nothing behind.
 */
export function memoryFor(callers: Callers, { keys }: Trusted): Memory {
	if (callers.memory.keys !== keys) callers.memory = createMemory(keys)
	return callers.memory
}

/** Neither expired nor revoked since. */
export function holds(held: Held, { store }: Trusted, now: number): boolean {
	if (now >= held.proven.expiresAt) return false
	if (held.checkedWith !== store && isRevoked(store, held.proven)) return false
	held.checkedWith = store
	return true
}

/** Undefined: it must be verified. */
export function recallHeld<T extends Held | null>(
	recent: Recent<T>,
	key: string,
	trusted: Trusted,
	now: number,
): T | undefined {
	const held = recall(recent, key)
	return !held || holds(held, trusted, now) ? held : undefined
}

export function rememberHeld<T extends Held | null>(recent: Recent<T>, key: string, held: T): T {
	remember(recent, key, held, key.length + ENTRY_SIZE)
	return held
}

/** Half of its signature names a WPT among those that were good. Looking up all of its text would read all of it twice. */
export const proofKey = (wpt: string): string => wpt.slice(-43)

/** Whether this proof was good for just such a request, whoever showed it. */
export function isProvenBefore(
	proof: HeldProof | undefined,
	wit: string,
	wpt: string,
	{ startedAt, scheme, authority, path, header }: Exchange,
	authorization: string | null,
): proof is HeldProof {
	if (proof === undefined || startedAt >= proof.expiresAt || proof.wpt !== wpt || proof.wit.text !== wit) return false
	if (proof.authority !== authority || proof.scheme !== scheme) return false
	if (proof.authorization !== authorization || (proof.path !== undefined && proof.path !== path)) return false
	for (const [name, value] of proof.fields) if (header(name) !== value) return false
	return true
}
