/** Leased endpoints at the root: the newest version counts, services come and go with them, and they fit. */
import { reset, runInDurableObject } from 'cloudflare:test'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { MAX_PART_CHARACTERS } from '../../durable-objects/policyStore/limits.ts'
import type { PolicyStore } from '../../durable-objects/policyStore/policyStore.ts'
import type { Endpoint, ServiceTarget } from '../../src/snapshot/snapshot.ts'
import {
	ACTOR,
	apply,
	connect,
	documents,
	endpoint,
	everything,
	evictRoot,
	expectSameAsRoot,
	gateway,
	inReplica,
	inRoot,
	type Link,
	longestRowBytes,
	remove,
	replica,
	root,
	rootStub,
	route,
	service,
	standing,
	storedParts,
} from './meshObjects.ts'
import { NOW, stopTime } from './time.ts'

const HOUR_MS = 3_600_000
let link: Link
beforeEach(async () => {
	stopTime()
	link = { pushed: [], failing: new Map() }
	await connect(link)
})
afterEach(async () => {
	vi.useRealTimers()
	await reset()
})

const standingParts = async () => standing(await inRoot(storedParts))
const endpointIds = async (name: string) =>
	((await standingParts())[`service/${name}`] as ServiceTarget | undefined)?.endpoints.map(({ id }) => id)
const many = (count: number, urlCharacters: number): Endpoint[] =>
	Array.from({ length: count }, (_, i) => {
		const url = `http://e${i}.internal/`
		return { id: `e${i}`, url: url + 'p'.repeat(urlCharacters - url.length), weight: 1, labels: { zone: 'a' } }
	})

describe('the endpoints of a service', () => {
	it('are those of the newest version, whatever the order they are told in', async () => {
		await root().putEndpoints('default/a', 3, [endpoint('c'), endpoint('b')])
		const before = await inRoot(everything)
		await root().putEndpoints('default/a', 2, [endpoint('old')])
		await root().putEndpoints('default/a', 3, [endpoint('other')])
		expect(await inRoot(everything)).toEqual(before)
		expect(await endpointIds('default/a')).toEqual(['b', 'c'])
		await root().putEndpoints('default/a', 4, [endpoint('d')])
		expect(await endpointIds('default/a')).toEqual(['d'])
	})

	it('join those of its document, and win over them', async () => {
		const fixed = { ...service('a'), spec: { endpoints: ['x', 'y'].map((id) => ({ id, url: `http://${id}:1` })) } }
		await apply(fixed)
		await root().putEndpoints('default/a', 1, [endpoint('y', 'http://leased:1'), endpoint('z')])
		expect((await standingParts())['service/default/a']).toMatchObject({
			endpoints: [{ id: 'x' }, { id: 'y', url: 'http://leased:1' }, { id: 'z' }],
		})
		await root().putEndpoints('default/a', 2, [])
		expect(await endpointIds('default/a')).toEqual(['x', 'y'])
	})

	it('make no revision, and rebuild no route', async () => {
		await apply(service('a'), gateway('g', 'shop.test'), route('r', 'g', 'a'))
		await root().putEndpoints('default/a', 1, [endpoint('e')])
		const before = await inRoot(storedParts)
		await root().putEndpoints('default/a', 2, [])
		const changed = (await inRoot(storedParts)).filter(({ sequence }, i) => sequence !== before[i]!.sequence)
		expect(changed.map(({ name }) => name)).toEqual(['service/default/a'])
		expect((await root().ready()).revision).toBe(1)
	})
})

describe('a service that exists by registration alone', () => {
	const routed = async () => {
		const stored = await root().get('HTTPRoute', 'default', 'r')
		return stored!.status!.parents![0]!.conditions.find(({ type }) => type === 'ResolvedRefs')!.reason
	}

	it('exists from its first endpoint until an hour after its last, and routes to it say so', async () => {
		await apply(gateway('g', 'shop.test'), route('r', 'g', 'a'))
		await replica('weur').load('weur', {})
		expect(await routed()).toBe('BackendNotFound')
		await root().putEndpoints('default/a', 1, [endpoint('e')])
		expect(await routed()).toBe('ResolvedRefs')
		await root().putEndpoints('default/a', 2, [])
		vi.setSystemTime(NOW + HOUR_MS)
		await root().flush()
		expect(await endpointIds('default/a')).toEqual([])
		expect(await routed()).toBe('ResolvedRefs')
		expect((await root().leasedServices({ limit: 10 })).items).toEqual(['default/a'])
		vi.setSystemTime(NOW + HOUR_MS + 1)
		expect(await root().flush()).toBe(0)
		expect(await routed()).toBe('BackendNotFound')
		expect(await root().leasedServices({ limit: 10 })).toEqual({ items: [] })
		const parts = await standingParts()
		expect(Object.keys(parts)).toEqual(['virtualHost/shop.test', 'virtualHost/shop.test/default/r'])
		expect(parts['virtualHost/shop.test/default/r']).toMatchObject({
			rules: [{ backends: [{ invalid: expect.stringContaining('not found') }] }],
		})
		await expectSameAsRoot('weur')
	})

	it('that gets an endpoint again in that hour is not forgotten', async () => {
		await root().putEndpoints('default/a', 1, [])
		vi.setSystemTime(NOW + HOUR_MS / 2)
		await root().putEndpoints('default/a', 2, [endpoint('e')])
		vi.setSystemTime(NOW + 2 * HOUR_MS)
		await root().flush()
		expect(await endpointIds('default/a')).toEqual(['e'])
	})

	it('stays when its document goes, and with its document when its endpoints do', async () => {
		await apply(service('a', 'http://a:1'))
		await root().putEndpoints('default/a', 1, [endpoint('e')])
		await remove('Service', 'a')
		expect(await endpointIds('default/a')).toEqual(['e'])
		await apply(service('a', 'http://a:1'))
		await root().putEndpoints('default/a', 2, [])
		vi.setSystemTime(NOW + 2 * HOUR_MS)
		await root().flush()
		expect(await endpointIds('default/a')).toEqual(['fixed-0'])
	})

	it('is listed with the others in pages', async () => {
		for (const name of ['c', 'a', 'b']) await root().putEndpoints(`default/${name}`, 1, [endpoint('e')])
		const first = await root().leasedServices({ limit: 2 })
		expect(first).toEqual({ items: ['default/a', 'default/b'], next: 'default/b' })
		expect((await root().leasedServices({ limit: 2, after: 'default/b' })).items).toEqual(['default/c'])
	})
})

