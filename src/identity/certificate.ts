/** X509-SVIDs (SPIFFE X509-SVID.md) as client certificates: one leaf, signed by an intermediate that the mesh published. */
import { ok, type Result } from '../result.ts'
import { isRevoked, type ProofError, type Proven, refuse } from './proven.ts'
import { thumbprint } from './publicKey.ts'
import { keyFaults, readSubject, type Subject } from './svid.ts'
import { MAX_AHEAD_MS } from './token.ts'
import { authorityOf, type TrustStore } from './trustStore.ts'
import { type Certificate, type CertificateFault, parseCertificate } from './x509.ts'
import { CLIENT_AUTH } from './x509Extensions.ts'

/**
 * `der`: the leaf. That the peer has its key, TLS has proven. The chain above is not walked: its intermediates are in `trust`, by
 * the id that the leaf gives for its authority (RFC 5280 §4.2.1.1), and leave it when they end.
 */
export async function verifyCertificate(
	trust: TrustStore,
	der: Uint8Array,
	now: number,
): Promise<Result<Proven, ProofError>> {
	const certificate = parseCertificate(der)
	if (typeof certificate === 'string') return refuse(certificate, parseFaults[certificate])
	const { notBefore, notAfter, serialNumber, publicKey } = certificate
	if (now > notAfter) return refuse('expired', 'notAfter must not have passed')
	if (notBefore > now + MAX_AHEAD_MS) return refuse('not_yet_valid', 'notBefore must have passed')
	const usageFault = usageFaultOf(certificate)
	if (usageFault !== undefined) return refuse('not_a_leaf', usageFault)
	const subject = subjectOf(trust, certificate)
	if (!subject.ok) return subject
	const key = await authorityOf(trust, certificate.authorityKeyId ?? '')
	if (typeof key === 'string') return refuse(key, keyFaults[key])
	if (!(await isSignedBy(key, certificate))) return refuse('bad_signature', 'the signature must be by its authority')
	const proven: Proven = {
		...subject.value,
		method: 'ClientCertificate',
		// Dated back when it was issued, if at all: a revocation in between counts.
		issuedAt: notBefore,
		expiresAt: notAfter,
		keyThumbprint: await thumbprint({ kty: 'EC', alg: 'ES256', crv: 'P-256', ...publicKey }),
		serialNumber,
	}
	if (isRevoked(trust, proven))
		return refuse('revoked', 'the workload, its certificate and its key must not be revoked')
	return ok(proven)
}

const parseFaults: Readonly<Record<CertificateFault, string>> = {
	too_large: 'a certificate has at most 16384 bytes',
	malformed: 'a certificate must be X.509 version 3 in DER, and nothing after it',
	unsupported_algorithm: 'a certificate must be of a P-256 key, and signed with ECDSA and SHA-256',
	unsupported_extension: 'a certificate must have no critical extension that the mesh does not know',
}

/** SPIFFE X509-SVID §4, §5.2. */
function usageFaultOf({ isAuthority, keyUsage, purposes }: Certificate): string | undefined {
	if (isAuthority) return 'a certificate authority may not be a caller'
	if (!keyUsage?.digitalSignature || keyUsage.signsOthers)
		return 'keyUsage must be critical, with digitalSignature, without keyCertSign and cRLSign'
	return purposes === undefined || purposes.includes(CLIENT_AUTH) ? undefined : 'extKeyUsage must contain clientAuth'
}

function subjectOf(trust: TrustStore, { uris }: Certificate): Result<Subject, ProofError> {
	const subject = uris.length === 1 ? readSubject(trust.trustDomain, uris[0]) : undefined
	if (subject === undefined) return refuse('bad_subject', 'it must have exactly one URI: the SPIFFE ID of a workload')
	if (subject.trustDomain !== trust.trustDomain)
		return refuse('unknown_trust_domain', 'certificates are taken of the trust domain of the mesh only')
	return ok(subject)
}

async function isSignedBy(key: CryptoKey, { signature, signed }: Certificate): Promise<boolean> {
	try {
		return await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, signature, signed)
	} catch {
		// The key is for something else; and some runtimes throw where a number of the signature is out of range.
		return false
	}
}
