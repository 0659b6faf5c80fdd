/** A count that is right while everybody gives back, and right again when somebody never does. */
import { describe, expect, it } from 'vitest'
import { createLeasedCount, expire, giveBack, type Lease, take } from '../../../src/resilience/leasedCount.ts'
import { seeded } from '../../random.ts'

const START = 1_700_000_000_000
const LEASE_MS = 7_000

describe('a leased count', () => {
	it('counts what was taken and not given back', () => {
		const leased = createLeasedCount(LEASE_MS)
		const leases = [0, 10, 3_000].map((after) => take(leased, START + after))
		expect(leased.count).toBe(3)
		for (const lease of leases) giveBack(leased, lease, START + 5_000)
		expect(leased.count).toBe(0)
	})

	it('keeps what is not given back for its lease, and no longer than a seventh more', () => {
		for (let offset = 0; offset < 2_000; offset += 7) {
			const leased = createLeasedCount(LEASE_MS)
			take(leased, START + offset)
			expire(leased, START + offset + LEASE_MS - 1)
			expect(leased.count, `taken at ${offset}`).toBe(1)
			expire(leased, START + offset + (LEASE_MS * 8) / 7)
			expect(leased.count, `taken at ${offset}`).toBe(0)
		}
	})

	it('takes nothing from others when one comes back after its lease was over', () => {
		const leased = createLeasedCount(LEASE_MS)
		const late = take(leased, START)
		// A whole round of the ring later, in the same slot.
		take(leased, START + 8_000)
		giveBack(leased, late, START + 8_000)
		expect(leased.count).toBe(1)
	})

	it('holds through clocks that are set back', () => {
		const leased = createLeasedCount(LEASE_MS)
		take(leased, START)
		const lease = take(leased, START - 60_000)
		giveBack(leased, lease, START - 59_000)
		expect(leased.count).toBe(1)
		expire(leased, START + 8_000)
		expect(leased.count).toBe(0)
	})

	it('equals a list of leases, whatever happens in which order', () => {
		for (let seed = 1; seed <= 300; seed++) {
			const random = seeded(seed)
			const leased = createLeasedCount(LEASE_MS)
			let held: Lease[] = []
			let now = START
			for (let step = 0; step < 300; step++) {
				now += Math.floor(random() ** 4 * 9_000)
				const newest = Math.floor(now / 1_000)
				held = held.filter((lease) => lease > newest - 8)
				if (random() < 0.55) held.push(take(leased, now))
				else if (held.length > 0) giveBack(leased, held.splice(Math.floor(random() * held.length), 1)[0]!, now)
				else expire(leased, now)
				expect(leased.count, `seed ${seed}, step ${step}`).toBe(held.length)
			}
		}
	})
})
