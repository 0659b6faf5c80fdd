/** A writer of DER (ITU-T X.690): as much of it as a certificate revocation list takes. */

export const TAG = { integer: 0x02, bitString: 0x03, octetString: 0x04, enumerated: 0x0a, sequence: 0x30 } as const

const UTC_TIME = 0x17
const GENERALIZED_TIME = 0x18

/** One value, its content in pieces. */
export function der(tag: number, content: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
	const length = content.reduce((sum, piece) => sum + piece.length, 0)
	const header = [tag, ...lengthOf(length)]
	const bytes = new Uint8Array(header.length + length)
	bytes.set(header)
	let at = header.length
	for (const piece of content) {
		bytes.set(piece, at)
		at += piece.length
	}
	return bytes
}

function lengthOf(length: number): number[] {
	if (length < 0x80) return [length]
	const bytes: number[] = []
	for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
	return [0x80 + bytes.length, ...bytes]
}

/** A positive number, its bytes with the most significant one first, with or without leading zeros. */
export function integer(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
	const first = bytes.findIndex((byte) => byte !== 0)
	const digits = bytes.subarray(first === -1 ? bytes.length : first)
	// A first bit would make it negative.
	const sign = digits.length === 0 || digits[0]! >= 0x80 ? [0] : []
	return der(TAG.integer, [Uint8Array.from(sign), digits])
}

/** `hex`: digits of any number, of either case. */
export function bytesOfHex(hex: string): Uint8Array<ArrayBuffer> {
	const even = hex.padStart(hex.length + (hex.length % 2), '0')
	return Uint8Array.from({ length: even.length / 2 }, (_, i) => Number.parseInt(even.slice(2 * i, 2 * i + 2), 16))
}

/** ms since the epoch, in whole seconds, rounded down: two digits of the year until 2049, four after (RFC 5280 §5.1.2.4). */
export function time(ms: number): Uint8Array<ArrayBuffer> {
	const text = `${new Date(ms).toISOString().replace(/\D/g, '').slice(0, 14)}Z`
	const isLate = new Date(ms).getUTCFullYear() >= 2050
	return der(isLate ? GENERALIZED_TIME : UTC_TIME, [new TextEncoder().encode(isLate ? text : text.slice(2))])
}
