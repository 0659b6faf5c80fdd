/** Certificate revocation lists (CRL, RFC 5280 §5): what an authority says of certificates that it signed and takes back. */
import { bytesOfHex, der, integer, TAG, time } from './derWriter.ts'
import { AuthorityKeyIdentifierExtension, SubjectKeyIdentifierExtension, X509Certificate } from './library.ts'
import type { Issuer } from './sign.ts'

/** RFC 5280 §5.3.1. Where nothing is known of the reason, none is given. */
const REASONS = { keyCompromise: 1, cACompromise: 2, privilegeWithdrawn: 9 } as const

export type RevocationReason = keyof typeof REASONS

export interface RevokedCertificate {
	/** Lower-case hex, as in `Validity`. */
	readonly serialNumber: string
	/** ms since the epoch. */
	readonly revokedAt: number
	readonly reason?: RevocationReason
}

export interface RevocationListContents {
	readonly issuer: Pick<Issuer, 'certificate' | 'privateKey'>
	/** cRLNumber: greater than that of every list that this authority has signed before. A safe integer. */
	readonly number: number
	/** ms since the epoch; lists tell whole seconds, and both are rounded down. */
	readonly thisUpdate: number
	/** When verifiers want another one, at the latest. */
	readonly nextUpdate: number
	/** Each serial number once. In the order given. */
	readonly revoked: readonly RevokedCertificate[]
}

const ECDSA = { name: 'ECDSA', hash: 'SHA-256' }
/** ecdsa-with-SHA256, 1.2.840.10045.4.3.2. */
const ECDSA_WITH_SHA256 = der(TAG.sequence, [bytesOfHex('06082a8648ce3d040302')])
/** 2.5.29.20 and 2.5.29.21. */
const [CRL_NUMBER, REASON_CODE] = [bytesOfHex('0603551d14'), bytesOfHex('0603551d15')]
const VERSION_2 = integer(Uint8Array.of(1))

/**
 * DER. It is complete, for everything that the authority signed, and has exactly the extensions that RFC 5280 §5.2 wants of every list.
 * Written here, because the library compares each entry with each other, which takes minutes for as many as there may be. What is
 * wrong with the input is a bug of the caller, and throws.
 */
export async function createRevocationList(contents: RevocationListContents): Promise<Uint8Array<ArrayBuffer>> {
	const { issuer, thisUpdate, nextUpdate } = contents
	if (!(thisUpdate < nextUpdate)) throw new Error(`a list from ${thisUpdate} to ${nextUpdate} would never be valid`)
	const authority = new X509Certificate(issuer.certificate)
	const tbs = der(TAG.sequence, [
		VERSION_2,
		ECDSA_WITH_SHA256,
		new Uint8Array(authority.subjectName.toArrayBuffer()),
		time(thisUpdate),
		time(nextUpdate),
		...entriesOf(contents),
		extensionsOf(authority, contents.number),
	])
	const signature = new Uint8Array(await crypto.subtle.sign(ECDSA, issuer.privateKey, tbs))
	// Signed by another key, it would be refused by everybody, and with it every certificate of this authority.
	const publicKey = await authority.publicKey.export({ name: 'ECDSA', namedCurve: 'P-256' }, ['verify'], crypto)
	if (!(await crypto.subtle.verify(ECDSA, publicKey, signature, tbs)))
		throw new Error('the issuer’s private key is not that of its certificate')
	const numbers = [integer(signature.subarray(0, 32)), integer(signature.subarray(32))]
	// No bit of the last byte is unused.
	const bits = der(TAG.bitString, [Uint8Array.of(0), der(TAG.sequence, numbers)])
	return der(TAG.sequence, [tbs, ECDSA_WITH_SHA256, bits])
}

/** An empty list of entries must not be there at all (RFC 5280 §5.1.2.6). */
function entriesOf({ revoked }: RevocationListContents): Uint8Array[] {
	if (new Set(revoked.map(({ serialNumber }) => serialNumber)).size < revoked.length)
		throw new Error('a serial number is listed twice')
	return revoked.length === 0 ? [] : [der(TAG.sequence, revoked.map(entryOf))]
}

function entryOf({ serialNumber, revokedAt, reason }: RevokedCertificate): Uint8Array {
	const serial = integer(bytesOfHex(serialNumber))
	if (reason === undefined) return der(TAG.sequence, [serial, time(revokedAt)])
	const code = der(TAG.enumerated, [Uint8Array.of(REASONS[reason])])
	return der(TAG.sequence, [serial, time(revokedAt), der(TAG.sequence, [extension(REASON_CODE, code)])])
}

const extension = (id: Uint8Array, value: Uint8Array): Uint8Array =>
	der(TAG.sequence, [id, der(TAG.octetString, [value])])

function extensionsOf(authority: X509Certificate, number: number): Uint8Array {
	const keyId = authority.getExtension(SubjectKeyIdentifierExtension)?.keyId
	if (keyId === undefined) throw new Error('the issuer’s certificate has no subject key identifier')
	if (!Number.isSafeInteger(number) || number < 0) throw new Error(`${number} is no number of a list`)
	const signer = new Uint8Array(new AuthorityKeyIdentifierExtension(keyId).rawData)
	const own = extension(CRL_NUMBER, integer(bytesOfHex(number.toString(16))))
	// crlExtensions has the tag [0].
	return der(0xa0, [der(TAG.sequence, [signer, own])])
}
