/** What ring hash and Maglev both promise, whatever the endpoints. */
import { describe, expect, it } from 'vitest'
import type { ChooseByHash, HashedEndpoint } from '../../../src/balancing/consistentHash.ts'
import { hashKey } from '../../../src/balancing/hashKey.ts'
import { maglev } from '../../../src/balancing/maglev.ts'
import { ringHash } from '../../../src/balancing/ringHash.ts'
import { seeded } from '../../random.ts'

const make: readonly [string, (endpoints: readonly HashedEndpoint[]) => ChooseByHash][] = [
	['ring hash', (endpoints) => ringHash(endpoints, { minimum: 1_024, maximum: 65_536 })],
	['Maglev', (endpoints) => maglev(endpoints, 1_021)],
]
const keys = Array.from({ length: 500 }, (_, i) => hashKey(`key-${i}`))
const endpoints = (ids: readonly string[], weight = 1) => ids.map((id) => ({ id, weight }))
const named = (count: number) => Array.from({ length: count }, (_, i) => `endpoint-${i}`)

describe.each(make)('%s', (_, create) => {
	it('knows nobody among none, and sends every key to the only one', () => {
		expect(create([])(keys[0]!)).toBeUndefined()
		const only = create(endpoints(['one']))
		for (const key of keys) expect(only(key)).toBe(0)
		expect(only(keys[0]!, () => true)).toBeUndefined()
	})

	it('makes the same choices whatever the order of the list', () => {
		for (let seed = 1; seed <= 20; seed++) {
			const random = seeded(seed)
			const list = named(1 + Math.floor(random() * 30)).map((id) => ({ id, weight: 1 + Math.floor(random() * 5) }))
			const shuffled = [...list].sort(() => random() - 0.5)
			const [one, other] = [create(list), create(shuffled)]
			for (const key of keys) expect(shuffled[other(key)!]!.id, `seed ${seed}`).toBe(list[one(key)!]!.id)
		}
	})

	it('never chooses one that is to be avoided, leaves keys of others where they are, and has none when all are', () => {
		for (let seed = 1; seed <= 50; seed++) {
			const random = seeded(seed)
			const list = endpoints(named(2 + Math.floor(random() * 40)))
			const choose = create(list)
			const avoided = list.map(() => random() < 0.95)
			const avoid = (index: number) => avoided[index]!
			for (const key of keys) {
				const home = choose(key)!
				const chosen = choose(key, avoid)
				if (avoided.every(Boolean)) expect(chosen, `seed ${seed}`).toBeUndefined()
				else if (avoided[home]) expect(avoided[chosen!], `seed ${seed}`).toBe(false)
				else expect(chosen, `seed ${seed}`).toBe(home)
				expect(choose(key, avoid), `seed ${seed}`).toBe(chosen)
			}
		}
	})

	it('spreads the keys of one that is to be avoided over all others', () => {
		const choose = create(endpoints(named(5)))
		const many = Array.from({ length: 20_000 }, (_, i) => hashKey(`another-${i}`)).filter((key) => choose(key) === 2)
		const counts = [0, 0, 0, 0, 0]
		for (const key of many) counts[choose(key, (index) => index === 2)!]!++
		expect(counts[2]).toBe(0)
		for (const [i, count] of counts.entries()) if (i !== 2) expect(count / many.length).toBeGreaterThan(0.15)
	})

	it('finds the only one left among 2,000, for every key', () => {
		const choose = create(endpoints(named(2_000)))
		for (const key of keys.slice(0, 50)) expect(choose(key, (index) => index !== 1_234)).toBe(1_234)
	})
})
