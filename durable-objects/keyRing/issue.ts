/** What the ring issues: WITs and JWT-SVIDs (SPIFFE), delegations to isolates, and X509-SVIDs. */
import { provenKey } from '../../src/certificates/csr.ts'
import { issueLeaf } from '../../src/certificates/leaf.ts'
import { createDelegation } from '../../src/identity/delegation.ts'
import { signJws } from '../../src/identity/jws.ts'
import { importPublicKey, readPublicJwk, thumbprint } from '../../src/identity/publicKey.ts'
import { spiffeIdOf } from '../../src/identity/spiffeId.ts'
import { admit } from '../../src/keys/limits.ts'
import { chainBelowRoots, rootCertificates } from '../../src/keys/publication.ts'
import { issuedAtSeconds, MAX_TTL_SECONDS } from '../../src/keys/revocations.ts'
import { activeKey, type Ring, type RingKey } from '../../src/keys/ring.ts'
import type {
	CertificateRequest,
	Delegation,
	IssuedCertificate,
	IssuedToken,
	IssueRefusal,
	JoinRefusal,
	JwtSvidRequest,
	KeyPurpose,
	WitRequest,
	WorkloadName,
} from '../../src/ports.ts'
import { err, ok, type Result } from '../../src/result.ts'
import type { PublicJwk } from '../../src/snapshot/trust.ts'
import { BACKDATED_MS, issuerOf, newSerialNumber } from './certificates.ts'
import type { Counters } from './counters.ts'
import { admitDelegation, countDelegation } from './delegations.ts'
import { detailOf, storeEvent } from './events.ts'
import { recordLeaf, waitForRoom } from './issued.ts'
import { banOf, isKeyRevoked } from './revocations.ts'
import { type Till, usesRefusal, useUp } from './uses.ts'

export interface Desk extends Till, Counters {
	readonly sql: SqlStorage
}

/** In seconds: SPIFFE asks for short lives; these are the shortest and longest that the mesh gives. */
const WIT_TTL = { least: 300, most: MAX_TTL_SECONDS }
const JWT_SVID_TTL = { least: 60, most: 3_600 }
const CERTIFICATE_TTL = { least: 300, most: MAX_TTL_SECONDS }
const DELEGATION_TTL_SECONDS = 3_600

const within = (seconds: number, { least, most }: { least: number; most: number }): number =>
	Math.min(Math.max(Math.floor(seconds), least), most)

interface Signer {
	/** As of the same moment as the key. */
	readonly ring: Ring
	readonly key: RingKey
	readonly privateKey: CryptoKey
}

/** The active key, which is remembered to have signed until then. `until` in ms since the epoch. */
async function signerOf({ state }: Desk, purpose: KeyPurpose, until: number): Promise<Result<Signer, IssueRefusal>> {
	for (;;) {
		const key = activeKey(state.ring, purpose)
		if (key === undefined) return err({ reason: 'sealed', detail: 'there are no keys yet' })
		const privateKey = await state.vault.signingKey(key.kid)
		// It may have been rotated meanwhile.
		if (activeKey(state.ring, purpose)?.kid !== key.kid) continue
		if (!privateKey.ok) return err({ reason: 'sealed', detail: privateKey.error })
		state.extend(key.kid, until)
		return ok({ ring: state.ring, key, privateKey: privateKey.value })
	}
}

/** Whether the workload may be issued something now, and as of when, in seconds since the epoch. */
function admitWorkload(
	{ sql, issuing, state }: Desk,
	workload: WorkloadName,
	now: number,
): Result<Admitted, IssueRefusal> {
	const { isBanned, revokedAt } = banOf(sql, workload)
	if (isBanned) return err({ reason: 'workload_revoked' })
	const spiffeId = spiffeIdOf(state.context.trustDomain, workload.namespace, workload.workload)
	const retryAfterSeconds = admit(issuing, spiffeId, now)
	if (retryAfterSeconds > 0) return err({ reason: 'too_many', retryAfterSeconds })
	return ok({ spiffeId, issuedAt: issuedAtSeconds(now, revokedAt), ...(revokedAt !== undefined && { revokedAt }) })
}

/** For whom something is to be used up: replays are refused first, and take nothing from what the workload may be issued. */
function admitJoin(desk: Desk, request: WitRequest | JwtSvidRequest, now: number): Result<Admitted, JoinRefusal> {
	const refusal = usesRefusal(desk, request, now)
	return refusal === undefined ? admitWorkload(desk, request.workload, now) : err(refusal)
}

