/** Answers that come in pieces, late, from another history, or about hosts that move: what an isolate knows stays whole. */
import { describe, expect, it } from 'vitest'
import type { Part } from '../../../../src/snapshot/snapshot.ts'
import { nobody } from '../compile/compiled.ts'
import { aSecondOn, type FakeProxy, type fakeProxy, reached, shop, until, warm } from '../fakeProxy.ts'
import { DOMAIN, gone, head, mesh, service, slice } from './fakeReplica.ts'

describe('a change is applied whole', () => {
	/** Two parts of one revision: a slice that sends elsewhere, and the service it sends to. */
	const change = (n: number) => ({
		...slice('shop.test', 'shop', 'd/web', { prefix: `/v${n}` }),
		...service('d/web', { id: `v${n}` }),
	})
	const versions = ({ knowledge }: ReturnType<typeof fakeProxy>) => {
		const { table } = knowledge
		const [slices] = [...table.hosts.values()].map(({ index }) => [...index.hostnames.get('')!.prefix.keys()])
		return [slices, table.services.get('d/web')?.pick(nobody, 0)?.id]
	}

	it('when the replica moves on between the list of changes and the parts: both are asked for again', async () => {
		const proxy = await warm()
		proxy.replica.change(change(1))
		let moves = 1
		proxy.replica.beforeLoad = () => {
			if (moves-- > 0) proxy.replica.change(change(2))
		}
		await aSecondOn(proxy)
		expect(versions(proxy)).toEqual([['/v2'], 'v2'])
		expect(proxy.knowledge.table).toMatchObject({ cursor: proxy.replica.cursor, revision: 3 })
	})

	it('when the replica never rests, fresh parts go before whole ones, and the next sync catches up', async () => {
		const proxy = await warm()
		proxy.replica.change(change(1))
		let n = 2
		proxy.replica.beforeLoad = () => proxy.replica.change(change(n++))
		const loads = proxy.replica.loads.length
		await aSecondOn(proxy)
		expect(proxy.replica.loads.length - loads).toBe(4)
		expect(proxy.knowledge.table.cursor!.sequence).toBeLessThan(proxy.replica.cursor.sequence)
		proxy.replica.beforeLoad = () => {}
		await aSecondOn(proxy)
		expect(versions(proxy)).toEqual([[`/v${n - 1}`], `v${n - 1}`])
	})

	it('over several pages, which are asked for again when the replica moves on between two', async () => {
		const proxy = await warm()
		proxy.replica.change(change(1))
		proxy.replica.pageParts = 1
		let loads = 0
		proxy.replica.beforeLoad = () => {
			if (++loads === 2) proxy.replica.change(change(2))
		}
		await aSecondOn(proxy)
		expect(versions(proxy)).toEqual([['/v2'], 'v2'])
		expect(proxy.replica.loads.filter(({ after }) => after !== undefined).length).toBeGreaterThan(1)
	})

	it('over several pages of a replica that never rests: the pages end, and later syncs catch up', async () => {
		const proxy = await warm()
		proxy.replica.change(change(1))
		proxy.replica.pageParts = 1
		let n = 2
		proxy.replica.beforeLoad = () => proxy.replica.change(change(n++))
		await aSecondOn(proxy)
		expect(proxy.replica.loads.length).toBeLessThan(50)
		proxy.replica.beforeLoad = () => {}
		await aSecondOn(proxy)
		expect(versions(proxy)).toEqual([[`/v${n - 1}`], `v${n - 1}`])
	})
})

