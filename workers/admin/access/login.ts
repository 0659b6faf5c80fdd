/** Logins of Cloudflare Access: JWTs that say who passed it, verified here, whatever stands before this Worker. */
import { errors, type JWTPayload, jwtVerify, type LocalJWKSet } from 'jose'
import { err, ok, type Result } from '../../../src/result.ts'
import type { Mesh } from '../mesh.ts'
import { type AccessKeys, createAccessKeys } from './keys.ts'
import type { AccessSettings } from './settings.ts'

/** Somebody who passed Access: a person, or a service token. */
export interface Login {
	/** What the audit log calls them. */
	readonly name: string
	/** In lower case. */
	readonly email?: string
	/** common_name: the Client ID. */
	readonly serviceToken?: string
	readonly groups: readonly string[]
	/** ms since the epoch. */
	readonly expiresAt: number
}

export type LoginFailure = { readonly reason: 'invalid_login' | 'keys_unavailable'; readonly detail: string }

/** Between Access's clock and ours. */
const CLOCK_SKEW_SECONDS = 10
const MAX_GROUPS = 1_000
const MAX_NAME = 320

export type LoginVerifier = (jwt: string) => Promise<Result<Login, LoginFailure>>

export function createLoginVerifier(mesh: Mesh, settings: AccessSettings): LoginVerifier {
	const keys = createAccessKeys(mesh, settings.teamDomain)
	return async (jwt) => {
		try {
			const payload = await verifiedBy(keys, (set) => verify(jwt, set, settings, mesh.now()))
			return payload === undefined ? noKeys() : readLogin(payload)
		} catch (error) {
			if (!(error instanceof errors.JOSEError)) throw error
			return err({ reason: 'invalid_login', detail: `The login of Cloudflare Access is not good: ${error.code}` })
		}
	}
}

const noKeys = (): Result<Login, LoginFailure> =>
	err({ reason: 'keys_unavailable', detail: 'The keys of Cloudflare Access cannot be fetched now' })

/** A key that is not there may have come since the others were fetched. */
async function verifiedBy<T>(keys: AccessKeys, verify: (set: LocalJWKSet) => Promise<T>): Promise<T | undefined> {
	const set = await keys.current()
	if (set === undefined) return undefined
	try {
		return await verify(set)
	} catch (error) {
		const newer = error instanceof errors.JWKSNoMatchingKey ? await keys.newer() : undefined
		if (newer === undefined) throw error
		return verify(newer)
	}
}

async function verify(
	jwt: string,
	keys: LocalJWKSet,
	{ teamDomain, audiences }: AccessSettings,
	now: number,
): Promise<JWTPayload> {
	const { payload } = await jwtVerify(jwt, keys, {
		issuer: teamDomain,
		audience: [...audiences],
		algorithms: ['RS256'],
		requiredClaims: ['exp', 'iat'],
		clockTolerance: CLOCK_SKEW_SECONDS,
		currentDate: new Date(now),
	})
	return payload
}

function readLogin({ exp, email, common_name, groups, custom }: JWTPayload): Result<Login, LoginFailure> {
	const login = { groups: [...groupsOf(groups), ...groupsOf((custom as JWTPayload | undefined)?.groups)] }
	const expiresAt = exp! * 1000
	if (isName(email)) return ok({ ...login, expiresAt, name: inLowerCase(email), email: inLowerCase(email) })
	// Not a name that an API token could have.
	if (isName(common_name)) return ok({ ...login, expiresAt, name: `access:${common_name}`, serviceToken: common_name })
	return err({ reason: 'invalid_login', detail: 'The login of Cloudflare Access says neither email nor common_name' })
}

/** US-ASCII only: in lower case the Kelvin sign is a `k`, and another mailbox would be called like an admin's. */
export const inLowerCase = (email: string): string => email.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())

const isName = (claim: unknown): claim is string =>
	typeof claim === 'string' && claim.length > 0 && claim.length <= MAX_NAME

const groupsOf = (claim: unknown): string[] =>
	Array.isArray(claim) ? claim.slice(0, MAX_GROUPS).filter((group) => typeof group === 'string') : []
