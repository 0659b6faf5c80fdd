/** The replica's copy: batches are shown whole or not at all, said again they are harmless, and isolates hear what changed. */
import { reset, runInDurableObject } from 'cloudflare:test'
import { afterEach, describe, expect, it } from 'vitest'
import type { SnapshotReplica } from '../../durable-objects/snapshotReplica/snapshotReplica.ts'
import type { PartBatch } from '../../src/ports.ts'
import type { Part } from '../../src/snapshot/snapshot.ts'
import { seeded } from '../random.ts'
import {
	everything,
	evictReplica,
	inReplica,
	replica,
	replicaStub,
	root,
	standing,
	storedParts,
} from './meshObjects.ts'

afterEach(() => reset())

const weur = () => replica('weur')
const part = (name: string, sequence: number, body: object | null = { n: sequence }): Part => ({
	name,
	sequence,
	revision: 1,
	hash: `h${sequence}`,
	body: body === null ? null : JSON.stringify(body),
})
const batch = (from: number, to: number, parts: readonly Part[], rest: Partial<PartBatch> = {}): PartBatch => ({
	epoch: 'e1',
	from,
	to,
	newest: to,
	revision: to,
	complete: true,
	parts,
	...rest,
})
const push = (...args: Parameters<typeof batch>) => weur().push('weur', batch(...args))
const shown = async () => standing(await inReplica('weur', storedParts))
const sync = (sequence: number, epoch = 'e1') => weur().sync('weur', { epoch, sequence })

describe('a change in several batches', () => {
	it('is not visible before its last batch, and then whole', async () => {
		await push(0, 2, [part('a', 1), part('b', 2)])
		const before = await shown()
		expect(await push(2, 4, [part('a', 3), part('c', 4)], { complete: false })).toEqual({ epoch: 'e1', sequence: 4 })
		await evictReplica('weur')
		expect(await push(4, 5, [part('b', 5, null)], { complete: false })).toEqual({ epoch: 'e1', sequence: 5 })
		expect(await shown()).toEqual(before)
		expect(await sync(2)).toEqual({ cursor: { epoch: 'e1', sequence: 2 }, revision: 2, changed: [], reset: false })
		expect((await weur().load('weur', { parts: ['a', 'c'] })).parts).toMatchObject([{ sequence: 1 }, { body: null }])
		expect(await push(5, 6, [part('d', 6)])).toEqual({ epoch: 'e1', sequence: 6 })
		expect(await shown()).toEqual({ a: { n: 3 }, c: { n: 4 }, d: { n: 6 } })
		expect(await sync(2)).toMatchObject({ cursor: { sequence: 6 }, revision: 6, changed: ['a', 'c', 'b', 'd'] })
	})

	it('of another history leaves what is shown until all of it is there, and nothing of the old after', async () => {
		await push(0, 2, [part('a', 1), part('b', 2)])
		const before = await shown()
		const other = { epoch: 'e2', complete: false }
		expect(await push(0, 1, [part('a', 1, { other: 1 })], other)).toEqual({ epoch: 'e2', sequence: 1 })
		expect(await shown()).toEqual(before)
		expect(await sync(2)).toMatchObject({ cursor: { epoch: 'e1', sequence: 2 }, reset: false })
		await push(1, 2, [part('c', 2)], { epoch: 'e2' })
		expect(await shown()).toEqual({ a: { other: 1 }, c: { n: 2 } })
		expect(await sync(2)).toMatchObject({ cursor: { epoch: 'e2', sequence: 2 }, reset: true })
	})

	it('is not continued by another one: the older history does not come through', async () => {
		await push(0, 2, [part('a', 1)], { epoch: 'e2', complete: false })
		await push(0, 1, [part('z', 1)], { epoch: 'e3' })
		expect(await shown()).toEqual({ z: { n: 1 } })
	})
})

