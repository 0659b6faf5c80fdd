/** A reader of DER (ITU-T X.690) that never looks beyond its bounds and knows one encoding for each value. */

/** Where a value lies in the bytes that it was read from. */
export interface DerValue {
	readonly tag: number
	/** Of its tag. */
	readonly start: number
	/** Of its content. */
	readonly from: number
	/** After its last byte. */
	readonly to: number
}

export const TAG = {
	boolean: 0x01,
	integer: 0x02,
	bitString: 0x03,
	octetString: 0x04,
	oid: 0x06,
	utcTime: 0x17,
	generalizedTime: 0x18,
	sequence: 0x30,
} as const

/** More than any certificate that fits the platform's 10 KB needs. */
const MAX_CHILDREN = 64

/** The value at `at`, which must end at or before `limit`. Tags above 30, indefinite and long-winded lengths are refused. */
export function readDer(bytes: Uint8Array, at: number, limit: number): DerValue | undefined {
	if (limit > bytes.length || at + 2 > limit) return undefined
	const tag = bytes[at]!
	if ((tag & 0x1f) === 0x1f) return undefined
	const first = bytes[at + 1]!
	const lengthBytes = first < 0x80 ? 0 : first & 0x7f
	const from = at + 2 + lengthBytes
	if (first === 0x80 || lengthBytes > 3 || from > limit) return undefined
	let length = first
	if (lengthBytes > 0) {
		length = 0
		for (let i = at + 2; i < from; i++) length = length * 256 + bytes[i]!
		if (length < 0x80 || bytes[at + 2] === 0) return undefined
	}
	const to = from + length
	return to > limit ? undefined : { tag, start: at, from, to }
}

/** The values that a constructed one is made of, to its last byte. */
export function childrenOf(bytes: Uint8Array, parent: DerValue | undefined): DerValue[] | undefined {
	if (parent === undefined) return undefined
	const children: DerValue[] = []
	for (let at = parent.from; at < parent.to; ) {
		const child = readDer(bytes, at, parent.to)
		if (child === undefined || children.length >= MAX_CHILDREN) return undefined
		children.push(child)
		at = child.to
	}
	return children
}

/** As `childrenOf`, if the value is there and has this tag. */
export const childrenOfTag = (bytes: Uint8Array, parent: DerValue | undefined, tag: number): DerValue[] | undefined =>
	parent?.tag === tag ? childrenOf(bytes, parent) : undefined

export const contentOf = (bytes: Uint8Array, { from, to }: DerValue): Uint8Array => bytes.subarray(from, to)

/** With tag and length. */
export const wholeOf = (bytes: Uint8Array, { start, to }: DerValue): Uint8Array => bytes.subarray(start, to)

export const isSame = (one: Uint8Array, other: Uint8Array): boolean =>
	one.length === other.length && one.every((byte, i) => byte === other[i])

export const hexOf = (bytes: Uint8Array): string =>
	Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

/** The content of a positive INTEGER without the 0 before a first bit that is set; undefined: none, zero, negative or long-winded. */
export function positiveInteger(bytes: Uint8Array, value: DerValue | undefined): Uint8Array | undefined {
	if (value?.tag !== TAG.integer) return undefined
	const content = contentOf(bytes, value)
	const [first, second] = content
	if (first === undefined || first >= 0x80) return undefined
	if (first > 0) return content
	return second !== undefined && second >= 0x80 ? content.subarray(1) : undefined
}

/** The bytes of a BIT STRING whose bits fill them. */
export function wholeBits(bytes: Uint8Array, value: DerValue | undefined): Uint8Array | undefined {
	if (value?.tag !== TAG.bitString || value.from === value.to || bytes[value.from] !== 0) return undefined
	return bytes.subarray(value.from + 1, value.to)
}

/** ms since the epoch of a UTCTime or GeneralizedTime in the form of RFC 5280 §4.1.2.5: in UTC, with seconds, without fractions. */
export function timeOf(bytes: Uint8Array, value: DerValue | undefined): number | undefined {
	if (value === undefined || (value.tag !== TAG.utcTime && value.tag !== TAG.generalizedTime)) return undefined
	const isShort = value.tag === TAG.utcTime
	const text = String.fromCharCode(...contentOf(bytes, value).subarray(0, 16))
	const match = (isShort ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/ : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/).exec(
		text,
	)
	if (match === null || value.to - value.from !== text.length) return undefined
	const [year, month, day, hour, minute, second] = match.slice(1).map(Number) as [
		number,
		number,
		number,
		number,
		number,
		number,
	]
	const fullYear = isShort ? year + (year < 50 ? 2000 : 1900) : year
	const time = Date.UTC(fullYear, month - 1, day, hour, minute, second)
	// Date.UTC takes the 31st of February for the 3rd of March.
	const written = [fullYear, month, day].map((part, i) => String(part).padStart(i === 0 ? 4 : 2, '0')).join('-')
	return hour < 24 && minute < 60 && second < 60 && new Date(time).toISOString().startsWith(written) ? time : undefined
}
