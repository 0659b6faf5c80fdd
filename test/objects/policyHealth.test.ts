/** Health at the root: registries learn what to check whatever fails, and what they find marks endpoints, and makes no service. */
import { reset, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { PolicyStore } from '../../durable-objects/policyStore/policyStore.ts'
import type { ServiceRegistry } from '../../durable-objects/serviceRegistry/serviceRegistry.ts'
import type { EndpointWatch, ServiceRegistryPort } from '../../src/ports.ts'
import type { ServiceTarget } from '../../src/snapshot/snapshot.ts'
import { until } from '../until.ts'
import {
	apply,
	change,
	connect,
	documents,
	endpoint,
	evictRoot,
	inRoot,
	type Link,
	remove,
	root,
	rootStub,
	service,
	standing,
	storedParts,
} from './meshObjects.ts'
import { NOW, stopTime } from './time.ts'

const { SERVICE_REGISTRY } = env as unknown as { SERVICE_REGISTRY: DurableObjectNamespace<ServiceRegistry> }

const HOUR_MS = 3_600_000
const link: Link = { pushed: [], failing: new Map() }
/** What registries were told, by service; and those that cannot be reached, or take it and do not say so. */
let told: [service: string, watch: EndpointWatch][] = []
const failing = new Map<string, 'before' | 'after'>()

async function connectRegistries(): Promise<void> {
	await runInDurableObject(rootStub(), (instance: PolicyStore) => {
		const getByName = (name: string) => ({
			watch: async (_: string, watch: EndpointWatch) => {
				if (failing.get(name) === 'before') throw new Error(`${name} is unreachable`)
				told.push([name, watch])
				if (failing.get(name) === 'after') throw new Error('the answer is lost')
			},
		})
		const { env: before } = instance as unknown as { env: object }
		Object.assign(instance, { env: { ...before, SERVICE_REGISTRY: { getByName } } })
	})
}

const policy = (name: string, target: string, healthCheck: object = {}) => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'TrafficPolicy',
	metadata: { name },
	spec: { targetRefs: [{ kind: 'Service', name: target }], healthCheck },
})
const removePolicy = (name: string) =>
	change({ remove: [{ apiVersion: 'selvedge.dev/v1', kind: 'TrafficPolicy', namespace: 'default', name }] })
const alarmTime = () => inRoot((storage) => storage.getAlarm())
const rows = (table: string) => inRoot(({ sql }) => sql.exec(`SELECT * FROM ${table}`).toArray())
const target = async (name: string) =>
	standing(await inRoot(storedParts))[`service/default/${name}`] as ServiceTarget | undefined
const marked = async (name: string) =>
	(await target(name))?.endpoints.map(({ id, unhealthy }) => (unhealthy ? `${id}!` : id))

beforeEach(async () => {
	stopTime()
	vi.spyOn(console, 'warn').mockImplementation(() => {})
	told = []
	failing.clear()
	await connect(link)
	await connectRegistries()
})
afterEach(async () => {
	vi.useRealTimers()
	vi.restoreAllMocks()
	await reset()
})

