/** How an isolate keeps up with the control plane beside the path, and what it makes of answers that come at a bad time. */
import { describe, expect, it } from 'vitest'
import { aSecondOn, type FakeProxy, fakeProxy, reached, START, shop, until, warm } from '../fakeProxy.ts'
import { DOMAIN, gone, head, service, slice } from './fakeReplica.ts'

describe('a sync', () => {
	it('runs at most once a second, and only with traffic', async () => {
		const proxy = await warm()
		proxy.replica.syncs = 0
		for (let i = 0; i < 50; i++) await proxy.get('http://shop.test/')
		proxy.now += 999
		await proxy.get('http://shop.test/')
		expect(proxy.replica.syncs).toBe(1)
		for (let i = 0; i < 100; i++) {
			proxy.now += 100
			await proxy.get('http://shop.test/')
		}
		expect(proxy.replica.syncs).toBe(11)
		proxy.now += 3_600_000
		await proxy.get('http://shop.test/')
		expect(proxy.replica.syncs).toBe(12)
	})

	it('comes up to a fifth of a second later than it could, so that isolates that began together do not go on together', async () => {
		const proxy = await warm()
		proxy.jitter = 0.5
		proxy.now += 1_000
		await proxy.get('http://shop.test/')
		const { syncs } = proxy.replica
		proxy.now += 1_099
		await proxy.get('http://shop.test/')
		expect(proxy.replica.syncs).toBe(syncs)
		proxy.now += 1
		await proxy.get('http://shop.test/')
		expect(proxy.replica.syncs).toBe(syncs + 1)
	})

	it('that fails changes nothing but a counter', async () => {
		const proxy = await warm()
		await aSecondOn(proxy)
		const { cursor, revision } = proxy.knowledge.table
		const { confirmedAt } = proxy.knowledge
		proxy.replica.failing = true
		for (let i = 0; i < 3; i++) await aSecondOn(proxy)
		expect(proxy.knowledge).toMatchObject({ syncFailures: 3, confirmedAt, table: { cursor, revision } })
		expect(await reached(proxy)).toBe('web1.test')
		proxy.replica.failing = false
		await aSecondOn(proxy)
		expect(proxy.knowledge.confirmedAt).toBe(proxy.now)
	})

	it('that learns what changed but cannot fetch it changes nothing, and fetches it later', async () => {
		const proxy = await warm({
			...head('*.test'),
			...slice('*.test', 'any', 'd/web'),
			...service('d/web', { id: 'web1' }),
		})
		proxy.replica.change({
			...head('shop.test'),
			...slice('shop.test', 'shop', 'd/new'),
			...service('d/new', { id: 'new1' }),
		})
		proxy.replica.beforeLoad = () => Promise.reject(new Error('gone'))
		await aSecondOn(proxy)
		expect(proxy.knowledge.syncFailures).toBe(1)
		expect(await reached(proxy)).toBe('web1.test')
		proxy.replica.beforeLoad = () => {}
		await aSecondOn(proxy)
		expect(await reached(proxy)).toBe('new1.test')
	})

	it('fetches nothing that does not concern the isolate', async () => {
		const proxy = await warm()
		proxy.replica.change({ ...head('other.test'), ...slice('other.test', 'o', 'd/o'), ...service('d/o', { id: 'o' }) })
		const loads = proxy.replica.loads.length
		await aSecondOn(proxy)
		expect(proxy.replica.loads.length).toBe(loads)
		expect(proxy.knowledge.table).toMatchObject({ revision: 2, cursor: proxy.replica.cursor })
	})

	it.each([
		['a service', service('d/web', { id: 'web2' }), 'web2.test'],
		['a slice', { ...slice('shop.test', 'shop', 'd/v2'), ...service('d/v2', { id: 'v2' }) }, 'v2.test'],
		['a slice that goes', gone(slice('shop.test', 'shop', '')), 'no_matching_rule'],
		['a host that goes', gone(head('shop.test'), slice('shop.test', 'shop', '')), 'unknown_host'],
		['a service that goes', gone(service('d/web')), 'no_endpoint'],
	])('brings %s', async (_, change, expected) => {
		const proxy = await warm()
		proxy.replica.change(change)
		await aSecondOn(proxy)
		expect(await reached(proxy)).toBe(expected)
	})

	it('brings a service that goes and comes again', async () => {
		const proxy = await warm()
		proxy.replica.change(gone(service('d/web')))
		await aSecondOn(proxy)
		const loads = proxy.replica.loads.length
		for (let i = 0; i < 20; i++) expect(await reached(proxy)).toBe('no_endpoint')
		expect(proxy.replica.loads.length - loads).toBeLessThanOrEqual(1)
		proxy.replica.change(service('d/web', { id: 'web9' }))
		await aSecondOn(proxy)
		expect(await reached(proxy)).toBe('web9.test')
	})
})

