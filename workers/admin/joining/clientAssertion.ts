/** Joining by an assertion that the workload signs with a key of its own (RFC 7523 §3): `private_key_jwt`. */
import { type Jwt, parseJws, verifyJws } from '../../../src/identity/jws.ts'
import { importPublicKey } from '../../../src/identity/publicKey.ts'
import { readTimes, readTokenId } from '../../../src/identity/token.ts'
import type { WorkloadName } from '../../../src/ports.ts'
import type { Jwk } from '../../../src/resources/jwk.ts'
import type { WorkloadTrust } from '../../../src/resources/workloadTrust.ts'
import { ok, type Result } from '../../../src/result.ts'
import type { Mesh } from '../mesh.ts'
import { decide, type Joined } from './joined.ts'
import { type Refused, refuse } from './refused.ts'
import { trustsOf } from './trusts.ts'

/** How far ahead `exp` may be. */
const MAX_LIFETIME_MS = 5 * 60_000
/** Each costs a signature check. */
const MAX_KEYS_TRIED = 16

const wrong = (description: string, more: Partial<Refused> = {}): Result<never, Refused> =>
	refuse('invalid_client', description, more)

const SHOWN_BEFORE: Refused = {
	error: 'invalid_client',
	description: 'client_assertion was shown before: make one for each request',
}

/** `endpoint`: the URL of the token endpoint. */
export async function joinByAssertion(
	mesh: Mesh,
	assertion: string,
	asked: WorkloadName | undefined,
	endpoint: string,
): Promise<Result<Joined, Refused>> {
	const token = parseJws(assertion)
	if (!token.ok) return wrong('client_assertion must be a JWT (RFC 7523)')
	const { claims, header } = token.value
	const { iss, sub } = claims
	if (typeof sub !== 'string' || iss !== sub)
		return wrong("iss and sub must be equal: the workload's SPIFFE ID, or <namespace>/<name>")
	const subject = `${sub} key ${header.kid ?? 'without kid'}`
	const said = checkTimes(token.value, mesh.now())
	if (!said.ok) return wrong(said.error.description, { subject })
	// Only its own keys are tried, so that nobody's assertion costs more than that.
	const trusts = (await trustsOf(mesh)).filter((trust) => namesOf(trust, mesh.settings.meshDomain).includes(sub))
	const key = await keyThatSigned(token.value, trusts)
	if (key === undefined)
		return wrong('client_assertion must be signed by a key of the WorkloadTrust of its sub, with its alg and kid', {
			subject,
		})
	const evidence = { method: 'privateKeyJwt', claims, key, audiences: [endpoint, mesh.settings.issuer] } as const
	const unfit = (why: string) =>
		wrong('client_assertion must be meant for this endpoint and fit its WorkloadTrust', { why, subject })
	const decided = decide(mesh, trusts, evidence, asked, unfit)
	if (!decided.ok) return decided
	const { tokenId, expiresAt } = said.value
	const once = [{ value: `assertion ${sub} ${tokenId}`, expiresAt }]
	return ok({ ...decided.value, subject, price: { uses: { once }, again: SHOWN_BEFORE } })
}

function checkTimes({ claims }: Jwt, now: number): Result<{ tokenId: string; expiresAt: number }, Refused> {
	const times = readTimes(claims, now)
	if (!times.ok) return wrong(times.error.detail)
	if (times.value.expiresAt > now + MAX_LIFETIME_MS) return wrong('exp must be at most five minutes ahead')
	const tokenId = readTokenId(claims.jti, 1)
	return tokenId === undefined
		? wrong('jti must have 1 to 256 characters')
		: ok({ tokenId, expiresAt: times.value.expiresAt })
}

function namesOf({ metadata, spec }: WorkloadTrust, trustDomain: string): readonly string[] {
	if (spec.privateKeyJwt === undefined || spec.workload === undefined) return []
	const { namespace } = metadata
	return [`${namespace}/${spec.workload}`, `spiffe://${trustDomain}/ns/${namespace}/sa/${spec.workload}`]
}

async function keyThatSigned(token: Jwt, trusts: readonly WorkloadTrust[]): Promise<Jwk | undefined> {
	const { alg, kid } = token.header
	const keys = trusts
		.flatMap(({ spec }) => spec.privateKeyJwt?.jwks.keys ?? [])
		.filter((key) => key.alg === alg && (kid === undefined || key.kid === undefined || key.kid === kid))
	for (const key of keys.slice(0, MAX_KEYS_TRIED)) {
		const { kid: _, ...jwk } = key
		const imported = await importPublicKey(jwk)
		if (imported.ok && (await verifyJws(token, imported.value))) return key
	}
	return undefined
}
