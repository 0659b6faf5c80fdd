/** Certification requests (PKCS #10, RFC 2986) for a P-256 key, as short as they may be: the mesh knows the name. */

const OID_ECDSA_WITH_SHA256 = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]
const TAG = { integer: 0x02, bitString: 0x03, sequence: 0x30, attributes: 0xa0 }

/** A DER value. */
function der(tag: number, ...contents: readonly (readonly number[])[]): number[] {
	const content = contents.flat()
	const { length } = content
	const prefix = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
	return [tag, ...prefix, ...content]
}

/** An unsigned number: without leading zeros, and with one where it would look negative. */
function unsigned(bytes: readonly number[]): number[] {
	const first = bytes.findIndex((byte) => byte !== 0)
	const digits = first < 0 ? [0] : bytes.slice(first)
	return der(TAG.integer, digits[0]! < 128 ? digits : [0, ...digits])
}

/** PEM. */
export async function createCsr({ privateKey, publicKey }: CryptoKeyPair): Promise<string> {
	const key = Array.from(new Uint8Array((await crypto.subtle.exportKey('spki', publicKey)) as ArrayBuffer))
	const info = der(TAG.sequence, der(TAG.integer, [0]), der(TAG.sequence), key, der(TAG.attributes))
	const ecdsa = { name: 'ECDSA', hash: 'SHA-256' }
	const signature = Array.from(new Uint8Array(await crypto.subtle.sign(ecdsa, privateKey, new Uint8Array(info))))
	// WebCrypto says both numbers one after the other (IEEE P1363), X.509 as a sequence.
	const numbers = der(TAG.sequence, unsigned(signature.slice(0, 32)), unsigned(signature.slice(32)))
	const request = der(TAG.sequence, info, der(TAG.sequence, OID_ECDSA_WITH_SHA256), der(TAG.bitString, [0], numbers))
	return pem('CERTIFICATE REQUEST', request)
}

export async function privateKeyPem(key: CryptoKey): Promise<string> {
	return pem('PRIVATE KEY', Array.from(new Uint8Array((await crypto.subtle.exportKey('pkcs8', key)) as ArrayBuffer)))
}

function pem(label: string, bytes: readonly number[]): string {
	const base64 = btoa(String.fromCharCode(...bytes))
	return `-----BEGIN ${label}-----\n${base64.replace(/.{1,64}/g, '$&\n')}-----END ${label}-----\n`
}
