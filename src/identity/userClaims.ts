/** What the claims of an end user's token say (RFC 7519 §4.1), as far as a rule asks. */
import { ok, type Result } from '../result.ts'
import { includesOneOf } from './audience.ts'
import type { Claims } from './jws.ts'
import { type ProofError, refuse } from './proven.ts'

/** Of the JwtRule that believes the token's issuer. */
export interface ClaimRule {
	/** One of them must be in `aud`; absent: any audience will do. */
	readonly audiences?: readonly string[]
	/** By how much `exp`, `nbf` and `iat` may be off. */
	readonly clockSkewMs: number
	/** What `sub` must not begin with: after the issuer it would read like a user of another one that is believed, too. */
	readonly othersSubjects?: readonly string[]
}

export interface UserClaims {
	/** `sub`. OpenID Connect Core §2 and RFC 9068 §2.2 ask for it: whom nobody can name, no policy could speak of. */
	readonly subject: string
	readonly audiences: readonly string[]
	/** `azp`. */
	readonly presenter?: string
	/** `exp`, with what it may be off by: in ms since the epoch. */
	readonly expiresAt: number
}

/** `now` in ms since the epoch. */
export function readUserClaims(claims: Claims, rule: ClaimRule, now: number): Result<UserClaims, ProofError> {
	const expiresAt = readExpiry(claims, rule, now)
	if (!expiresAt.ok) return expiresAt
	const { sub, aud, azp } = claims
	if (typeof sub !== 'string' || sub === '') return refuse('bad_subject', 'sub must be there, and must not be empty')
	if (rule.othersSubjects?.some((start) => sub.startsWith(start)))
		return refuse('bad_subject', 'iss/sub must not be the name of a user of another issuer')
	const audiences: readonly unknown[] = aud === undefined ? [] : Array.isArray(aud) ? aud : [aud]
	if (!audiences.every((each) => typeof each === 'string'))
		return refuse('wrong_audience', 'aud must be a text, or a list of texts')
	if (rule.audiences !== undefined && !includesOneOf(audiences, rule.audiences))
		return refuse('wrong_audience', 'aud must have one of the audiences that the RequestAuthentication names')
	return ok({
		subject: sub,
		audiences,
		...(typeof azp === 'string' ? { presenter: azp } : {}),
		expiresAt: expiresAt.value,
	})
}

function readExpiry({ exp, iat, nbf }: Claims, { clockSkewMs }: ClaimRule, now: number): Result<number, ProofError> {
	if (!isTime(exp)) return refuse('bad_time', 'exp must be there, in seconds since the epoch')
	for (const time of [iat, nbf])
		if (time !== undefined && !isTime(time)) return refuse('bad_time', 'iat and nbf must be in seconds since the epoch')
	const expiresAt = exp * 1_000 + clockSkewMs
	if (now >= expiresAt) return refuse('expired', 'exp must not have passed')
	const latest = Math.max(Number(iat ?? 0), Number(nbf ?? 0))
	return latest * 1_000 > now + clockSkewMs ? refuse('not_yet_valid', 'iat and nbf must have passed') : ok(expiresAt)
}

/** To the year 9999. */
const isTime = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 253_402_300_799
