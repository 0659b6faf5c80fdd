/** Which tables are built again, and how many are kept. */
import { describe, expect, it } from 'vitest'
import { type HashBalancer, type HashTables, hashTable, MOST_TABLES } from '../../../src/balancing/hashTables.ts'
import type { HashKey } from '../../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../../random.ts'

const key: HashKey = { from: 'header', name: 'x-key' }
const maglev: HashBalancer = { type: 'Maglev', key, tableSize: 1_021 }
const ring: HashBalancer = { type: 'RingHash', key, minimumRingSize: 64, maximumRingSize: 1_024 }
const both = [
	['Maglev', maglev],
	['ring hash', ring],
] as const

const three = (changes: Readonly<Record<number, { readonly id?: string; readonly weight?: number }>> = {}) =>
	['a', 'b', 'c'].map((id, i) => ({ id, weight: 1, ...changes[i] }))

describe.each(both)('a table of %s', (_, balancer) => {
	it('is the same one for equal endpoints, be they other objects and the key another', () => {
		const tables: HashTables = new Map()
		const first = hashTable(tables, three(), balancer, 0)
		expect(hashTable(tables, three(), { ...balancer, key: { from: 'source' } }, 0)).toBe(first)
		expect(tables.size).toBe(1)
	})

	it.each([
		['an id', three({ 1: { id: 'x' } })],
		['a weight', three({ 1: { weight: 2 } })],
		['the last weight', three({ 2: { weight: 1.000001 } })],
		['the order', three().reverse()],
		['that one joined', [...three(), { id: 'd', weight: 1 }]],
		['that one left', three().slice(0, 2)],
		['that all left', []],
	])('is built again for %s, in the place of the old one', (_, endpoints) => {
		const tables: HashTables = new Map()
		const first = hashTable(tables, three(), balancer, 0)
		const second = hashTable(tables, endpoints, balancer, 0)
		expect(second).not.toBe(first)
		expect([...tables.values()].map(({ choose }) => choose)).toEqual([second])
		expect(hashTable(tables, three(), balancer, 0)).not.toBe(first)
	})

	it('is one of each level', () => {
		const tables: HashTables = new Map()
		const levels = [0, 1, 2].map((level) => hashTable(tables, three(), balancer, level))
		expect(new Set(levels).size).toBe(3)
		for (const [level, table] of levels.entries()) expect(hashTable(tables, three(), balancer, level)).toBe(table)
	})

	it('chooses as a new one would, after any changes', () => {
		for (let seed = 1; seed <= 30; seed++) {
			const random = seeded(seed)
			const tables: HashTables = new Map()
			let endpoints = three()
			for (let step = 0; step < 10; step++) {
				const at = Math.floor(random() * endpoints.length)
				const chance = random()
				if (chance < 0.3) endpoints = [...endpoints, { id: `e${step}`, weight: 1 + Math.floor(3 * random()) }]
				else if (chance < 0.5 && endpoints.length > 1) endpoints = endpoints.filter((_, i) => i !== at)
				else if (chance < 0.7) endpoints = endpoints.map((one, i) => (i === at ? { ...one, weight: 5 } : one))
				const kept = hashTable(tables, endpoints, balancer, 0)
				const fresh = hashTable(new Map(), endpoints, balancer, 0)
				for (let i = 0; i < 200; i++) {
					const hash = Math.floor(random() * 2 ** 53)
					expect(kept(hash), `seed ${seed}, step ${step}`).toBe(fresh(hash))
				}
			}
		}
	})
})

describe('tables', () => {
	it.each<[string, HashBalancer, HashBalancer]>([
		['table size', maglev, { ...maglev, tableSize: 2_039 }],
		['least ring size', ring, { ...ring, minimumRingSize: 65 }],
		['greatest ring size', ring, { ...ring, maximumRingSize: 1_025 }],
		['kind', maglev, ring],
	])('of another %s stand beside each other', (_, one, other) => {
		const tables: HashTables = new Map()
		const [first, second] = [hashTable(tables, three(), one, 0), hashTable(tables, three(), other, 0)]
		expect(second).not.toBe(first)
		expect(hashTable(tables, three(), one, 0)).toBe(first)
		expect(hashTable(tables, three(), other, 0)).toBe(second)
	})

	it('are never more than a few: the one that was asked for longest ago is forgotten', () => {
		const tables: HashTables = new Map()
		const all = Array.from({ length: MOST_TABLES }, (_, level) => hashTable(tables, three(), maglev, level))
		expect(hashTable(tables, three(), maglev, 0)).toBe(all[0])
		for (let level = 0; level < 100; level++) {
			hashTable(tables, three(), maglev, MOST_TABLES + level)
			expect(tables.size).toBe(MOST_TABLES)
			expect(hashTable(tables, three(), maglev, 0)).toBe(all[0])
		}
		expect(hashTable(tables, three(), maglev, 1)).not.toBe(all[1])
	})
})
