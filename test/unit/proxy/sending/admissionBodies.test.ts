/** How long a request counts against its service's limit: until its response has been sent, and not only begun. */
import { describe, expect, it } from 'vitest'
import type { TrafficRules } from '../../../../src/snapshot/trafficPolicy.ts'
import { answers, type Behaviour, type Got, serving, type TimedProxy, timed, underWay } from '../timedProxy.ts'

const ONE: TrafficRules = { limits: { maxInFlight: 1 } }

/** Answers with bodies that go on until the test ends them, in the order in which they were begun. */
function streaming(afterMs = 0, init: ResponseInit = {}) {
	const bodies: ReadableStreamDefaultController<Uint8Array>[] = []
	const behaviour: Behaviour = {
		afterMs,
		with: () => {
			const body = new ReadableStream<Uint8Array>({ start: (controller) => void bodies.push(controller) })
			bodies.at(-1)!.enqueue(new TextEncoder().encode('begun'))
			return new Response(body, init)
		},
	}
	return { behaviour, bodies }
}

const slots = (proxy: TimedProxy) => underWay(proxy).slots
/** Lets what has happened take effect. */
const settled = (proxy: TimedProxy) => proxy.pass(1)

async function begun(request?: Request, traffic = ONE) {
	const proxy = await timed(serving(traffic, ['a']))
	const { behaviour, bodies } = streaming()
	proxy.behave = () => behaviour
	const got = await proxy.get(request)
	return { proxy, got, bodies }
}

describe('a response whose body is on its way', () => {
	it('counts, and another request is refused', async () => {
		const { proxy, got } = await begun()
		expect([got.status, slots(proxy)]).toEqual([200, 1])
		expect(await proxy.get()).toMatchObject({ status: 503, reason: 'overloaded' })
		await proxy.pass(299_000)
		expect(await proxy.get()).toMatchObject({ status: 503, reason: 'overloaded' })
	})

	const leaving = new AbortController()
	it.each<[string, (got: Got, body: ReadableStreamDefaultController) => unknown, Request | undefined]>([
		['has come to its end', (_, body) => body.close(), undefined],
		['fails', (_, body) => body.error(new Error('Network connection lost.')), undefined],
		['is cancelled by the client', ({ response }) => response.body!.cancel(), undefined],
		[
			'has lost its client, as the platform says, though no byte comes that would find out',
			() => leaving.abort(),
			new Request('http://h.test/', { signal: leaving.signal }),
		],
	])('counts no more when it %s', async (_, end, request) => {
		const { proxy, got, bodies } = await begun(request)
		expect(slots(proxy)).toBe(1)
		await end(got, bodies[0]!)
		await settled(proxy)
		expect(slots(proxy)).toBe(0)
		proxy.behave = () => answers()
		expect((await proxy.get()).status).toBe(200)
	})

	it('counts until its lease is over when nothing is heard of it any more', async () => {
		const { proxy } = await begun()
		proxy.behave = () => answers()
		await proxy.pass(344_000)
		expect((await proxy.get()).status).toBe(200)
	})

	it('is kept on by the platform for as long as it counts', async () => {
		const proxy = await timed(serving(ONE, ['a']))
		const { behaviour, bodies } = streaming()
		proxy.behave = () => behaviour
		let kept = 0
		void proxy.start('http://h.test/', (work) => {
			kept++
			void work.then(() => kept--)
		})
		await settled(proxy)
		expect(kept).toBe(1)
		bodies[0]!.close()
		await settled(proxy)
		expect(kept).toBe(0)
	})

	it('lets whoever waits go when it ends, and not when it begins', async () => {
		const proxy = await timed(serving({ limits: { maxInFlight: 1, maxPending: 2, maxWaitMs: 10_000 } }, ['a']))
		const { behaviour, bodies } = streaming()
		proxy.behave = () => behaviour
		for (let i = 0; i < 3; i++) void proxy.start(`http://h.test/${i}`)
		for (let i = 0; i < 3; i++) {
			await proxy.pass(100)
			expect(proxy.sent.map(({ request }) => new URL(request.url).pathname)).toEqual(['/0', '/1', '/2'].slice(0, i + 1))
			bodies[i]!.close()
		}
		await settled(proxy)
		expect(underWay(proxy)).toMatchObject({ slots: 0, pending: 0, waiting: 0 })
	})

	it('is the one that came, field by field and byte by byte', async () => {
		const headers = { 'content-type': 'text/x', 'x-one': '1', 'set-cookie': 'a=b' }
		const proxy = await timed(serving(ONE, ['a']))
		proxy.behave = () => answers(0, 203, headers)
		const { response } = await proxy.get()
		expect([response.status, await response.text()]).toEqual([203, '203'])
		expect(Object.fromEntries(response.headers)).toEqual(headers)
	})
})

describe('a response counts no more once it has begun', () => {
	it.each<[string, Request, Behaviour]>([
		[
			'where it has no body',
			new Request('http://h.test/'),
			{ afterMs: 0, with: () => new Response(null, { status: 204 }) },
		],
		['where it answers a HEAD', new Request('http://h.test/', { method: 'HEAD' }), streaming().behaviour],
	])('%s', async (_, request, behaviour) => {
		const proxy = await timed(serving(ONE, ['a']))
		proxy.behave = () => behaviour
		await proxy.get(request)
		expect(slots(proxy)).toBe(0)
	})

	it('of a service without limits, and is the very response of its endpoint', async () => {
		const { proxy, got } = await begun(undefined, {})
		expect(got.response).toBe(proxy.sent[0]!.answer)
	})
})

it('an adaptive limit goes by the time until answers begin, and counts them until they end', async () => {
	const adaptive = { initialLimit: 40, minimumLimit: 2, maximumLimit: 200, tolerance: 1.5, smoothing: 0.2 }
	const proxy = await timed(serving({ adaptive }, ['a']))
	const limit = () => proxy.knowledge.table.states.get('d/s')!.adaptive!.limit
	/** One request in two ms, for a second; each body begins after 10 ms, and ends so much later. */
	const load = async (bodyMs: number) => {
		const { behaviour, bodies } = streaming(10)
		proxy.behave = () => behaviour
		let [most, ended] = [0, 0]
		for (let ms = 0; ended < 500; ms += 2) {
			if (ms < 1_000) void proxy.start()
			await proxy.pass(2)
			most = Math.max(most, slots(proxy))
			if (ended < bodies.length && 2 * ended + 10 + bodyMs <= ms) bodies[ended++]!.close()
		}
		await settled(proxy)
		return most
	}
	await load(0)
	const before = limit()
	expect(await load(50)).toBeGreaterThan(20)
	expect(limit()).toBeGreaterThanOrEqual(before)
	expect(slots(proxy)).toBe(0)
})