describe('a service of 10,000 endpoints', () => {
	it('with URLs of 700 characters fits: in every row, in every message, and at every replica', async () => {
		const endpoints = many(10_000, 700)
		await apply(service('b'), gateway('g', 'shop.test'), route('r', 'g', 'a'), route('s', 'g', 'b'))
		await replica('weur').load('weur', {})
		await root().putEndpoints('default/a', 1, endpoints)
		await replica('enam').load('enam', {})
		await expectSameAsRoot('weur', 'enam')
		for (const where of [inRoot, (work: typeof longestRowBytes) => inReplica('weur', work)])
			expect(await where(longestRowBytes)).toBeLessThan(2_000_000)
		const entry = await replica('weur').service('weur', 'default/a')
		expect(entry?.endpoints).toHaveLength(10_000)
		expect(entry?.endpoints.find(({ id }) => id === 'e9999')).toEqual(endpoints[9_999])

		await evictRoot(link)
		await root().putEndpoints('default/a', 2, many(9_000, 700))
		await expectSameAsRoot('weur', 'enam')
		await root().putEndpoints('default/a', 3, [])
		await expectSameAsRoot('weur', 'enam')
		for (const where of [inRoot, (work: typeof everything) => inReplica('weur', work)])
			expect((await where(everything)).long_texts).toEqual([])
	})

	it('with URLs of 2,000 characters is more than the mesh carries: nothing changes, and the refusal says how much is', async () => {
		await root().putEndpoints('default/a', 1, [endpoint('e')])
		const before = await inRoot(everything)
		const endpoints = many(10_000, 2_000)
		await runInDurableObject(rootStub(), (store: PolicyStore) =>
			expect(store.putEndpoints('default/a', 2, endpoints)).rejects.toThrow(
				/^Service\/default\/a: its part service\/default\/a would have 20\d{6} characters; at most 8000000 are carried$/,
			),
		)
		expect(await inRoot(everything)).toEqual(before)
	})

	it('at the limit leaves no room for a document that adds to it, which is refused by name', async () => {
		const room = 20_000
		const endpoints = many(10_000, 700).map((one) => ({ ...one, labels: { zone: 'a' } }))
		const [first, ...rest] = endpoints
		const spare = MAX_PART_CHARACTERS - room - JSON.stringify(endpoints).length
		await root().putEndpoints('default/a', 1, [{ ...first!, url: first!.url + 'p'.repeat(spare) }, ...rest])
		const before = await inRoot(everything)
		const urls = Array.from({ length: 20 }, (_, i) => `http://f${i}/${'p'.repeat(2_000)}`)
		const result = await root().change({ actor: ACTOR, put: documents(service('b'), service('a', ...urls)) })
		expect(result).toMatchObject({ ok: false, error: { reason: 'too_large' } })
		expect(JSON.stringify(result)).toContain('Service/default/a')
		expect(await inRoot(everything)).toEqual(before)
	})
})

it('a text that is cut into pieces comes back whole, surrogate pairs and all', async () => {
	const emoji = (count: number) => '🧵'.repeat(count)
	for (const shift of ['', 'x']) {
		const labels = { zone: shift + emoji(500_000) }
		await root().putEndpoints('default/a', shift.length + 1, [{ ...endpoint('e'), labels }])
		expect((await standingParts())['service/default/a']).toMatchObject({ endpoints: [{ labels }] })
		await replica('weur').load('weur', {})
		expect((await replica('weur').service('weur', 'default/a'))?.endpoints[0]?.labels).toEqual(labels)
	}
	expect(await inRoot(longestRowBytes)).toBeLessThan(2_000_000)
})
