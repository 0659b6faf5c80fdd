/** Joining by a token of another platform: its OpenID Connect issuer vouches for the workload (RFC 8693). */
import { compactVerify, createLocalJWKSet, errors } from 'jose'
import { hashOf } from '../../../src/base64url.ts'
import { type Claims, type Jwt, parseJws } from '../../../src/identity/jws.ts'
import { readTimes } from '../../../src/identity/token.ts'
import { isMeantFor } from '../../../src/joining/claims.ts'
import { type IssuerKey, type KeySource, keysName } from '../../../src/joining/issuerDocuments.ts'
import type { WorkloadName } from '../../../src/ports.ts'
import type { WorkloadTrust } from '../../../src/resources/workloadTrust.ts'
import { ok, type Result } from '../../../src/result.ts'
import type { Mesh } from '../mesh.ts'
import { issuerKeys } from './issuerKeys.ts'
import { decide, type Joined } from './joined.ts'
import { type Refused, refuse } from './refused.ts'
import { trustsOf } from './trusts.ts'

/** Tokens with many groups are long. */
const MAX_BYTES = 16_384
/** A token counts once until it expires, and must be remembered for as long. */
const MAX_LIFETIME_MS = 24 * 3_600_000
/** WorkloadTrusts may each say where they find an issuer's keys. */
const MAX_SOURCES = 4
const ALGORITHMS = ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'EdDSA']

/** RFC 8693 §2.2.2: a subject token that is not accepted makes the request invalid, whatever the reason. */
const wrong = (description: string, more: Partial<Refused> = {}): Result<never, Refused> =>
	refuse('invalid_request', `subject_token: ${description}`, more)

const USED_BEFORE: Refused = {
	error: 'invalid_request',
	description: 'subject_token: it was used before: each counts once',
}

export async function joinByToken(
	mesh: Mesh,
	token: string,
	asked: WorkloadName | undefined,
): Promise<Result<Joined, Refused>> {
	const parsed = parseJws(token, MAX_BYTES)
	if (!parsed.ok) return wrong('it must be a signed JWT of at most 16384 bytes')
	const { iss, sub } = parsed.value.claims
	const subject = `${String(iss)} ${String(sub)}`
	// Nobody is ever fetched from but issuers that a WorkloadTrust names.
	const trusts = (await trustsOf(mesh)).filter(({ spec }) => spec.oidc !== undefined && spec.oidc.issuer === iss)
	const said = checkClaims(trusts, parsed.value.claims, mesh.now())
	if (!said.ok) return wrong(said.error.description, { subject })
	const vouching = await vouchedFor(mesh, token, parsed.value, trusts)
	if (!vouching.ok) return { ok: false, error: { ...vouching.error, subject } }
	const unfit = (why: string) => wrong('no WorkloadTrust of its issuer fits its claims', { why, subject })
	const decided = decide(mesh, vouching.value, { method: 'oidc', claims: parsed.value.claims }, asked, unfit)
	if (!decided.ok) return decided
	// What was signed, not the whole text: of one message there may be several signatures.
	const value = `subject token ${await hashOf(token.slice(0, token.lastIndexOf('.')))}`
	const price = { uses: { once: [{ value, expiresAt: said.value }] }, again: USED_BEFORE }
	return ok({ ...decided.value, subject, price })
}

/** What can be refused before any signature is looked at. Answers `exp`, in ms since the epoch. */
function checkClaims(trusts: readonly WorkloadTrust[], claims: Claims, now: number): Result<number, Refused> {
	if (trusts.length === 0) return refuse('invalid_request', 'no WorkloadTrust names its issuer')
	if (!trusts.some(({ spec }) => isMeantFor(spec.oidc!.audiences, claims)))
		return refuse('invalid_request', 'aud must contain an audience of a WorkloadTrust of its issuer')
	const times = readTimes(claims, now)
	if (!times.ok) return refuse('invalid_request', times.error.detail)
	if (times.value.expiresAt > now + MAX_LIFETIME_MS)
		return refuse('invalid_request', 'exp must be at most 24 hours ahead')
	return ok(times.value.expiresAt)
}

/** The trusts whose own source of keys has one that signed the token. */
async function vouchedFor(
	mesh: Mesh,
	token: string,
	jwt: Jwt,
	trusts: readonly WorkloadTrust[],
): Promise<Result<readonly WorkloadTrust[], Refused>> {
	const bySource = Map.groupBy(trusts, ({ spec }) => keysName(spec.oidc!))
	let unreachable: string | undefined
	for (const group of [...bySource.values()].slice(0, MAX_SOURCES)) {
		const source: KeySource = group[0]!.spec.oidc!
		const keys = await issuerKeys(mesh, source, (known) => hasKeyOf(known, jwt))
		if (!keys.ok) unreachable = keys.error
		else if (await isSignedBy(token, keys.value)) return ok(group)
	}
	if (unreachable !== undefined)
		return refuse('temporarily_unavailable', "the keys of the token's issuer cannot be had now", {
			why: unreachable,
			retryAfterSeconds: 10,
		})
	return wrong('it must be signed by a key that its issuer publishes, named by kid, with an asymmetric alg')
}

const hasKeyOf = (keys: readonly IssuerKey[], { header }: Jwt): boolean =>
	header.kid === undefined || keys.some(({ kid }) => kid === header.kid)

async function isSignedBy(token: string, keys: readonly IssuerKey[]): Promise<boolean> {
	try {
		await compactVerify(token, createLocalJWKSet({ keys: [...keys] }), { algorithms: ALGORITHMS })
		return true
	} catch (error) {
		// A key that cannot be imported is no bug of ours either.
		if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException) return false
		throw error
	}
}
