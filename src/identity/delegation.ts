/** Delegations: the mesh says of an isolate's own key that it signs caller assertions, so that no private key leaves any place. */
import { ok, type Result } from '../result.ts'
import type { PublicJwk } from '../snapshot/trust.ts'
import { algOfKey } from './algorithms.ts'
import { signJws } from './jws.ts'
import { type ProofError, refuse } from './proven.ts'
import { importPublicKey, readPublicJwk } from './publicKey.ts'
import { parseSpiffeId, spiffeIdOf, workloadOf } from './spiffeId.ts'
import { checkSignature, readTimes, readToken } from './token.ts'

const TYPE = 'selvedge-delegation+jwt'
/** In whose name isolates sign. No workload can be given an identity of this namespace. */
const PROXY = { namespace: 'selvedge', workload: 'proxy' }

/** Times in ms since the epoch; the token says them in whole seconds. */
export interface DelegationInput {
	readonly trustDomain: string
	readonly issuer: string
	readonly region: string
	/** The isolate's public key. ES256. */
	readonly jwk: PublicJwk
	readonly issuedAt: number
	readonly expiresAt: number
}

/** To be signed by a key of use `delegation`, ES256, which `kid` names in the mesh's JWKS. */
export function createDelegation(input: DelegationInput, kid: string, key: CryptoKey): Promise<string> {
	const { trustDomain, issuer, region, jwk, issuedAt, expiresAt } = input
	const claims = {
		iss: issuer,
		sub: spiffeIdOf(trustDomain, PROXY.namespace, PROXY.workload),
		iat: Math.floor(issuedAt / 1_000),
		exp: Math.floor(expiresAt / 1_000),
		cnf: { jwk },
		region,
	}
	return signJws({ alg: 'ES256', typ: TYPE, kid }, claims, key)
}

export interface VerifiedDelegation {
	/** The isolate's. */
	readonly key: CryptoKey
	/** ms since the epoch. */
	readonly expiresAt: number
}

/** `keys`: the mesh's JWKS; undefined for a `kid` that is not in it. */
export async function verifyDelegation(
	delegation: string,
	keys: (kid: string) => Promise<CryptoKey | undefined>,
	issuer: string,
	now: number,
): Promise<Result<VerifiedDelegation, ProofError>> {
	const token = readToken(delegation, [TYPE])
	if (!token.ok) return token
	const { header, claims } = token.value
	const times = readTimes(claims, now)
	if (!times.ok) return times
	if (claims.iss !== issuer) return refuse('wrong_issuer', 'iss of the delegation must be the issuer of the mesh')
	const id = typeof claims.sub === 'string' ? parseSpiffeId(claims.sub) : undefined
	const signer = id && workloadOf(id, id.trustDomain)
	if (signer?.namespace !== PROXY.namespace || signer.workload !== PROXY.workload)
		return refuse('bad_subject', 'sub of the delegation must be the proxy of the mesh')
	if (!header.kid) return refuse('missing_key_id', 'kid of the delegation must name a key of the mesh')
	const meshKey = await keys(header.kid)
	if (meshKey === undefined) return refuse('unknown_key', 'the key of the delegation must be in the JWKS of the mesh')
	const fault = await checkSignature(token.value, meshKey, algOfKey(meshKey) ?? '')
	if (fault !== undefined) return { ok: false, error: fault }
	const jwk = readPublicJwk((claims.cnf as { jwk?: unknown } | undefined)?.jwk)
	const key = jwk.ok ? await importPublicKey(jwk.value) : jwk
	if (!key.ok) return refuse('bad_confirmation', `cnf.jwk of the delegation: ${key.error}`)
	return ok({ key: key.value, expiresAt: times.value.expiresAt })
}
