/** Each proof counts once, memory is bounded, and nobody's proofs push out those of others. */
import { describe, expect, it } from 'vitest'
import { createSeen, firstTime } from '../../../src/identity/replay.ts'
import { seeded } from '../../random.ts'
import { NOW } from './world.ts'

const SEED = 9449
const MINUTE = 60_000
const id = (n: number) => `jti-${String(n).padStart(18, '0')}`

describe('a proof', () => {
	it('is first once, and then again until it expires', () => {
		const seen = createSeen()
		expect(firstTime(seen, 'a', 'x', NOW + MINUTE, NOW)).toBe('first')
		for (const later of [0, 1, 29_999, 30_000, 59_999])
			expect(firstTime(seen, 'a', 'x', NOW + MINUTE, NOW + later)).toBe('again')
	})

	it('is again under another expiry while the first one counts', () => {
		const seen = createSeen()
		firstTime(seen, 'a', 'x', NOW + 5 * MINUTE, NOW)
		for (const expiresAt of [NOW + 1, NOW + MINUTE, NOW + 5 * MINUTE + 5_000])
			expect(firstTime(seen, 'a', 'x', expiresAt, NOW)).toBe('again')
	})

	it('that has expired is never first', () => {
		const seen = createSeen()
		expect(firstTime(seen, 'a', 'x', NOW, NOW)).toBe('again')
		expect(firstTime(seen, 'a', 'y', NOW - 1, NOW)).toBe('again')
	})

	it('of one subject says nothing of another’s', () => {
		const seen = createSeen()
		expect(firstTime(seen, 'a', 'x', NOW + MINUTE, NOW)).toBe('first')
		expect(firstTime(seen, 'b', 'x', NOW + MINUTE, NOW)).toBe('first')
		expect(firstTime(seen, 'ax', '', NOW + MINUTE, NOW)).toBe('first')
	})

	it('that lives for longer than any may cannot be remembered', () => {
		expect(firstTime(createSeen(), 'a', 'x', NOW + 16 * MINUTE, NOW)).toBe('full')
	})

	it(`is first exactly when a memory without bounds says so (seed ${SEED})`, () => {
		const random = seeded(SEED)
		const seen = createSeen()
		const all = new Map<string, number>()
		let now = NOW
		let again = 0
		for (let i = 0; i < 20_000; i++) {
			now += Math.floor(random() * 200)
			const [subject, jti] = [`s${Math.floor(random() * 5)}`, id(Math.floor(random() * 400))]
			const expiresAt = now + 1 + Math.floor(random() * 5 * MINUTE)
			const key = `${subject} ${jti}`
			const answer = firstTime(seen, subject, jti, expiresAt, now)
			const known = all.get(key) ?? 0
			// Forgotten by the bucket: up to 30 s after it expired it may still be known, never before.
			if (known > now) expect(answer).toBe('again')
			else if (known <= now - 30_000) expect(answer).toBe('first')
			if (answer === 'first') all.set(key, expiresAt)
			else again++
		}
		expect(again).toBeGreaterThan(5_000)
	})
})

describe('the memory', () => {
	const flood = (seen: ReturnType<typeof createSeen>, subject: string, now = NOW, most = 100_000) => {
		for (let n = 0; n < most; n++) if (firstTime(seen, subject, id(n), now + 5 * MINUTE, now) === 'full') return n
		return most
	}

	it('is bounded, whoever fills it', () => {
		const seen = createSeen(100_000)
		for (let n = 0; n < 200; n++) flood(seen, `subject-${n}`)
		expect(seen.bytes).toBeLessThanOrEqual(100_000)
		const held = [...seen.buckets.values()].flatMap((subjects) => [...subjects.values()])
		const characters = held.flatMap(({ ids }) => [...ids]).reduce((sum, { length }) => sum + length, 0)
		expect(characters).toBeLessThan(100_000)
		expect(held.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(seen.bytes)
	})

	it('gives one subject half of it, and leaves the rest to others', () => {
		const seen = createSeen(1_000_000)
		const first = flood(seen, 'greedy')
		expect(seen.bytes).toBeGreaterThan(490_000)
		expect(seen.bytes).toBeLessThan(500_100)
		expect(flood(seen, 'second')).toBeGreaterThan(first * 0.45)
		expect(firstTime(seen, 'modest', id(1), NOW + MINUTE, NOW)).toBe('first')
	})

	it('still knows every proof that it took when it is full', () => {
		const seen = createSeen(20_000)
		const taken = flood(seen, 'a')
		for (let n = 0; n < taken; n++) expect(firstTime(seen, 'a', id(n), NOW + 5 * MINUTE, NOW)).toBe('again')
		expect(firstTime(seen, 'a', id(taken), NOW + 5 * MINUTE, NOW)).toBe('full')
	})

	it('is free again when what it holds has expired', () => {
		const seen = createSeen(20_000)
		const taken = flood(seen, 'a')
		const later = NOW + 6 * MINUTE
		expect(flood(seen, 'a', later)).toBe(taken)
		expect(firstTime(seen, 'b', id(1), later + 20 * MINUTE, later + 10 * MINUTE)).toBe('first')
		expect(seen.buckets.size).toBe(1)
	})

	it('holds 90,000 proofs of one caller by default', () => {
		expect(flood(createSeen(), 'busy')).toBeGreaterThan(90_000)
	})
})
