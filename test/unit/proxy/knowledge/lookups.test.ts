/** Cold hosts and services: asked for on the path, once, and never more often than the control plane can bear. */
import { describe, expect, it } from 'vitest'
import { fakeProxy, verdict } from '../fakeProxy.ts'
import { head, service, slice } from './fakeReplica.ts'

const shop = { ...head('shop.test'), ...slice('shop.test', 'shop', 'd/web'), ...service('d/web', { id: 'web1' }) }

function cold(parts = shop) {
	const proxy = fakeProxy()
	proxy.replica.change(parts)
	return proxy
}

describe('a cold host', () => {
	it('is loaded on its first request, and served from the table after', async () => {
		const proxy = cold()
		for (let i = 0; i < 3; i++) expect(await verdict(proxy.get('http://shop.test/'))).toBe(200)
		const hosts = proxy.replica.loads.filter(({ hosts }) => hosts !== undefined)
		expect(hosts).toEqual([{ hosts: ['shop.test'], filter: true, parts: ['mesh', 'trust'] }])
	})

	it('and a service that its answer did not bring are loaded once each, however many ask at the same time', async () => {
		const proxy = cold()
		const crowd = await Promise.all(Array.from({ length: 50 }, () => verdict(proxy.start('http://shop.test/'))))
		expect(new Set(crowd)).toEqual(new Set([200]))
		expect(proxy.replica.loads.map(({ hosts, parts }) => hosts ?? parts)).toEqual([['shop.test'], ['service/d/web']])
	})

	it('while the control plane is gone is refused, and served as soon as it is back', async () => {
		const proxy = cold()
		proxy.replica.failing = true
		expect(await verdict(proxy.get('http://shop.test/'))).toBe('control_plane_unreachable')
		expect(proxy.knowledge.syncFailures).toBe(1)
		proxy.replica.failing = false
		expect(await verdict(proxy.get('http://shop.test/'))).toBe(200)
	})

	it('whose service cannot be loaded is refused so, and no backend is drawn a second time when it can', async () => {
		const proxy = cold()
		let draws = 0
		proxy.random = () => {
			draws++
			return 0.5
		}
		proxy.replica.beforeLoad = () => {
			if (proxy.replica.loads.at(-1)?.parts !== undefined) throw new Error('gone')
		}
		expect(await verdict(proxy.get('http://shop.test/'))).toBe('control_plane_unreachable')
		proxy.replica.beforeLoad = () => {
			draws = 0
		}
		expect(await verdict(proxy.get('http://shop.test/'))).toBe(200)
		// The place of round robin, and the trace: nothing about backends after the load.
		expect(draws).toBeLessThanOrEqual(7)
	})

	it('that the control plane does not know is refused from memory after', async () => {
		const proxy = cold()
		for (let i = 0; i < 5; i++) expect(await verdict(proxy.get('http://none.test/'))).toBe('unknown_host')
		expect(proxy.replica.loads.length).toBe(1)
	})

	it('whose look-up never settles does not hang those who wait for it, and is asked for again after', async () => {
		const proxy = cold()
		let giveUp = () => {}
		proxy.replica.patience = () => new Promise((resolve) => (giveUp = resolve))
		proxy.replica.beforeLoad = () => new Promise(() => {})
		void proxy.start('http://shop.test/')
		const joined = proxy.start('http://shop.test/')
		await new Promise(setImmediate)
		giveUp()
		expect(await verdict(joined)).toBe('control_plane_unreachable')
		proxy.replica.beforeLoad = () => {}
		expect(await verdict(proxy.start('http://shop.test/'))).toBe(200)
	})

	it('is not asked for twice because somebody lost patience with an earlier look-up that had settled', async () => {
		const proxy = cold()
		const patience: (() => void)[] = []
		proxy.replica.patience = () => new Promise((resolve) => patience.push(resolve))
		proxy.replica.failing = true
		const early = [proxy.start('http://shop.test/'), proxy.start('http://shop.test/')]
		await Promise.all(early)
		proxy.replica.failing = false
		let arrive = () => {}
		proxy.replica.beforeLoad = () => new Promise((resolve) => (arrive = resolve))
		const before = proxy.replica.loads.length
		const first = proxy.start('http://shop.test/')
		await new Promise(setImmediate)
		for (const resolve of patience) resolve()
		await new Promise(setImmediate)
		const second = proxy.start('http://shop.test/')
		await new Promise(setImmediate)
		expect(proxy.replica.loads.length - before).toBe(1)
		proxy.replica.beforeLoad = () => {}
		arrive()
		expect([await verdict(first), await verdict(second)]).toEqual([200, 200])
	})
})

describe('a flood of 100,000 made-up hosts', () => {
	it('costs a warm isolate next to nothing, and known hosts go on being served', async () => {
		const proxy = cold()
		await proxy.get('http://shop.test/')
		const before = proxy.replica.loads.length
		for (let i = 0; i < 100_000; i++) await proxy.start(`http://made-up-${i}.test/`)
		// The filter lets through fewer than 1 in 1,000.
		expect(proxy.replica.loads.length - before).toBeLessThanOrEqual(100)
		expect(await verdict(proxy.get('http://shop.test/'))).toBe(200)
	})

	it('costs an isolate that never heard of the control plane a burst of 200 look-ups and 50 a second', async () => {
		const proxy = cold()
		proxy.replica.failing = true
		const verdicts = new Map<string | number, number>()
		for (let i = 0; i < 100_000; i++) {
			if (i % 10_000 === 0 && i > 0) proxy.now += 1_000
			const outcome = await verdict(proxy.start(`http://made-up-${i}.test/`))
			verdicts.set(outcome, (verdicts.get(outcome) ?? 0) + 1)
		}
		expect(proxy.replica.loads.length).toBe(200 + 9 * 50)
		expect(verdicts.get('lookups_exhausted')).toBe(100_000 - 650)
	})

	it('that match a wildcard are served by it, and cost nothing either', async () => {
		const proxy = cold({ ...head('*.test'), ...slice('*.test', 'any', 'd/web'), ...service('d/web', { id: 'web1' }) })
		await proxy.get('http://shop.test/')
		const before = proxy.replica.loads.length
		let served = 0
		for (let i = 0; i < 20_000; i++) if ((await proxy.start(`http://made-up-${i}.test/`)).status === 200) served++
		expect(proxy.replica.loads.length - before).toBeLessThanOrEqual(40)
		expect(served).toBe(20_000)
	})
})

it('a service that no part describes is asked for once, not at every request', async () => {
	const proxy = cold({ ...head('shop.test'), ...slice('shop.test', 'shop', 'd/none') })
	for (let i = 0; i < 20; i++) expect(await verdict(proxy.get('http://shop.test/'))).toBe('no_endpoint')
	expect(proxy.replica.loads.length).toBe(2)
})