describe('a batch', () => {
	it('that does not follow what is there changes nothing, and the answer says where to go on', async () => {
		expect(await push(5, 6, [part('a', 6)])).toEqual({ epoch: '', sequence: 0 })
		await push(0, 2, [part('a', 1)])
		const before = await inReplica('weur', everything)
		expect(await push(3, 4, [part('b', 4)])).toEqual({ epoch: 'e1', sequence: 2 })
		expect(await push(3, 4, [part('b', 4)], { epoch: 'e2' })).toEqual({ epoch: 'e1', sequence: 2 })
		expect(await inReplica('weur', everything)).toEqual(before)
	})

	it.for([
		['complete, overtaken by a later one', batch(0, 1, [part('a', 1)])],
		['incomplete, overtaken by a later one', batch(0, 1, [part('a', 1)], { complete: false })],
		['the last one', batch(1, 3, [part('a', 2), part('b', 3)])],
		['from before, up to now', batch(0, 3, [part('a', 2), part('b', 3)])],
	] as const)('said again (%s) changes nothing', async ([, again], { expect }) => {
		await push(0, 1, [part('a', 1)])
		await push(1, 3, [part('a', 2), part('b', 3)])
		const before = await inReplica('weur', everything)
		expect(await weur().push('weur', again)).toEqual({ epoch: 'e1', sequence: 3 })
		expect(await inReplica('weur', everything)).toEqual(before)
	})

	it('said again does not show a later one that is only half there', async () => {
		await push(0, 1, [part('a', 1)])
		await push(1, 3, [part('a', 2)], { complete: false })
		await push(0, 1, [part('a', 1)])
		expect(await shown()).toEqual({ a: { n: 1 } })
		await push(3, 4, [part('b', 4)])
		expect(await shown()).toEqual({ a: { n: 2 }, b: { n: 4 } })
	})

	it('that was complete when it was sent is shown whole, though a later one was half there', async () => {
		// Sent later, and so without the part that had moved on from 1 to 3 by then.
		await push(0, 2, [part('b', 2)], { complete: false })
		await push(0, 2, [part('a', 1), part('b', 2)])
		expect(await shown()).toEqual({ a: { n: 1 }, b: { n: 2 } })
	})

	it('may come in any order and any number of times: what is shown was once true', async () => {
		const seed = Math.floor(Math.random() * 2 ** 32)
		const random = seeded(seed)
		const below = (n: number) => Math.floor(random() * n)
		const now = new Map<string, Part>()
		const past = ['{}']
		for (let sequence = 1; sequence <= 30; sequence++) {
			const name = 'abcdef'[below(6)]!
			now.set(name, part(name, sequence, below(4) === 0 ? null : { n: sequence }))
			past.push(JSON.stringify(standing([...now.values()].sort((a, b) => (a.name < b.name ? -1 : 1)))))
			// Whatever part of the history the root may have sent at this time.
			const from = below(sequence)
			const parts = [...now.values()].filter((one) => one.sequence > from).sort((a, b) => a.sequence - b.sequence)
			const cut = below(parts.length + 1)
			const whole = batch(from, sequence, parts)
			const half = batch(from, parts[cut]?.sequence ?? sequence, parts.slice(0, cut + 1), {
				complete: cut >= parts.length,
				newest: sequence,
			})
			sent.push(whole, half)
		}
		for (let i = 0; i < 200; i++) {
			await weur().push('weur', sent[below(sent.length)]!)
			const cursor = await inReplica('weur', ({ sql }) =>
				sql.exec<{ value: string }>("SELECT value FROM meta WHERE key = 'sequence'").toArray(),
			)
			const sequence = Number(cursor[0]?.value ?? 0)
			expect(JSON.stringify(await shown()), `seed ${seed}, step ${i}`).toBe(past[sequence])
		}
	})
	const sent: PartBatch[] = []
})

