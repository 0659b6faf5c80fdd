/** The public keys of the mesh as a service holds them: fetched, kept for as long as they may be, asked for again when one is missing. */
import { importPublicKey } from '../identity/publicKey.ts'
import type { PublicJwk } from '../snapshot/trust.ts'
import { asMeshError, type MeshError } from './meshError.ts'
import { type Runtime, within } from './runtime.ts'
import { type Shared, shared } from './shared.ts'
import { parseObject, refusalOf } from './tokenEndpoint.ts'

export interface KeySet {
	/** Undefined: the mesh has no such key. Rejects with a MeshError while none were ever had. */
	readonly key: (kid: string) => Promise<CryptoKey | undefined>
	/** Grows when the keys change: what was verified before must be verified again. */
	readonly version: () => number
}

export interface KeySource {
	readonly runtime: Runtime
	/** Of a JWKS (RFC 7517 §5). */
	readonly url: string
	readonly onError: (error: MeshError) => void
}

/** A key that is not there is asked for this often, however many tokens name it; so is a mesh that does not answer. */
const ASK_AGAIN_MS = 30_000
/** While there are no keys at all. */
const ASK_AGAIN_FOR_FIRST_MS = 1_000
/** When the reply does not say. */
const MAX_AGE_MS = 300_000
const LEAST_MAX_AGE_MS = 1_000
/** For how long it may say, at most: a key that was given up is forgotten then. */
const LONGEST_MAX_AGE_MS = 86_400_000
/** Old keys are better than none: no request waits longer for new ones. */
const PATIENCE_MS = 2_000
const MAX_KEYS = 100

interface Held {
	keys: ReadonlyMap<string, CryptoKey>
	/** The document, to tell whether another one differs. */
	text?: string
	/** When the keys are to be fetched again, and until when they are not even if one is missing: ms since the epoch. */
	staleAt: number
	nextAt: number
	version: number
	lastError?: MeshError
}

export function createKeySet(source: KeySource): KeySet {
	const { now } = source.runtime
	const held: Held = { keys: new Map(), staleAt: 0, nextAt: 0, version: 0 }
	const refreshing: Shared = shared(source.runtime, PATIENCE_MS, () => refresh(source, held))
	return {
		version: () => held.version,
		async key(kid) {
			const isStale = now() >= held.staleAt
			if (isStale || !held.keys.has(kid)) {
				const isTime = now() >= held.nextAt || (isStale && held.lastError === undefined)
				await (isTime ? refreshing.run() : refreshing.running())
			}
			if (held.text === undefined && held.lastError !== undefined) throw held.lastError
			return held.keys.get(kid)
		},
	}
}

/** Never rejects. */
async function refresh({ runtime, url, onError }: KeySource, held: Held): Promise<void> {
	try {
		const { text, maxAgeMs } = await fetchDocument(runtime, url)
		if (text !== held.text) {
			held.keys = await importAll(text)
			held.version += 1
			held.text = text
		}
		held.staleAt = runtime.now() + maxAgeMs
		held.nextAt = runtime.now() + ASK_AGAIN_MS
		delete held.lastError
	} catch (thrown) {
		const error = asMeshError(thrown, `fetching ${url}`)
		held.lastError = error
		held.nextAt = runtime.now() + (held.text === undefined ? ASK_AGAIN_FOR_FIRST_MS : ASK_AGAIN_MS)
		onError(error)
	}
}

const fetchDocument = (runtime: Runtime, url: string): Promise<{ text: string; maxAgeMs: number }> =>
	within(runtime, PATIENCE_MS, async (signal) => {
		const response = await runtime.send(url, { headers: { accept: 'application/json' }, redirect: 'manual', signal })
		const text = await response.text()
		const isKeySet = response.status === 200 && Array.isArray(parseObject(text).keys)
		if (!isKeySet) throw refusalOf(response, parseObject(text), runtime.now())
		return { text, maxAgeMs: maxAgeOf(response.headers.get('cache-control')) }
	})

function maxAgeOf(cacheControl: string | null): number {
	const [, seconds] = /(?:^|[\s,])max-age="?(\d{1,10})\b/i.exec(cacheControl ?? '') ?? []
	const ms = seconds === undefined ? MAX_AGE_MS : Number(seconds) * 1_000
	return Math.min(Math.max(ms, LEAST_MAX_AGE_MS), LONGEST_MAX_AGE_MS)
}

/** Without those that cannot be used here: a mesh may come to publish keys of kinds that this version does not know. */
async function importAll(text: string): Promise<ReadonlyMap<string, CryptoKey>> {
	const keys = new Map<string, CryptoKey>()
	for (const jwk of (parseObject(text).keys as unknown[]).slice(0, MAX_KEYS)) {
		const { kid } = Object(jwk) as { kid?: unknown }
		if (typeof kid !== 'string') continue
		const key = await importPublicKey(jwk as PublicJwk)
		if (key.ok) keys.set(kid, key.value)
	}
	return keys
}
