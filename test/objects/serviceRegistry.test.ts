/** The registry object: leases end by alarm, survive restarts, and reach the root whatever happens to it. */
import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ServiceRegistry } from '../../durable-objects/serviceRegistry/serviceRegistry.ts'
import type { LeaseRequest, PolicyStorePort, ServiceRegistryPort } from '../../src/ports.ts'
import type { Endpoint } from '../../src/snapshot/snapshot.ts'
import { until } from '../until.ts'
import { NOW, stopTime } from './time.ts'

const { SERVICE_REGISTRY, POLICY_STORE } = env as unknown as {
	SERVICE_REGISTRY: DurableObjectNamespace<ServiceRegistry>
	POLICY_STORE: { getByName(name: string): PolicyStorePort }
}

const SERVICE = 'default/orders'
const request = (id: string, ttlSeconds = 10): LeaseRequest => ({
	id,
	url: `http://${id}.internal:8080`,
	weight: 1,
	labels: { version: 'v1' },
	ttlSeconds,
})

/** Remembers what it is told, and can be down or slow. */
interface FakeRoot {
	readonly told: { version: number; ids: string[] }[]
	answer: 'ok' | 'down' | 'slow'
	/** Lets a slow root answer. */
	release: () => void
	/** When the registry's alarm was set for, as each telling began. */
	readonly alarms: (number | null)[]
}

/** Gives the registry a root that this test controls. Lost with the object's memory, as real bindings are. */
async function underFakeRoot(root: FakeRoot): Promise<void> {
	await runInDurableObject(own(), (instance: ServiceRegistry, state) => {
		const putEndpoints = async (_: string, version: number, endpoints: readonly Endpoint[]) => {
			root.alarms.push(await state.storage.getAlarm())
			if (root.answer === 'down') throw new Error('root is down')
			if (root.answer === 'slow') {
				await new Promise<void>((resolve) => {
					root.release = resolve
				})
			}
			root.told.push({ version, ids: endpoints.map((endpoint) => endpoint.id) })
		}
		Object.assign(instance, { env: { POLICY_STORE: { getByName: () => ({ putEndpoints }) } } })
	})
}

/** Runs in the object's own context, where its promises may be settled. */
const own = () => SERVICE_REGISTRY.getByName(SERVICE)
const inside = (work: () => void) => runInDurableObject(own(), work)
const registry = () => own() as unknown as ServiceRegistryPort
const alarm = () => runDurableObjectAlarm(own())
const alarmTime = () => runInDurableObject(own(), (_: ServiceRegistry, state) => state.storage.getAlarm())
const rowsWritten = () =>
	runInDurableObject(own(), (_: ServiceRegistry, { storage }) =>
		Number(storage.sql.exec('SELECT total_changes() AS rows').one().rows),
	)
const at = (offsetMs: number) => vi.setSystemTime(NOW + offsetMs)
const ids = async () => (await registry().leases(SERVICE)).map((lease) => lease.id)

let root: FakeRoot
beforeEach(async () => {
	stopTime()
	root = { told: [], answer: 'ok', release: () => {}, alarms: [] }
	vi.spyOn(console, 'warn').mockImplementation(() => {})
	await underFakeRoot(root)
})
afterEach(async () => {
	vi.useRealTimers()
	vi.restoreAllMocks()
	await reset()
})

