/** What verifiers get to know of a ring: the keys of tokens, the authorities of certificates, and the chains below the roots. */
import type { CertificateAuthority, TrustKey } from '../snapshot/trust.ts'
import { activeKey, isLive, type Ring, type RingKey } from './ring.ts'

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
	...crossCertificates(ring),
]

/** Of the roots on the way to an older one, some may be gone before it: what they vouch for, and who vouches for them, stays true. */
function crossCertificates(ring: Ring): string[] {
	const certificates: string[] = []
	let needed = 0
	for (let root = activeKey(ring, 'x509-root'); root?.authority?.cross !== undefined; ) {
		const { certificate, by } = root.authority.cross
		const before = ring.keys.find(({ kid }) => kid === by)
		if (before === undefined || before.state === 'revoked') break
		certificates.push(certificate)
		if (isLive(before)) needed = certificates.length
		root = before
	}
	return certificates.slice(0, needed)
}

const certificateOf = ({ authority }: RingKey): string[] =>
	authority?.certificate === undefined ? [] : [authority.certificate]
