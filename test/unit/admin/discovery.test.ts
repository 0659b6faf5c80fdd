/** Discovery over HTTP: the catalog and waiting for it, leases, and Prometheus. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { CatalogEntry } from '../../../src/ports.ts'
import type { Endpoint } from '../../../src/snapshot/snapshot.ts'
import { type Ask, asker, createWorld, meshOf, type World } from './fakeMesh.ts'

let world: World
let ask: Ask

const cart: CatalogEntry = {
	namespace: 'default',
	name: 'cart',
	host: 'cart.mesh.localhost',
	endpoints: [
		{ id: 'a', url: 'https://a.example.com/v2', weight: 1, labels: { 'app.example/zone': 'x' }, locality: 'weur' },
		{ id: 'b', url: 'http://[2001:db8::1]:8080', weight: 1 },
	],
	version: 'c1',
}

beforeEach(async () => {
	world = await createWorld()
	world.catalog = [cart]
	ask = asker(meshOf(world))
})

describe.each([
	{ path: '/v1/services', change: () => (world.catalogVersion = 'v1'), known: '"v0"' },
	{ path: '/v1/services/default/cart', change: () => (world.catalog = [{ ...cart, version: 'c2' }]), known: '"c1"' },
])('$path', ({ path, change, known }) => {
	it('has an entity tag, and answers 304 to who has it', async () => {
		expect((await ask('GET', path)).headers.get('etag')).toBe(known)
		const again = await ask('GET', path, { headers: { 'if-none-match': known } })
		expect([again.status, await again.text()]).toEqual([304, ''])
	})

	it('answers at once, whatever the wait, to who has something else', async () => {
		world.onSleep = () => expect.unreachable('waited')
		expect((await ask('GET', `${path}?wait=30s`, { headers: { 'if-none-match': '"old"' } })).status).toBe(200)
		expect((await ask('GET', `${path}?wait=30s`)).status).toBe(200)
	})

	it('answers what changed when it changes during the wait', async () => {
		world.onSleep = change
		const startMs = world.nowMs
		const response = await ask('GET', `${path}?wait=30s`, { headers: { 'if-none-match': known } })
		expect(response.status).toBe(200)
		expect(response.headers.get('etag')).not.toBe(known)
		expect(world.nowMs - startMs).toBeLessThan(1000)
	})

	it('answers 304 when nothing changed during the wait', async () => {
		const response = await ask('GET', `${path}?wait=30s`, { headers: { 'if-none-match': known } })
		expect(response.status).toBe(304)
	})

	it.each(['wait=61s', 'wait=30', 'wait=-1s', 'wait=2m', 'wait=forever'])('refuses ?%s', async (query) => {
		const response = await ask('GET', `${path}?${query}`)
		expect(response.status).toBe(400)
		expect(await response.json()).toMatchObject({
			errors: [{ path: 'query.wait', message: expect.stringContaining('60s') }],
		})
	})
})

describe('waiting', () => {
	it('for a listing lasts as long as was asked, to the millisecond', async () => {
		const startMs = world.nowMs
		await ask('GET', '/v1/services?wait=2300ms', { headers: { 'if-none-match': '"v0"' } })
		expect(world.nowMs - startMs).toBe(2300)
	})

	it('for a service that goes away answers 404', async () => {
		world.onSleep = () => (world.catalog = [])
		const headers = { 'if-none-match': '"c1"' }
		expect((await ask('GET', '/v1/services/default/cart?wait=30s', { headers })).status).toBe(404)
	})

	it('is bounded: the 257th listing waited for at once is sent away, and the others get their answer', async () => {
		let release = () => {}
		const released = new Promise<void>((resolve) => {
			release = resolve
		})
		const mesh = {
			...meshOf(world),
			sleep: async (ms: number) =>
				released.then(() => {
					world.nowMs += ms
				}),
		}
		const waiter = asker(mesh)
		const wait = (known = '"v0"') => waiter('GET', '/v1/services?wait=30s', { headers: { 'if-none-match': known } })
		const all = Array.from({ length: 257 }, () => wait())
		expect((await Promise.race(all)).status).toBe(503)
		world.catalogVersion = 'v1'
		release()
		const statuses = (await Promise.all(all)).map(({ status }) => status)
		expect(statuses.filter((status) => status === 200)).toHaveLength(256)
		expect((await wait('"v1"')).status).toBe(304)
	})
})

describe('the health of endpoints', () => {
	const SINCE = '2030-01-01T00:00:00.000Z'
	const [a, b] = cart.endpoints as [Endpoint, Endpoint]
	const shown = async (path: string) => (await ask('GET', path)).json() as Promise<{ endpoints: object[] }>
	beforeEach(() => {
		world.catalog = [
			{
				...cart,
				endpoints: [
					{ ...a, joinedAt: Date.parse(SINCE) },
					{ ...b, unhealthy: true },
				],
			},
		]
		world.healths = { a: { healthy: true, since: SINCE }, b: { healthy: false, since: SINCE, lastFailure: 'timeout' } }
	})

	it('is shown with each, and since when and why one is unhealthy', async () => {
		expect((await shown('/v1/services/default/cart')).endpoints).toEqual([
			{ ...a, joinedAt: SINCE, health: { healthy: true, since: SINCE } },
			{ ...b, health: { healthy: false, since: SINCE, lastFailure: 'timeout' } },
		])
	})

	it('in the listing is what proxies know, and no registry is asked', async () => {
		const { items } = (await (await ask('GET', '/v1/services')).json()) as { items: { endpoints: object[] }[] }
		expect(items[0]!.endpoints).toMatchObject([{ health: { healthy: true } }, { health: { healthy: false } }])
		expect(world.calls.filter((call) => call.startsWith('registry'))).toEqual([])
	})

	it('is what proxies know where the registry is ahead of them, or does not answer', async () => {
		world.healths = { b: { healthy: true, since: SINCE } }
		expect((await shown('/v1/services/default/cart')).endpoints[1]).toEqual({ ...b, health: { healthy: false } })
		world.failing.set('registry.health', new Error('away'))
		expect((await shown('/v1/services/default/cart')).endpoints[1]).toEqual({ ...b, health: { healthy: false } })
	})

	it('costs no call of the registry while all are healthy', async () => {
		world.catalog = [cart]
		expect((await shown('/v1/services/default/cart')).endpoints).toMatchObject([{ health: { healthy: true } }, {}])
		expect(world.calls).not.toContain('registry.health')
	})
})

const LEASE = '/v1/services/default/cart/endpoints/a'
const put = (body: unknown) =>
	ask('PUT', LEASE, { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } })

describe('leases', () => {
	it('are granted with defaults, then renewed', async () => {
		const granted = await put({ url: 'https://a.example.com' })
		expect(granted.status).toBe(201)
		expect(await granted.json()).toMatchObject({ id: 'a', weight: 1, labels: {}, ttlSeconds: 30, state: 'active' })
		expect((await put({ url: 'https://a.example.com', weight: 0, ttlSeconds: 3600 })).status).toBe(200)
	})

	it('answer heartbeats, drains and farewells while they last, and 404 after', async () => {
		for (const [method, path] of [
			['POST', `${LEASE}/heartbeat`],
			['POST', `${LEASE}/drain`],
			['DELETE', LEASE],
			['GET', LEASE],
		] as const) {
			world.leases.clear()
			expect((await ask(method, path)).status).toBe(404)
			await put({ url: 'https://a.example.com' })
			expect((await ask(method, path)).status).toBe(200)
		}
	})

	it('are listed in pages, in order of id, each once', async () => {
		for (const id of ['c', 'a', 'b'])
			await ask('PUT', `/v1/services/default/cart/endpoints/${id}`, { body: '{"url":"https://a.example.com"}' })
		const ids: string[] = []
		let next: string | undefined
		do {
			const after = next === undefined ? '' : `&after=${next}`
			const page = (await (await ask('GET', `/v1/services/default/cart/endpoints?limit=1${after}`)).json()) as {
				items: { id: string }[]
				next?: string
			}
			ids.push(...page.items.map(({ id }) => id))
			next = page.next
		} while (next !== undefined)
		expect(ids).toEqual(['a', 'b', 'c'])
	})

	it.each([
		[{}, 'url'],
		[{ url: 'ftp://a.example.com' }, 'url'],
		[{ url: 'https://10.0.0.1' }, 'url'],
		[{ url: 'https://shop.mesh.localhost' }, 'url'],
		[{ url: 7 }, 'url'],
		[{ url: 'https://a.example.com', weight: -1 }, 'weight'],
		[{ url: 'https://a.example.com', weight: 1_000_001 }, 'weight'],
		[{ url: 'https://a.example.com', weight: 1.5 }, 'weight'],
		[{ url: 'https://a.example.com', ttlSeconds: 4 }, 'ttlSeconds'],
		[{ url: 'https://a.example.com', ttlSeconds: 3601 }, 'ttlSeconds'],
		[{ url: 'https://a.example.com', ttlSeconds: '30' }, 'ttlSeconds'],
		[
			{ url: 'https://a.example.com', labels: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`l${i}`, ''])) },
			'labels',
		],
		[{ url: 'https://a.example.com', labels: { zone: 1 } }, 'labels.zone'],
		[{ url: 'https://a.example.com', labels: { zone: 'a\nb' } }, 'labels.zone'],
		[{ url: 'https://a.example.com', labels: { 'a b': '' } }, 'labels["a b"]'],
		[{ url: 'https://a.example.com', locality: '' }, 'locality'],
		[{ url: 'https://a.example.com', id: 'b' }, 'id'],
		[{ url: 'https://a.example.com', tags: [] }, 'tags'],
		[[], 'body'],
		[null, 'body'],
	])('refuses %j, naming %s, and asks no registry', async (body, path) => {
		const response = await put(body)
		expect(response.status).toBe(400)
		expect(await response.json()).toMatchObject({ errors: [{ path }] })
		expect(world.calls.filter((call) => call.startsWith('registry'))).toEqual([])
	})

	it.each([
		['/v1/services/default/admin/endpoints/a', 'path.name'],
		['/v1/services/default/a--b/endpoints/a', 'path.name'],
		['/v1/services/Default/cart/endpoints/a', 'path.namespace'],
		[`/v1/services/${'n'.repeat(40)}/${'s'.repeat(40)}/endpoints/a`, 'path.name'],
		['/v1/services/default/cart/endpoints/-a', 'path.id'],
	])('refuses a registration at %s, naming %s', async (path, field) => {
		const response = await ask('PUT', path, { body: '{"url":"https://a.example.com"}' })
		expect(response.status).toBe(400)
		expect(await response.json()).toMatchObject({ errors: [{ path: field }] })
	})

	it('takes JSON only', async () => {
		const response = await ask('PUT', LEASE, {
			body: 'url: https://a.example.com',
			headers: { 'content-type': 'application/yaml' },
		})
		expect(response.status).toBe(415)
		expect(response.headers.get('accept')).toBe('application/json')
	})
})

describe('prometheus', () => {
	it('is given every endpoint as http_sd wants it: host:port targets and string labels', async () => {
		expect(await (await ask('GET', '/v1/discovery/prometheus')).json()).toEqual([
			{
				targets: ['a.example.com:443'],
				labels: {
					__scheme__: 'https',
					__meta_selvedge_service: 'default/cart',
					__meta_selvedge_service_name: 'cart',
					__meta_selvedge_namespace: 'default',
					__meta_selvedge_host: 'cart.mesh.localhost',
					__meta_selvedge_endpoint: 'a',
					__meta_selvedge_endpoint_url: 'https://a.example.com/v2',
					__meta_selvedge_locality: 'weur',
					__meta_selvedge_endpoint_label_app_example_zone: 'x',
				},
			},
			{
				targets: ['[2001:db8::1]:8080'],
				labels: expect.objectContaining({ __scheme__: 'http', __meta_selvedge_endpoint: 'b' }),
			},
		])
	})
})