describe('what is looked up', () => {
	const other = { ...head('other.test'), ...slice('other.test', 'o', 'd/o'), ...service('d/o', { id: 'o' }) }
	const both = (n: number) => ({
		...slice('shop.test', 'shop', 'd/web', { prefix: `/v${n}` }),
		...mesh({ egress: 'registryOnly', defaultAccess: 'open', sampleShare: n / 10 }),
	})
	const held = ({ knowledge: { table } }: FakeProxy) => [
		...table.hosts.get('shop.test')!.index.hostnames.get('')!.prefix.keys(),
		table.sampleShare,
		table.revision,
	]
	const answered = async (proxy: FakeProxy) => (await proxy.get('http://other.test/')).status

	it('comes with all that has changed of what is held by then', async () => {
		const proxy = await warm({ ...shop, ...other, ...both(1) })
		proxy.replica.change(both(2))
		expect(await answered(proxy)).toBe(200)
		expect(held(proxy)).toEqual(['/v2', 0.2, 2])
		expect(proxy.knowledge.table.cursor).toEqual(proxy.replica.cursor)
	})

	it('comes with what changes while it is asked for', async () => {
		const proxy = await warm({ ...shop, ...other, ...both(1) })
		let n = 2
		proxy.replica.beforeLoad = () => {
			if (n < 4) proxy.replica.change(both(n++))
		}
		expect(await answered(proxy)).toBe(200)
		expect(held(proxy)).toEqual(['/v3', 0.3, 3])
	})

	it('is had from a replica that never rests, too, and later syncs catch up', async () => {
		const proxy = await warm({ ...shop, ...other, ...both(1) })
		let n = 2
		proxy.replica.beforeLoad = () => proxy.replica.change(both(n++))
		expect(await answered(proxy)).toBe(200)
		proxy.replica.beforeLoad = () => {}
		await aSecondOn(proxy)
		expect(held(proxy)).toEqual([`/v${n - 1}`, (n - 1) / 10, n - 1])
	})

	it('at the same time as something else is of one moment with that', async () => {
		const proxy = await warm({ ...shop, ...other, ...both(1), ...head('more.test'), ...slice('more.test', 'm', 'd/m') })
		const arrivals: (() => void)[] = []
		proxy.replica.afterLoad = () => new Promise((resolve) => void arrivals.push(resolve))
		const first = proxy.start('http://other.test/')
		await until(() => arrivals.length === 1)
		proxy.replica.change(both(2))
		const second = proxy.start('http://more.test/')
		await until(() => arrivals.length === 2)
		proxy.replica.afterLoad = () => {}
		for (const arrive of arrivals.reverse()) arrive()
		await Promise.all([first, second])
		expect(held(proxy)).toEqual(['/v2', 0.2, 2])
		expect(proxy.knowledge.table.cursor).toEqual(proxy.replica.cursor)
	})
})

describe('an answer that arrives late', () => {
	const other = { ...head('other.test'), ...slice('other.test', 'o', 'd/o'), ...service('d/o', { id: 'old' }) }
	const moved = { ...slice('other.test', 'o', 'd/new'), ...service('d/new', { id: 'new' }) }

	it('and is older than what is known is asked for again', async () => {
		const proxy = await warm({ ...shop, ...other })
		let arrive = () => {}
		proxy.replica.afterLoad = () => new Promise((resolve) => (arrive = resolve))
		const late = proxy.start('http://other.test/')
		await until(() => proxy.replica.loads.at(-1)?.hosts?.[0] === 'other.test')
		proxy.replica.afterLoad = () => {}
		proxy.replica.change(moved)
		proxy.now += 1_000
		await proxy.start('http://shop.test/')
		await until(() => proxy.knowledge.table.revision >= 2)
		arrive()
		expect((await late).status).toBe(200)
		expect(proxy.sent.at(-1)!.url).toBe('http://new.test/')
		await proxy.settle()
		await aSecondOn(proxy)
		expect(await reached(proxy, 'http://other.test/')).toBe('new.test')
	})

	it('during a sync is of the same moment as that sync, and lets it claim nothing that it did not ask for', async () => {
		const proxy = await warm({ ...shop, ...other })
		let arrive = () => {}
		proxy.replica.afterLoad = () => new Promise((resolve) => (arrive = resolve))
		const late = proxy.start('http://other.test/')
		await until(() => proxy.replica.loads.at(-1)?.hosts?.[0] === 'other.test')
		proxy.replica.change({ ...moved, ...service('d/web', { id: 'web2' }) })
		// The sync has its list of changes, and its own load is under way, when the older answer arrives.
		let finishSync = () => {}
		proxy.replica.afterLoad = () => new Promise((resolve) => (finishSync = resolve))
		proxy.now += 1_000
		await proxy.start('http://shop.test/')
		await until(() => proxy.replica.loads.at(-1)?.parts?.includes('service/d/web') === true)
		proxy.replica.afterLoad = () => {}
		arrive()
		expect((await late).status).toBe(200)
		expect(proxy.sent.at(-1)!.url).toBe('http://new.test/')
		finishSync()
		await proxy.settle()
		await aSecondOn(proxy)
		expect(await reached(proxy, 'http://other.test/')).toBe('new.test')
		expect(await reached(proxy)).toBe('web2.test')
	})

	it('from a history that is over is asked for again', async () => {
		const proxy = await warm({ ...shop, ...other })
		// The old history is longer than the new one: numbers alone do not tell that its answers are old.
		for (let i = 0; i < 20; i++) proxy.replica.change(service('d/web', { id: `web${i}` }))
		await aSecondOn(proxy)
		let arrive = () => {}
		proxy.replica.afterLoad = () => new Promise((resolve) => (arrive = resolve))
		const late = proxy.start('http://other.test/')
		await until(() => proxy.replica.loads.at(-1)?.hosts?.[0] === 'other.test')
		proxy.replica.afterLoad = () => {}
		proxy.replica.startAnew('second')
		proxy.replica.change(moved)
		proxy.now += 1_000
		await proxy.start('http://shop.test/')
		await until(() => proxy.knowledge.table.cursor?.epoch === 'second')
		arrive()
		expect((await late).status).toBe(200)
		expect(proxy.sent.at(-1)!.url).toBe('http://new.test/')
		await proxy.settle()
		await aSecondOn(proxy)
		expect(await reached(proxy, 'http://other.test/')).toBe('new.test')
	})

	it('from another history brings everything of it', async () => {
		const proxy = await warm({ ...shop, ...other })
		proxy.replica.startAnew('second')
		proxy.replica.change(service('d/web', { id: 'web2' }))
		expect(await reached(proxy, 'http://other.test/')).toBe('old.test')
		expect(await reached(proxy)).toBe('web2.test')
		expect(proxy.knowledge.table.cursor?.epoch).toBe('second')
	})
})

