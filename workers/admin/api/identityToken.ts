/** The token endpoint: whoever proves what a WorkloadTrust asks for is given the workload's identity. */

import { readBytes } from '../../../src/boundedBody.ts'
import { createSeen, firstTime, type Seen } from '../../../src/identity/replay.ts'
import { trustName } from '../../../src/joining/candidates.ts'
import type { IssuedToken, JoinEvidence, JoinRefusal } from '../../../src/ports.ts'
import { err, ok, type Result } from '../../../src/result.ts'
import { joinByAssertion } from '../joining/clientAssertion.ts'
import { joinByCertificate } from '../joining/clientCertificate.ts'
import { type DpopProof, verifyDpop } from '../joining/dpop.ts'
import type { Joined } from '../joining/joined.ts'
import { joinByJoinToken } from '../joining/joinToken.ts'
import { type Refused, refuse, refusedReply } from '../joining/refused.ts'
import { renewByProof } from '../joining/renewal.ts'
import { joinByToken } from '../joining/subjectToken.ts'
import { JWT_TYPE, methodOf, readTokenRequest, type TokenRequest, WIT_TYPE } from '../joining/tokenRequest.ts'
import { maxTtlSeconds } from '../joining/trusts.ts'
import type { Mesh } from '../mesh.ts'
import { json } from '../reply.ts'
import type { Call } from '../route.ts'
import { isUnavailable } from '../unavailable.ts'

export const TOKEN_PATH = '/v1/identity/token'
const MAX_BYTES = 65_536
/** Unless less or more is asked for. */
const WIT_SECONDS = 3_600
const JWT_SVID_SECONDS = 300

/**
 * What can be told from the request alone comes first. Before anything that costs more, a stranger's address is asked about; a
 * workload that renews is asked for its proof instead.
 */
export async function issueToken({ request, mesh }: Call<unknown, unknown>): Promise<Response> {
	const attempt: Attempt = { request, mesh, clientAddress: clientAddressOf(request) }
	const form = await readForm(request)
	if (!form.ok) return refusedReply(form.error)
	const hasWit = request.headers.has('workload-identity-token')
	const method = methodOf(form.value, hasWit)
	const asked = readTokenRequest(form.value, hasWit)
	try {
		const limited = method === 'renewal' ? undefined : await tooFast(attempt)
		if (limited !== undefined) return refusedReply(limited)
		const issued = asked.ok ? await issue(attempt, asked.value) : asked
		if (issued.ok) return granted(issued.value)
		const late = method === 'renewal' ? await tooFast(attempt) : undefined
		if (late !== undefined) return refusedReply(late)
		await audit(attempt, issued.error, method)
		return refusedReply(issued.error)
	} catch (error) {
		if (!isUnavailable(error)) throw error
		return refusedReply({ error: 'temporarily_unavailable', description: 'try again soon', retryAfterSeconds: 1 })
	}
}

interface Attempt {
	readonly request: Request
	readonly mesh: Mesh
	readonly clientAddress: string
}

/** The platform's word, as the proxy takes it; '' when unknown. */
export const clientAddressOf = ({ headers }: Request): string => headers.get('cf-connecting-ip') ?? ''

async function tooFast({ mesh, clientAddress }: Attempt): Promise<Refused | undefined> {
	const limit = await mesh.keyRing().admitJoin(clientAddress)
	return limit === null
		? undefined
		: { error: 'slow_down', description: 'too many tries to join from this address', ...limit }
}

async function readForm(request: Request): Promise<Result<URLSearchParams, Refused>> {
	const [type = ''] = (request.headers.get('content-type') ?? '').toLowerCase().split(';')
	if (type.trim() !== 'application/x-www-form-urlencoded')
		return refuse('invalid_request', 'Content-Type must be application/x-www-form-urlencoded')
	const bytes = await readBytes(request, MAX_BYTES)
	if (bytes === undefined) return refuse('invalid_request', `the body must have at most ${MAX_BYTES} bytes`)
	return ok(new URLSearchParams(new TextDecoder().decode(bytes)))
}

interface Issued {
	readonly token: IssuedToken
	readonly asked: TokenRequest
}

async function issue(attempt: Attempt, asked: TokenRequest): Promise<Result<Issued, Refused>> {
	const { request, mesh } = attempt
	const isWit = asked.wanted.kind === 'wit'
	const dpop = isWit ? await verifyDpop(request.headers.get('dpop'), endpointOf(mesh), mesh.now()) : ok(undefined)
	if (!dpop.ok) return dpop
	if (dpop.value !== undefined && isReplayed(mesh, dpop.value)) return err(REPLAYED)
	const joined = await join(attempt, asked)
	if (!joined.ok) return joined
	const token = await sign(attempt, asked, joined.value, dpop.value)
	if (token.ok) return ok({ token: token.value, asked })
	return err({ ...refusalOf(token.error, joined.value, dpop.value), subject: joined.value.subject })
}

