/** What a registry is to check, and the rounds in which it does: bounded, in turn, and in nobody's way. */
import { runDurableObjectAlarm } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../until.ts'
import {
	alarmTime,
	at,
	CHECK,
	enter,
	leave,
	letGo,
	NOW,
	newestVersion,
	own,
	registry,
	request,
	restart,
	round,
	roundIsOver,
	rounds,
	SERVICE,
	statuses,
	stored,
	watch,
	world,
} from './checkedRegistry.ts'

beforeEach(enter)
afterEach(leave)

describe('a watch', () => {
	it('of a service without leases is kept: its fixed endpoints are checked, after a restart too', async () => {
		world.hosts.set('f', 500)
		await watch({ unhealthyThreshold: 2 }, [{ id: 'f', url: 'http://f.internal' }])
		await round(10_000)
		await restart()
		await round(20_000)
		expect(world.told).toEqual([{ version: 1, ids: [], unhealthy: ['f'] }])
	})

	it('tells an object whose it is before anything is leased: woken by its alarm, it may not be told', async () => {
		await watch()
		expect(await stored('SELECT service, version FROM registry')).toEqual([{ service: SERVICE, version: 0 }])
	})

	it('that is older than the newest known is ignored', async () => {
		await watch({}, [{ id: 'new', url: 'http://new.internal' }])
		await registry().watch(SERVICE, { version: newestVersion() - 1, check: null, fixed: [] })
		await restart()
		await registry().watch(SERVICE, {
			version: newestVersion() - 1,
			check: CHECK,
			fixed: [{ id: 'old', url: 'http://old' }],
		})
		expect(Object.keys(await statuses())).toEqual(['new'])
	})

	it('under which an unhealthy endpoint is no longer one is told to the root', async () => {
		world.hosts.set('f', 500)
		await watch({ unhealthyThreshold: 1 }, [{ id: 'f', url: 'http://f.internal' }])
		await round(10_000)
		await watch({ unhealthyThreshold: 1 }, [{ id: 'g', url: 'http://g.internal' }])
		await until(() => world.told.length === 2)
		expect(world.told.at(-1)).toEqual({ version: 2, ids: [], unhealthy: [] })
	})

	it('is kept whole, however many and long the fixed endpoints are', async () => {
		const fixed = Array.from({ length: 1_000 }, (_, i) => ({ id: `f${i}`, url: `http://f${i}/${'p'.repeat(2_000)}` }))
		await watch({}, fixed)
		await restart()
		expect(Object.keys(await statuses())).toHaveLength(1_000)
		const longest = 'SELECT MAX(LENGTH(fixed)) AS length FROM watch UNION SELECT MAX(LENGTH(text)) FROM long_texts'
		for (const { length } of await stored<{ length: number }>(longest)) expect(length).toBeLessThan(1_000_000)
	})
})

describe('a round', () => {
	const many = (count: number) =>
		Array.from({ length: count }, (_, i) => ({ id: `f${i}`, url: `http://f${i}.internal` }))

	it('asks five at a time and forty in all, and the alarm goes on at once with the others, each once', async () => {
		await watch({}, many(100))
		await round(10_000)
		expect(world.asked).toHaveLength(40)
		expect(world.waiting.most).toBe(5)
		expect(await alarmTime()).toBe(NOW + 10_000)
		await rounds(10_000, 10_000)
		expect(new Set(world.asked.map(({ url }) => url)).size).toBe(100)
		expect(world.asked).toHaveLength(100)
		expect(await alarmTime()).toBe(NOW + 20_000)
	})

	it('in which all pass writes no row of any endpoint', async () => {
		await watch({}, many(30))
		await round(10_000)
		expect(world.asked).toHaveLength(30)
		expect(await stored('SELECT * FROM health')).toEqual([])
	})

	it('keeps no lease alive that ends while an endpoint is waited for, and is not joined by another', async () => {
		await registry().register(SERVICE, request('short', { ttlSeconds: 12 }))
		world.hosts.set('f0', 'is held')
		await watch({}, many(1))
		at(10_000)
		await runDurableObjectAlarm(own())
		await until(() => world.waiting.now === 1 && world.held.length === 1)
		expect(await alarmTime()).toBe(NOW + 12_000)
		at(12_000)
		await runDurableObjectAlarm(own())
		expect(world.told.at(-1)?.ids).toEqual([])
		expect(world.asked).toHaveLength(2)
		await letGo()
		await roundIsOver(10_000)
	})
})
