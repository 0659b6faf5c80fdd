/**
 * The hash of keys and endpoints that consistent hashing goes by: MurmurHash3_x86_128 (A. Appleby, public domain), of which the first 53
 * bits are kept: as many as a number holds.
 *
 * It is fast and spreads well; it is not secret. Whoever chooses the keys can choose their endpoint, as they could by repeating a
 * request. Checked against SMHasher's verification value.
 */

const encoder = new TextEncoder()
/** Most keys are short and ASCII: their bytes are put here, so that hashing allocates nothing. */
const short = new Uint8Array(256)
const words = new Uint32Array(4)

/** Of a text's UTF-8, uniform in 0 ≤ hash < 2^53, the same in every isolate. Takes time in proportion to the text's length. */
export function hashKey(text: string, seed = 0): number {
	const length = asciiInto(short, text)
	if (length >= 0) murmur3(short, length, seed, words)
	else {
		const bytes = encoder.encode(text)
		murmur3(bytes, bytes.length, seed, words)
	}
	return words[0]! * 2 ** 21 + (words[1]! >>> 11)
}

/** The number of bytes written, or −1 when the text is too long or not ASCII. */
function asciiInto(bytes: Uint8Array, text: string): number {
	if (text.length > bytes.length) return -1
	for (let i = 0; i < text.length; i++) {
		const code = text.charCodeAt(i)
		if (code > 0x7f) return -1
		bytes[i] = code
	}
	return text.length
}

const C1 = 0x239b961b
const C2 = 0xab0e9789
const C3 = 0x38b34ae5
const C4 = 0xa1e38b93

/** The 128 bits of the first `length` bytes, as four words into `out`. */
export function murmur3(bytes: Uint8Array, length: number, seed: number, out: Uint32Array): void {
	let h1 = seed
	let h2 = seed
	let h3 = seed
	let h4 = seed
	const tail = length & ~15
	for (let i = 0; i < tail; i += 16) {
		h1 ^= scramble(wordAt(bytes, i), C1, 15, C2)
		h1 = (Math.imul(rotate(h1, 19) + h2, 5) + 0x561ccd1b) | 0
		h2 ^= scramble(wordAt(bytes, i + 4), C2, 16, C3)
		h2 = (Math.imul(rotate(h2, 17) + h3, 5) + 0x0bcaa747) | 0
		h3 ^= scramble(wordAt(bytes, i + 8), C3, 17, C4)
		h3 = (Math.imul(rotate(h3, 15) + h4, 5) + 0x96cd1c35) | 0
		h4 ^= scramble(wordAt(bytes, i + 12), C4, 18, C1)
		h4 = (Math.imul(rotate(h4, 13) + h1, 5) + 0x32ac3b17) | 0
	}
	// What is left is padded with zeros: a word of them scrambles to zero, and changes nothing.
	h1 ^= scramble(wordBefore(bytes, tail, length), C1, 15, C2) ^ length
	h2 ^= scramble(wordBefore(bytes, tail + 4, length), C2, 16, C3) ^ length
	h3 ^= scramble(wordBefore(bytes, tail + 8, length), C3, 17, C4) ^ length
	h4 ^= scramble(wordBefore(bytes, tail + 12, length), C4, 18, C1) ^ length
	finish(h1, h2, h3, h4, out)
}

function finish(h1: number, h2: number, h3: number, h4: number, out: Uint32Array): void {
	const sum = h1 + h2 + h3 + h4
	const first = mixBits(sum | 0)
	const second = mixBits((h2 + sum) | 0)
	const third = mixBits((h3 + sum) | 0)
	const fourth = mixBits((h4 + sum) | 0)
	const all = first + second + third + fourth
	out[0] = all
	out[1] = second + all
	out[2] = third + all
	out[3] = fourth + all
}

/** Each bit of a word changes each bit of the result with probability ½ (MurmurHash3's finalizer). One-to-one; signed. */
export function mixBits(word: number): number {
	let h = word ^ (word >>> 16)
	h = Math.imul(h, 0x85ebca6b)
	h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
	return h ^ (h >>> 16)
}

const rotate = (word: number, bits: number): number => (word << bits) | (word >>> (32 - bits))
const scramble = (word: number, by: number, bits: number, then: number): number =>
	Math.imul(rotate(Math.imul(word, by), bits), then)

/** Little-endian, whatever the machine's order is. */
const wordAt = (bytes: Uint8Array, at: number): number =>
	bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)

/** What there is of the word at `at` before the end. */
function wordBefore(bytes: Uint8Array, at: number, end: number): number {
	let word = 0
	for (let i = Math.min(end, at + 4) - 1; i >= at; i--) word = (word << 8) | bytes[i]!
	return word
}