it('of an earlier version keeps what it holds, shown and not yet shown, and goes on', async () => {
	await push(0, 2, [part('a', 1), part('b', 2, { long: 'x'.repeat(1_000_000) })])
	await push(2, 3, [part('a', 3)], { complete: false })
	const before = await inReplica('weur', everything)
	const columns =
		'name TEXT PRIMARY KEY, sequence INTEGER NOT NULL, revision INTEGER NOT NULL, hash TEXT NOT NULL, body TEXT'
	await inReplica('weur', ({ sql }) => {
		for (const table of ['parts', 'incoming']) {
			sql.exec(`CREATE TABLE earlier (${columns}) WITHOUT ROWID`)
			sql.exec(`INSERT INTO earlier SELECT * FROM ${table}`)
			sql.exec(`DROP TABLE ${table}`)
			sql.exec(`ALTER TABLE earlier RENAME TO ${table}`)
		}
		sql.exec('CREATE UNIQUE INDEX parts_by_sequence ON parts (sequence)')
	})
	await evictReplica('weur')
	expect(await inReplica('weur', everything)).toEqual(before)
	const schema = await inReplica('weur', ({ sql }) =>
		sql
			.exec<{ name: string; sql: string }>("SELECT name, sql FROM sqlite_master WHERE sql <> '' ORDER BY name")
			.toArray()
			.filter(({ name }) => name.startsWith('parts') || name === 'incoming'),
	)
	expect(schema.map(({ name }) => name)).toEqual(['incoming', 'parts', 'parts_by_sequence'])
	expect(schema.filter(({ sql }) => sql.includes('WITHOUT ROWID'))).toEqual([])
	await push(3, 4, [part('c', 4)])
	expect(Object.keys(await shown())).toEqual(['a', 'b', 'c'])
	expect((await weur().load('weur', { parts: ['a'] })).parts).toMatchObject([{ sequence: 3 }])
})

describe('sync', () => {
	it('names what changed since, deletions too, and nothing twice', async () => {
		await push(0, 3, [part('a', 1), part('b', 2), part('c', 3)])
		await push(3, 5, [part('a', 4), part('b', 5, null)])
		expect((await sync(3)).changed).toEqual(['a', 'b'])
		expect((await sync(4)).changed).toEqual(['b'])
		expect((await sync(5)).changed).toEqual([])
	})

	it('tells an isolate to start anew when it is of another history, ahead, or too far behind', async () => {
		const parts = Array.from({ length: 5_001 }, (_, i) => part(`p${i}`, i + 1))
		await push(0, 5_001, parts)
		expect(await sync(5_001, 'other')).toMatchObject({ reset: true, changed: [] })
		expect(await sync(5_002)).toMatchObject({ reset: true, changed: [] })
		expect(await sync(0)).toMatchObject({ reset: true, changed: [] })
		const delta = await sync(1)
		expect(delta.reset).toBe(false)
		expect(delta.changed).toHaveLength(5_000)
	})

	it('of a new replica answers once it has everything from the root', async () => {
		await root().putEndpoints('default/a', 1, [{ id: 'e', url: 'http://e:1', weight: 1 }])
		const { epoch } = await root().ready()
		expect(await sync(0, epoch)).toMatchObject({ changed: ['virtualHost/a.mesh.localhost', 'service/default/a'] })
	})

	it('of a new replica whose root is away fails, and of one that has something does not', async () => {
		const cutOff = () =>
			runInDurableObject(replicaStub('weur'), (instance: SnapshotReplica) => {
				const pull = () => Promise.reject(new Error('the root is away'))
				Object.assign(instance, {
					env: { MESH_DOMAIN: 'mesh.localhost', POLICY_STORE: { getByName: () => ({ pull }) } },
				})
				return instance.sync('weur', { epoch: '', sequence: 0 }).then(
					() => 'answered',
					({ message }: Error) => message,
				)
			})
		expect(await cutOff()).toBe('the root is away')
		await push(0, 1, [part('a', 1)])
		await evictReplica('weur')
		expect(await cutOff()).toBe('answered')
	})
})
