/** Hedging: the same request to another endpoint when an answer is late, and the first good answer counts. */
import { describe, expect, it } from 'vitest'
import type { HedgingRules } from '../../../../src/snapshot/trafficPolicy.ts'
import { answers, type Behaviour, loses, serving, type TimedProxy, timed, underWay } from '../timedProxy.ts'
import { AFTER_50, AMPLE, EVERY_FAILURE, hedged, inTurn, times } from './hedged.ts'

describe('an answer that is late', () => {
	it('is asked of another endpoint too, after the delay and not before', async () => {
		const proxy = await hedged()
		inTurn(proxy, answers(50 + 1), answers(10))
		await proxy.get()
		expect(times(proxy.sent)).toEqual([0, 50])
		expect(new Set(proxy.sent.map(({ endpoint }) => endpoint)).size).toBe(2)
		proxy.sent.length = 0
		inTurn(proxy, answers(49))
		await proxy.get()
		expect(times(proxy.sent)).toEqual([0])
	})

	it.each([
		['the second', [answers(500), answers(10)], 1, 60],
		['the first after all', [answers(70), answers(500)], 0, 70],
	] as const)('is given by whoever is first: %s', async (_, behaviours, winner, tookMs) => {
		const proxy = await hedged()
		inTurn(proxy, ...behaviours)
		const got = await proxy.get()
		expect(got).toMatchObject({ status: 200, tookMs, attempts: 2, endpoint: proxy.sent[winner]!.endpoint })
	})

	it('of the other one is given up at once, and is no failure of its endpoint', async () => {
		const proxy = await hedged({ outliers: { ...EVERY_FAILURE } })
		inTurn(proxy, 'silent', answers(10))
		await proxy.get()
		expect(proxy.sent.map(({ aborted }) => aborted)).toEqual([true, false])
		const states = [...proxy.knowledge.table.states.get('d/s')!.endpoints.values()]
		expect(states.map(({ outlier }) => outlier.failures + outlier.ejections)).toEqual([0, 0, 0])
		await proxy.settle()
		expect(underWay(proxy)).toMatchObject({ endpoints: [0, 0, 0], service: 0 })
	})

	it('that comes all the same is left unread', async () => {
		const proxy = await hedged()
		// Both answer in the same instant.
		inTurn(proxy, answers(60), answers(10))
		expect((await proxy.get()).status).toBe(200)
		await proxy.settle()
		expect(proxy.sent.map(({ answer }) => answer!.bodyUsed)).toEqual([false, true])
	})
})

describe('a failure', () => {
	const retry = { attempts: 0, codes: [503], backoffMs: 25, methods: [], maxBodyBytes: 0 }

	it.each<[string, Behaviour]>([
		['a lost connection', loses(60)],
		['a status that counts as one', answers(60, 503)],
	])('of the first, %s, waits for the second, and leaves no body behind', async (_, failure) => {
		const proxy = await hedged({ retry })
		inTurn(proxy, failure, answers(100))
		expect(await proxy.get()).toMatchObject({ status: 200, tookMs: 150, endpoint: proxy.sent[1]!.endpoint })
		expect(proxy.sent[0]!.answer?.bodyUsed ?? true).toBe(true)
	})

	it('by its time running out waits for the second, though nobody asked for retries', async () => {
		const proxy = await hedged({ timeouts: { backendRequestMs: 100 } })
		inTurn(proxy, 'silent', answers(90))
		expect(await proxy.get()).toMatchObject({ status: 200, tookMs: 140 })
	})

	it('of all is the last one’s', async () => {
		const proxy = await hedged({ retry })
		inTurn(proxy, loses(60), answers(100, 503))
		expect(await proxy.get()).toMatchObject({ status: 503, reason: undefined, tookMs: 150 })
	})

	it('of all is followed by a retry, with an endpoint that none of them asked', async () => {
		const outliers = { ...EVERY_FAILURE, consecutive5xx: 0, consecutiveLocalOriginFailures: 0 }
		const proxy = await hedged({ retry: { ...retry, attempts: 1 }, balancer: { type: 'Random' }, outliers })
		for (let i = 0; i < 20; i++) {
			proxy.sent.length = 0
			inTurn(proxy, loses(60), loses(60), answers())
			expect((await proxy.get()).status).toBe(200)
			expect(new Set(proxy.sent.map(({ endpoint }) => endpoint)).size).toBe(3)
		}
	})
})

