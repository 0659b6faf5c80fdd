/** Where requests go whose host nobody registered. */
import { describe, expect, it } from 'vitest'
import type { Addresses } from '../../../src/hosts.ts'
import { MESH_PART, TRUST_PART } from '../../../src/names.ts'
import { admit } from '../../../src/proxy/exchange.ts'
import { createRoutingTable } from '../../../src/proxy/knowledge/routingTable.ts'
import { passthrough } from '../../../src/proxy/passthrough.ts'
import type { MeshDefaults } from '../../../src/snapshot/snapshot.ts'
import { nobody } from './compile/compiled.ts'
import { aSecondOn, fakeProxy, reached, verdict, warm } from './fakeProxy.ts'
import { DOMAIN, gone } from './knowledge/fakeReplica.ts'

const mesh = (egress: MeshDefaults['egress']) => ({
	[MESH_PART]: { kind: 'mesh', egress, defaultAccess: 'open' } as const,
})

/** The base of the URL that a request is sent on to. */
function through(url: string, addresses: Addresses = 'names', egress: MeshDefaults['egress'] = 'allowAny') {
	const table = createRoutingTable(DOMAIN, () => 0, addresses)
	table.egress = egress
	return passthrough(
		table,
		admit(new Request(url), 0, () => 0),
	)?.endpoint.base
}

describe('where anything may be called', () => {
	it.each([
		['http://example.com/a?b', 'http://example.com'],
		['https://api.example.com:8443/', 'https://api.example.com:8443'],
		['https://EXAMPLE.com./', 'https://example.com.'],
		[`https://${DOMAIN}.example.com/`, `https://${DOMAIN}.example.com`],
	])('%s is sent on to where it asks for', (url, base) => {
		expect(through(url)).toBe(base)
	})

	it.each([`http://${DOMAIN}/`, `http://a.${DOMAIN}/`, `https://a.${DOMAIN}:8443/`, `http://a.${DOMAIN}./`])(
		'%s is the mesh’s own to answer, wherever it runs',
		(url) => {
			expect(through(url, 'names')).toBeUndefined()
			expect(through(url, 'any')).toBeUndefined()
		},
	)

	it.each([
		'http://10.0.0.1/',
		'http://169.254.169.254/latest/meta-data',
		'http://2130706433/',
		'http://0x7f.1/',
		'http://0177.0.0.1/',
		'http://127.1/',
		'http://[::1]/',
		'http://localhost/',
		'http://localhost./',
		'http://a.localhost/',
		'http://metadata/',
		'http://db.internal/',
		'http://printer.local/',
	])('%s is reached only where the proxy runs on a machine of its own', (url) => {
		expect(through(url, 'names')).toBeUndefined()
		expect(through(url, 'any')).toBeDefined()
	})

	it('the one who is called stands outside the mesh, has no name and gets no secret', () => {
		const table = createRoutingTable(DOMAIN, () => 0)
		table.egress = 'allowAny'
		const way = passthrough(
			table,
			admit(new Request('http://example.com/'), 0, () => 0),
		)!
		expect(way.service).toMatchObject({ name: '', external: true, credential: undefined })
		expect(way.service.pick(nobody, 0)).toBe(way.endpoint)
		expect(way.rule.name).toBe('')
	})
})

it('only what is registered may be called, unless the mesh says otherwise', () => {
	expect(through('http://example.com/', 'any', 'registryOnly')).toBeUndefined()
})

describe('an isolate', () => {
	it('asks what holds for the whole mesh with its first host, and not again', async () => {
		const proxy = await warm()
		expect(proxy.replica.loads[0]).toMatchObject({ hosts: ['shop.test'], parts: [MESH_PART, TRUST_PART] })
		proxy.knowledge.table.resolved.clear()
		proxy.knowledge.table.hosts.clear()
		await proxy.get('http://shop.test/')
		expect(proxy.replica.loads.slice(1).flatMap(({ parts }) => parts ?? [])).not.toContain(MESH_PART)
	})

	it('sends an unregistered host on as soon as a sync said that it may, and no longer than it may', async () => {
		const proxy = await warm()
		expect(await reached(proxy, 'http://example.com/')).toBe('unknown_host')
		proxy.replica.change(mesh('allowAny'))
		await aSecondOn(proxy)
		expect(await reached(proxy, 'http://example.com/')).toBe('example.com')
		expect(await reached(proxy, `http://nobody.${DOMAIN}/`)).toBe('unknown_host')
		proxy.replica.change(mesh('registryOnly'))
		await aSecondOn(proxy)
		expect(await reached(proxy, 'http://example.com/')).toBe('unknown_host')
		proxy.replica.change(mesh('allowAny'))
		await aSecondOn(proxy)
		expect(await reached(proxy, 'http://example.com/')).toBe('example.com')
		proxy.replica.change(gone(mesh('allowAny')))
		await aSecondOn(proxy)
		expect(await reached(proxy, 'http://example.com/')).toBe('unknown_host')
	})

	it('that begins where anything may be called sends its first request on', async () => {
		const proxy = fakeProxy()
		proxy.replica.change(mesh('allowAny'))
		expect(await verdict(proxy.get('http://example.com/x?y'))).toBe(200)
		expect(proxy.sent.map(({ url }) => url)).toEqual(['http://example.com/x?y'])
	})

	it('hears of it after another history began, too', async () => {
		const proxy = await warm()
		proxy.replica.change(mesh('allowAny'))
		proxy.replica.startAnew('second')
		await aSecondOn(proxy)
		expect(await reached(proxy, 'http://example.com/')).toBe('example.com')
	})
})

describe('a request that was sent out of the mesh', () => {
	it('is marked, and refused when it comes back', async () => {
		const proxy = fakeProxy()
		proxy.replica.change(mesh('allowAny'))
		const headers = { 'cdn-loop': 'cloudflare; loops=1' }
		expect(await verdict(proxy.get(new Request('http://example.com/', { headers })))).toBe(200)
		const mark = proxy.sent[0]!.headers.get('cdn-loop')!
		expect(mark).toBe('cloudflare; loops=1, selvedge')
		const back = new Request('http://example.com/', { headers: { 'cdn-loop': mark } })
		expect(await verdict(proxy.get(back))).toBe('loop_detected')
		expect(proxy.sent.length).toBe(1)
	})
})