describe('a lease', () => {
	it('is told to the root before its registration is answered', async () => {
		const answer = await registry().register(SERVICE, request('a'))
		expect(answer).toMatchObject({ ok: true, value: { created: true, lease: { id: 'a', state: 'active' } } })
		expect(root.told).toEqual([{ version: 1, ids: ['a'] }])
	})

	it('ends by alarm, exactly at its time', async () => {
		await registry().register(SERVICE, request('a'))
		expect(await alarmTime()).toBe(NOW + 10_000)
		at(9_999)
		await alarm()
		expect(root.told).toHaveLength(1)
		expect(await alarmTime()).toBe(NOW + 10_000)
		at(10_000)
		await alarm()
		expect(root.told.at(-1)).toEqual({ version: 2, ids: [] })
		expect(await ids()).toEqual([])
		expect(await alarmTime()).toBeNull()
	})

	it('costs one row written per heartbeat, no alarm and no call of the root', async () => {
		await registry().register(SERVICE, request('a'))
		await registry().register(SERVICE, request('b'))
		const before = await rowsWritten()
		await registry().heartbeat(SERVICE, 'a')
		expect((await rowsWritten()) - before).toBe(1)
		expect(await alarmTime()).toBe(NOW + 10_000)
		expect(root.told).toHaveLength(2)
	})

	it('renewed in time outlives the alarm that was set for it', async () => {
		await registry().register(SERVICE, request('a'))
		at(9_000)
		await registry().heartbeat(SERVICE, 'a')
		at(10_000)
		await alarm()
		expect(await ids()).toEqual(['a'])
		expect(root.told).toHaveLength(1)
		expect(await alarmTime()).toBe(NOW + 19_000)
	})

	it('draining takes no traffic and stays; deregistered it is gone', async () => {
		await registry().register(SERVICE, request('a'))
		await registry().register(SERVICE, request('b'))
		await registry().drain(SERVICE, 'a')
		expect(root.told.at(-1)).toEqual({ version: 3, ids: ['b'] })
		expect(await ids()).toEqual(['a', 'b'])
		await registry().deregister(SERVICE, 'b')
		expect(root.told.at(-1)).toEqual({ version: 4, ids: [] })
		expect(await registry().heartbeat(SERVICE, 'b')).toEqual({
			ok: false,
			error: { reason: 'no_such_endpoint', id: 'b' },
		})
	})
})

describe('after a restart', () => {
	it('leases are as they were, and end as they would have', async () => {
		const labels = { b: '2', a: '1' }
		await registry().register(SERVICE, { ...request('a'), labels, locality: 'weur' })
		await registry().register(SERVICE, request('b', 60))
		await registry().drain(SERVICE, 'b')
		const before = await registry().leases(SERVICE)
		await evictDurableObject(own())
		await underFakeRoot(root)
		expect(await registry().leases(SERVICE)).toEqual(before)
		await alarm()
		expect(root.told, 'what the root confirmed is not told again').toHaveLength(3)
		at(10_000)
		await alarm()
		expect(await ids()).toEqual(['b'])
		expect(root.told.at(-1)).toEqual({ version: 4, ids: [] })
	})

	it('that took longer than the TTL, endpoints have one TTL to be heard, and the silent one goes', async () => {
		await registry().register(SERVICE, request('alive'))
		await registry().register(SERVICE, request('dead'))
		at(3_600_000)
		await evictDurableObject(own())
		await underFakeRoot(root)
		expect(await registry().heartbeat(SERVICE, 'alive')).toMatchObject({ ok: true })
		expect(await ids()).toEqual(['alive', 'dead'])
		at(3_605_000)
		await registry().heartbeat(SERVICE, 'alive')
		at(3_610_000)
		await alarm()
		expect(await ids()).toEqual(['alive'])
		expect(root.told.map(({ version, ids }) => [version, ids])).toEqual([
			[1, ['alive']],
			[2, ['alive', 'dead']],
			[3, ['alive']],
		])
	})
})

describe('an unreachable root', () => {
	it('fails no registration, and is told by the alarm as soon as it is back', async () => {
		root.answer = 'down'
		expect(await registry().register(SERVICE, request('a'))).toMatchObject({ ok: true })
		const retryAt = (await alarmTime()) as number
		expect(retryAt).toBeGreaterThanOrEqual(NOW + 1_000)
		expect(retryAt).toBeLessThanOrEqual(NOW + 1_500)
		root.answer = 'ok'
		at(1_500)
		await alarm()
		expect(root.told).toEqual([{ version: 1, ids: ['a'] }])
		expect(await alarmTime()).toBe(NOW + 10_000)
	})

	it('is never given up: the alarm is always set again, at most 30 s later', async () => {
		root.answer = 'down'
		await registry().register(SERVICE, request('a', 3_600))
		for (let i = 1, time = 0; i <= 12; i++) {
			const retryAt = (await alarmTime()) as number
			expect(retryAt - (NOW + time)).toBeGreaterThanOrEqual(1_000)
			expect(retryAt - (NOW + time)).toBeLessThanOrEqual(30_000)
			if (i > 5) expect(retryAt - (NOW + time)).toBeGreaterThanOrEqual(20_000)
			time = retryAt - NOW
			at(time)
			expect(await alarm()).toBe(true)
		}
		root.answer = 'ok'
		await alarm()
		expect(root.told).toEqual([{ version: 1, ids: ['a'] }])
	})

	it('is told after a restart of the registry, which forgot nothing', async () => {
		root.answer = 'down'
		await registry().register(SERVICE, request('a'))
		await evictDurableObject(own())
		root.answer = 'ok'
		await underFakeRoot(root)
		await alarm()
		expect(root.told).toEqual([{ version: 1, ids: ['a'] }])
	})

	it('that takes a change and never says so holds a registration up for 5 s, and is told again', async () => {
		root.answer = 'slow'
		const answer = registry().register(SERVICE, request('a'))
		await until(() => vi.getTimerCount() > 0)
		await inside(() => vi.advanceTimersByTime(5_000))
		expect(await answer).toMatchObject({ ok: true })
		expect(root.told).toEqual([])
		root.answer = 'ok'
		await alarm()
		expect(root.told).toEqual([{ version: 1, ids: ['a'] }])
	})
})

