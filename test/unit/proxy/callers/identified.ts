/** A proxy in a mesh with keys, and callers with credentials of it. */
import { createDelegation } from '../../../../src/identity/delegation.ts'
import type { PeerRules } from '../../../../src/snapshot/peerAuthentication.ts'
import type { PartBody, ServiceTarget } from '../../../../src/snapshot/snapshot.ts'
import type { PublicJwk, Revocations, Trust } from '../../../../src/snapshot/trust.ts'
import { ISSUER, NOW, TRUST_DOMAIN, trustOf, WIT, wpt } from '../../identity/world.ts'
import { type FakeProxy, fakeProxy } from '../fakeProxy.ts'
import { DOMAIN, head, service } from '../knowledge/fakeReplica.ts'

export const URL_OF_SHOP = `http://shop.${DOMAIN}/`

/** A key of the ring, with which it certifies isolates. */
export interface RingKey {
	readonly kid: string
	readonly pair: CryptoKeyPair
	readonly jwk: PublicJwk
}

export async function ringKey(kid: string): Promise<RingKey> {
	const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
	const { x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey)
	return { kid, pair, jwk: { kty: 'EC', alg: 'ES256', crv: 'P-256', x: x!, y: y! } }
}

export const RING = await ringKey('d1')

/** The trust of the mesh with these keys for isolates. */
export const trustPart = (
	revocations: Partial<Revocations> = {},
	ring: readonly RingKey[] = [RING],
	changes: Partial<Trust> = {},
): Record<string, Trust> => {
	const keys = [...trustOf().keys, ...ring.map(({ kid, jwk }) => ({ kid, jwk, use: 'delegation' as const }))]
	return { trust: trustOf({ keys, ...changes }, revocations) }
}

/** The service `default/<name>` at its mesh host. */
export const served = (
	name: string,
	peers?: PeerRules,
	more: Partial<ServiceTarget> = {},
): Record<string, PartBody> => {
	const [part, target] = Object.entries(service(`default/${name}`, { id: name }))[0]!
	const said = { ...(target as ServiceTarget), ...(peers && { peers }), ...more }
	return { ...head(`${name}.${DOMAIN}`, `default/${name}`), [part]: said }
}

/** What the ring answers to an isolate. */
export const delegating =
	({ now }: { readonly now: number }, ring: RingKey, ttlMs = 3_600_000) =>
	async (jwk: PublicJwk) => {
		const expiresAt = now + ttlMs
		const input = { trustDomain: TRUST_DOMAIN, issuer: ISSUER, region: 'weur', jwk, issuedAt: now, expiresAt }
		return { token: await createDelegation(input, ring.kid, ring.pair.privateKey), issuer: ISSUER, expiresAt }
	}

/** At the time of the credentials, before its first request. */
export function identifying(parts: Record<string, PartBody>): FakeProxy {
	const proxy = fakeProxy()
	proxy.replica.change({ ...trustPart(), ...parts })
	proxy.now = NOW
	proxy.delegate = (jwk) => delegating(proxy, RING)(jwk)
	return proxy
}

let proofs = 0
/** A proof that nobody has shown yet, for the origin unless it says otherwise. */
export const freshProof = (claims: Parameters<typeof wpt>[0] = {}, ...more: [object?]): string =>
	wpt({ aud: URL_OF_SHOP, jti: `proof-number-${String(++proofs).padStart(8, '0')}`, ...claims }, ...(more as []))

export const asking = (headers: Readonly<Record<string, string>>, url = URL_OF_SHOP, method = 'GET'): Request =>
	new Request(url, { method, headers })

export const proving = (proof = freshProof(), wit = WIT) => ({
	'workload-identity-token': wit,
	'workload-proof-token': proof,
})

/** The problem that a mesh-made reply tells. */
export async function problem(response: Response | Promise<Response>) {
	const answered = await response
	const body = answered.status === 200 ? {} : ((await answered.json()) as { reason?: string; detail?: string })
	return { status: answered.status, ...body }
}
