/** The credentials of one request: recalled from an earlier verification, or verified and remembered. */
import { isMeantFor } from '../../identity/audience.ts'
import { verifyCertificate } from '../../identity/certificate.ts'
import { parseJws } from '../../identity/jws.ts'
import { looksLikeJwtSvid, verifyJwtSvid } from '../../identity/jwtSvid.ts'
import type { ProofCode, ProofError, Proven } from '../../identity/proven.ts'
import { firstTime, type Seen } from '../../identity/replay.ts'
import { verifyWit } from '../../identity/wit.ts'
import { verifyWpt } from '../../identity/wpt.ts'
import type { Caller } from '../../matching/source.ts'
import type { PeerMethod } from '../../snapshot/peerAuthentication.ts'
import type { Exchange } from '../exchange.ts'
import type { ResolvedHost, RoutingTable } from '../knowledge/routingTable.ts'
import type { Trusted } from '../knowledge/trusting.ts'
import type { ClientCertificate } from '../ports.ts'
import { recall, remember } from '../recent.ts'
import type { Refusal } from '../refusal.ts'
import { originsOf } from './audiences.ts'
import {
	ENTRY_SIZE,
	type HeldWit,
	holds,
	isProvenBefore,
	type Memory,
	proofKey,
	recallHeld,
	rememberHeld,
} from './callers.ts'

/** A request with credentials, and what they are held against. */
export interface Shown {
	readonly exchange: Exchange
	readonly host: ResolvedHost
	readonly table: RoutingTable
	readonly trust: Trusted
	readonly memory: Memory
	readonly seen: Seen
	readonly authorization: string | null
}

/** Null: nothing that the mesh could judge. */
export type Verified = Caller | Refusal | null

const callerOf = ({ spiffeId, namespace, workload, method }: Proven, reused: boolean): Caller => ({
	spiffeId,
	...(namespace === undefined || workload === undefined ? {} : { namespace, workload }),
	method,
	reused,
})

// === WIT and WPT ===

/** The proof of a request just like this one; undefined when it must be verified. */
export function recallProof(
	{ exchange, trust, memory, authorization }: Shown,
	wit: string | null,
	wpt: string | null,
): Caller | undefined {
	if (wit === null || wpt === null) return undefined
	const proof = recall(memory.proofs, proofKey(wpt))
	if (!isProvenBefore(proof, wit, wpt, exchange, authorization)) return undefined
	return holds(proof.wit, trust, exchange.startedAt) ? proof.wit.caller : undefined
}

export async function verifyProof(shown: Shown, wit: string | null, wpt: string | null): Promise<Verified> {
	const { exchange, host, table, memory, seen, authorization } = shown
	const { startedAt: now, scheme, authority, header } = exchange
	if (wit === null || wpt === null || wit.includes(',') || wpt.includes(','))
		return invalid('malformed', 'there must be exactly one Workload-Identity-Token and one Workload-Proof-Token')
	const origins = originsOf(exchange, host, table)
	if (origins.length === 0)
		return invalid('wrong_audience', 'no listener or route names this host, so nobody can tell what aud should be')
	const held = await heldWit(shown, wit)
	if ('reason' in held) return held
	const accessToken = /^(?:bearer|dpop) +(.+)$/i.exec(authorization ?? '')?.[1]
	const txnToken = header('txn-token') ?? undefined
	const context = {
		audiences: [...origins, ...origins.map((each) => each + exchange.path)],
		...(accessToken === undefined ? {} : { accessToken }),
		...(txnToken === undefined ? {} : { txnToken }),
		header,
	}
	const verified = await verifyWpt(held.wit, wpt, context, now)
	if (!verified.ok) return refusalOf(verified.error, 'WorkloadProof')
	const { tokenId, expiresAt } = verified.value
	const time = firstTime(seen, held.proven.spiffeId, tokenId, expiresAt, now)
	const claims = claimsOf(wpt)
	const path = isMeantFor(claims.aud, origins) ? undefined : exchange.path
	const names = ['txn-token', ...Object.keys(claims.oth ?? {})]
	const fields = names.map((name) => [name, header(name)] as const)
	const kept = [wpt, exchange.target, authorization, ...fields.map(([, value]) => value)]
	const size = kept.reduce((sum, text) => sum + (text?.length ?? 0), ENTRY_SIZE)
	remember(
		memory.proofs,
		proofKey(wpt),
		{ wpt, wit: held, expiresAt, scheme, authority, path, authorization, fields },
		size,
	)
	// A memory that is full refuses whoever wants each proof once.
	return time === 'first' ? callerOf(held.proven, false) : held.caller
}

