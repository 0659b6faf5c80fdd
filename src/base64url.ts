/** Base64url (RFC 4648 §5) without padding, as JOSE writes bytes: one spelling for each sequence of bytes. */

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const VALUES = new Int8Array(128).fill(-1)
for (let value = 0; value < 64; value++) VALUES[LETTERS.charCodeAt(value)] = value

const encoder = new TextEncoder()

export function toBase64Url(bytes: Uint8Array): string {
	let text = ''
	let pending = 0
	let bits = 0
	for (const byte of bytes) {
		pending = ((pending << 8) | byte) & 0xffff
		for (bits += 8; bits >= 6; ) {
			bits -= 6
			text += LETTERS[(pending >> bits) & 63]
		}
	}
	return bits === 0 ? text : text + LETTERS[(pending << (6 - bits)) & 63]
}

/** Undefined for anything but the one spelling: padding, other letters, a lone last letter, or bits left over that are not 0. */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
	if (text.length % 4 === 1) return undefined
	const bytes = new Uint8Array((text.length * 3) >> 2)
	let pending = 0
	let bits = 0
	let at = 0
	for (let i = 0; i < text.length; i++) {
		const value = VALUES[text.charCodeAt(i)] ?? -1
		if (value < 0) return undefined
		pending = ((pending << 6) | value) & 0xffff
		bits += 6
		if (bits < 8) continue
		bits -= 8
		bytes[at++] = (pending >> bits) & 255
	}
	return (pending & ((1 << bits) - 1)) === 0 ? bytes : undefined
}

/** Base64url of the SHA-256 of a text: `wth`, `ath`, `tth` and `oth` of a WPT (draft-ietf-wimse-wpt-02 §2, RFC 9449 §4.1). */
export async function hashOf(text: string): Promise<string> {
	return toBase64Url(new Uint8Array(await crypto.subtle.digest('SHA-256', encoder.encode(text))))
}