describe('the extra requests', () => {
	it.each([1, 2, 3])('are at most %i, however many fail meanwhile', async (maxExtra) => {
		const proxy = await hedged({}, { after: { ms: 50 }, maxExtra }, ['a', 'b', 'c', 'd', 'e', 'f'])
		proxy.behave = ({ atMs }) => (atMs === proxy.sent[0]!.atMs ? answers(1_000) : loses(10))
		expect((await proxy.get()).status).toBe(200)
		expect(proxy.sent).toHaveLength(maxExtra + 1)
		for (const [i, atMs] of times(proxy.sent).entries()) expect(atMs).toBeGreaterThanOrEqual(50 * i)
		expect(new Set(proxy.sent.map(({ endpoint }) => endpoint)).size).toBe(maxExtra + 1)
	})

	it.each([
		['POST', 1],
		['PATCH', 1],
		['GET', 2],
		['HEAD', 2],
		['DELETE', 2],
	])('of %s: %i in all', async (method, requests) => {
		const proxy = await hedged()
		proxy.behave = () => answers(200)
		await proxy.get(new Request('http://h.test/', { method }))
		expect(proxy.sent).toHaveLength(requests)
	})

	it('are none for a switched protocol, which is a conversation', async () => {
		const proxy = await hedged()
		proxy.behave = () => answers(200)
		await proxy.get(new Request('http://h.test/', { headers: { upgrade: 'websocket' } }))
		expect(proxy.sent).toHaveLength(1)
	})

	it.each([
		[5, 2],
		[6, 1],
	])('of a body of %i bytes, where 5 may be sent again: %i in all, whole', async (length, requests) => {
		const proxy = await hedged({ retry: { attempts: 0, codes: [], backoffMs: 25, methods: [], maxBodyBytes: 5 } })
		proxy.behave = () => answers(200)
		const body = 'x'.repeat(length)
		const headers = { 'content-length': `${length}` }
		await proxy.get(new Request('http://h.test/', { method: 'PUT', body, headers }))
		expect(proxy.sent).toHaveLength(requests)
		for (const { request } of proxy.sent) expect(await request.text()).toBe(body)
	})

	it('are none of a method that may not be repeated, and its body is not held up for them', async () => {
		const proxy = await hedged({ retry: { attempts: 0, codes: [], backoffMs: 25, methods: [], maxBodyBytes: 5 } })
		const body = new ReadableStream({ pull: () => new Promise(() => {}) })
		const init = { method: 'POST', body, headers: { 'content-length': '5' }, duplex: 'half' } as RequestInit
		void proxy.start(new Request('http://h.test/', init))
		await proxy.pass(1)
		expect(proxy.sent).toHaveLength(1)
	})

	it('are as many as the budget allows, and go on when it has room again', async () => {
		const proxy = await hedged({ retryBudget: { of: 'active', share: 0, minimumConcurrency: 3 } })
		proxy.behave = () => answers(200)
		for (let i = 0; i < 20; i++) void proxy.start()
		await proxy.pass(100)
		expect(proxy.sent).toHaveLength(23)
		await proxy.settle()
		proxy.sent.length = 0
		await proxy.get()
		expect(proxy.sent).toHaveLength(2)
	})

	it('come later for those who found the budget empty, when it has room again', async () => {
		const proxy = await hedged({ retryBudget: { of: 'active', share: 0, minimumConcurrency: 1 } })
		proxy.behave = () => answers(proxy.sent.length <= 2 ? 10_000 : 20)
		const both = [proxy.start(), proxy.start()]
		await proxy.pass(200)
		expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200])
		expect(proxy.sent).toHaveLength(4)
	})

	it('by the rule’s own word, whatever the service says', async () => {
		const traffic = { hedging: AFTER_50, retryBudget: AMPLE }
		const proxy = await timed(serving({}, ['a', 'b'], { traffic }))
		proxy.behave = () => answers(200)
		await proxy.get()
		expect(proxy.sent).toHaveLength(2)
	})
})

describe('after the observed p95', () => {
	const p95: HedgingRules = { after: { quantile: 0.95 }, maxExtra: 1 }

	/** Nineteen in twenty take 10 ms, one takes 300 ms. */
	const mixed = (proxy: TimedProxy) => {
		let turn = 0
		proxy.behave = () => answers(turn++ % 20 === 19 ? 300 : 10)
	}

	it('nothing is hedged before enough is known; then those beyond it are', async () => {
		const proxy = await hedged({}, p95)
		mixed(proxy)
		for (let i = 0; i < 90; i++) await proxy.get()
		expect(proxy.sent).toHaveLength(90)
		proxy.sent.length = 0
		for (let i = 0; i < 200; i++) await proxy.get()
		expect(proxy.sent.length).toBeGreaterThan(203)
		expect(proxy.sent.length).toBeLessThan(225)
	})

	it('a service that grows slower is not hedged ever more: what was given up counts for as long as it took', async () => {
		const proxy = await hedged({}, p95)
		proxy.behave = () => answers(10)
		for (let i = 0; i < 200; i++) await proxy.get()
		proxy.behave = () => answers(40)
		for (let i = 0; i < 400; i++) await proxy.get()
		proxy.sent.length = 0
		for (let i = 0; i < 200; i++) await proxy.get()
		expect(proxy.sent.length).toBeLessThan(220)
	})
})