describe('a registry', () => {
	it('is told what to check, and which endpoints the document fixes, before the change is answered', async () => {
		await apply(service('a', 'http://a:1', 'http://b:1'), policy('p', 'a', { path: '/ready', interval: '5s' }))
		expect(told).toEqual([
			[
				'default/a',
				{
					version: NOW,
					check: expect.objectContaining({ path: '/ready', intervalMs: 5_000, unhealthyThreshold: 3 }),
					fixed: [
						{ id: 'fixed-0', url: 'http://a:1' },
						{ id: 'fixed-1', url: 'http://b:1' },
					],
				},
			],
		])
		expect(await alarmTime()).toBeNull()
	})

	it('is told again, in growing versions, when the check or the fixed endpoints change, and not else', async () => {
		const weighty = { ...service('a'), spec: { endpoints: [{ url: 'http://a:1', weight: 5 }] } }
		await apply(service('a', 'http://a:1'), policy('p', 'a'))
		await apply(weighty, policy('p', 'a'), service('other'))
		await root().putEndpoints('default/a', 1, [endpoint('e')], ['fixed-0'])
		expect(told).toHaveLength(1)
		await apply(policy('p', 'a', { path: '/other' }))
		await apply(service('a', 'http://b:1'))
		expect(told.map(([, { version, check, fixed }]) => [version, check?.path, fixed[0]?.url])).toEqual([
			[NOW, '/', 'http://a:1'],
			[NOW + 1, '/other', 'http://a:1'],
			[NOW + 2, '/other', 'http://b:1'],
		])
	})

	it('of a service without a check is told nothing, and nothing is told by a dry run', async () => {
		await apply(service('a', 'http://a:1'))
		await root().putEndpoints('default/b', 1, [endpoint('e')])
		await change({ put: documents(policy('p', 'a')), dryRun: true })
		expect(told).toEqual([])
		expect(await rows('watches')).toEqual([])
	})

	it('is told that nothing is checked any more when the policy goes, and when the service does', async () => {
		await apply(service('a', 'http://a:1'), service('b', 'http://b:1'), policy('p', 'a'), policy('q', 'b'))
		told = []
		await removePolicy('p')
		await remove('Service', 'b')
		expect(told).toEqual([
			['default/a', { version: NOW + 1, check: null, fixed: [] }],
			['default/b', { version: NOW + 1, check: null, fixed: [] }],
		])
		await root().flush()
		expect(await rows('watches')).toHaveLength(2)
		vi.setSystemTime(NOW + HOUR_MS + 2)
		await root().flush()
		expect(await rows('watches')).toEqual([])
		await apply(policy('p', 'a'))
		expect(told.at(-1)![1].version).toBeGreaterThan(NOW + 1)
	})

	it('of a service that exists by registration alone is told when it comes to be, and when it is forgotten', async () => {
		await apply(policy('p', 'a'))
		expect(told).toEqual([])
		await root().putEndpoints('default/a', 1, [endpoint('e')])
		expect(told).toEqual([['default/a', { version: NOW, check: expect.objectContaining({ path: '/' }), fixed: [] }]])
		await root().putEndpoints('default/a', 2, [])
		vi.setSystemTime(NOW + HOUR_MS + 1)
		await root().flush()
		expect(told.at(-1)).toEqual(['default/a', { version: NOW + HOUR_MS + 1, check: null, fixed: [] }])
	})

	it.for(['before', 'after'] as const)(
		'that fails %s it was told is told by alarm, after a restart too',
		async (when) => {
			failing.set('default/a', when)
			await apply(service('a', 'http://a:1'), service('b', 'http://b:1'), policy('p', 'a'), policy('q', 'b'))
			expect(told.map(([name]) => name)).toContain('default/b')
			told = []
			expect(await alarmTime()).toBe(NOW + 1_000)
			expect(await runDurableObjectAlarm(rootStub())).toBe(true)
			expect(await alarmTime(), 'never given up').toBe(NOW + 1_000)
			await evictRoot(link)
			await connectRegistries()
			failing.clear()
			told = []
			await runDurableObjectAlarm(rootStub())
			expect(told.map(([name, { version }]) => [name, version])).toEqual([['default/a', NOW]])
			expect(await alarmTime()).toBeNull()
			await root().flush()
			expect(told).toHaveLength(1)
		},
	)

	it('that never answers holds a change up for half a second, and no other registry', async () => {
		await apply(service('a', 'http://a:1'), service('b', 'http://b:1'))
		await runInDurableObject(rootStub(), (instance: PolicyStore) => {
			const { env: before } = instance as unknown as { env: object }
			const getByName = (name: string) => ({
				watch: async (_: string, watch: EndpointWatch) => {
					if (name === 'default/a') await new Promise(() => {})
					told.push([name, watch])
				},
			})
			Object.assign(instance, { env: { ...before, SERVICE_REGISTRY: { getByName } } })
		})
		const pass = (ms: number) => inRoot(() => vi.advanceTimersByTime(ms))
		let isAnswered = false
		const answer = apply(policy('p', 'a'), policy('q', 'b')).finally(() => {
			isAnswered = true
		})
		// The limit of the registry that is silent, and that of the change.
		await until(() => told.length === 1 && vi.getTimerCount() === 2)
		await pass(499)
		await root().ready()
		expect(isAnswered).toBe(false)
		await pass(1)
		await answer
		expect(told.map(([name]) => name)).toEqual(['default/b'])
		expect(await alarmTime()).toBe(NOW + 1_000)
	})

	it('that has checks to make is swept with the others, although nothing is leased there', async () => {
		await root().putEndpoints('default/b', 1, [endpoint('e')])
		await apply(service('a', 'http://a:1'), service('b'), policy('p', 'a'), policy('q', 'b'))
		const first = await root().leasedServices({ limit: 1 })
		expect(first).toEqual({ items: ['default/a'], next: 'default/a' })
		expect(await root().leasedServices({ limit: 5, after: 'default/a' })).toEqual({ items: ['default/b'] })
		await removePolicy('p')
		expect((await root().leasedServices({ limit: 5 })).items).toEqual(['default/b'])
	})
})