interface Admitted {
	readonly spiffeId: string
	readonly issuedAt: number
	readonly revokedAt?: number
}

/** draft-ietf-wimse-workload-creds-02 in the profile of SPIFFE WIT-SVID. */
export async function issueWit(desk: Desk, request: WitRequest): Promise<Result<IssuedToken, JoinRefusal>> {
	const now = Date.now()
	const key = await workloadKey(desk, request.jwk, now)
	if (!key.ok) return key
	const admitted = admitJoin(desk, request, now)
	if (!admitted.ok) return admitted
	const { spiffeId, issuedAt } = admitted.value
	const expiresIn = within(request.ttlSeconds, WIT_TTL)
	const claims = {
		iss: `spiffe://${desk.state.context.trustDomain}`,
		...claimsOf(spiffeId, issuedAt, expiresIn),
		cnf: { jwk: key.value },
	}
	return sign(desk, 'wit-svid', 'wit+jwt', claims, { request, spiffeId, expiresIn })
}

/** SPIFFE JWT-SVID. */
export async function issueJwtSvid(desk: Desk, request: JwtSvidRequest): Promise<Result<IssuedToken, JoinRefusal>> {
	const admitted = admitJoin(desk, request, Date.now())
	if (!admitted.ok) return admitted
	const { spiffeId, issuedAt } = admitted.value
	const expiresIn = within(request.ttlSeconds, JWT_SVID_TTL)
	const claims = {
		iss: desk.state.context.issuer,
		...claimsOf(spiffeId, issuedAt, expiresIn),
		aud: request.audiences,
	}
	return sign(desk, 'jwt-svid', 'JWT', claims, { request, spiffeId, expiresIn })
}

const claimsOf = (spiffeId: string, issuedAt: number, ttlSeconds: number) => ({
	sub: spiffeId,
	iat: issuedAt,
	exp: issuedAt + ttlSeconds,
	jti: crypto.randomUUID(),
})

async function sign(
	desk: Desk,
	purpose: 'wit-svid' | 'jwt-svid',
	typ: string,
	claims: ReturnType<typeof claimsOf>,
	{ request, spiffeId, expiresIn }: { request: WitRequest | JwtSvidRequest; spiffeId: string; expiresIn: number },
): Promise<Result<IssuedToken, JoinRefusal>> {
	const signer = await signerOf(desk, purpose, claims.exp * 1000)
	if (!signer.ok) return signer
	const { key, privateKey } = signer.value
	const token = await signJws({ alg: 'ES256', typ, kid: key.kid }, claims, privateKey)
	const detail = { ...detailOf(request.evidence), token: claims.jti, key: key.kid, expiresIn }
	const action = purpose === 'wit-svid' ? 'wit.issue' : 'jwtSvid.issue'
	const now = Date.now()
	const refusal = useUp(desk, request, () => storeEvent(desk.sql, { action, actor: spiffeId, detail }, now), now)
	return refusal === undefined ? ok({ token, spiffeId, expiresIn }) : err(refusal)
}

/** A workload's own key, as it may be bound: on its curve, for ES256, and not revoked. */
async function workloadKey({ sql }: Desk, value: PublicJwk, now: number): Promise<Result<PublicJwk, IssueRefusal>> {
	const jwk = await publicKeyOf(value)
	if (!jwk.ok) return jwk
	return isKeyRevoked(sql, await thumbprint(jwk.value), now) ? err({ reason: 'key_revoked' }) : jwk
}

async function publicKeyOf(value: PublicJwk): Promise<Result<PublicJwk, IssueRefusal>> {
	const jwk = readPublicJwk(value)
	if (!jwk.ok) return err({ reason: 'invalid_key', detail: jwk.error })
	if (jwk.value.alg !== 'ES256') return err({ reason: 'invalid_key', detail: 'alg must be ES256' })
	const key = await importPublicKey(jwk.value)
	return key.ok ? jwk : err({ reason: 'invalid_key', detail: key.error })
}