describe('telling the root', () => {
	it('is preceded by an alarm that would tell it, should this process die', async () => {
		await registry().register(SERVICE, request('a'))
		expect(root.alarms).toHaveLength(1)
		expect(root.alarms[0]).toBeGreaterThanOrEqual(NOW + 1_000)
		expect(root.alarms[0]).toBeLessThanOrEqual(NOW + 1_500)
		expect(await alarmTime()).toBe(NOW + 10_000)
	})

	it('is done once for all who registered while it was busy', async () => {
		root.answer = 'slow'
		const answers = ['a', 'b', 'c', 'd'].map((id) => registry().register(SERVICE, request(id)))
		await until(async () => (await ids()).length === 4)
		root.answer = 'ok'
		await inside(() => root.release())
		for (const answer of await Promise.all(answers)) expect(answer.ok).toBe(true)
		expect(root.told).toEqual([
			{ version: 1, ids: ['a'] },
			{ version: 4, ids: ['a', 'b', 'c', 'd'] },
		])
	})
})

describe('the watchdog’s sweep', () => {
	it('ends overdue leases and sets the alarm that was lost', async () => {
		await registry().register(SERVICE, request('a'))
		await registry().register(SERVICE, request('b', 60))
		await runInDurableObject(own(), (_: ServiceRegistry, state) => state.storage.deleteAlarm())
		at(10_500)
		await registry().sweep(SERVICE)
		expect(root.told.at(-1)?.ids).toEqual(['b'])
		expect(await alarmTime()).toBe(NOW + 60_000)
	})
})

it('an alarm that fails is set again, and does its work once it can', async () => {
	const onError = vi.spyOn(console, 'error').mockImplementation(() => {})
	const rename = (from: string, to: string) =>
		runInDurableObject(own(), (_: ServiceRegistry, state) => {
			state.storage.sql.exec(`ALTER TABLE ${from} RENAME TO ${to}`)
		})
	await registry().register(SERVICE, request('a'))
	await rename('leases', 'hidden')
	at(10_000)
	await alarm()
	expect(onError).toHaveBeenCalledOnce()
	expect(await alarmTime()).toBeGreaterThanOrEqual(NOW + 11_000)
	expect(await alarmTime()).toBeLessThanOrEqual(NOW + 11_500)
	await rename('hidden', 'leases')
	at(11_000)
	await alarm()
	expect(root.told.at(-1)).toEqual({ version: 2, ids: [] })
})

it('a registry serves no service but its own, and being asked stores nothing', async () => {
	await runInDurableObject(own(), async (instance: ServiceRegistry) => {
		await expect(instance.leases('default/payments')).rejects.toThrow('default/payments')
		await expect(instance.register('default/payments', request('a'))).rejects.toThrow('default/payments')
		await expect(instance.sweep('default/payments')).rejects.toThrow('default/payments')
	})
	expect(await registry().leases(SERVICE)).toEqual([])
	await Promise.all([registry().heartbeat(SERVICE, 'nobody'), registry().sweep(SERVICE)])
	const NAMES = "SELECT name FROM sqlite_master WHERE name IN ('leases', 'registry')"
	expect(await runInDurableObject(own(), (_, state) => state.storage.sql.exec(NAMES).toArray())).toEqual([])
})

it('the mesh’s own root lists the service among those that have leases', async () => {
	await evictDurableObject(own())
	await registry().register(SERVICE, request('a'))
	expect((await POLICY_STORE.getByName('mesh').leasedServices({ limit: 10 })).items).toContain(SERVICE)
})
