/** The stage in which filters answer, refuse or hold up a request. */
import { describe, expect, it } from 'vitest'
import type { Cors, Filters } from '../../../../src/snapshot/filters.ts'
import type { Backend } from '../../../../src/snapshot/snapshot.ts'
import { type FakeProxy, fakeProxy } from '../fakeProxy.ts'
import { head, rule, service, slice } from '../knowledge/fakeReplica.ts'

function proxyWith(filters: Filters, backend: Partial<Backend> = {}): FakeProxy {
	const proxy = fakeProxy()
	const backends = [{ weight: 1, service: 'd/a', ...backend }] as Backend[]
	proxy.replica.change({
		...head('h.test'),
		...slice('h.test', 'r', [{ ...rule('ns/r/0', '/in'), backends, filters }]),
		...service('d/a', { id: 'a' }),
	})
	return proxy
}

const cors = (more: Partial<Cors> = {}): Cors => ({
	allowOrigins: ['https://page.test'],
	allowCredentials: false,
	allowMethods: ['PUT'],
	allowHeaders: ['x-a'],
	exposeHeaders: ['x-b'],
	maxAgeSeconds: 5,
	...more,
})

const preflight = (origin = 'https://page.test') =>
	new Request('http://h.test/in', {
		method: 'OPTIONS',
		headers: { origin, 'access-control-request-method': 'PUT' },
	})

describe('a redirect', () => {
	it('answers in place of the service, and says which rule and revision did', async () => {
		const proxy = proxyWith({ redirect: { scheme: 'https', hostname: 'other.test', statusCode: 308 } })
		const response = await proxy.get('http://h.test:8787/in/x?y=1')
		expect([response.status, response.headers.get('location')]).toEqual([308, 'https://other.test/in/x?y=1'])
		expect(response.headers.get('proxy-status')).toBe('selvedge;details="redirect";revision=1;rule="ns/r/0"')
		expect(proxy.sent).toEqual([])
	})

	it('of a backend answers for the requests that draw the backend', async () => {
		const path = { type: 'full', value: '/new' } as const
		const proxy = proxyWith({}, { filters: { redirect: { path, statusCode: 302 } } })
		const response = await proxy.get('http://h.test/in')
		expect([response.status, response.headers.get('location')]).toEqual([302, 'http://h.test/new'])
	})
})

describe('a direct response', () => {
	const directResponse = { status: 418, headers: [['content-type', 'text/plain'] as const], body: 'teapöt' }

	it('has the status, the fields and the body of its document', async () => {
		const response = await proxyWith({ directResponse }).get('http://h.test/in')
		expect([response.status, response.headers.get('content-type'), await response.text()]).toEqual([
			418,
			'text/plain',
			'teapöt',
		])
		expect(response.headers.get('content-length')).toBe('7')
		expect(response.headers.get('proxy-status')).toContain('details="direct_response"')
	})

	it('to HEAD has its length and no body', async () => {
		const head = new Request('http://h.test/in', { method: 'HEAD' })
		const response = await proxyWith({ directResponse }).get(head)
		expect([response.headers.get('content-length'), await response.text()]).toEqual(['7', ''])
	})

	it('without content has no length either', async () => {
		const response = await proxyWith({ directResponse: { status: 204, headers: [], body: '' } }).get('http://h.test/in')
		expect([response.status, response.headers.get('content-length')]).toEqual([204, null])
	})

	it('gets the response fields that its rule edits', async () => {
		const responseHeaders = { set: [['x-set', '1'] as const] }
		const response = await proxyWith({ directResponse, responseHeaders }).get('http://h.test/in')
		expect(response.headers.get('x-set')).toBe('1')
	})
})

describe('a filter that cannot be followed', () => {
	it('refuses every request of its rule: to leave it out could open what it guards', async () => {
		const proxy = proxyWith({ invalid: 'spec.rules[0].filters[0].extensionRef: not found', cors: cors() })
		for (const request of ['http://h.test/in', preflight()]) {
			const response = await proxy.get(request)
			expect(await response.json()).toMatchObject({ status: 500, reason: 'invalid_filter', rule: 'ns/r/0' })
		}
		expect(proxy.sent).toEqual([])
	})
})

