/** Health checks by the registry: whoever fails is told to the root, once, whatever restarts, hangs or goes in between. */
import { runDurableObjectAlarm } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { until } from '../until.ts'
import {
	alarmTime,
	at,
	enter,
	leave,
	letGo,
	NOW,
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

describe('a check', () => {
	it('comes within an interval, asks below the path of the endpoint, by its own name, and of no cache', async () => {
		await registry().register(SERVICE, request('a', { url: 'http://a.internal:8080/base/' }))
		await watch({ method: 'HEAD' })
		const due = (await alarmTime())!
		expect(due).toBeGreaterThanOrEqual(NOW)
		expect(due).toBeLessThanOrEqual(NOW + 10_000)
		await round(due - NOW)
		expect(world.asked.map(({ url }) => url)).toEqual(['http://a.internal:8080/base/healthz?deep=1'])
		const { method, redirect, cache, headers, body } = world.asked[0]!.init
		expect([method, redirect, cache, body]).toEqual(['HEAD', 'manual', 'no-store', undefined])
		expect(headers).toEqual({ 'user-agent': 'selvedge-health/1' })
		expect(await alarmTime()).toBe(due + 10_000)
	})

	it.each<[number | 'refuses' | 'hangs', string]>([
		[204, 'healthy'],
		[301, 'status 301'],
		[503, 'status 503'],
		['refuses', 'connection failed'],
		['hangs', 'timeout'],
	])('of which the endpoint makes %s says: %s', async (answer, said) => {
		world.hosts.set('a', answer)
		await watch({ unhealthyThreshold: 1 }, [{ id: 'a', url: 'http://a.internal' }])
		await round(10_000)
		const unhealthy = { healthy: false, since: new Date(NOW + 10_000).toISOString(), lastFailure: said }
		expect(await statuses()).toEqual({ a: said === 'healthy' ? { healthy: true } : unhealthy })
	})
})

describe('an endpoint', () => {
	beforeEach(async () => {
		for (const id of ['a', 'b']) await registry().register(SERVICE, request(id))
		// Old enough that one failure does not decide.
		at(100_000)
		await watch()
		world.told = []
	})

	it('that fails as often as it may is told to the root, once, and again when it has recovered', async () => {
		world.hosts.set('a', 503)
		await rounds(110_000, 120_000)
		expect(world.told).toEqual([])
		await rounds(130_000, 140_000, 150_000)
		expect(world.told).toEqual([{ version: 3, ids: ['a', 'b'], unhealthy: ['a'] }])
		world.hosts.delete('a')
		await rounds(160_000)
		expect(world.told).toHaveLength(1)
		await rounds(170_000, 180_000)
		expect(world.told.slice(1)).toEqual([{ version: 4, ids: ['a', 'b'], unhealthy: [] }])
	})

	it('shows its health with its lease, unless it drains', async () => {
		world.hosts.set('a', 503)
		await rounds(110_000, 120_000, 130_000)
		const since = new Date(NOW + 130_000).toISOString()
		const leases = async () =>
			Object.fromEntries((await registry().leases(SERVICE)).map(({ id, health }) => [id, health]))
		expect(await leases()).toEqual({ a: { healthy: false, since, lastFailure: 'status 503' }, b: { healthy: true } })
		await registry().drain(SERVICE, 'a')
		await watch({}, [{ id: 'a', url: 'http://fixed.internal' }])
		expect(Object.keys(await statuses())).toEqual(['a', 'b'])
		expect(await leases(), 'the fixed one of this id is another').toEqual({ b: { healthy: true } })
		expect(world.told.at(-1)).toEqual({ version: 4, ids: ['b'], unhealthy: [] })
	})

	it('is checked in time, and its failures add up, although the registry is evicted between any two checks', async () => {
		world.hosts.set('a', 503)
		await round(110_000)
		for (const offsetMs of [120_000, 130_000]) {
			at(offsetMs)
			await restart()
			await round(offsetMs)
		}
		expect(world.told.map(({ unhealthy }) => unhealthy)).toEqual([['a']])
		expect(
			world.asked
				.map(({ url }) => new URL(url).hostname)
				.sort()
				.join(),
		).toBe('a.internal,a.internal,a.internal,b.internal,b.internal,b.internal')
	})

	it('is as unhealthy after a restart as before, and the root is not told what it knows', async () => {
		world.hosts.set('a', 503)
		await rounds(110_000, 120_000, 130_000)
		const before = await statuses()
		await restart()
		expect(await statuses()).toEqual(before)
		expect(world.told).toHaveLength(1)
		await rounds(140_000)
		expect(world.told).toHaveLength(1)
		await registry().register(SERVICE, request('c'))
		expect(world.told.at(-1)).toEqual({ version: 4, ids: ['a', 'b', 'c'], unhealthy: ['a'] })
	})

	it('that moves to another URL, or leaves and comes back, begins anew', async () => {
		world.hosts.set('a', 503).set('b', 503)
		await rounds(110_000, 120_000, 130_000)
		expect(world.told.at(-1)?.unhealthy).toEqual(['a', 'b'])
		await registry().register(SERVICE, request('a', { url: 'http://new.internal' }))
		expect(world.told.at(-1)?.unhealthy).toEqual(['b'])
		await registry().deregister(SERVICE, 'b')
		await registry().register(SERVICE, request('b'))
		expect(world.told.at(-1)?.unhealthy).toEqual([])
		await restart()
		expect(await statuses()).toEqual({ a: { healthy: true }, b: { healthy: true } })
	})

	it('that fails while the root is unreachable is told by alarm, as soon as the root is back', async () => {
		world.hosts.set('a', 503)
		world.rootIsDown = true
		await rounds(110_000, 120_000, 130_000)
		expect(world.told).toEqual([])
		await restart()
		world.rootIsDown = false
		await round(132_000)
		expect(world.told).toEqual([{ version: 3, ids: ['a', 'b'], unhealthy: ['a'] }])
	})

	it('counts as healthy when nothing is checked any more, and nothing of it is kept', async () => {
		world.hosts.set('a', 503)
		await rounds(110_000, 120_000, 130_000)
		await watch(null)
		await until(() => world.told.length === 2)
		expect(world.told.at(-1)).toEqual({ version: 4, ids: ['a', 'b'], unhealthy: [] })
		expect(await statuses()).toEqual({})
		expect((await registry().leases(SERVICE)).map(({ health }) => health)).toEqual([undefined, undefined])
		expect(await stored('SELECT * FROM health')).toEqual([])
		const before = world.asked.length
		at(140_000)
		await runDurableObjectAlarm(own())
		expect(world.asked).toHaveLength(before)
	})

	it('that leaves or moves while it is checked leaves nothing behind, and its old place says nothing of the new', async () => {
		const onError = vi.spyOn(console, 'error').mockImplementation(() => {})
		world.hosts.set('a', 'is held').set('b', 'is held')
		await watch({ unhealthyThreshold: 1 })
		at(110_000)
		await runDurableObjectAlarm(own())
		await until(() => world.held.length === 2)
		await registry().deregister(SERVICE, 'a')
		await registry().register(SERVICE, request('b', { url: 'http://elsewhere.internal' }))
		await letGo()
		await roundIsOver(110_000)
		expect(await statuses()).toEqual({ b: { healthy: true } })
		expect(await stored('SELECT id FROM health')).toEqual([])
		expect(onError).not.toHaveBeenCalled()
	})
})
