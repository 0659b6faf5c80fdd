/** How often a request is sent, to whom, and for how long. */
import { describe, expect, it } from 'vitest'
import type { RetryRule, Timeouts } from '../../../../src/snapshot/filters.ts'
import { type FakeProxy, fakeProxy, verdict } from '../fakeProxy.ts'
import { head, rule, service, slice } from '../knowledge/fakeReplica.ts'

const RETRY: RetryRule = { attempts: 2, codes: [503], backoffMs: 25, methods: [], maxBodyBytes: 1_000 }

function proxyWith(more: { retry?: RetryRule; timeouts?: Timeouts }, endpoints = ['a', 'b', 'c']): FakeProxy {
	const proxy = fakeProxy()
	proxy.replica.change({
		...head('h.test'),
		...slice('h.test', 'r', [{ ...rule('ns/r/0', '', 'd/s'), ...more }]),
		...service('d/s', ...endpoints.map((id) => ({ id }))),
	})
	return proxy
}

const hosts = ({ sent }: FakeProxy) => sent.map(({ url }) => new URL(url).hostname)
const lost = () => Promise.reject(new Error('Network connection lost.'))
const timedOut = () => Promise.reject(Object.assign(new Error('timed out'), { name: 'TimeoutError' }))
/** Answers in turn; the last one from then on. */
function inTurn(...answers: (() => Promise<Response> | Response)[]) {
	let turn = 0
	return () => answers[Math.min(turn++, answers.length - 1)]!()
}
const put = (body: BodyInit, headers: Record<string, string>) =>
	new Request('http://h.test/', { method: 'PUT', body, headers, duplex: 'half' } as RequestInit)
const status = (code: number) => () => new Response('body', { status: code })

describe('a failed attempt', () => {
	it.each([
		['a lost connection', lost],
		['a timeout', timedOut],
		['a status that the rule names', status(503)],
		[
			'an answer that the edge made',
			() => new Response('', { status: 522, headers: { server: 'cloudflare', 'cf-ray': 'x-A' } }),
		],
	])('by %s is followed by one to another endpoint', async (_, failure) => {
		const proxy = proxyWith({ retry: RETRY, timeouts: { backendRequestMs: 100 } })
		proxy.answer = inTurn(failure, status(200))
		expect(await verdict(proxy.get('http://h.test/'))).toBe(200)
		expect(new Set(hosts(proxy)).size).toBe(2)
	})

	it('is not followed by one to an endpoint that has failed while there is another', async () => {
		for (let start = 0; start < 3; start++) {
			const proxy = proxyWith({ retry: RETRY })
			proxy.random = () => start / 1_000_000
			proxy.answer = lost
			await proxy.get('http://h.test/')
			expect(new Set(hosts(proxy)).size).toBe(3)
		}
	})

	it('goes to the same endpoint again when there is only one', async () => {
		const proxy = proxyWith({ retry: RETRY }, ['a'])
		proxy.answer = inTurn(lost, status(200))
		expect(await verdict(proxy.get('http://h.test/'))).toBe(200)
		expect(hosts(proxy)).toEqual(['a.test', 'a.test'])
	})

	it('waits at least the backoff of the rule, and longer each time', async () => {
		const proxy = proxyWith({ retry: { ...RETRY, attempts: 3 } })
		proxy.answer = lost
		await proxy.get('http://h.test/')
		expect(proxy.waits).toEqual([25, 50, 100])
	})

	it('leaves no body of an answer behind that nobody reads', async () => {
		const proxy = proxyWith({ retry: RETRY })
		const answers: Response[] = []
		proxy.answer = () => {
			const response = new Response('unread', { status: 503 })
			answers.push(response)
			return response
		}
		const last = await proxy.get('http://h.test/')
		expect(await last.text()).toBe('unread')
		expect(answers.map(({ bodyUsed }) => bodyUsed)).toEqual([true, true, true])
	})
})

describe('when every attempt has failed', () => {
	it.each([
		['a status stays what it is', status(503), 503],
		['a lost connection is one that was lost', lost, 'upstream_failed'],
		['a timeout is a timeout', timedOut, 'upstream_timeout'],
	])('%s', async (_, failure, outcome) => {
		const proxy = proxyWith({ retry: RETRY, timeouts: { backendRequestMs: 100 } })
		proxy.answer = failure
		expect(await verdict(proxy.get('http://h.test/'))).toBe(outcome)
		expect(proxy.sent.length).toBe(3)
	})
})

describe('there is one attempt only', () => {
	it.each([
		['without a retry', {}, 'GET', status(503)],
		['for a status that the rule does not name', { retry: RETRY }, 'GET', status(500)],
		['for a method that is not idempotent', { retry: RETRY }, 'POST', lost],
		['for a method that is not idempotent', { retry: RETRY }, 'PATCH', status(503)],
	])('%s', async (_, more, method, failure) => {
		const proxy = proxyWith(more)
		proxy.answer = failure
		await proxy.get(new Request('http://h.test/', { method }))
		expect(proxy.sent.length).toBe(1)
	})

	it('without a retry, for a request with a body', async () => {
		const proxy = proxyWith({})
		proxy.answer = lost
		await proxy.get(put('x', { 'content-length': '1' }))
		expect(proxy.sent.length).toBe(1)
	})

	it.each([
		['a body longer than the rule allows', () => put('x'.repeat(1_001), { 'content-length': '1001' })],
		['a body of unknown length', () => put(new Blob(['x']).stream(), {})],
	])('for %s, which streams', async (_, request) => {
		const proxy = proxyWith({ retry: RETRY })
		proxy.answer = lost
		await proxy.get(request())
		expect(proxy.sent.length).toBe(1)
		expect(await proxy.sent[0]!.text()).toMatch(/^x+$/)
	})
})

