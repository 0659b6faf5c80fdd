/** The outbox: whatever fails in between, every replica ends up with every part exactly as the root has it. */
import { reset, runDurableObjectAlarm } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Endpoint } from '../../src/snapshot/snapshot.ts'
import { seeded } from '../random.ts'
import { until } from '../until.ts'
import {
	ACTOR,
	apply,
	change,
	connect,
	documents,
	endpoint,
	evictReplica,
	evictRoot,
	expectSameAsRoot,
	gateway,
	inReplica,
	inRoot,
	type Link,
	refTo,
	remove,
	replica,
	root,
	rootStub,
	route,
	service,
	standing,
	storedParts,
	wipeReplica,
} from './meshObjects.ts'
import { NOW, stopTime } from './time.ts'

let link: Link
beforeEach(async () => {
	stopTime()
	vi.spyOn(console, 'warn').mockImplementation(() => {})
	link = { pushed: [], failing: new Map() }
	await connect(link)
})
afterEach(async () => {
	vi.useRealTimers()
	vi.restoreAllMocks()
	await reset()
})

const alarmTime = () => inRoot((storage) => storage.getAlarm())
const open = (...regions: string[]) => Promise.all(regions.map((region) => replica(region).load(region, {})))

describe('a push', () => {
	it('reaches every region before the change is answered, with nothing left to do', async () => {
		await apply(service('a', 'http://a:1'), gateway('g', 'shop.test'))
		await open('weur', 'enam')
		await apply(route('r', 'g', 'a'), service('b'))
		await remove('Service', 'b')
		await root().putEndpoints('default/c', 1, [endpoint('c1')])
		await expectSameAsRoot('weur', 'enam')
		expect(await root().regions()).toEqual(['enam', 'weur'])
		expect(await alarmTime()).toBeNull()
	})

	it('carries only what changed, to those who lack it', async () => {
		await apply(service('a'), service('b'))
		await open('weur')
		await apply(service('a', 'http://a:1'), service('b'))
		expect(link.pushed.map(({ batch }) => batch.parts.map(({ name }) => name))).toEqual([['service/default/a']])
		await root().flush()
		expect(link.pushed).toHaveLength(1)
	})

	it.for(['before', 'after'] as const)(
		'that fails %s it arrives is made again by alarm, and nothing is lost',
		async (when) => {
			await open('weur', 'enam')
			link.failing.set('weur', when)
			await apply(service('a'))
			await apply(service('b'))
			await expectSameAsRoot('enam')
			expect(await alarmTime()).toBe(NOW + 1_000)
			expect(await runDurableObjectAlarm(rootStub())).toBe(true)
			expect(await alarmTime(), 'never given up').toBe(NOW + 1_000)
			expect(await root().flush()).toBe(1)
			link.failing.clear()
			await runDurableObjectAlarm(rootStub())
			await expectSameAsRoot('weur', 'enam')
			expect(await alarmTime()).toBeNull()
		},
	)

	it('survives a restart of the root between the change and the push', async () => {
		await open('weur')
		link.failing.set('weur', 'before')
		await apply(service('a'))
		link.failing.clear()
		await evictRoot(link)
		expect(await runDurableObjectAlarm(rootStub())).toBe(true)
		await expectSameAsRoot('weur')
	})

	it('that nobody answers holds a change up for half a second, and the next push for ten', async () => {
		await open('weur')
		const pass = (ms: number) => inRoot(() => vi.advanceTimersByTime(ms))
		link.failing.set('weur', 'silent')
		const first = apply(service('a'))
		await until(() => vi.getTimerCount() === 2)
		await pass(500)
		expect((await first).revision).toBe(1)
		link.failing.clear()
		const waiting = [apply(service('b')), apply(service('c'))]
		await until(() => vi.getTimerCount() === 3)
		await pass(500)
		expect((await Promise.all(waiting)).map(({ revision }) => revision)).toEqual([2, 3])
		expect(link.pushed, 'one push at a time').toHaveLength(1)
		await pass(9_000)
		await until(() => link.pushed.length === 2)
		await until(async () => (await alarmTime()) === null)
		await expectSameAsRoot('weur')
		expect(link.pushed, 'the last finds nothing left to push').toHaveLength(2)
	})

	it('that the replica will not take is not tried for ever, and not taken for done', async () => {
		await apply(service('a'))
		await open('weur', 'enam')
		link.failing.set('weur', 'refused')
		await apply(service('b'))
		expect(link.pushed.filter(({ region }) => region === 'weur').map(({ batch }) => batch.from)).toEqual([2, 0])
		expect(await root().flush()).toBe(1)
		link.failing.clear()
		await runDurableObjectAlarm(rootStub())
		await expectSameAsRoot('weur', 'enam')
	})
})

