/** What has to be remembered of a certificate, so that it can be taken back. */
import { AuthorityKeyIdentifierExtension, X509Certificate } from './library.ts'

export interface Issued {
	/** Lower-case hex without leading zeros: what a revocation calls it. */
	readonly serialNumber: string
	/** Of the authority that signed it: its key id, lower-case hex. */
	readonly issuer: string
	/** ms since the epoch. */
	readonly notAfter: number
}

/** Of one of our own certificates, PEM. Undefined: it names no authority, because it is a root. */
export function readIssued(pem: string): Issued | undefined {
	const certificate = new X509Certificate(pem)
	const issuer = certificate.getExtension(AuthorityKeyIdentifierExtension)?.keyId
	if (issuer === undefined) return undefined
	return {
		serialNumber: certificate.serialNumber.toLowerCase().replace(/^0+/, ''),
		issuer: issuer.toLowerCase(),
		notAfter: certificate.notAfter.getTime(),
	}
}
