/**
 * A Bloom filter: says of a name "certainly not there" or "probably there" in a few bits per name.
 *
 * Isolates hold one of all virtual host patterns, so that a flood of made-up hosts is refused without asking anybody.
 * B. Bloom, "Space/Time Trade-offs in Hash Coding with Allowable Errors" (1970); double hashing after Kirsch and
 * Mitzenmacher, "Less Hashing, Same Performance" (2006).
 */
export interface BloomFilter {
	readonly bits: Uint8Array
	readonly hashes: number
}

/** 16 bits and 8 hashes per name: fewer than 1 in 1,000 false positives at the expected size. */
const BITS_PER_NAME = 16
const HASHES = 8
/** In smaller filters the bits of one name meet each other too often for that. */
const MIN_BYTES = 1_024

/** An empty filter for about `names` names. */
export function createFilter(names: number): BloomFilter {
	return { bits: new Uint8Array(Math.max(MIN_BYTES, Math.ceil((names * BITS_PER_NAME) / 8))), hashes: HASHES }
}

export function addToFilter(filter: BloomFilter, name: string): void {
	const { bits } = filter
	const [first, second] = hash(name)
	for (let i = 0; i < filter.hashes; i++) {
		const bit = (first + i * second) % (bits.length * 8)
		bits[bit >>> 3]! |= 1 << (bit & 7)
	}
}

/** False only when the name was never added. */
export function mayContain(filter: BloomFilter, name: string): boolean {
	const { bits } = filter
	const [first, second] = hash(name)
	for (let i = 0; i < filter.hashes; i++) {
		const bit = (first + i * second) % (bits.length * 8)
		if ((bits[bit >>> 3]! & (1 << (bit & 7))) === 0) return false
	}
	return true
}

/** Two independent 32-bit hashes: FNV-1a, and the same text through MurmurHash3's finalizer with another seed. */
function hash(text: string): [number, number] {
	let a = 0x811c9dc5
	let b = 0x9747b28c
	for (let i = 0; i < text.length; i++) {
		const code = text.charCodeAt(i)
		a = Math.imul(a ^ code, 0x01000193)
		b = Math.imul(b ^ code, 0x5bd1e995)
		b ^= b >>> 15
	}
	return [mix(a), (mix(b) | 1) >>> 0]
}

function mix(value: number): number {
	let h = value
	h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
	h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
	return (h ^ (h >>> 16)) >>> 0
}
