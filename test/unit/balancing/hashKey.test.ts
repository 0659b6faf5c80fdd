/** The hash of keys: that it is MurmurHash3, that all texts have one, and that it spreads. */
import { describe, expect, it } from 'vitest'
import { hashKey, murmur3 } from '../../../src/balancing/hashKey.ts'
import { seeded } from '../../random.ts'

/** The first 53 bits of the words that the bytes hash to. */
function fromBytes(bytes: Uint8Array, seed = 0): number {
	const out = new Uint32Array(4)
	murmur3(bytes, bytes.length, seed, out)
	return Number((BigInt(out[0]!) << 21n) | (BigInt(out[1]!) >> 11n))
}

describe('murmur3', () => {
	it('has the verification value that SMHasher publishes for MurmurHash3_x86_128', () => {
		// Hashes of 0, 1 … 255 bytes, each with another seed, hashed together.
		const out = new Uint32Array(4)
		const key = Uint8Array.from({ length: 256 }, (_, i) => i)
		const all = new DataView(new ArrayBuffer(256 * 16))
		for (let length = 0; length < 256; length++) {
			murmur3(key, length, 256 - length, out)
			out.forEach((word, i) => {
				all.setUint32(16 * length + 4 * i, word, true)
			})
		}
		murmur3(new Uint8Array(all.buffer), all.byteLength, 0, out)
		expect(out[0]).toBe(0xb3ece62a)
	})
})

describe('the hash of a key', () => {
	it.each(['', 'a', 'user-1', 'é', '€uro', '😀', 'x'.repeat(256), 'x'.repeat(257), 'é'.repeat(300), '\uD800'])(
		'of %j is that of its UTF-8',
		(text) => {
			expect(hashKey(text)).toBe(fromBytes(new TextEncoder().encode(text)))
			expect(hashKey(text, 7)).toBe(fromBytes(new TextEncoder().encode(text), 7))
		},
	)

	it('does not depend on what was hashed before', () => {
		const before = hashKey('short')
		hashKey('something that is longer than the one before')
		expect(hashKey('short')).toBe(before)
	})

	it('is a whole number of 53 bits, and of 100,000 similar keys no two have the same', () => {
		const seen = new Set<number>()
		for (let i = 0; i < 100_000; i++) {
			const hash = hashKey(`user-${i}`)
			if (!Number.isSafeInteger(hash) || hash < 0) expect.fail(`${i}: ${hash}`)
			seen.add(hash)
		}
		expect(seen.size).toBe(100_000)
	})

	it('spreads similar keys evenly, by its high digits and by its remainder', () => {
		for (const bucketOf of [(hash: number) => Math.floor(hash / 2 ** 45), (hash: number) => hash % 257]) {
			const counts = new Array<number>(257).fill(0)
			for (let i = 0; i < 256_000; i++) counts[bucketOf(hashKey(`https://10.0.0.${i}:8080`))]!++
			// Five standard deviations around 1,000.
			for (const count of counts.filter((each) => each > 0)) expect(Math.abs(count - 1_000)).toBeLessThan(160)
			expect(counts.filter((count) => count > 0).length).toBeGreaterThanOrEqual(256)
		}
	})

	it('of a key with one character changed has half of its bits changed', () => {
		const random = seeded(1)
		let changed = 0
		for (let i = 0; i < 2_000; i++) {
			const key = `session-${Math.floor(random() * 1e9)}`
			const at = Math.floor(random() * key.length)
			const other = key.slice(0, at) + String.fromCharCode(key.charCodeAt(at) ^ 1) + key.slice(at + 1)
			changed += (BigInt(hashKey(key)) ^ BigInt(hashKey(other))).toString(2).replaceAll('0', '').length
		}
		expect(Math.abs(changed / 2_000 - 26.5)).toBeLessThan(0.5)
	})
})