/** For an isolate of the proxy, to sign caller assertions with its own key. */
export async function delegate(
	desk: Desk,
	region: string,
	value: PublicJwk,
): Promise<Result<Delegation, IssueRefusal>> {
	const retryAfterSeconds = admitDelegation(desk.sql, desk.delegations, region, Date.now())
	if (retryAfterSeconds > 0) return err({ reason: 'too_many', retryAfterSeconds })
	const jwk = await publicKeyOf(value)
	if (!jwk.ok) return jwk
	const { trustDomain, issuer } = desk.state.context
	const issuedAt = Math.floor(Date.now() / 1000) * 1000
	const expiresAt = issuedAt + DELEGATION_TTL_SECONDS * 1000
	const signer = await signerOf(desk, 'delegation', expiresAt)
	if (!signer.ok) return signer
	const { key, privateKey } = signer.value
	const input = { trustDomain, issuer, region, jwk: jwk.value, issuedAt, expiresAt }
	const token = await createDelegation(input, key.kid, privateKey)
	countDelegation(desk.sql, desk.delegations, region, Date.now())
	return ok({ token, issuer, expiresAt })
}

/** SPIFFE X509-SVID. The chain verifies with any root of the bundle. */
export async function issueCertificate(
	desk: Desk,
	request: CertificateRequest,
): Promise<Result<IssuedCertificate, IssueRefusal>> {
	const now = Date.now()
	const admitted = admitWorkload(desk, request.workload, now)
	if (!admitted.ok) return admitted
	const proven = await provenKey(request.csr, admitted.value.spiffeId)
	if (!proven.ok) return err({ reason: 'invalid_csr', detail: proven.error })
	const { kty, crv, x, y } = (await crypto.subtle.exportKey('jwk', proven.value)) as PublicJwk
	const keyThumbprint = await thumbprint({ kty, crv, x, y, alg: 'ES256' } as PublicJwk)
	if (isKeyRevoked(desk.sql, keyThumbprint, now)) return err({ reason: 'key_revoked' })
	const retryAfterSeconds = waitForRoom(desk.sql, request.workload, now)
	if (retryAfterSeconds > 0) return err({ reason: 'too_many', retryAfterSeconds })
	return certify(desk, request, { ...admitted.value, keyThumbprint }, now)
}

/** For revocation lists. A revocation that came while the certificate was made has not found it: nobody gets it then. */
function record(
	{ sql }: Desk,
	certificate: string,
	workload: WorkloadName,
	{ keyThumbprint, revokedAt }: Certified,
): Result<void, IssueRefusal> {
	const ban = banOf(sql, workload)
	if (ban.isBanned || ban.revokedAt !== revokedAt) return err({ reason: 'workload_revoked' })
	if (isKeyRevoked(sql, keyThumbprint, Date.now())) return err({ reason: 'key_revoked' })
	recordLeaf(sql, certificate, workload, keyThumbprint)
	return ok(undefined)
}

interface Certified extends Admitted {
	/** RFC 7638. */
	readonly keyThumbprint: string
}

async function certify(
	desk: Desk,
	{ workload, csr, ttlSeconds, evidence }: CertificateRequest,
	certified: Certified,
	now: number,
): Promise<Result<IssuedCertificate, IssueRefusal>> {
	const { spiffeId, revokedAt } = certified
	const notAfter = now + within(ttlSeconds, CERTIFICATE_TTL) * 1000
	const signer = await signerOf(desk, 'x509-intermediate', notAfter)
	if (!signer.ok) return signer
	const { ring, key, privateKey } = signer.value
	// A leaf counts for as long as the root above it is known.
	desk.state.extend(activeKey(ring, 'x509-root')!.kid, notAfter)
	// Not backdated to before a revocation that was lifted: it would be refused with what was issued then.
	const earliest = revokedAt === undefined ? 0 : issuedAtSeconds(revokedAt, revokedAt) * 1000
	const serialNumber = newSerialNumber()
	const validity = { notBefore: Math.max(now - BACKDATED_MS, earliest), notAfter, serialNumber }
	const issuer = issuerOf(key.authority, privateKey, desk.state.context)
	const leaf = await issueLeaf({ spiffeId, csr, issuer, ...validity })
	if (!leaf.ok) return err({ reason: 'invalid_csr', detail: leaf.error })
	const recorded = record(desk, leaf.value.certificate, workload, certified)
	if (!recorded.ok) return recorded
	const expiresIn = Math.floor((leaf.value.notAfter - now) / 1000)
	const detail = { ...detailOf(evidence), serialNumber, key: key.kid, expiresIn }
	storeEvent(desk.sql, { action: 'certificate.issue', actor: spiffeId, detail }, now)
	const chain = [leaf.value.certificate, ...chainBelowRoots(ring, key)]
	return ok({ spiffeId, chain, bundle: rootCertificates(ring), expiresIn, serialNumber })
}
