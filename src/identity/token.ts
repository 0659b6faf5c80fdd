/** What all tokens of the mesh have in common: a form, a type, and times between which they count. */
import { ok, type Result } from '../result.ts'
import { algorithmOf } from './algorithms.ts'
import {
	type Claims,
	type Jws,
	type JwsFault,
	type Jwt,
	MAX_TOKEN_BYTES,
	mediaTypeOf,
	parseJws,
	verifyJws,
} from './jws.ts'
import { type ProofError, refuse } from './proven.ts'

/** How far the clock of an issuer may be ahead of ours. */
export const MAX_AHEAD_MS = 60_000
/** Of a `jti`. */
const MAX_TOKEN_ID = 256

/** Parses a token of one of the types, e.g. `wit+jwt`; with undefined among them `typ` may be left out. Nothing is verified. */
export function readToken(
	token: string,
	types: readonly (string | undefined)[],
	maxBytes = MAX_TOKEN_BYTES,
): Result<Jwt, ProofError> {
	const parsed = parseJws(token, maxBytes)
	if (!parsed.ok) return refuse(parsed.error, sentences[parsed.error](maxBytes))
	const type = mediaTypeOf(parsed.value.header)
	if (!types.includes(type))
		return refuse('wrong_type', `typ must be ${types.map((each) => each ?? 'left out').join(' or ')}`)
	return parsed
}

const sentences: Readonly<Record<JwsFault, (maxBytes: number) => string>> = {
	too_large: (maxBytes) => `a token has at most ${maxBytes} bytes`,
	malformed: () =>
		'a token is three parts in base64url without padding, joined by dots: header and claims are JSON objects',
	unsupported_header: () => 'crit and b64 are not supported',
}

/** Whether the key signed it. The algorithm is the key's; what the header says must be the same. */
export async function checkSignature(jws: Jws, key: CryptoKey, alg: string): Promise<ProofError | undefined> {
	if (jws.header.alg !== alg) return wrongAlgorithm(jws, alg)
	return (await verifyJws(jws, key)) ? undefined : { code: 'bad_signature', detail: 'the signature must be by its key' }
}

const wrongAlgorithm = ({ header }: Jws, alg: string): ProofError =>
	algorithmOf(header.alg) === undefined
		? { code: 'unsupported_algorithm', detail: 'alg must be an asymmetric signature algorithm' }
		: { code: 'algorithm_mismatch', detail: `alg must be that of the key, ${alg}` }

/** In ms since the epoch. */
export interface Times {
	/** `iat`; 0 when it is absent. */
	readonly issuedAt: number
	/** `exp`. */
	readonly expiresAt: number
}

/**
 * RFC 7519 §4.1.4–4.1.6. `exp` must be there and not have come, without leeway. `iat` and `nbf` may be ahead by one minute: who
 * issues a token in the future would issue one that no revocation reaches.
 */
export function readTimes({ exp, iat, nbf }: Claims, now: number): Result<Times, ProofError> {
	if (!isTime(exp)) return refuse('bad_time', 'exp must be there, in seconds since the epoch')
	for (const time of [iat, nbf])
		if (time !== undefined && !isTime(time)) return refuse('bad_time', 'iat and nbf must be in seconds since the epoch')
	if (now >= exp * 1_000) return refuse('expired', 'exp must not have passed')
	const latest = Math.max(Number(iat ?? 0), Number(nbf ?? 0))
	if (latest * 1_000 > now + MAX_AHEAD_MS) return refuse('not_yet_valid', 'iat and nbf must have passed')
	return ok({ issuedAt: Number(iat ?? 0) * 1_000, expiresAt: exp * 1_000 })
}

/** To the year 9999, as X.509 has it. */
const isTime = (value: unknown): value is number => typeof value === 'number' && value >= 0 && value <= 253_402_300_799

/** Undefined unless it is a text of `least` to 256 characters. */
export const readTokenId = (jti: unknown, least: number): string | undefined =>
	typeof jti === 'string' && jti.length >= least && jti.length <= MAX_TOKEN_ID ? jti : undefined
