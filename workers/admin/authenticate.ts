/** Who is asking: Bearer tokens, looked up by hash in the policy store and remembered for at most a second. */
import type { PolicyStorePort, Principal } from '../../src/ports.ts'
import { err, ok, type Result } from '../../src/result.ts'
import { bearerToken, hashOf } from './tokens.ts'

/** A revoked token is refused after this long, everywhere. */
export const CACHE_MS = 1000
/** Entries in each of the two memories, of good and of bad hashes: strangers cannot push out the good ones. */
export const MAX_REMEMBERED = 1000
/** First look-ups of hashes never seen good, per second and isolate: guessing cannot load the policy store. */
export const MAX_STRANGERS_PER_SECOND = 100

export type AuthenticationFailure = 'no_token' | 'unknown_token' | 'too_many_attempts'

interface Remembered {
	readonly principal: Principal | null
	readonly atMs: number
}

export interface Authenticator {
	authenticate(header: string | null): Promise<Result<Principal, AuthenticationFailure>>
	/** Forgets what it remembers: a token was revoked here. */
	forget(): void
}

interface Options {
	readonly store: () => PolicyStorePort
	readonly adminToken?: string | undefined
	readonly now: () => number
}

/** Adds to a bounded memory; the entry that came first leaves. */
function remember(memory: Map<string, Remembered>, hash: string, entry: Remembered): void {
	memory.delete(hash)
	if (memory.size >= MAX_REMEMBERED) memory.delete(memory.keys().next().value as string)
	memory.set(hash, entry)
}

/** At most `MAX_STRANGERS_PER_SECOND` times a second true. */
function strangerBudget(now: () => number): () => boolean {
	let windowStartMs = Number.NEGATIVE_INFINITY
	let spent = 0
	return () => {
		if (now() - windowStartMs >= 1000) {
			windowStartMs = now()
			spent = 0
		}
		return ++spent <= MAX_STRANGERS_PER_SECOND
	}
}

/** Once per isolate, so that a changed secret replaces the old token at the first request after the deployment. */
function bootstrapOnce(store: Options['store'], adminToken: string | undefined): () => Promise<void> {
	let done = adminToken === undefined || adminToken === ''
	return async () => {
		if (done) return
		await store().bootstrap(await hashOf(adminToken as string))
		done = true
	}
}

export function createAuthenticator({ store, adminToken, now }: Options): Authenticator {
	const good = new Map<string, Remembered>()
	const bad = new Map<string, Remembered>()
	const admitStranger = strangerBudget(now)
	const bootstrap = bootstrapOnce(store, adminToken)

	async function lookUp(hash: string): Promise<Principal | null> {
		const atMs = now()
		const principal = await store().authenticate(hash)
		if (principal === null) good.delete(hash)
		else bad.delete(hash)
		remember(principal === null ? bad : good, hash, { principal, atMs })
		return principal
	}

	async function authenticate(header: string | null): Promise<Result<Principal, AuthenticationFailure>> {
		const token = bearerToken(header)
		if (token === undefined) return err('no_token')
		const hash = await hashOf(token)
		const known = good.get(hash) ?? bad.get(hash)
		const fresh = known !== undefined && now() - known.atMs < CACHE_MS
		if (!fresh && !good.has(hash) && !admitStranger()) return err('too_many_attempts')
		await bootstrap()
		const principal = fresh ? known.principal : await lookUp(hash)
		return principal === null ? err('unknown_token') : ok(principal)
	}

	return {
		authenticate,
		forget: () => {
			good.clear()
			bad.clear()
		},
	}
}