const endpointOf = ({ settings }: Mesh): string => settings.issuer + TOKEN_PATH

const REPLAYED: Refused = {
	error: 'invalid_dpop_proof',
	description: 'DPoP: the proof was shown before: make one for each request',
}

/**
 * Proofs of keys that were shown to this isolate: a replay costs nobody anything. Anybody can make a key and fill this, so that who is
 * not remembered goes on: the ring has the last word, and remembers those only for which it issues something.
 */
const shown = new WeakMap<Mesh, Seen>()
const SHOWN_BYTES = 1_048_576

function isReplayed(mesh: Mesh, { thumbprint, once, expiresAt }: DpopProof): boolean {
	const seen = shown.get(mesh) ?? createSeen(SHOWN_BYTES)
	shown.set(mesh, seen)
	return firstTime(seen, thumbprint, once, expiresAt, mesh.now()) === 'again'
}

/** Nothing is used up by it. */
async function join(
	{ request, mesh }: Attempt,
	{ credential, workload }: TokenRequest,
): Promise<Result<Joined, Refused>> {
	switch (credential.method) {
		case 'renewal':
			return renewByProof(mesh, request, workload)
		case 'joinToken':
			return joinByJoinToken(mesh, credential.token, workload)
		case 'oidc':
			return joinByToken(mesh, credential.token, workload)
		case 'privateKeyJwt':
			return joinByAssertion(mesh, credential.token, workload, endpointOf(mesh))
		case 'clientCertificate':
			return joinByCertificate(mesh, request, workload)
	}
}

function sign(
	{ mesh, clientAddress }: Attempt,
	{ credential, wanted, expiresIn }: TokenRequest,
	{ trust, workload, subject, price }: Joined,
	proof: DpopProof | undefined,
): Promise<Result<IssuedToken, JoinRefusal>> {
	const evidence: JoinEvidence = { method: credential.method, trust: trustName(trust), subject, clientAddress }
	const usual = wanted.kind === 'wit' ? WIT_SECONDS : JWT_SVID_SECONDS
	const ofKey = proof === undefined ? [] : [{ value: proof.once, expiresAt: proof.expiresAt }]
	const uses = { ...price?.uses, once: [...ofKey, ...(price?.uses.once ?? [])] }
	const request = { workload, ttlSeconds: Math.min(expiresIn ?? usual, maxTtlSeconds(trust)), evidence, uses }
	return wanted.kind === 'wit'
		? mesh.keyRing().issueWit({ ...request, jwk: proof!.jwk })
		: mesh.keyRing().issueJwtSvid({ ...request, audiences: wanted.audiences })
}

function refusalOf(refusal: JoinRefusal, { price }: Joined, proof: DpopProof | undefined): Refused {
	switch (refusal.reason) {
		case 'join_token_gone':
			return price!.again
		case 'shown_before':
			return refusal.value === proof?.once ? REPLAYED : price!.again
		case 'workload_revoked':
			return { error: 'unauthorized_client', description: 'the workload is revoked' }
		case 'key_revoked':
			return { error: 'invalid_dpop_proof', description: 'the key is revoked: make a new one' }
		case 'invalid_key':
		case 'invalid_csr':
			return { error: 'invalid_dpop_proof', description: `DPoP: jwk: ${refusal.detail}` }
		case 'too_many':
			return {
				error: 'slow_down',
				description: 'too much was issued to this workload lately',
				retryAfterSeconds: refusal.retryAfterSeconds,
			}
		case 'sealed':
			return {
				error: 'temporarily_unavailable',
				description: 'the mesh cannot sign now',
				why: refusal.detail,
				retryAfterSeconds: 60,
			}
	}
}

/** RFC 8693 §2.2.1. */
const granted = ({ token, asked: { wanted } }: Issued): Response =>
	json(
		{
			access_token: token.token,
			issued_token_type: wanted.kind === 'wit' ? WIT_TYPE : JWT_TYPE,
			token_type: wanted.kind === 'wit' ? 'N_A' : 'Bearer',
			expires_in: token.expiresIn,
			spiffe_id: token.spiffeId,
		},
		200,
		{ pragma: 'no-cache' },
	)

/** A request that names no way to join was no try to join. */
async function audit(
	{ mesh, clientAddress }: Attempt,
	{ error, description, why = description, subject = '' }: Refused,
	method: JoinEvidence['method'] | undefined,
): Promise<void> {
	if (method === undefined) return
	await mesh.keyRing().refused({ method, subject, clientAddress }, `${error}: ${why}`)
}
