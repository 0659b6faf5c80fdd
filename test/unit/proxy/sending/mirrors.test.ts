/** Copies of requests, and that nobody notices them. */
import { describe, expect, it } from 'vitest'
import { MAX_MIRRORED_BYTES } from '../../../../src/proxy/sending/mirrors.ts'
import type { Filters } from '../../../../src/snapshot/filters.ts'
import type { Rule } from '../../../../src/snapshot/snapshot.ts'
import { type FakeProxy, fakeProxy, until, verdict } from '../fakeProxy.ts'
import { head, rule, service, slice } from '../knowledge/fakeReplica.ts'
import { answers, serving, timed } from '../timedProxy.ts'

function proxyWith(filters: Filters, backendFilters?: Filters): FakeProxy {
	const proxy = fakeProxy()
	const backends = [{ weight: 1, service: 'd/main', ...(backendFilters && { filters: backendFilters }) }]
	proxy.replica.change({
		...head('h.test'),
		...slice('h.test', 'r', [{ ...rule('r', '/p'), backends, filters }]),
		...service('d/main', { id: 'main' }),
		...Object.assign({}, ...['m1', 'm2', 'm3', 'm4', 'm5'].map((id) => service(`d/${id}`, { id }))),
	})
	return proxy
}

const mirrors = (...names: string[]) => names.map((name) => ({ service: `d/${name}` }))
const urls = ({ sent }: FakeProxy) => sent.map(({ url }) => url).sort()
const isMain = (request: Request) => new URL(request.url).hostname === 'main.test'

describe('mirrors', () => {
	it('each get a copy, with the client’s own path and the rule’s fields', async () => {
		const rewrite = { path: { type: 'full', value: '/other' } as const }
		const requestHeaders = { set: [['x-set', '1'] as const] }
		const proxy = proxyWith({ mirrors: mirrors('m1', 'm2'), rewrite, requestHeaders })
		await proxy.get('http://h.test/p/x?y=1')
		expect(urls(proxy)).toEqual(['http://m1.test/p/x?y=1', 'http://m2.test/p/x?y=1', 'http://main.test/other?y=1'])
		expect(proxy.sent.map(({ headers }) => headers.get('x-set'))).toEqual(['1', '1', '1'])
	})

	it('of a backend get copies of what the backend gets', async () => {
		const proxy = proxyWith({ mirrors: mirrors('m1') }, { mirrors: mirrors('m2') })
		await proxy.get('http://h.test/p')
		expect(urls(proxy)).toEqual(['http://m1.test/p', 'http://m2.test/p', 'http://main.test/p'])
	})

	it('get no copy of a request to switch protocols', async () => {
		const proxy = proxyWith({ mirrors: mirrors('m1') })
		await proxy.get(new Request('http://h.test/p', { headers: { upgrade: 'websocket' } }))
		expect(urls(proxy)).toEqual(['http://main.test/p'])
	})

	it('get their share of the requests', async () => {
		const proxy = proxyWith({ mirrors: [{ service: 'd/m1', share: 0.5 }] })
		for (const chance of [0.1, 0.49, 0.5, 0.9]) {
			proxy.random = () => chance
			await proxy.get('http://h.test/p')
		}
		expect(urls(proxy).filter((url) => url.includes('m1')).length).toBe(2)
	})

	it('are sent after the request itself', async () => {
		const proxy = proxyWith({ mirrors: mirrors('m1') })
		await proxy.get('http://h.test/p')
		expect(proxy.sent.map(isMain)).toEqual([true, false])
	})

	it.each([
		['hangs', () => new Promise<Response>(() => {})],
		['refuses', () => Promise.reject(new Error('refused'))],
		['fails', () => new Response('', { status: 500 })],
	])('do not change the answer when one %s', async (_, misbehave) => {
		const proxy = proxyWith({ mirrors: mirrors('m1', 'none') })
		proxy.answer = (request) => (isMain(request) ? new Response('fine') : misbehave())
		const response = await proxy.start('http://h.test/p')
		expect([response.status, await response.text(), proxy.bugs]).toEqual([200, 'fine', []])
	})

	it('are given up after a while, and never more than three at a time', async () => {
		const proxy = proxyWith({ mirrors: mirrors('m1', 'm2', 'm3', 'm4', 'm5') })
		const giveUp: (() => void)[] = []
		proxy.answer = (request) =>
			isMain(request) ? new Response() : new Promise((_, reject) => giveUp.push(() => reject(new Error('late'))))
		await proxy.start('http://h.test/p')
		await until(() => giveUp.length === 3)
		expect(proxy.timeouts).toEqual([undefined, 10_000, 10_000, 10_000])
		for (let i = 0; i < 5; i++) {
			await until(() => giveUp.length > i)
			giveUp[i]!()
		}
		await proxy.settle()
		expect(urls(proxy).length).toBe(6)
	})
})

