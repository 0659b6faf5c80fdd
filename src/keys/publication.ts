/** What verifiers get to know of a ring: the keys of tokens, the authorities of certificates, and the chains below the roots. */
import type { CertificateAuthority, TrustKey } from '../snapshot/trust.ts'
import { activeKey, isAuthority, isLive, isSigning, type Ring, type RingKey } from './ring.ts'

/** Pending ones too, so that every verifier has them before they sign. */
export const tokenKeys = (ring: Ring): TrustKey[] =>
	ring.keys.filter(isLive).flatMap(({ kid, purpose, jwk }): TrustKey[] => {
		if (purpose === 'x509-root' || purpose === 'x509-intermediate') return []
		return [{ kid, use: purpose, jwk }]
	})

/** Authorities whose leaves are X509-SVIDs. */
export const leafAuthorities = (ring: Ring): CertificateAuthority[] =>
	ring.keys
		.filter((key) => key.purpose === 'x509-intermediate' && isLive(key))
		.flatMap(({ jwk, authority }) => (authority === undefined ? [] : [{ keyId: authority.keyId, jwk }]))

/** PEM. */
export const rootCertificates = (ring: Ring): string[] =>
	ring.keys.filter((key) => key.purpose === 'x509-root' && isLive(key)).flatMap(certificateOf)

/**
 * What stands between a leaf and the roots, PEM: the intermediate, then for each root that has followed another the certificate by
 * which the other vouches for it, as long as that one is known. Who knows any one of the roots verifies the chain.
 */
export const chainBelowRoots = (ring: Ring, intermediate: RingKey): string[] => [
	...certificateOf(intermediate),
	...bridgedRoots(ring).flatMap(({ authority }) => authority?.cross?.certificate ?? []),
]

/**
 * Authorities whose revocation lists a verifier of one of these chains may ask for: whatever they signed may count yet. A compromised
 * one has none: who took its key could sign one as well.
 */
export function listingAuthorities(ring: Ring): RingKey[] {
	const bridged = new Set(bridgedRoots(ring))
	return ring.keys.filter(
		(key) => isAuthority(key.purpose) && certificateOf(key).length > 0 && (isLive(key) || bridged.has(key)),
	)
}

/** Ids of the keys whose private halves are needed yet. */
export const heldKeys = (ring: Ring): Set<string> =>
	new Set([...ring.keys.filter(isSigning), ...listingAuthorities(ring)].map(({ kid }) => kid))

/** Roots that another one vouches for on the way to one that is known, the active one first. Of the roots on the way to an older one, some may be gone before it: what they vouch for, and who vouches for them, stays true. */
function bridgedRoots(ring: Ring): RingKey[] {
	const bridged: RingKey[] = []
	let needed = 0
	for (let root = activeKey(ring, 'x509-root'); root?.authority?.cross !== undefined; ) {
		const { by } = root.authority.cross
		const before = ring.keys.find(({ kid }) => kid === by)
		if (before === undefined || before.state === 'revoked') break
		bridged.push(root)
		if (isLive(before)) needed = bridged.length
		root = before
	}
	return bridged.slice(0, needed)
}

const certificateOf = ({ authority }: RingKey): string[] =>
	authority?.certificate === undefined ? [] : [authority.certificate]