describe('a replica', () => {
	it('that lost everything is refilled by the next push', async () => {
		await apply(service('a'), service('b'), service('c'))
		await open('weur')
		await wipeReplica('weur')
		await apply(service('d'))
		await expectSameAsRoot('weur')
	})

	it('that lost everything is refilled by the next question', async () => {
		await apply(service('a'), service('b'), service('c'))
		await open('weur')
		await wipeReplica('weur')
		await open('weur')
		await expectSameAsRoot('weur')
	})

	it('of another history drops all of it', async () => {
		const stray = { name: 'service/default/stray', sequence: 900, revision: 9, hash: 'x', body: '{}' }
		const other = { epoch: 'other', from: 0, to: 900, newest: 900, revision: 9, complete: true, parts: [stray] }
		await replica('weur').push('weur', other)
		await apply(service('a'))
		await root().pull('weur', { epoch: 'other', sequence: 900 })
		await apply(service('b'))
		await expectSameAsRoot('weur')
	})

	it('that is ahead of a root put back to an earlier state follows it', async () => {
		await apply(service('a'))
		await open('weur', 'enam')
		const earlier = await inRoot(({ sql }) =>
			sql.exec<{ value: string }>("SELECT value FROM meta WHERE key = 'sequence'").one(),
		)
		await apply(service('b'), service('c'), service('d'))
		await inRoot(({ sql }) => {
			sql.exec("UPDATE meta SET value = ? WHERE key = 'sequence'", earlier.value)
			sql.exec("UPDATE meta SET value = 1 WHERE key = 'revision'")
			for (const table of ['parts', 'replicas'])
				sql.exec(`DELETE FROM ${table} WHERE sequence > ?`, Number(earlier.value))
			for (const table of ['resources', 'revisions', 'changes']) sql.exec(`DELETE FROM ${table} WHERE revision > 1`)
			for (const region of ['weur', 'enam'])
				sql.exec('INSERT INTO replicas VALUES (?, ?)', region, Number(earlier.value))
		})
		await apply(service('e'))
		expect(await root().flush()).toBe(0)
		await expectSameAsRoot('weur', 'enam')
		expect(Object.keys(standing(await inReplica('weur', storedParts)))).not.toContain('service/default/b')
	})

	it('new in a mesh of 12,000 parts pulls them all, page by page', async () => {
		const names = Array.from({ length: 6_000 }, (_, i) => `s${i}`)
		await change({ put: documents(...names.map((name) => service(name, `http://${name}:1`))) })
		const first = await root().pull('enam', null)
		expect(first).toMatchObject({ from: 0, to: 5_000, complete: false })
		expect(await inRoot(({ sql }) => sql.exec('SELECT COUNT(*) AS n FROM parts').one())).toEqual({ n: 12_000 })
		await open('weur')
		await expectSameAsRoot('weur')
		expect(await root().flush()).toBe(0)
		await expectSameAsRoot('weur', 'enam')
	})
})

it('whatever changes, fails and restarts in whatever order, flush makes every replica equal to the root', async () => {
	const seed = Math.floor(Math.random() * 2 ** 32)
	const random = seeded(seed)
	const below = (n: number) => Math.floor(random() * n)
	const name = () => `s${below(6)}`
	const regions = ['weur', 'enam', 'apac']
	const region = () => regions[below(regions.length)]!
	const versions = new Map<string, number>()
	const lease = (of: string, endpoints: Endpoint[]) => {
		versions.set(of, (versions.get(of) ?? 0) + 1)
		return root().putEndpoints(`default/${of}`, versions.get(of)! - (below(10) === 0 ? 1 : 0), endpoints)
	}
	const steps: Record<string, () => Promise<unknown>> = {
		apply: () => apply(service(name(), `http://x:${1 + below(5)}`)),
		gateway: () => apply(gateway(`g${below(2)}`, `h${below(3)}.test`, `h${3 + below(3)}.test`)),
		route: () => apply(route(`r${below(5)}`, `g${below(2)}`, name(), `/${below(3)}`)),
		several: () => apply(service('s0', `http://y:${1 + below(5)}`), route(`r${below(5)}`, 'g0', 's0')),
		remove: () => change({ remove: [refTo('Service', name()), refTo('HTTPRoute', `r${below(5)}`)] }),
		lease: () =>
			lease(
				name(),
				Array.from({ length: below(4) }, (_, i) => endpoint(`e${i}`, `http://e:${1 + below(9)}`)),
			),
		rollback: async () => root().rollback(below((await root().ready()).revision + 1), ACTOR),
		newRegion: () => open(region()),
		fail: async () => link.failing.set(region(), below(2) === 0 ? 'before' : 'after'),
		mend: async () => link.failing.clear(),
		evictRoot: () => evictRoot(link),
		evictReplica: () => evictReplica(region()),
		wipe: () => wipeReplica(region()),
		alarm: () => runDurableObjectAlarm(rootStub()),
	}
	/** What the root had standing at each sequence it was ever at. */
	const past = new Map<number, string>()
	const done: string[] = []
	try {
		for (let step = 0; step < 200; step++) {
			const what = Object.keys(steps)[below(Object.keys(steps).length)]!
			done.push(what)
			vi.setSystemTime(NOW + step * 1_000)
			await steps[what]!()
			const sequence = await inRoot(({ sql }) =>
				Number(sql.exec("SELECT value FROM meta WHERE key = 'sequence'").toArray()[0]?.value ?? 0),
			)
			past.set(sequence, JSON.stringify(standing(await inRoot(storedParts))))
			for (const one of await root().regions()) {
				const { cursor } = await replica(one).load(one, {})
				expect(JSON.stringify(standing(await inReplica(one, storedParts)))).toBe(past.get(cursor.sequence))
			}
		}
		link.failing.clear()
		expect(await root().flush()).toBe(0)
		await expectSameAsRoot(...(await root().regions()))
	} catch (error) {
		throw new Error(`seed ${seed} after ${done.length} steps, the last: ${done.slice(-8).join(' ')}`, { cause: error })
	}
})
