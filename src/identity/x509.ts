/** X.509 certificates (RFC 5280), as far as X509-SVIDs need them: ECDSA with P-256 and SHA-256. Parsed, not verified. */
import { toBase64Url } from '../base64url.ts'
import {
	childrenOf,
	childrenOfTag,
	type DerValue,
	hexOf,
	isSame,
	positiveInteger,
	readDer,
	TAG,
	timeOf,
	wholeBits,
	wholeOf,
} from './der.ts'
import { type Extensions, readExtensions } from './x509Extensions.ts'

export interface Certificate extends Extensions {
	/** What the signature is over. */
	readonly signed: Uint8Array<ArrayBuffer>
	/** r and s, 32 bytes each (IEEE P1363). */
	readonly signature: Uint8Array<ArrayBuffer>
	/** Lower-case hex without leading zeros. */
	readonly serialNumber: string
	/** ms since the epoch. */
	readonly notBefore: number
	/** ms since the epoch; the certificate counts until then, inclusive. */
	readonly notAfter: number
	/** P-256. */
	readonly publicKey: { readonly x: string; readonly y: string }
}

/** Of the platform's `certRFC9440`, 10 KB at most. */
const MAX_BYTES = 16_384
/** AlgorithmIdentifier of ecdsa-with-SHA256 (RFC 5758 §3.2): no parameters. */
const ECDSA_SHA256 = Uint8Array.from([0x30, 0x0a, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02])
/** AlgorithmIdentifier of id-ecPublicKey on secp256r1 (RFC 5480 §2.1.1). */
const P256_KEY = Uint8Array.from([
	0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
	0x01, 0x07,
])
const VERSION_3 = Uint8Array.from([0xa0, 0x03, 0x02, 0x01, 0x02])
const SCALAR_BYTES = 32

export type CertificateFault = 'too_large' | 'malformed' | 'unsupported_algorithm' | 'unsupported_extension'

/** `der`: one certificate, and nothing after it. */
export function parseCertificate(der: Uint8Array): Certificate | CertificateFault {
	if (der.length > MAX_BYTES) return 'too_large'
	const outer = readDer(der, 0, der.length)
	const [tbs, algorithm, bits, ...more] = (outer?.to === der.length && childrenOfTag(der, outer, TAG.sequence)) || []
	const fields = childrenOfTag(der, tbs, TAG.sequence)
	if (fields === undefined || algorithm === undefined || bits === undefined || more.length > 0) return 'malformed'
	// Of the fields, version and extensions may be left out by RFC 5280, but not in an SVID. Unique ids are in no certificate any more.
	const [version, serial, innerAlgorithm, issuer, validity, subject, key, extensions, ...others] = fields
	if (extensions === undefined || others.length > 0 || !isSame(wholeOf(der, version!), VERSION_3)) return 'malformed'
	if (issuer!.tag !== TAG.sequence || subject!.tag !== TAG.sequence) return 'malformed'
	const algorithms = [algorithm, innerAlgorithm!].map((each) => wholeOf(der, each))
	if (!algorithms.every((each) => isSame(each, ECDSA_SHA256))) return 'unsupported_algorithm'
	const signature = signatureOf(der, bits)
	const serialNumber = positiveInteger(der, serial)
	const dates = datesOf(der, validity!)
	if (signature === undefined || serialNumber === undefined || dates === undefined) return 'malformed'
	const publicKey = publicKeyOf(der, key!)
	if (typeof publicKey === 'string') return publicKey
	const read = readExtensions(der, extensions)
	if (typeof read === 'string') return read
	return {
		...read,
		...dates,
		publicKey,
		signature,
		signed: wholeOf(der, tbs!).slice(),
		serialNumber: withoutZeros(serialNumber),
	}
}

const withoutZeros = (serialNumber: Uint8Array): string => hexOf(serialNumber).replace(/^0+/, '')

function datesOf(der: Uint8Array, validity: DerValue): Pick<Certificate, 'notBefore' | 'notAfter'> | undefined {
	const [from, to, ...more] = childrenOfTag(der, validity, TAG.sequence) ?? []
	const notBefore = timeOf(der, from)
	const notAfter = timeOf(der, to)
	return notBefore === undefined || notAfter === undefined || more.length > 0 ? undefined : { notBefore, notAfter }
}

/** SubjectPublicKeyInfo: an uncompressed point. Whether it lies on the curve does not matter here: nothing is verified with it. */
function publicKeyOf(
	der: Uint8Array,
	info: DerValue,
): Certificate['publicKey'] | 'malformed' | 'unsupported_algorithm' {
	const [algorithm, bits, ...more] = childrenOfTag(der, info, TAG.sequence) ?? []
	const point = wholeBits(der, bits)
	if (algorithm === undefined || point === undefined || more.length > 0) return 'malformed'
	if (!isSame(wholeOf(der, algorithm), P256_KEY)) return 'unsupported_algorithm'
	if (point.length !== 1 + 2 * SCALAR_BYTES || point[0] !== 4) return 'malformed'
	return { x: toBase64Url(point.subarray(1, 1 + SCALAR_BYTES)), y: toBase64Url(point.subarray(1 + SCALAR_BYTES)) }
}

/** ECDSA-Sig-Value (RFC 3279 §2.2.3), a SEQUENCE of r and s, in the form that WebCrypto wants. */
function signatureOf(der: Uint8Array, bits: DerValue): Uint8Array<ArrayBuffer> | undefined {
	const inner = wholeBits(der, bits)
	const outer = inner && readDer(inner, 0, inner.length)
	if (inner === undefined || outer?.tag !== TAG.sequence || outer.to !== inner.length) return undefined
	const numbers = childrenOf(inner, outer)?.map((value) => positiveInteger(inner, value))
	const signature = new Uint8Array(2 * SCALAR_BYTES)
	if (numbers?.length !== 2) return undefined
	for (const [i, number] of numbers.entries()) {
		if (number === undefined || number.length > SCALAR_BYTES) return undefined
		signature.set(number, (i + 1) * SCALAR_BYTES - number.length)
	}
	return signature
}
