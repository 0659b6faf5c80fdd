/**
 * Who is asking: holders of API tokens, looked up by hash in the policy store and remembered for at most a second, and who passed
 * Cloudflare Access. Nowhere is a secret compared with another: what was sent is hashed, and the hash looked up in a map or an index. How
 * long that takes tells nothing of a secret, because nobody can choose a hash that is nearly right.
 */
import { networkOf } from '../../src/keys/limits.ts'
import type { PolicyStorePort, Principal } from '../../src/ports.ts'
import { err, ok, type Result } from '../../src/result.ts'
import { isCrossSite } from './access/crossSite.ts'
import { grantsOf, principalOf } from './access/grants.ts'
import { createLoginVerifier, type Login, type LoginFailure } from './access/login.ts'
import { clientAddressOf } from './api/identityToken.ts'
import { type Attempts, createAttempts } from './attempts.ts'
import { credentialOf } from './credential.ts'
import type { Mesh } from './mesh.ts'
import type { Tally } from './tally.ts'
import { hashOf } from './tokens.ts'

/** A revoked token is refused after this long, everywhere. */
export const CACHE_MS = 1000
/** Entries in each memory: strangers cannot push out the good ones. */
export const MAX_REMEMBERED = 1000
/** A login that was verified is verified again after this long, in case that Access took its key back. */
const LOGIN_COUNTS_MS = 60_000

export type AuthenticationFailure =
	| { readonly reason: 'no_credential' | 'unknown_token' | 'cross_site' }
	| { readonly reason: 'too_many_attempts'; readonly retryAfterSeconds: number }
	/** No AdminAccess names them. */
	| { readonly reason: 'no_access'; readonly name: string }
	| LoginFailure

export interface Admitted {
	readonly principal: Principal
	readonly byLogin: boolean
}

export interface Authenticator {
	authenticate(request: Request): Promise<Result<Admitted, AuthenticationFailure>>
	/** Forgets what it remembers of tokens: one was revoked here. */
	forget(): void
}

type Way = (request: Request, text: string, network: string) => Promise<Result<Principal, AuthenticationFailure>>

export function createAuthenticator(mesh: Mesh, tally: Tally): Authenticator {
	const attempts = createAttempts(() => mesh.now())
	const tokens = createTokens(mesh, attempts)
	const logins = createLogins(mesh, attempts)

	async function authenticate(request: Request): Promise<Result<Admitted, AuthenticationFailure>> {
		const credential = credentialOf(request.headers, logins !== undefined)
		if (credential === undefined) return err({ reason: 'no_credential' })
		const network = networkOf(clientAddressOf(request))
		const byLogin = credential.kind === 'login'
		const way = byLogin ? logins! : tokens.find
		const found = await way(request, credential.text, network)
		if (found.ok) return ok({ principal: found.value, byLogin })
		const { error } = found
		tally({ what: 'login', network, actor: error.reason === 'no_access' ? error.name : '' })
		return found
	}

	return { authenticate, forget: tokens.forget }
}

/** Adds to a bounded memory; the entry that came first leaves. */
function remember<T>(memory: Map<string, T>, hash: string, entry: T): void {
	memory.delete(hash)
	if (memory.size >= MAX_REMEMBERED) memory.delete(memory.keys().next().value as string)
	memory.set(hash, entry)
}

// === tokens ===

interface Remembered {
	readonly principal: Principal | null
	readonly atMs: number
}

/** Once per isolate, so that a changed secret replaces the old token at the first request after the deployment. */
function bootstrapOnce(store: () => PolicyStorePort, adminToken: string | undefined): () => Promise<void> {
	let done = adminToken === undefined || adminToken === ''
	return async () => {
		if (done) return
		await store().bootstrap(await hashOf(adminToken as string))
		done = true
	}
}

/** Tokens that were good a moment ago are never limited, however many guess, and from wherever. */
function createTokens(mesh: Mesh, attempts: Attempts): { readonly find: Way; readonly forget: () => void } {
	const good = new Map<string, Remembered>()
	const bad = new Map<string, Remembered>()
	const bootstrap = bootstrapOnce(() => mesh.policyStore(), mesh.settings.adminToken)

	async function lookUp(hash: string): Promise<Principal | null> {
		const atMs = mesh.now()
		await bootstrap()
		const principal = await mesh.policyStore().authenticate(hash)
		if (principal === null) good.delete(hash)
		else bad.delete(hash)
		remember(principal === null ? bad : good, hash, { principal, atMs })
		return principal
	}

	async function find(_: Request, token: string, network: string): ReturnType<Way> {
		const hash = await hashOf(token)
		const known = good.get(hash) ?? bad.get(hash)
		const fresh = known !== undefined && mesh.now() - known.atMs < CACHE_MS
		const principal = fresh
			? ok(known.principal)
			: good.has(hash)
				? ok(await lookUp(hash))
				: await limited(
						attempts,
						network,
						() => lookUp(hash),
						(found) => found === null,
					)
		if (!principal.ok) return principal
		return principal.value === null ? err({ reason: 'unknown_token' }) : ok(principal.value)
	}

	return {
		find,
		forget: () => {
			good.clear()
			bad.clear()
		},
	}
}

/** Counts what fails. What could not be tried, since something does not answer, has not failed. */
async function limited<T>(
	attempts: Attempts,
	network: string,
	attempt: () => Promise<T>,
	hasFailed: (outcome: T) => boolean,
): Promise<Result<T, AuthenticationFailure>> {
	const retryAfterSeconds = attempts.begin(network)
	if (retryAfterSeconds > 0) return err({ reason: 'too_many_attempts', retryAfterSeconds })
	let failed = false
	try {
		const outcome = await attempt()
		failed = hasFailed(outcome)
		return ok(outcome)
	} finally {
		if (!failed) attempts.succeeded(network)
	}
}

// === logins ===

interface Verified {
	readonly login: Login
	readonly atMs: number
}

/** Undefined where logins are not accepted. */
function createLogins(mesh: Mesh, attempts: Attempts): Way | undefined {
	const { access } = mesh.settings
	if (access === undefined) return undefined
	const verify = createLoginVerifier(mesh, access)
	const good = new Map<string, Verified>()

	async function loginOf(jwt: string, network: string): Promise<Result<Login, AuthenticationFailure>> {
		const hash = await hashOf(jwt)
		const known = good.get(hash)
		const nowMs = mesh.now()
		if (known !== undefined && nowMs - known.atMs < LOGIN_COUNTS_MS && nowMs < known.login.expiresAt)
			return ok(known.login)
		const isBad = (outcome: Awaited<ReturnType<typeof verify>>) =>
			!outcome.ok && outcome.error.reason === 'invalid_login'
		const verified =
			known === undefined ? await limited(attempts, network, () => verify(jwt), isBad) : ok(await verify(jwt))
		if (!verified.ok) return verified
		if (verified.value.ok) remember(good, hash, { login: verified.value.value, atMs: nowMs })
		else good.delete(hash)
		return verified.value
	}

	return async (request, jwt, network) => {
		if (isCrossSite(request)) return err({ reason: 'cross_site' })
		const login = await loginOf(jwt, network)
		if (!login.ok) return login
		const principal = principalOf(login.value, await grantsOf(mesh))
		return principal === undefined ? err({ reason: 'no_access', name: login.value.name }) : ok(principal)
	}
}