describe('a request', () => {
	/** A control plane that takes calls and never answers. */
	const hang = (proxy: FakeProxy) => {
		const waited: number[] = []
		let giveUp = () => {}
		proxy.replica.patience = (ms) => {
			waited.push(ms)
			return new Promise((resolve) => (giveUp = resolve))
		}
		proxy.replica.beforeSync = () => new Promise(() => {})
		return { waited, giveUp: () => giveUp() }
	}

	it('of a busy isolate never waits for a sync, however long that takes', async () => {
		const proxy = await warm()
		await aSecondOn(proxy)
		proxy.replica.syncs = 0
		const { waited } = hang(proxy)
		for (let i = 0; i < 80; i++) {
			proxy.now += 100
			expect((await proxy.start('http://shop.test/')).status).toBe(200)
		}
		expect([waited, proxy.replica.syncs]).toEqual([[], 1])
	})

	it('after a pause waits for the sync, and meets what was changed meanwhile', async () => {
		const proxy = await warm()
		await aSecondOn(proxy)
		proxy.replica.change({ ...service('d/web', { id: 'web2' }), ...head(`new.${DOMAIN}`, 'd/web') })
		proxy.replica.syncs = 0
		proxy.now += 60_000
		const outcomes = await Promise.all([
			proxy.start('http://shop.test/'),
			proxy.start(`http://new.${DOMAIN}/`),
			proxy.start('http://none.test/'),
		])
		expect(outcomes.map(({ status }) => status)).toEqual([200, 200, 404])
		expect(new URL(proxy.sent.at(-1)!.url).hostname).toBe('web2.test')
		// The look-up of the new host brings along what else has changed.
		expect(proxy.replica.syncs).toBe(2)
	})

	it('after a pause waits for a silent control plane once and briefly, and those after it not at all', async () => {
		const proxy = await warm()
		await aSecondOn(proxy)
		const { waited, giveUp } = hang(proxy)
		proxy.now += 60_000
		let served = false
		const first = proxy.start('http://shop.test/').then(({ status }) => {
			served = true
			return status
		})
		await new Promise(setImmediate)
		expect([waited, served]).toEqual([[250], false])
		giveUp()
		expect(await first).toBe(200)
		for (let i = 0; i < 5; i++) expect((await proxy.start('http://shop.test/')).status).toBe(200)
		expect(waited).toEqual([250])
	})

	it('after a pause does not wait while the control plane is known to be gone, and waits again once it was back', async () => {
		const proxy = await warm()
		proxy.replica.failing = true
		await aSecondOn(proxy)
		const { waited } = hang(proxy)
		proxy.now += 60_000
		expect((await proxy.start('http://shop.test/')).status).toBe(200)
		expect(waited).toEqual([])
	})

	it('starts another sync when one is stuck for ten seconds, and never two before', async () => {
		const proxy = await warm()
		await aSecondOn(proxy)
		proxy.replica.syncs = 0
		hang(proxy)
		const syncs: number[] = []
		for (const ms of [1_000, 1_000, 7_999, 1, 5_000]) {
			proxy.now += ms
			await proxy.start('http://shop.test/')
			syncs.push(proxy.replica.syncs)
		}
		expect(syncs).toEqual([1, 1, 1, 1, 2])
	})
})

it('a fresh isolate holds nothing and has heard of nobody', () => {
	expect(fakeProxy().knowledge).toMatchObject({
		confirmedAt: 0,
		syncFailures: 0,
		refilledAt: START,
		table: { revision: 0 },
	})
})

it('a look-up that takes long does not make a busy isolate wait for its syncs', async () => {
	const proxy = await warm({ ...shop, ...head('other.test'), ...slice('other.test', 'o', 'd/web') })
	let arrive = () => {}
	proxy.replica.beforeLoad = () => new Promise<void>((resolve) => (arrive = resolve))
	const late = proxy.start('http://other.test/')
	await until(() => proxy.replica.loads.at(-1)?.hosts?.[0] === 'other.test')
	proxy.replica.beforeLoad = () => {}
	for (let second = 0; second < 3; second++) {
		proxy.now += 1_000
		await proxy.start('http://shop.test/')
		await until(() => proxy.knowledge.syncing === undefined)
	}
	const { confirmedAt } = proxy.knowledge
	arrive()
	expect((await late).status).toBe(200)
	expect(proxy.knowledge.confirmedAt).toBe(confirmedAt)
	proxy.replica.beforeSync = () => new Promise(() => {})
	proxy.now += 1_000
	expect((await proxy.start('http://shop.test/')).status).toBe(200)
})
