/** The extensions of an X.509 certificate (RFC 5280 §4.2.1) that say what it stands for and what for it may be used. */
import { childrenOf, childrenOfTag, contentOf, type DerValue, hexOf, TAG } from './der.ts'

export interface Extensions {
	/** Subject alternative names that are URIs. */
	readonly uris: readonly string[]
	/** Which key of the issuer signed it: lower-case hex. */
	readonly authorityKeyId?: string
	/** basicConstraints: it may sign certificates. */
	readonly isAuthority: boolean
	/** Absent: not said, or not as critical. */
	readonly keyUsage?: { readonly digitalSignature: boolean; readonly signsOthers: boolean }
	/** Object identifiers, hex of their content; absent: for any purpose. */
	readonly purposes?: readonly string[]
}

/** As `purposes` has them. */
export const CLIENT_AUTH = '2b06010505070302'

/** By the hex of the content of the object identifier: 2.5.29.n. */
const NAMES: Readonly<Record<string, keyof typeof readers>> = {
	'551d0f': 'keyUsage',
	'551d11': 'subjectAltName',
	'551d13': 'basicConstraints',
	'551d23': 'authorityKeyIdentifier',
	'551d25': 'extendedKeyUsage',
}
const MAX_EXTENSIONS = 32

type Reader = (der: Uint8Array, value: DerValue, isCritical: boolean) => Partial<Extensions> | undefined

const readers = {
	keyUsage: (der, value, isCritical) => {
		const bits = value.tag === TAG.bitString ? contentOf(der, value) : []
		const [unused, first] = bits
		if (unused === undefined || unused > 7 || first === undefined || bits.length > 3) return undefined
		// From the first bit on: digitalSignature … 5: keyCertSign, 6: cRLSign.
		const keyUsage = { digitalSignature: (first & 0x80) !== 0, signsOthers: (first & 0x06) !== 0 }
		return isCritical ? { keyUsage } : {}
	},
	subjectAltName: (der, value) => {
		const names = childrenOfTag(der, value, TAG.sequence)
		const uris = names?.filter(({ tag }) => tag === 0x86).map((name) => asciiOf(contentOf(der, name)))
		return uris?.every((uri) => uri !== undefined) ? { uris } : undefined
	},
	basicConstraints: (der, value) => {
		const [isAuthority, ...more] = childrenOfTag(der, value, TAG.sequence) ?? [undefined, undefined]
		if (isAuthority === undefined && more.length > 0) return undefined
		// DER leaves out what is the default: FALSE. A path length without cA is an error, and no leaf.
		return { isAuthority: isAuthority !== undefined }
	},
	authorityKeyIdentifier: (der, value) => {
		const keyId = childrenOfTag(der, value, TAG.sequence)?.find(({ tag }) => tag === 0x80)
		return keyId === undefined ? {} : { authorityKeyId: hexOf(contentOf(der, keyId)) }
	},
	extendedKeyUsage: (der, value) => {
		const purposes = childrenOfTag(der, value, TAG.sequence)
		if (!purposes?.every(({ tag }) => tag === TAG.oid)) return undefined
		return { purposes: purposes.map((purpose) => hexOf(contentOf(der, purpose))) }
	},
} satisfies Readonly<Record<string, Reader>>

/** `field`: the `[3]` of a TBSCertificate. An extension that comes twice, or is critical and not known here, is refused. */
export function readExtensions(der: Uint8Array, field: DerValue): Extensions | 'malformed' | 'unsupported_extension' {
	const [list, ...more] = childrenOfTag(der, field, 0xa3) ?? []
	const entries = childrenOfTag(der, list, TAG.sequence)
	if (entries === undefined || more.length > 0 || entries.length > MAX_EXTENSIONS) return 'malformed'
	let extensions: Extensions = { uris: [], isAuthority: false }
	const seen = new Set<string>()
	for (const entry of entries) {
		const extension = readExtension(der, entry)
		if (extension === undefined || seen.has(extension.oid)) return 'malformed'
		seen.add(extension.oid)
		const name = Object.hasOwn(NAMES, extension.oid) ? NAMES[extension.oid] : undefined
		if (name === undefined && extension.isCritical) return 'unsupported_extension'
		const read: Partial<Extensions> | undefined =
			name === undefined ? {} : (readers[name] as Reader)(der, extension.value, extension.isCritical)
		if (read === undefined) return 'malformed'
		extensions = { ...extensions, ...read }
	}
	return extensions
}

/** Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT FALSE, extnValue OCTET STRING }, whose content is one value. */
function readExtension(der: Uint8Array, entry: DerValue) {
	const fields = childrenOfTag(der, entry, TAG.sequence)
	const [oid, second, third] = fields ?? []
	if (oid?.tag !== TAG.oid || second === undefined || fields!.length > 3) return undefined
	const isCritical = third !== undefined
	// TRUE is 0xff in DER, and FALSE is left out.
	const isTrue = second.tag === TAG.boolean && second.to - second.from === 1 && der[second.from] === 0xff
	const octets = isCritical ? third : second
	if ((isCritical && !isTrue) || octets.tag !== TAG.octetString) return undefined
	const [value, ...more] = childrenOf(der, octets) ?? []
	return value === undefined || more.length > 0 ? undefined : { oid: hexOf(contentOf(der, oid)), isCritical, value }
}

/** IA5String. */
const asciiOf = (bytes: Uint8Array): string | undefined =>
	bytes.every((byte) => byte < 0x80) ? Array.from(bytes, (byte) => String.fromCharCode(byte)).join('') : undefined
