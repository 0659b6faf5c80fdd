/** Names of keys: what a certificate calls the key that signed it. */

const ID_BYTES = 20

/** Subject key identifier of a P-256 key, lower-case hex: the first 160 bits of the SHA-256 of its point (RFC 7093 §2, method 1). */
export async function authorityKeyId(publicKey: CryptoKey): Promise<string> {
	const { subtle } = crypto
	const point = (await subtle.exportKey('raw', publicKey)) as ArrayBuffer
	const digest = new Uint8Array(await subtle.digest('SHA-256', point))
	return Array.from(digest.subarray(0, ID_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