describe('a body', () => {
	const post = (body: BodyInit, length: number | undefined) =>
		new Request('http://h.test/p', {
			method: 'POST',
			body,
			...(length === undefined ? {} : { headers: { 'content-length': String(length) } }),
			duplex: 'half',
		} as RequestInit)

	it('reaches the service and its mirrors whole', async () => {
		const proxy = proxyWith({ mirrors: mirrors('m1', 'm2') })
		const texts: Promise<string>[] = []
		proxy.answer = (request) => {
			texts.push(request.text())
			return new Response()
		}
		await proxy.get(post('an order', 8))
		expect(await Promise.all(texts)).toEqual(['an order', 'an order', 'an order'])
	})

	it('that is short and breaks off reaches neither the service nor its mirrors', async () => {
		const proxy = proxyWith({ mirrors: mirrors('m1') })
		const broken = new ReadableStream({
			start: (controller) => controller.enqueue(new Uint8Array(4)),
			pull: (controller) => controller.error(new Error('the client left')),
		})
		expect(await verdict(proxy.get(post(broken, 8)))).toBe('request_aborted')
		expect([urls(proxy), proxy.bugs]).toEqual([[], []])
	})

	it('that is long reaches the service as it comes: nobody waits for its end', async () => {
		const proxy = proxyWith({ mirrors: mirrors('m1') })
		proxy.answer = (request) => (isMain(request) ? new Response(request.body) : new Response())
		const length = 200_000
		const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
		const writer = writable.getWriter()
		void writer.write(new Uint8Array(length / 2))
		const response = await proxy.start(post(readable, length))
		const reader = response.body!.getReader()
		expect((await reader.read()).value?.byteLength).toBe(length / 2)
		void writer.write(new Uint8Array(length / 2))
		void writer.close()
		expect((await reader.read()).value?.byteLength).toBe(length / 2)
		await proxy.settle()
		expect(urls(proxy)).toEqual(['http://m1.test/p', 'http://main.test/p'])
	})

	describe('that is short', () => {
		const retry = { attempts: 1, codes: [503], methods: ['POST'], backoffMs: 0, maxBodyBytes: 1_024 }

		async function timedMirror(more: Partial<Rule>) {
			const ofRule = { filters: { mirrors: mirrors('m1') }, ...more }
			const proxy = await timed({ ...serving({}, ['main'], ofRule), ...service('d/m1', { id: 'm1' }) })
			await proxy.settle()
			proxy.sent.length = 0
			return proxy
		}

		it('is read once, for all attempts and mirrors', async () => {
			const proxy = await timedMirror({ retry })
			proxy.behave = () => answers(0, proxy.sent.length === 1 ? 503 : 200)
			expect((await proxy.get(post('an order', 8))).status).toBe(200)
			await proxy.settle()
			expect(proxy.sent.map(({ endpoint }) => endpoint)).toEqual(['main', 'main', 'm1'])
			for (const { request } of proxy.sent) expect(await request.text()).toBe('an order')
		})

		it('and does not come is awaited for as long as the rule allows', async () => {
			const proxy = await timedMirror({ timeouts: { requestMs: 500 } })
			const got = await proxy.get(post(new ReadableStream(), 8))
			expect([got.reason, got.tookMs, proxy.sent]).toEqual(['request_timeout', 500, []])
		})
	})

	it('that a mirror does not read does not hold up the service', async () => {
		const proxy = proxyWith({ mirrors: mirrors('m1') })
		proxy.answer = async (request) =>
			isMain(request) ? new Response(await request.text()) : new Promise<Response>(() => {})
		const response = await proxy.start(post('x'.repeat(100_000), 100_000))
		expect((await response.text()).length).toBe(100_000)
	})

	it.each([
		[90, MAX_MIRRORED_BYTES],
		[305, undefined],
	])('is not mirrored while %i others wait, of %s bytes each, and is again when they are gone', async (most, bytes) => {
		const proxy = proxyWith({ mirrors: mirrors('m1') })
		const release: (() => void)[] = []
		proxy.answer = (request) =>
			isMain(request) ? new Response() : new Promise((_, reject) => release.push(() => reject(new Error('gone'))))
		const one = () => proxy.start(bytes === undefined ? 'http://h.test/p' : post(new Uint8Array(bytes), bytes))
		for (let i = 0; i < most + 20; i++) expect((await one()).status).toBe(200)
		await until(() => release.length === most)
		expect(urls(proxy).length).toBe(most + 20 + most)
		for (const end of release.splice(0)) end()
		await proxy.settle()
		await one()
		await until(() => release.length === 1)
	})

	it.each([
		['longer than the bound', MAX_MIRRORED_BYTES + 1],
		['of unknown length', undefined],
	])('%s is not mirrored at all: half a request would mislead', async (_, length) => {
		const proxy = proxyWith({ mirrors: mirrors('m1') })
		const body = new Blob([new Uint8Array(length ?? 10)]).stream()
		await proxy.get(post(body, length))
		expect(urls(proxy)).toEqual(['http://main.test/p'])
		expect((await proxy.sent[0]!.arrayBuffer()).byteLength).toBe(length ?? 10)
	})
})
