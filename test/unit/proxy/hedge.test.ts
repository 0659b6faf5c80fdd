/** Hedging: the same request to another endpoint when an answer is late, and the first good answer counts. */
import { describe, expect, it } from 'vitest'
import type { HedgingRules, RetryBudgetRules, TrafficRules } from '../../../src/snapshot/trafficPolicy.ts'
import { answers, type Behaviour, loses, type Sent, serving, type TimedProxy, timed, underWay } from './timedProxy.ts'

const AFTER_50: HedgingRules = { after: { ms: 50 }, maxExtra: 1 }
const AMPLE: RetryBudgetRules = { of: 'active', share: 1, minimumConcurrency: 100 }

const hedged = (more: TrafficRules = {}, hedging = AFTER_50, endpoints = ['a', 'b', 'c']) =>
	timed(serving({ hedging, retryBudget: AMPLE, balancer: { type: 'RoundRobin' }, ...more }, endpoints))

/** What the first request does, the second, and so on; the last for all that follow. */
function inTurn(proxy: TimedProxy, ...behaviours: readonly Behaviour[]) {
	proxy.behave = () => behaviours[Math.min(proxy.sent.length, behaviours.length) - 1]!
}
const times = (sent: readonly Sent[]) => sent.map(({ atMs }) => atMs - sent[0]!.atMs)

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

const EVERY_FAILURE = {
	consecutive5xx: 1,
	consecutiveGatewayErrors: 0,
	consecutiveLocalOriginFailures: 1,
	intervalMs: 10_000,
	baseEjectionMs: 30_000,
	maxEjectionMs: 30_000,
	maxEjectionShare: 1,
}

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

describe('an endpoint that never answers, while hedges do', () => {
	const outliers = { ...EVERY_FAILURE, consecutive5xx: 0, consecutiveLocalOriginFailures: 5 }
	const stateOf = ({ knowledge }: TimedProxy, endpoint: string) =>
		knowledge.table.states.get('d/s')!.endpoints.get(endpoint)!.outlier
	const ofA = ({ sent }: TimedProxy) => sent.filter(({ endpoint }) => endpoint === 'a').length
	const silentA = (proxy: TimedProxy) => {
		proxy.behave = ({ endpoint }) => (endpoint === 'a' ? 'silent' : answers(10))
	}

	it('is ejected after twenty, and costs nobody the delay any more', async () => {
		const proxy = await hedged({ outliers })
		silentA(proxy)
		while (stateOf(proxy, 'a').ejections === 0 && proxy.sent.length < 200) expect((await proxy.get()).status).toBe(200)
		expect([stateOf(proxy, 'a').ejections, ofA(proxy)]).toEqual([1, 20])
		for (let i = 0; i < 60; i++) expect((await proxy.get()).tookMs).toBe(10)
		expect(ofA(proxy)).toBe(20)
	})

	it('is tried when its time is over, and has its part again when it answers', async () => {
		const proxy = await hedged({ outliers })
		silentA(proxy)
		while (stateOf(proxy, 'a').ejections === 0) await proxy.get()
		await proxy.pass(33_001)
		// Still silent: one request in an interval finds out.
		for (let i = 0; i < 60; i++) await proxy.get()
		expect(ofA(proxy)).toBe(21)
		proxy.behave = () => answers(10)
		await proxy.pass(outliers.intervalMs)
		for (let i = 0; i < 60; i++) await proxy.get()
		expect(ofA(proxy)).toBeGreaterThan(35)
	})

	it('stays where failures of local origin are not looked for', async () => {
		const proxy = await hedged({ outliers: { ...outliers, consecutiveLocalOriginFailures: 0 } })
		silentA(proxy)
		for (let i = 0; i < 90; i++) await proxy.get()
		expect(stateOf(proxy, 'a').ejections).toBe(0)
	})

	it.each([500, 429])('is not beaten by who answers %i', async (status) => {
		const proxy = await hedged({ outliers })
		proxy.behave = ({ endpoint }) => (endpoint === 'a' ? answers(100) : answers(0, status))
		for (let i = 0; i < 30; i++) await proxy.get()
		expect(ofA(proxy)).toBeGreaterThan(5)
		expect(stateOf(proxy, 'a')).toMatchObject({ consecutiveBeaten: 0, ejections: 0 })
	})

	it('is not beaten by the first attempt, which was sent before, nor by itself', async () => {
		const proxy = await hedged({ outliers })
		inTurn(proxy, answers(70), 'silent')
		await proxy.get()
		expect(proxy.sent).toHaveLength(2)
		expect(stateOf(proxy, proxy.sent[1]!.endpoint).consecutiveBeaten).toBe(0)
		const alone = await hedged({ outliers }, AFTER_50, ['a'])
		inTurn(alone, 'silent', answers(10))
		await alone.get()
		expect(alone.sent.map(({ endpoint }) => endpoint)).toEqual(['a', 'a'])
		expect(stateOf(alone, 'a').consecutiveBeaten).toBe(0)
	})

	it('has taken for as long as it was waited for, to a balancer that goes by that: a failure would count for more', async () => {
		const proxy = await hedged({ outliers, balancer: { type: 'PeakEwma', choices: 2, decayMs: 10_000 } })
		inTurn(proxy, 'silent', answers(10))
		await proxy.get()
		const { endpoints } = proxy.knowledge.table.states.get('d/s')!
		expect(endpoints.get(proxy.sent[0]!.endpoint)!.load.ewmaMs).toBe(60)
	})

	it('is not silent if it answers in the same instant', async () => {
		const proxy = await hedged({ outliers })
		inTurn(proxy, 'silent', answers(10))
		await proxy.get()
		const [lead] = proxy.sent
		expect(stateOf(proxy, lead!.endpoint).consecutiveBeaten).toBe(1)
		proxy.sent.length = 0
		inTurn(proxy, answers(60), answers(10))
		for (let i = 0; i < 3; i++) {
			proxy.sent.length = 0
			await proxy.get()
		}
		await proxy.settle()
		expect(stateOf(proxy, lead!.endpoint).consecutiveBeaten).toBe(0)
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
