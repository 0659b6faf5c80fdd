/** JWT-SVIDs (SPIFFE JWT-SVID.md): bearer tokens, for callers that can prove no key. */
import { fromBase64Url } from '../base64url.ts'
import { ok, type Result } from '../result.ts'
import { includesOneOf } from './audience.ts'
import { isRevoked, type ProofError, type Proven, refuse } from './proven.ts'
import { readSvidTimes, verifySubject } from './svid.ts'
import { readToken, readTokenId } from './token.ts'
import type { TrustStore } from './trustStore.ts'

/** SPIFFE JWT-SVID §2: no others. */
const HEADER_PARAMETERS = ['alg', 'kid', 'typ']
/** SPIFFE JWT-SVID §2.3. All other tokens of the mesh must name a type of their own, so none of them passes for a JWT-SVID. */
const TYPES = ['jwt', 'jose', undefined]
const decoder = new TextDecoder()

/**
 * Whether a bearer token is ours to judge: its `sub` claims to be a SPIFFE ID, in whatever case. Any other is somebody's user token.
 * How large a header can be, the platform bounds.
 */
export function looksLikeJwtSvid(token: string): boolean {
	const [, payload, signature, extra] = token.split('.', 4)
	if (payload === undefined || signature === undefined || extra !== undefined) return false
	const bytes = fromBase64Url(payload)
	if (bytes === undefined) return false
	try {
		const { sub } = (JSON.parse(decoder.decode(bytes)) ?? {}) as { sub?: unknown }
		return typeof sub === 'string' && /^spiffe:/i.test(sub)
	} catch {
		return false
	}
}

/** `audiences`: what the service is called; `now` in ms since the epoch. */
export async function verifyJwtSvid(
	trust: TrustStore,
	token: string,
	audiences: readonly string[],
	now: number,
): Promise<Result<Proven, ProofError>> {
	const read = readToken(token, TYPES)
	if (!read.ok) return read
	const { header, claims } = read.value
	if (Object.keys(header).some((name) => !HEADER_PARAMETERS.includes(name)))
		return refuse('unsupported_header', 'a JWT-SVID has alg, kid and typ in its header, and nothing else')
	const times = readSvidTimes(claims, now)
	if (!times.ok) return times
	if (!includesOneOf(claims.aud, audiences))
		return refuse('wrong_audience', 'aud must contain the origin of the service, or the trust domain')
	const tokenId = readTokenId(claims.jti, 1)
	if (claims.jti !== undefined && tokenId === undefined)
		return refuse('bad_token_id', 'jti must have 1 to 256 characters')
	const subject = await verifySubject(trust, read.value, 'jwt-svid')
	if (!subject.ok) return subject
	const proven: Proven = {
		...subject.value,
		...times.value,
		method: 'JWTSVID',
		...(tokenId === undefined ? {} : { tokenId }),
	}
	return isRevoked(trust, proven) ? refuse('revoked', 'the workload and its token must not be revoked') : ok(proven)
}
