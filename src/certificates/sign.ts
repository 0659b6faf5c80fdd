/** Signing a certificate (RFC 5280) with ECDSA on P-256 and SHA-256. What is wrong here is a bug of the caller, and throws. */
import { authorityKeyId } from './keyId.ts'
import {
	AuthorityKeyIdentifierExtension,
	CRLDistributionPointsExtension,
	type Extension,
	type Name,
	SubjectAlternativeNameExtension,
	SubjectKeyIdentifierExtension,
	X509Certificate,
	X509CertificateGenerator,
} from './library.ts'

/** A certificate authority: its certificate, PEM, and the private key of that certificate. */
export interface Issuer {
	readonly certificate: string
	readonly privateKey: CryptoKey
	/** A URL without a final `/`, below which verifiers find the revocation list of each authority: `<key id>.crl`. */
	readonly revocationLists: string
}

export interface Validity {
	/** ms since the epoch; certificates tell whole seconds, and both ends are rounded down. */
	readonly notBefore: number
	/** As `notBefore`. A certificate ends with its issuer's own at the latest. */
	readonly notAfter: number
	/** Lower-case hex, with or without leading zeros: positive, at most 19 bytes (RFC 5280 §4.1.2.2 allows 20 with the sign). */
	readonly serialNumber: string
}

interface Contents extends Validity {
	/** Absent: the subject is empty. */
	readonly subject?: Name
	readonly publicKey: CryptoKey
	/** All but what tells of the keys, and of the issuer. */
	readonly extensions: readonly Extension[]
}

/** An issuer, read. */
export interface Authority {
	readonly certificate: X509Certificate
	readonly privateKey: CryptoKey
	readonly revocationLists: string
	/** `spiffe://<trust domain>` (X509-SVID §3.2). */
	readonly spiffeId: string
}

const SERIAL_NUMBER = /^(?!0+$)[0-9a-f]{1,38}$/

export function authorityOf({ certificate: pem, ...rest }: Issuer): Authority {
	const certificate = new X509Certificate(pem)
	return { certificate, ...rest, spiffeId: authorityName(certificate) }
}

/** The SPIFFE ID of a certificate authority, which is its one alternative name. */
export function authorityName(certificate: X509Certificate): string {
	const names = certificate.getExtension(SubjectAlternativeNameExtension)?.names.items ?? []
	const [name, ...others] = names
	if (name?.type !== 'url' || others.length > 0) throw new Error('an authority’s certificate has one URI as its name')
	return name.value
}

export async function selfSign(
	contents: Contents & { readonly subject: Name },
	key: CryptoKey,
): Promise<X509Certificate> {
	// It names no authority, and no list that could take it back: it is its own (RFC 5280 §4.2.1.1).
	return certify(contents, contents.subject, key, [])
}

export async function sign(
	contents: Contents,
	{ certificate: above, privateKey, revocationLists }: Authority,
): Promise<X509Certificate> {
	const keyId = above.getExtension(SubjectKeyIdentifierExtension)?.keyId
	if (keyId === undefined) throw new Error('the issuer’s certificate has no subject key identifier')
	const notAfter = Math.min(contents.notAfter, above.notAfter.getTime())
	const ofIssuer = [
		new AuthorityKeyIdentifierExtension(keyId),
		new CRLDistributionPointsExtension([`${revocationLists}/${keyId.toLowerCase()}.crl`]),
	]
	const certificate = await certify({ ...contents, notAfter }, above.subjectName, privateKey, ofIssuer)
	// Key and certificate that do not belong together would make certificates that nobody can verify.
	if (!(await certificate.verify({ publicKey: above, signatureOnly: true }, crypto)))
		throw new Error('the issuer’s private key is not that of its certificate')
	return certificate
}

async function certify(
	{ subject, publicKey, extensions, notBefore, notAfter, serialNumber }: Contents,
	issuer: Name,
	signingKey: CryptoKey,
	ofIssuer: readonly Extension[],
): Promise<X509Certificate> {
	if (!SERIAL_NUMBER.test(serialNumber)) throw new Error(`${serialNumber} is no serial number`)
	if (!(notBefore < notAfter)) throw new Error(`a certificate from ${notBefore} to ${notAfter} would never be valid`)
	const subjectKeyId = new SubjectKeyIdentifierExtension(await authorityKeyId(publicKey))
	return X509CertificateGenerator.create(
		{
			...(subject && { subject }),
			issuer,
			serialNumber: serialNumber.padStart(serialNumber.length + (serialNumber.length % 2), '0'),
			notBefore: new Date(notBefore),
			notAfter: new Date(notAfter),
			publicKey,
			extensions: [...extensions, subjectKeyId, ...ofIssuer],
			signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
			signingKey,
		},
		crypto,
	)
}

/** With a line break at its end, so that certificates can be put together to a chain. */
export const pemOf = (certificate: X509Certificate): string => `${certificate.toString('pem')}\n`