describe('endpoints whose checks fail', () => {
	it('are marked, leased and fixed ones alike, until the registry says otherwise', async () => {
		await apply(service('a', 'http://a:1', 'http://b:1'))
		await root().putEndpoints('default/a', 1, [endpoint('x'), endpoint('y')], ['fixed-1', 'gone', 'x'])
		expect(await marked('a')).toEqual(['fixed-0', 'fixed-1!', 'x!', 'y'])
		await apply(service('a', 'http://a:1', 'http://c:1'))
		expect(await marked('a')).toEqual(['fixed-0', 'fixed-1!', 'x!', 'y'])
		await evictRoot(link)
		await root().putEndpoints('default/a', 2, [endpoint('x'), endpoint('y')], ['y'])
		expect(await marked('a')).toEqual(['fixed-0', 'fixed-1', 'x', 'y!'])
		await root().putEndpoints('default/a', 3, [endpoint('x'), endpoint('y')])
		expect(await marked('a')).toEqual(['fixed-0', 'fixed-1', 'x', 'y'])
	})

	it('are those of the newest version, whatever the order they are told in', async () => {
		await apply(service('a', 'http://a:1'))
		await root().putEndpoints('default/a', 3, [], ['fixed-0'])
		await root().putEndpoints('default/a', 2, [endpoint('old')])
		await root().putEndpoints('default/a', 3, [], [])
		expect(await marked('a')).toEqual(['fixed-0!'])
	})

	it('make no service: where the document goes, the service goes', async () => {
		await apply(service('a', 'http://a:1'), policy('p', 'a'))
		await root().putEndpoints('default/a', 1, [], ['fixed-0'])
		await remove('Service', 'a')
		expect(await target('a')).toBeUndefined()
		await root().putEndpoints('default/a', 2, [], [])
		expect(await target('a')).toBeUndefined()
		vi.setSystemTime(NOW + HOUR_MS + 1)
		await root().flush()
		expect(await rows('unhealthy')).toEqual([])
		expect(await rows('leased')).toEqual([])
	})

	it('are not forgotten with the leased ones that were there once', async () => {
		await apply(service('a', 'http://a:1'))
		await root().putEndpoints('default/a', 1, [endpoint('e')], [])
		await root().putEndpoints('default/a', 2, [], ['fixed-0'])
		vi.setSystemTime(NOW + 2 * HOUR_MS)
		await root().flush()
		expect(await rows('leased')).toEqual([])
		expect(await marked('a')).toEqual(['fixed-0!'])
		await root().putEndpoints('default/a', 1, [endpoint('late')], [])
		expect(await marked('a')).toEqual(['fixed-0!'])
	})
})

describe('the health of services', () => {
	it('is counted from what the snapshot says, of those whose endpoints are checked', async () => {
		await apply(
			service('a', 'http://a:1', 'http://b:1'),
			service('b', 'http://b:1'),
			service('unchecked', 'http://c:1'),
		)
		await apply(policy('p', 'a'), policy('q', 'b'), policy('r', 'nobody'))
		await root().putEndpoints('default/a', 1, [endpoint('x'), endpoint('y')], ['fixed-1', 'gone', 'x'])
		const b = { service: 'default/b', healthy: 1, unhealthy: 0 }
		expect(await root().endpointHealth()).toEqual([{ service: 'default/a', healthy: 2, unhealthy: 2 }, b])
		await root().putEndpoints('default/a', 2, [], [])
		expect(await root().endpointHealth()).toEqual([{ service: 'default/a', healthy: 2, unhealthy: 0 }, b])
		await removePolicy('p')
		await remove('Service', 'b')
		expect(await root().endpointHealth()).toEqual([])
	})

	it('is counted of a service whose endpoints need more than a row', async () => {
		await apply(service('a'), policy('p', 'a'))
		const many = Array.from({ length: 6_000 }, (_, i) => ({ ...endpoint(`e${i}`), labels: { zone: 'z'.repeat(60) } }))
		await root().putEndpoints('default/a', 1, many, ['e0', 'e5999'])
		expect(await root().endpointHealth()).toEqual([{ service: 'default/a', healthy: 5_998, unhealthy: 2 }])
	})
})

it('from the policy to the mark, the real objects do it by themselves', async () => {
	await evictRoot(link)
	const registry = SERVICE_REGISTRY.getByName('default/a') as unknown as ServiceRegistryPort
	vi.spyOn(globalThis, 'fetch').mockImplementation(
		async (url) => new Response('', { status: /b:1/.test(`${url}`) ? 500 : 200 }),
	)
	await apply(service('a', 'http://a:1', 'http://b:1'), policy('p', 'a', { unhealthyThreshold: 1 }))
	vi.setSystemTime(NOW + 10_000)
	await runDurableObjectAlarm(SERVICE_REGISTRY.getByName('default/a'))
	await until(async () => (await marked('a'))?.includes('fixed-1!'))
	expect(await marked('a')).toEqual(['fixed-0', 'fixed-1!'])
	expect(await registry.health('default/a')).toMatchObject({ 'fixed-1': { healthy: false, lastFailure: 'status 500' } })
	await removePolicy('p')
	await until(async () => !(await marked('a'))?.includes('fixed-1!'))
})
