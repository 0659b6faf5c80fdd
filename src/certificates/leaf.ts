/** X509-SVIDs: certificates with which workloads prove who they are in TLS, made from a certification request. */
import { ok, type Result } from '../result.ts'
import { provenKey } from './csr.ts'
import {
	BasicConstraintsExtension,
	ExtendedKeyUsage,
	ExtendedKeyUsageExtension,
	KeyUsageFlags,
	KeyUsagesExtension,
	SubjectAlternativeNameExtension,
} from './library.ts'
import { authorityOf, type Issuer, pemOf, sign, type Validity } from './sign.ts'

/** `notAfter`: ms since the epoch; the issuer's own end when that comes before what was asked for. */
export interface Leaf {
	readonly certificate: string
	readonly notAfter: number
}

/** A path of segments, none of them empty or relative (SPIFFE-ID §2.2). A leaf's is never empty (X509-SVID §3.1). */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[\w.-]+)+$/
/** SPIFFE-ID §2.3. */
const MAX_ID_CHARACTERS = 2048

/**
 * An X509-SVID for the key that `csr` (PKCS #10, PEM) proves. Of the request only the key is taken over; see `provenKey` for what is
 * refused, and why. The error says what is wrong with the request, for its sender. The certificate has exactly: critical basic
 * constraints (no authority), critical key usage digitalSignature, extended key usage serverAuth and clientAuth, the SPIFFE ID as
 * its one name, the identifiers of both keys, and where the issuer's revocation list is. Throws for an identity outside the issuer's
 * trust domain.
 */
export async function issueLeaf(
	input: { readonly spiffeId: string; readonly csr: string; readonly issuer: Issuer } & Validity,
): Promise<Result<Leaf, string>> {
	const { spiffeId, csr, issuer, ...validity } = input
	const authority = authorityOf(issuer)
	expectWithin(authority.spiffeId, spiffeId)
	const publicKey = await provenKey(csr, spiffeId)
	if (!publicKey.ok) return publicKey
	const extensions = [
		new BasicConstraintsExtension(false, undefined, true),
		new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
		new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
		// Critical, because there is no other name (RFC 5280 §4.2.1.6).
		new SubjectAlternativeNameExtension([{ type: 'url', value: spiffeId }], true),
	]
	const certificate = await sign({ ...validity, publicKey: publicKey.value, extensions }, authority)
	return ok({ certificate: pemOf(certificate), notAfter: certificate.notAfter.getTime() })
}

function expectWithin(trustDomain: string, spiffeId: string): void {
	const isWithin = spiffeId.startsWith(`${trustDomain}/`) && PATH.test(spiffeId.slice(trustDomain.length))
	if (!isWithin || spiffeId.length > MAX_ID_CHARACTERS)
		throw new Error(`${JSON.stringify(spiffeId)} is no workload of ${trustDomain}`)
}