async function heldWit({ exchange, trust, memory }: Shown, wit: string): Promise<HeldWit | Refusal> {
	const known = recallHeld(memory.wits, wit, trust, exchange.startedAt)
	if (known !== undefined) return known
	const verified = await verifyWit(trust.store, wit, exchange.startedAt)
	if (!verified.ok) return refusalOf(verified.error, 'WorkloadProof')
	const { proven } = verified.value
	const held = { text: wit, wit: verified.value, proven, caller: callerOf(proven, true), checkedWith: trust.store }
	return rememberHeld(memory.wits, wit, held)
}

/** Of a token that has been verified. */
const claimsOf = (token: string): { readonly aud?: unknown; readonly oth?: object } => {
	const parsed = parseJws(token)
	return parsed.ok ? parsed.value.claims : {}
}

// === JWT-SVID ===

/** As the client said it: what was good for one origin must be looked at again for another. */
const originOf = ({ scheme, authority }: Exchange): string => `${scheme}://${authority}`

/** Of one token, that are remembered. */
const MAX_ORIGINS = 64
const BEARER = /^bearer +(.+)$/i

/** Any other is somebody's user token, or nothing of the kind. */
export function isJwtSvid(authorization: string | null): boolean {
	const token = authorization === null ? undefined : BEARER.exec(authorization)?.[1]
	return token !== undefined && looksLikeJwtSvid(token)
}

export function recallToken({ exchange, trust, memory }: Shown, authorization: string): Caller | null | undefined {
	const held = recallHeld(memory.bearers, authorization, trust, exchange.startedAt)
	if (held?.origins.has(originOf(exchange))) return held.caller
	if (held === null) return null
	if (isJwtSvid(authorization)) return undefined
	rememberHeld(memory.bearers, authorization, null)
	return null
}

export async function verifyToken(
	{ exchange, host, table, trust, memory }: Shown,
	authorization: string,
): Promise<Verified> {
	const { store } = trust
	const audiences = [...originsOf(exchange, host, table), `spiffe://${store.trustDomain}`]
	const token = BEARER.exec(authorization)?.[1] ?? ''
	const verified = await verifyJwtSvid(store, token, audiences, exchange.startedAt)
	if (!verified.ok) return refusalOf(verified.error, 'JWTSVID')
	const origins = recallHeld(memory.bearers, authorization, trust, exchange.startedAt)?.origins ?? new Set()
	if (origins.size >= MAX_ORIGINS) origins.clear()
	origins.add(originOf(exchange))
	const caller = callerOf(verified.value, false)
	rememberHeld(memory.bearers, authorization, { proven: verified.value, caller, checkedWith: store, origins })
	return caller
}

// === client certificate ===

/** Where a certificate has nothing to do with the mesh, it proves nothing to it; others may want it all the same. */
const STRANGE: readonly ProofCode[] = [
	'bad_subject',
	'unknown_trust_domain',
	'unknown_key',
	'unsupported_algorithm',
	'unsupported_extension',
]

export function recallCertificate(
	{ exchange, trust, memory }: Shown,
	certificate: ClientCertificate | 'unverified',
): Caller | null | undefined {
	if (certificate === 'unverified') return undefined
	const held = recallHeld(memory.certificates, certificate.fingerprint, trust, exchange.startedAt)
	return held === null ? null : held?.caller
}

export async function verifyLeaf(
	{ exchange, trust, memory }: Shown,
	certificate: ClientCertificate | 'unverified',
): Promise<Verified> {
	if (certificate === 'unverified')
		return invalid('bad_signature', 'the client certificate must be one that the edge verifies, of at most 10 KB')
	const { fingerprint, der } = certificate
	const verified = await verifyCertificate(trust.store, der(), exchange.startedAt)
	if (verified.ok) {
		const caller = callerOf(verified.value, false)
		rememberHeld(memory.certificates, fingerprint, { proven: verified.value, caller, checkedWith: trust.store })
		return caller
	}
	if (!STRANGE.includes(verified.error.code)) return refusalOf(verified.error, 'ClientCertificate')
	rememberHeld(memory.certificates, fingerprint, null)
	return null
}

// === refusals ===

const invalid = (code: ProofCode, detail: string): Refusal => ({ reason: 'invalid_proof', code, detail })

/**
 * A revoked credential is a wrong one like others to the drafts: 400 for WIMSE's, 401 for bearer tokens (RFC 6750 §3.1). It has a
 * reason of its own because asking for a new one is no help.
 */
function refusalOf({ code, detail }: ProofError, method: PeerMethod): Refusal {
	const isBearer = method === 'JWTSVID'
	if (code === 'revoked') return { reason: 'credential_revoked', status: isBearer ? 401 : 400, detail }
	return isBearer ? { reason: 'invalid_token', code, detail } : invalid(code, detail)
}
