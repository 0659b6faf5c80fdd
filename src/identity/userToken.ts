/** End users' tokens: JWTs of issuers that a RequestAuthentication names, verified as RFC 8725 wants it. */
import { err, ok, type Result } from '../result.ts'
import { algorithmOf } from './algorithms.ts'
import type { Jwt } from './jws.ts'
import { MAX_TOKEN_BYTES, mediaTypeOf, parseJws } from './jws.ts'
import { type ProofCode, type ProofError, refuse } from './proven.ts'
import { type ClaimRule, readUserClaims } from './userClaims.ts'
import { type HeldKey, signingKey } from './userKeys.ts'

/** Whose tokens are believed, and on which conditions: a JwtRule with its keys held. */
export interface UserRule extends ClaimRule {
	readonly issuer: string
	/** `fetched`: their name, see `JwtKeys`. */
	readonly keys: { readonly inline: readonly HeldKey[] } | { readonly fetched: string }
	readonly spaceDelimitedClaims: readonly string[]
}

export interface User {
	/** `<iss>/<sub>`. */
	readonly principal: string
	readonly issuer: string
	readonly subject: string
	readonly audiences: readonly string[]
	/** `azp`. */
	readonly presenter?: string
	readonly claims: Readonly<Record<string, unknown>>
	/** Claims whose text is a list, divided by spaces. */
	readonly spaceDelimitedClaims: readonly string[]
	/** ms since the epoch. */
	readonly expiresAt: number
	/** As it came, base64url. */
	readonly payload: string
}

/** The key is not here, and may be where the keys of the rule are fetched from. */
export interface MissingKey<R> {
	/** `no_keys`: none of this issuer was ever fetched. Others: why it was none of those that are here. */
	readonly code: 'no_keys' | ProofCode
	readonly detail: string
	readonly rule: R
	readonly kid?: string
}

export interface VerifiedUser<R> {
	readonly user: User
	/** Which one believed it. */
	readonly rule: R
	readonly key: HeldKey
}

/** Types that are something else than what a user shows: the mesh's own tokens, proofs, and messages between servers. */
const OTHER_TYPES: readonly (string | undefined)[] = [
	'wit+jwt',
	'wpt+jwt',
	'dpop+jwt',
	'logout+jwt',
	'secevent+jwt',
	'token-introspection+jwt',
]

/** One of the rules of its issuer must believe it. `keysOf`: fetched keys by name; `now` in ms since the epoch. */
export async function verifyUserToken<R extends UserRule>(
	rules: readonly R[],
	token: string,
	keysOf: (name: string) => readonly HeldKey[] | undefined,
	now: number,
): Promise<Result<VerifiedUser<R>, ProofError | MissingKey<R>>> {
	const read = readUserToken(token)
	if (!read.ok) return read
	const { iss } = read.value.claims
	let failure: ProofError | MissingKey<R> | undefined
	for (const rule of rules) {
		if (rule.issuer !== iss) continue
		const verified = await verifyUnder(rule, token, read.value, keysOf, now)
		if (verified.ok) return verified
		// What can be mended by fetching keys is told before what cannot.
		if (failure === undefined || 'rule' in verified.error) failure = verified.error
	}
	return failure === undefined
		? refuse('wrong_issuer', 'iss must be that of a RequestAuthentication which holds here')
		: err(failure)
}

/** `iss`, unverified; undefined where there is none. */
export function claimedIssuer(token: string): string | undefined {
	const parsed = parseJws(token)
	const iss = parsed.ok ? parsed.value.claims.iss : undefined
	return typeof iss === 'string' ? iss : undefined
}

function readUserToken(token: string): Result<Jwt, ProofError> {
	const parsed = parseJws(token)
	if (!parsed.ok) return refuse(parsed.error, SENTENCES[parsed.error])
	const { header } = parsed.value
	const type = mediaTypeOf(header)
	if (OTHER_TYPES.includes(type) || type?.startsWith('selvedge-'))
		return refuse('wrong_type', 'typ must be left out, or be that of a token which users show, e.g. JWT or at+jwt')
	if (algorithmOf(header.alg) === undefined)
		return refuse('unsupported_algorithm', 'alg must be an asymmetric signature algorithm')
	return parsed
}

const SENTENCES = {
	too_large: `a token has at most ${MAX_TOKEN_BYTES} bytes`,
	malformed: 'a token is three parts in base64url without padding, joined by dots: header and claims are JSON objects',
	unsupported_header: 'crit and b64 are not supported',
}

async function verifyUnder<R extends UserRule>(
	rule: R,
	token: string,
	jwt: Jwt,
	keysOf: (name: string) => readonly HeldKey[] | undefined,
	now: number,
): Promise<Result<VerifiedUser<R>, ProofError | MissingKey<R>>> {
	const read = readUserClaims(jwt.claims, rule, now)
	if (!read.ok) return read
	const { kid } = jwt.header
	const missing = (code: MissingKey<R>['code'], detail: string) =>
		err({ code, detail, rule, ...(kid === undefined ? {} : { kid }) })
	const isFetched = 'fetched' in rule.keys
	const keys = isFetched ? keysOf(rule.keys.fetched) : rule.keys.inline
	if (keys === undefined) return missing('no_keys', 'the keys of the issuer must have been fetched')
	const key = await signingKey(jwt, keys)
	if (!key.ok) return isFetched && mayBeAnother(keys, kid, key.error) ? missing(key.error.code, key.error.detail) : key
	const { subject, ...said } = read.value
	const user: User = {
		principal: `${rule.issuer}/${subject}`,
		issuer: rule.issuer,
		subject,
		...said,
		claims: jwt.claims,
		spaceDelimitedClaims: rule.spaceDelimitedClaims,
		payload: token.split('.', 2)[1]!,
	}
	return ok({ user, rule, key: key.value })
}

/** An issuer whose keys have no names changes them without a word: any token that names none of them may be by one that is new. */
const mayBeAnother = (keys: readonly HeldKey[], kid: string | undefined, { code }: ProofError): boolean =>
	code === 'unknown_key' ||
	(keys.some((key) => key.kid === undefined) && (kid === undefined || keys.every((key) => key.kid !== kid)))