describe('a body that is short enough', () => {
	it('is the same in every attempt, byte for byte', async () => {
		const proxy = proxyWith({ retry: RETRY })
		proxy.answer = lost
		const body = Uint8Array.from({ length: 1_000 }, (_, i) => i % 256)
		await proxy.get(new Request('http://h.test/', { method: 'PUT', body, headers: { 'content-length': '1000' } }))
		expect(proxy.sent.length).toBe(3)
		for (const request of proxy.sent) expect(new Uint8Array(await request.arrayBuffer())).toEqual(body)
	})

	it('is sent again by POST where the route says that this is safe', async () => {
		const proxy = proxyWith({ retry: { ...RETRY, methods: ['POST'] } })
		proxy.answer = inTurn(lost, status(201))
		const request = new Request('http://h.test/', { method: 'POST', body: 'order', headers: { 'content-length': '5' } })
		expect(await verdict(proxy.get(request))).toBe(201)
		expect(await proxy.sent[1]!.text()).toBe('order')
	})

	it('that breaks off is its client’s affair, and no mistake of the mesh', async () => {
		const proxy = proxyWith({ retry: RETRY })
		const broken = new ReadableStream({ pull: (controller) => controller.error(new Error('gone')) })
		const request = put(broken as unknown as BodyInit, { 'content-length': '5' })
		expect(await verdict(proxy.get(request))).toBe('request_aborted')
		expect([proxy.sent, proxy.bugs]).toEqual([[], []])
	})

	it('that its client sends too slowly uses up the request’s time', async () => {
		const proxy = proxyWith({ retry: RETRY, timeouts: { requestMs: 300 } })
		const never = new ReadableStream({ pull: () => new Promise(() => {}) })
		const slow = new Request('http://h.test/', {
			method: 'PUT',
			body: never,
			headers: { 'content-length': '5' },
			duplex: 'half',
		} as RequestInit)
		expect(await verdict(proxy.get(slow))).toBe('request_timeout')
		expect(proxy.sent).toEqual([])
	})
})

describe('an attempt is given', () => {
	it.each([
		['nothing', {}, undefined],
		['the time of an attempt', { backendRequestMs: 100 }, 100],
		['the time of the request', { requestMs: 300 }, 300],
		['the shorter of both', { requestMs: 300, backendRequestMs: 100 }, 100],
	])('%s', async (_, timeouts, given) => {
		const proxy = proxyWith({ timeouts })
		await proxy.get('http://h.test/')
		expect(proxy.timeouts).toEqual([given])
	})

	it('what earlier attempts and pauses have left of the request’s time', async () => {
		const proxy = proxyWith({ retry: RETRY, timeouts: { requestMs: 300 } })
		proxy.answer = inTurn(() => {
			proxy.now += 100
			return lost()
		}, status(200))
		await proxy.get('http://h.test/')
		expect(proxy.timeouts).toEqual([300, 175])
	})

	it('no chance when the time that is left would go into the pause before it', async () => {
		const proxy = proxyWith({ retry: RETRY, timeouts: { requestMs: 110 } })
		proxy.answer = () => {
			proxy.now += 100
			return new Response('busy', { status: 503 })
		}
		const response = await proxy.get('http://h.test/')
		expect([response.status, await response.text(), proxy.sent.length]).toEqual([503, 'busy', 1])
	})
})

describe('the timeout that is told is the one that ran out', () => {
	it.each([
		[{ requestMs: 300 }, 'request_timeout', 'no answer within the 300 ms that the rule allows, 1 attempt made'],
		[{ backendRequestMs: 100 }, 'upstream_timeout', 'endpoint a did not answer within 100 ms'],
		[{ requestMs: 300, backendRequestMs: 100 }, 'upstream_timeout', 'endpoint a did not answer within 100 ms'],
	])('%j: %s', async (timeouts, reason, detail) => {
		const proxy = proxyWith({ timeouts }, ['a'])
		proxy.answer = timedOut
		const response = await proxy.get('http://h.test/')
		expect(await response.json()).toMatchObject({ status: 504, reason, detail })
	})

	it('also when a fault’s delay used up the time', async () => {
		const proxy = fakeProxy()
		const faults = [{ delay: { ms: 500, share: 1 } }]
		const timeouts = { requestMs: 300 }
		proxy.replica.change({
			...head('h.test'),
			...slice('h.test', 'r', [{ ...rule('r', '', 'd/s'), filters: { faults }, timeouts }]),
			...service('d/s', { id: 'a' }),
		})
		expect(await verdict(proxy.get('http://h.test/'))).toBe('request_timeout')
		expect(proxy.sent).toEqual([])
	})
})
