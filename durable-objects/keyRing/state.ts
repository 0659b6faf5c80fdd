/** The ring as its object holds it: a warm copy of the tables, changed by transactions that also tell what is published, and on record. */
import { createHash } from 'node:crypto'
import { spiffeIdOf } from '../../src/identity/spiffeId.ts'
import { leafAuthorities, rootCertificates, tokenKeys } from '../../src/keys/publication.ts'
import { revocationsAt } from '../../src/keys/revocations.ts'
import type { KeySettings, Ring, RingKey } from '../../src/keys/ring.ts'
import { maxAgeSeconds } from '../../src/keys/schedule.ts'
import { adoptSettings, announce } from '../../src/keys/transitions.ts'
import type { Published } from '../../src/ports.ts'
import type { Trust } from '../../src/snapshot/trust.ts'
import { storeEvent } from './events.ts'
import { readFederated } from './fetched.ts'
import { readIssuers } from './issuers.ts'
import { loadRing, readSettings, storeKey, storeRing, storeSettings } from './keys.ts'
import { readRefusing } from './revocations.ts'
import { readMeta, readNumber, writeMeta } from './tables.ts'
import { createVault, type Vault } from './vault.ts'

export interface RingContext {
	readonly trustDomain: string
	/** An origin without a final `/`. */
	readonly issuer: string
	readonly masterKey: string | undefined
}

/** What is stored of `signedUntil` is ahead by this much, so that not every token costs a write. */
const SIGNED_AHEAD_MS = 600_000
/** As with what is stored of when the key set was last handed out. */
const SERVED_AHEAD_MS = 60_000
const NOTHING: ReadonlyMap<string, string> = new Map()

export class RingState {
	readonly context: RingContext
	readonly vault: Vault
	readonly #storage: DurableObjectStorage
	#ring: Ring
	#settings: KeySettings
	#servedUntil: number

	constructor(storage: DurableObjectStorage, context: RingContext) {
		this.context = context
		this.#storage = storage
		this.vault = createVault(storage.sql, context.masterKey)
		this.#ring = loadRing(storage.sql)
		this.#settings = readSettings(storage.sql)
		this.#servedUntil = readNumber(storage.sql, 'servedUntil')
	}

	get ring(): Ring {
		return this.#ring
	}

	get settings(): KeySettings {
		return this.#settings
	}

	/** One transaction: the change, and whatever follows from it. `also` runs in it first. */
	commit(
		now: number,
		change: (ring: Ring) => Ring,
		{ actor = 'mesh', sealed = NOTHING, also }: CommitOptions = {},
	): void {
		const { sql } = this.#storage
		this.#ring = this.#storage.transactionSync(() => {
			also?.()
			const before = this.#ring
			const after = this.#announced(change(before), now)
			storeRing(sql, before, after, sealed)
			for (const { kid, purpose, state } of movedKeys(before, after))
				storeEvent(sql, { action: `key.${WORDS[state]}`, actor, detail: { kid, purpose } }, now)
			return after
		})
	}

	/** Another version, if what is published is another. */
	#announced(ring: Ring, now: number): Ring {
		const { sql } = this.#storage
		const contents = JSON.stringify([this.#trust(ring, now), rootCertificates(ring)])
		const hash = createHash('sha256').update(contents).digest('hex')
		if (hash === readMeta(sql, 'published')) return ring
		writeMeta(sql, 'published', hash)
		return announce(ring, now)
	}

	#trust(ring: Ring, now: number): Trust {
		const { sql } = this.#storage
		const { trustDomain, issuer } = this.context
		const issuers = readIssuers(sql)
		const idOf = (namespace: string, workload: string) => spiffeIdOf(trustDomain, namespace, workload)
		return {
			kind: 'trust',
			trustDomain,
			issuer,
			keys: tokenKeys(ring),
			authorities: leafAuthorities(ring),
			revocations: revocationsAt(readRefusing(sql, now), idOf, now),
			federated: readFederated(sql, trustDomain),
			...(issuers && { issuers }),
		}
	}

	published(now: number): Published {
		return {
			version: this.#ring.version,
			trust: this.#trust(this.#ring, now),
			roots: rootCertificates(this.#ring),
			maxAgeSeconds: maxAgeSeconds(this.#settings),
		}
	}

	/** Somebody may keep a copy of the key set from now on. */
	serve(now: number): Published {
		if (now > this.#servedUntil) {
			this.#servedUntil = now + SERVED_AHEAD_MS
			writeMeta(this.#storage.sql, 'servedUntil', this.#servedUntil)
		}
		return this.published(now)
	}

	adopt(settings: KeySettings, now: number): void {
		const before = this.#settings
		if (JSON.stringify(settings) === JSON.stringify(before)) return
		const servedAt = Math.min(this.#servedUntil, now)
		this.commit(now, (ring) => adoptSettings(ring, before, settings, servedAt), {
			also: () => storeSettings(this.#storage.sql, settings),
		})
		this.#settings = settings
	}

	/** Stored before anything leaves that the key has signed: until then, no answer goes out. */
	extend(kid: string, until: number): void {
		const key = this.#ring.keys.find((each) => each.kid === kid)
		if (key === undefined || (key.signedUntil ?? 0) >= until) return
		const extended: RingKey = { ...key, signedUntil: until + SIGNED_AHEAD_MS }
		storeKey(this.#storage.sql, extended)
		this.#ring = { ...this.#ring, keys: this.#ring.keys.map((each) => (each === key ? extended : each)) }
	}
}

interface CommitOptions {
	/** For the record. */
	readonly actor?: string
	/** Private keys of keys that come, by kid. */
	readonly sealed?: ReadonlyMap<string, string>
	readonly also?: () => void
}

const WORDS = {
	pending: 'create',
	active: 'activate',
	retired: 'retire',
	removed: 'remove',
	revoked: 'revoke',
} as const

function movedKeys(before: Ring, after: Ring): RingKey[] {
	const known = new Map(before.keys.map(({ kid, state }) => [kid, state]))
	return after.keys.filter(({ kid, state }) => known.get(kid) !== state)
}
