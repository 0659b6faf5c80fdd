/** Workload Proof Tokens (draft-ietf-wimse-wpt-02): whoever shows a WIT has its key, and means this very request. */
import { hashOf } from '../base64url.ts'
import { ok, type Result } from '../result.ts'
import { isMeantFor } from './audience.ts'
import type { Claims } from './jws.ts'
import { type ProofError, refuse } from './proven.ts'
import { checkSignature, readTimes, readToken, readTokenId } from './token.ts'
import type { VerifiedWit } from './wit.ts'

/** The request that a proof came with. */
export interface ProofContext {
	/**
	 * The target URI and its origin, made of authorities that the mesh is configured for, never of what only the request says
	 * (draft-ietf-wimse-wpt-02 §2).
	 */
	readonly audiences: readonly string[]
	/** Of `Authorization: Bearer` or `DPoP`. */
	readonly accessToken?: string
	/** Of `Txn-Token`. */
	readonly txnToken?: string
	readonly header: (name: string) => string | null
}

/** The draft: minutes or seconds. */
const MAX_LIFETIME_MS = 5 * 60_000
const CLOCK_SKEW_MS = 5_000
/** Of 128 random bits, the shortest usual spelling has 22 characters; 16 is 96 bits in base64url. */
const LEAST_TOKEN_ID = 16
/** Each costs a hash. */
const MAX_OTHER_TOKENS = 16
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/

/**
 * One signature check, unless it is wrong before. Whether `tokenId` was shown before is for the caller to remember.
 *
 * Hashes are compared as they come: they keep no secret, since whoever sends one has the token that it is of.
 */
export async function verifyWpt(
	wit: VerifiedWit,
	wpt: string,
	context: ProofContext,
	now: number,
): Promise<Result<{ readonly tokenId: string; readonly expiresAt: number }, ProofError>> {
	const token = readToken(wpt, ['wpt+jwt'])
	if (!token.ok) return token
	const { claims } = token.value
	const times = readTimes(claims, now)
	if (!times.ok) return times
	const { expiresAt } = times.value
	if (expiresAt > now + MAX_LIFETIME_MS + CLOCK_SKEW_MS)
		return refuse('too_long_lived', 'exp must be at most five minutes ahead')
	const tokenId = readTokenId(claims.jti, LEAST_TOKEN_ID)
	if (tokenId === undefined) return refuse('bad_token_id', 'jti must have 16 to 256 characters')
	if (!isMeantFor(claims.aud, context.audiences))
		return refuse('wrong_audience', 'aud must be the target URI without query, or its origin: one text')
	if (claims.wth !== wit.hash) return refuse('wrong_token_hash', 'wth must be the hash of the WIT that comes with it')
	const fault = (await checkSignature(token.value, wit.key, wit.alg)) ?? (await tokensFault(claims, context))
	return fault === undefined ? ok({ tokenId, expiresAt }) : { ok: false, error: fault }
}

/** What else is bound: a hash without its token means that somebody took the token away, and is refused as well. */
async function tokensFault({ ath, tth, oth }: Claims, context: ProofContext): Promise<ProofError | undefined> {
	if (!(await isHashOf(ath, context.accessToken)))
		return { code: 'wrong_access_token_hash', detail: 'ath must be the hash of the access token, if there is one' }
	if (!(await isHashOf(tth, context.txnToken)))
		return { code: 'wrong_txn_token_hash', detail: 'tth must be the hash of the Txn-Token, if there is one' }
	if (await areHashesOf(oth, context.header)) return undefined
	return {
		code: 'wrong_other_token_hash',
		detail: 'oth must be the hashes of header fields that are there, by their names in lower case: at most 16',
	}
}

const isHashOf = async (claim: unknown, token: string | undefined): Promise<boolean> =>
	token === undefined ? claim === undefined : claim === (await hashOf(token))

async function areHashesOf(oth: unknown, header: ProofContext['header']): Promise<boolean> {
	if (oth === undefined) return true
	if (typeof oth !== 'object' || oth === null || Array.isArray(oth)) return false
	const entries = Object.entries(oth)
	if (entries.length > MAX_OTHER_TOKENS) return false
	for (const [name, hash] of entries) {
		const value = FIELD_NAME.test(name) ? header(name) : null
		if (value === null || hash !== (await hashOf(value.replace(/^ +| +$/g, '')))) return false
	}
	return true
}
