/** What a workload signs itself: proofs that it has the key of its WIT, or of whatever it joins with. */
import { hashOf } from '../base64url.ts'
import { algOfKey } from '../identity/algorithms.ts'
import { signJws } from '../identity/jws.ts'
import type { Timed } from './clock.ts'
import type { Credential, WorkloadKey } from './credential.ts'

const seconds = (ms: number): number => Math.floor(ms / 1_000)

/** Tokens that go with the same request (draft-ietf-wimse-wpt-02 §2): whoever takes one of them away makes the proof worthless. */
export interface Bound {
	/** Hash of the access token. */
	readonly ath?: string
	/** Hash of the transaction token. */
	readonly tth?: string
}

export async function boundTokens(headers: Headers): Promise<Bound> {
	const accessToken = /^(?:bearer|dpop) +(.+)$/i.exec(headers.get('authorization') ?? '')?.[1]
	const txnToken = headers.get('txn-token')
	return {
		...(accessToken === undefined ? {} : { ath: await hashOf(accessToken) }),
		...(txnToken === null ? {} : { tth: await hashOf(txnToken) }),
	}
}

/** A WPT (draft-ietf-wimse-wpt-02). `audience`: the target URI without query, or its origin. */
export const proofFor = (
	{ clock: { now }, newId }: Timed,
	{ witHash, key }: Credential,
	{
		audience,
		bound = {},
		lifetimeMs,
	}: { readonly audience: string; readonly bound?: Bound; readonly lifetimeMs: number },
): Promise<string> =>
	signJws(
		{ alg: 'ES256', typ: 'wpt+jwt' },
		{ aud: audience, exp: seconds(now() + lifetimeMs), jti: newId(), wth: witHash, ...bound },
		key.privateKey,
	)

/** A DPoP proof (RFC 9449 §4.2) for a POST. `url`: without query. */
export const dpopProof = (
	{ clock: { now }, newId }: Timed,
	{ privateKey, jwk }: WorkloadKey,
	url: string,
): Promise<string> =>
	signJws(
		{ alg: 'ES256', typ: 'dpop+jwt', jwk },
		{ htm: 'POST', htu: url, iat: seconds(now()), jti: newId() },
		privateKey,
	)

const ASSERTION_LIFETIME_MS = 60_000

/** A client assertion (RFC 7523 §3) of a workload, `<namespace>/<name>`. */
export function clientAssertion(
	{ clock: { now }, newId }: Timed,
	{ privateKey, kid }: { readonly privateKey: CryptoKey; readonly kid?: string },
	{ workload, audience }: { readonly workload: string; readonly audience: string },
): Promise<string> {
	return signJws(
		{ alg: algOfKey(privateKey)!, typ: 'JWT', ...(kid === undefined ? {} : { kid }) },
		{
			iss: workload,
			sub: workload,
			aud: audience,
			iat: seconds(now()),
			exp: seconds(now() + ASSERTION_LIFETIME_MS),
			jti: newId(),
		},
		privateKey,
	)
}