describe('a reset', () => {
	const wild = { ...head('*.test'), ...slice('*.test', 'any', 'd/web') }

	it('reloads all that is held: what changed, what went, and slices that are new, of wildcards too', async () => {
		const proxy = await warm({ ...shop, ...wild, ...service('d/web', { id: 'web1' }) })
		expect(await reached(proxy, 'http://a.test/')).toBe('web1.test')
		proxy.replica.deltaParts = 0
		proxy.replica.change({
			...slice('*.test', 'new', 'd/new', { prefix: '/new' }),
			...service('d/new', { id: 'new1' }),
			...service('d/web', { id: 'web2' }),
			...gone(slice('shop.test', 'shop', '')),
		})
		await aSecondOn(proxy)
		expect(await reached(proxy, 'http://a.test/new')).toBe('new1.test')
		expect(await reached(proxy, 'http://a.test/')).toBe('web2.test')
		expect(await reached(proxy)).toBe('no_matching_rule')
	})

	it('brings a host that was unknown', async () => {
		const proxy = await warm()
		expect(await reached(proxy, 'http://new.test/')).toBe('unknown_host')
		proxy.replica.deltaParts = 0
		proxy.replica.change({ ...head('new.test'), ...slice('new.test', 'n', 'd/web') })
		await aSecondOn(proxy)
		expect(await reached(proxy, 'http://new.test/')).toBe('web1.test')
	})

	it('into another epoch takes its revisions as they are numbered there', async () => {
		const proxy = await warm()
		for (let i = 0; i < 5; i++) proxy.replica.change(service('d/web', { id: `web${i}` }))
		await aSecondOn(proxy)
		expect(proxy.knowledge.table.revision).toBe(6)
		proxy.replica.startAnew('second')
		await aSecondOn(proxy)
		expect(proxy.knowledge.table).toMatchObject({ revision: 1, cursor: { epoch: 'second' } })
		const parts = [...proxy.replica.parts.values()] as Part[]
		for (const { name, hash } of parts) expect(proxy.knowledge.table.held.get(name)).toBe(hash)
	})
})

describe('a host', () => {
	it('that was unknown is found when it appears', async () => {
		const proxy = await warm()
		for (const host of ['new.test', `new.${DOMAIN}`])
			expect(await reached(proxy, `http://${host}/`)).toBe('unknown_host')
		proxy.replica.change({ ...head('new.test'), ...slice('new.test', 'n', 'd/web'), ...head(`new.${DOMAIN}`, 'd/web') })
		await aSecondOn(proxy)
		for (const host of ['new.test', `new.${DOMAIN}`]) expect(await reached(proxy, `http://${host}/`)).toBe('web1.test')
	})

	const wild = { ...head('*.test'), ...slice('*.test', 'any', 'd/web'), ...service('d/web', { id: 'web1' }) }
	const specific = { ...head('shop.test'), ...slice('shop.test', 's', 'd/shop'), ...service('d/shop', { id: 'shop1' }) }

	it('that a more specific one takes over is placed anew beside the path, and back when that goes', async () => {
		const proxy = await warm(wild)
		proxy.replica.change(specific)
		await aSecondOn(proxy)
		const loads = proxy.replica.loads.length
		expect(await reached(proxy)).toBe('shop1.test')
		expect(await reached(proxy, 'http://a.test/')).toBe('web1.test')
		proxy.replica.change(gone(head('shop.test'), slice('shop.test', 's', '')))
		await aSecondOn(proxy)
		proxy.replica.failing = true
		expect(await reached(proxy)).toBe('web1.test')
		expect(proxy.replica.loads.slice(loads).filter(({ filter }) => filter)).toEqual([])
	})

	it('that goes and comes again is served again', async () => {
		const proxy = await warm()
		proxy.replica.change(gone(head('shop.test'), slice('shop.test', 'shop', '')))
		await aSecondOn(proxy)
		expect(await reached(proxy)).toBe('unknown_host')
		proxy.replica.change(shop)
		await aSecondOn(proxy)
		expect(await reached(proxy)).toBe('web1.test')
	})
})