describe('CORS', () => {
	it('answers preflights without asking the service, whatever the origin', async () => {
		const proxy = proxyWith({ cors: cors() })
		const fine = await proxy.get(preflight())
		expect(fine.status).toBe(204)
		expect(Object.fromEntries(fine.headers)).toMatchObject({
			'access-control-allow-origin': 'https://page.test',
			'access-control-allow-methods': 'PUT',
			'access-control-allow-headers': 'x-a',
			'access-control-max-age': '5',
		})
		const bad = await proxy.get(preflight('https://evil.test'))
		expect([bad.status, bad.headers.get('access-control-allow-origin')]).toEqual([204, null])
		expect(proxy.sent).toEqual([])
	})

	it('lets every actual request through, and only a good origin read the answer', async () => {
		const proxy = proxyWith({ cors: cors() })
		proxy.answer = () =>
			new Response('ok', { headers: { 'access-control-allow-origin': 'https://page.test', vary: 'Accept' } })
		const asked = (origin: string) => proxy.get(new Request('http://h.test/in', { headers: { origin } }))
		const fine = await asked('https://page.test')
		expect(fine.headers.get('access-control-allow-origin')).toBe('https://page.test')
		expect(fine.headers.get('vary')).toBe('Accept, Origin')
		// What the backend says of it does not count: the rule decides who may read.
		expect((await asked('https://evil.test')).headers.get('access-control-allow-origin')).toBe(null)
		expect(proxy.sent.map(({ headers }) => headers.get('origin'))).toEqual(['https://page.test', 'https://evil.test'])
	})

	it('lets a page read the mesh’s own refusals', async () => {
		const proxy = proxyWith({ cors: cors() }, { service: 'd/none' })
		const response = await proxy.get(new Request('http://h.test/in', { headers: { origin: 'https://page.test' } }))
		expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([503, 'https://page.test'])
	})

	it('leaves an OPTIONS request that asks no permission to the service', async () => {
		const proxy = proxyWith({ cors: cors() })
		expect((await proxy.get(new Request('http://h.test/in', { method: 'OPTIONS' }))).status).toBe(200)
		expect(proxy.sent.length).toBe(1)
	})
})

describe('a fault', () => {
	it('delays a request before it is sent', async () => {
		const proxy = proxyWith({ faults: [{ delay: { ms: 700, share: 1 } }] })
		expect((await proxy.get('http://h.test/in')).status).toBe(200)
		expect(proxy.waits).toEqual([700])
	})

	it('aborts with its status, after its delay, and says that it was injected', async () => {
		const proxy = proxyWith({ faults: [{ delay: { ms: 10, share: 1 }, abort: { status: 429, share: 1 } }] })
		const response = await proxy.get('http://h.test/in')
		expect(await response.json()).toMatchObject({ status: 429, reason: 'fault_injected', flag: 'FI' })
		expect([proxy.waits, proxy.sent]).toEqual([[10], []])
	})

	it.each([
		[0.24, 503],
		[0.25, 200],
	])('with a share of a quarter and chance %d answers %d', async (chance, status) => {
		const proxy = proxyWith({ faults: [{ abort: { status: 503, share: 0.25 } }] })
		proxy.random = () => chance
		expect((await proxy.get('http://h.test/in')).status).toBe(status)
	})

	it.each([
		['/in/slow', 'GET', {}, 503],
		['/in/slow/er', 'GET', {}, 503],
		['/in/slower', 'GET', {}, 200],
		['/in/exact', 'POST', {}, 503],
		['/in/exact', 'GET', {}, 200],
		['/in/exact/x', 'POST', {}, 200],
		['/in/any', 'GET', { 'x-user': 'test' }, 503],
		['/in/any', 'GET', { 'x-user': 'else' }, 200],
	])('of a kind of requests: %s %s %j gives %d', async (path, method, headers, status) => {
		const value = { name: 'x-user', type: 'Exact', value: 'test' } as const
		const proxy = proxyWith({
			faults: [
				{
					abort: { status: 503, share: 1 },
					matches: [
						{ path: { type: 'PathPrefix', value: '/in/slow' } },
						{ path: { type: 'Exact', value: '/in/exact' }, method: 'POST' },
						{ path: { type: 'PathPrefix', value: '' }, headers: [value] },
					],
				},
			],
		})
		expect((await proxy.get(new Request(`http://h.test${path}`, { method, headers }))).status).toBe(status)
	})

	it('for a workload leaves callers alone that have not proven to be it', async () => {
		const proxy = proxyWith({ faults: [{ abort: { status: 503, share: 1 }, sources: [{ namespace: 'd' }] }] })
		expect((await proxy.get('http://h.test/in')).status).toBe(200)
	})

	it('slows the response’s body down to the narrowest bandwidth', async () => {
		const faults = [1_000, 200, 500].map((bytesPerSecond) => ({ bandwidth: { bytesPerSecond, share: 1 } }))
		const proxy = proxyWith({ faults })
		proxy.answer = () => new Response(new Uint8Array(1_000), { headers: { 'content-length': '1000' } })
		const response = await proxy.get('http://h.test/in')
		expect((await response.arrayBuffer()).byteLength).toBe(1_000)
		const waited = proxy.waits.reduce((sum, ms) => sum + ms, 0)
		expect(waited).toBeGreaterThanOrEqual(4_800)
		expect(waited).toBeLessThanOrEqual(5_100)
	})
})
