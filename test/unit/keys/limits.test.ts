/** Limits: bursts pass, floods do not, and nobody makes the memory grow. */
import { describe, expect, it } from 'vitest'
import { admit, createLimits, DELEGATING, JOINING, mayTake, networkOf } from '../../../src/keys/limits.ts'
import { seeded } from '../../random.ts'

const SEED = 7

describe('a limit', () => {
	it('lets a burst pass, then one a second, and says how long to wait', () => {
		const limits = createLimits(JOINING, 0)
		for (let i = 0; i < 20; i++) expect(admit(limits, 'a', 0)).toBe(0)
		expect(admit(limits, 'a', 0)).toBe(1)
		expect(admit(limits, 'b', 0), 'others are not affected').toBe(0)
		expect(admit(limits, 'a', 999)).toBe(1)
		expect(admit(limits, 'a', 1_000)).toBe(0)
		expect(admit(limits, 'a', 1_000)).toBe(1)
	})

	it('holds for all together, however many they are', () => {
		const limits = createLimits(JOINING, 0)
		let admitted = 0
		for (let i = 0; i < 5_000; i++) if (admit(limits, `address ${i}`, i) === 0) admitted++
		expect(admitted).toBeGreaterThan(1_300)
		expect(admitted).toBeLessThanOrEqual(400 + 5 * 200)
	})

	it('remembers 10,000 at most, those that were seen last', () => {
		const limits = createLimits(JOINING, 0)
		for (let i = 0; i < 20; i++) admit(limits, 'busy', 0)
		for (let i = 0; i < 30_000; i++) {
			admit(limits, `address ${i}`, 0)
			if (i % 5_000 === 0) expect(admit(limits, 'busy', 0)).toBe(1)
		}
		expect(limits.buckets.size).toBe(10_000)
	})

	it(`never admits more than its rate, whenever one comes (seed ${SEED})`, () => {
		const random = seeded(SEED)
		const limits = createLimits(JOINING, 0)
		let now = 0
		let admitted = 0
		for (let i = 0; i < 10_000; i++) {
			// Clocks may go back.
			now += Math.floor((random() - 0.05) * 500)
			if (admit(limits, 'a', now) === 0) admitted++
		}
		expect(admitted).toBeLessThanOrEqual(20 + (now / 1000) * 1.2)
	})
})

describe('isolates of a region', () => {
	it('start together, ten thousand of them, and no region takes from another what that needs', () => {
		const limits = createLimits(DELEGATING, 0)
		for (let i = 0; i < 10_000; i++) expect(admit(limits, 'enam', i / 10)).toBe(0)
		for (let i = 0; i < 50_000; i++) admit(limits, 'enam', 1_000)
		for (let i = 0; i < 9_000; i++) expect(admit(limits, 'weur', 1_000)).toBe(0)
	})

	it('renew twice an hour beside one that asks without end, if they are at most a hundred thousand', () => {
		expect((100_000 * 2) / 3_600).toBeLessThan(DELEGATING.each.perSecond)
		const limits = createLimits(DELEGATING, 0)
		let admitted = 0
		for (let ms = 0; ms < 60_000; ms++) if (admit(limits, 'enam', ms) === 0) admitted++
		expect(admitted).toBeLessThanOrEqual(10_000 + 60 * 200)
	})
})

describe('a share', () => {
	it(`leaves something for who comes next, whoever takes as much as may be (seed ${SEED})`, () => {
		const random = seeded(SEED)
		for (let round = 0; round < 50; round++) {
			const capacity = 1_000 + Math.floor(random() * 1_000)
			const greedy = 1 + Math.floor(random() * 5)
			const held = Array<number>(greedy).fill(0)
			let total = 0
			for (let i = 0; i < 5 * capacity; i++) {
				const who = Math.floor(random() * greedy)
				const more = 1 + Math.floor(random() * 3)
				if (!mayTake(more, held[who]!, total, capacity)) continue
				held[who]! += more
				total += more
			}
			expect(total).toBeLessThanOrEqual(capacity * (1 - 2 ** -greedy) + 3 * greedy)
			expect(mayTake(1, 0, total, capacity)).toBe(true)
			if (greedy === 1) expect(Math.abs(total - capacity / 2)).toBeLessThanOrEqual(3)
		}
	})

	it('is of what is there, not more', () => {
		expect([mayTake(5, 0, 0, 10), mayTake(6, 5, 0, 10), mayTake(1, 0, 10, 10), mayTake(0, 0, 10, 10)]).toEqual([
			...[true, false, false, true],
		])
	})
})

describe('a network', () => {
	it.each([
		['192.0.2.7', '192.0.2.7'],
		['', ''],
		['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
		['2001:DB8:0001:2::', '2001:db8:1:2'],
		['2001:db8::1', '2001:db8:0:0'],
		['::1', '0:0:0:0'],
		['::ffff:192.0.2.7', '0:0:0:0'],
		['fe80::1:2:3:4:5:6:7:8:9', 'fe80:1:2:3'],
		[':::::', '0:0:0:0'],
	])('of %s is %s', (address, network) => {
		expect(networkOf(address)).toBe(network)
	})
})
