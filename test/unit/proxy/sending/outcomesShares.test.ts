/** Endpoints that ask for less, are new, or are always passed over: what share they get, and how they come by more. */
import { describe, expect, it } from 'vitest'
import type { RetryRule } from '../../../../src/snapshot/filters.ts'
import type { Endpoint } from '../../../../src/snapshot/snapshot.ts'
import type { Balancer, TrafficRules, WarmUp } from '../../../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../../../random.ts'
import { type FakeProxy, fakeProxy, START } from '../fakeProxy.ts'
import { answers, serving, target, timed } from '../timedProxy.ts'

const ONCE: RetryRule = { attempts: 0, codes: [], backoffMs: 25, methods: [], maxBodyBytes: 0 }
const BALANCERS: readonly Balancer[] = [
	{ type: 'RoundRobin' },
	{ type: 'Random' },
	{ type: 'LeastRequest', choices: 2 },
	{ type: 'PeakEwma', choices: 2, decayMs: 10_000 },
]
const each = BALANCERS.map((balancer) => [balancer.type, balancer] as const)

type Endpoints = readonly (string | (Partial<Endpoint> & { id: string }))[]

async function proxyWith(traffic: TrafficRules, endpoints: Endpoints): Promise<FakeProxy> {
	const proxy = fakeProxy()
	proxy.random = seeded(5)
	proxy.replica.change(serving({ retry: ONCE, ...traffic }, endpoints))
	await proxy.get('http://h.test/')
	return proxy
}

const idOf = (url: string) => new URL(url).hostname.split('.')[0]!

/** The share of so many requests that one endpoint gets, while the clock stands still. */
async function shareOf(proxy: FakeProxy, id: string, requests = 600): Promise<number> {
	const before = proxy.sent.length
	for (let i = 0; i < requests; i++) await proxy.get('http://h.test/')
	return proxy.sent.slice(before).filter(({ url }) => idOf(url) === id).length / requests
}

describe.each(each)('%s: an endpoint that asks for less', (_, balancer) => {
	/** `a` asks for less, until half of the requests are behind it; then nobody does. */
	const pushedBack = async (code: number, headers: Record<string, string>, more: TrafficRules = {}) => {
		const proxy = await proxyWith({ balancer, ...more }, ['a', 'b'])
		proxy.answer = ({ url }) => (idOf(url) === 'a' ? new Response('', { status: code, headers }) : new Response())
		await shareOf(proxy, 'a', 20)
		proxy.answer = () => new Response()
		return proxy
	}

	it.each([
		['429', 429, {}, 1_000],
		['429 with Retry-After', 429, { 'retry-after': '7' }, 7_000],
		['503 with Retry-After', 503, { 'retry-after': '7' }, 7_000],
		['429 with a Retry-After beyond the policy’s most', 429, { 'retry-after': '9999' }, 300_000],
	])('by %s gets less for that time, and all again after as long again', async (_, code, headers, forMs) => {
		const proxy = await pushedBack(code, headers)
		proxy.now += forMs - 1
		const low = await shareOf(proxy, 'a')
		expect(low).toBeLessThan(0.2)
		expect(low).toBeGreaterThan(0)
		proxy.now += forMs / 2
		const growing = await shareOf(proxy, 'a')
		expect(growing).toBeGreaterThan(low)
		// Peak EWMA takes longer to forget that there were failures.
		proxy.now += balancer.type === 'PeakEwma' ? 200_000 : Math.max(forMs, 1_000)
		const chance = seeded(6)
		proxy.answer = () => {
			proxy.now += 5 + Math.floor(10 * chance())
			return new Response()
		}
		expect(Math.abs((await shareOf(proxy, 'a')) - 0.5)).toBeLessThan(0.1)
	})

	it('by 503 without Retry-After has failed, and asked for nothing', async () => {
		if (balancer.type === 'PeakEwma') return
		const proxy = await pushedBack(503, {})
		expect(Math.abs((await shareOf(proxy, 'a')) - 0.5)).toBeLessThan(0.08)
	})

	it('still gets traffic when all do', async () => {
		const proxy = await proxyWith({ balancer }, ['a', 'b'])
		proxy.answer = () => new Response('', { status: 429, headers: { 'retry-after': '60' } })
		await shareOf(proxy, 'a', 200)
		expect(Math.abs((await shareOf(proxy, 'a')) - 0.5)).toBeLessThan(0.15)
	})

	it('asks for less over changes of the snapshot too', async () => {
		const proxy = await pushedBack(429, { 'retry-after': '60' })
		proxy.replica.change(target({ balancer, retry: ONCE }, ['a', { id: 'b', labels: { changed: 'yes' } }]))
		proxy.now += 1_000
		await shareOf(proxy, 'a', 1)
		expect(await shareOf(proxy, 'a')).toBeLessThan(0.2)
	})
})

describe('an endpoint that is new', () => {
	const warmUp: WarmUp = { durationMs: 100_000, minimumShare: 0.1, aggression: 1 }
	/** Its weight among one old endpoint: share = weight / (1 + weight). */
	const expected = (weight: number) => weight / (1 + weight)
	const ages = [
		[0, 0.1],
		[50_000, 0.5],
		[75_000, 0.75],
		[100_000, 1],
	] as const

	it('by its registration gets a share that grows with its age', async () => {
		for (const [ageMs, weight] of ages) {
			const endpoints = [
				{ id: 'new', joinedAt: START - ageMs },
				{ id: 'old', joinedAt: START - 1e9 },
			]
			const proxy = await proxyWith({ balancer: { type: 'Random' }, warmUp }, endpoints)
			expect(Math.abs((await shareOf(proxy, 'new', 2_000)) - expected(weight)), `${ageMs}`).toBeLessThan(0.035)
		}
	})

	it('by its coming, where nobody says when it registered, likewise', async () => {
		const traffic: TrafficRules = { balancer: { type: 'Random' }, warmUp }
		const proxy = await proxyWith(traffic, ['old'])
		proxy.replica.change(target({ ...traffic, retry: ONCE }, ['old', 'new']))
		proxy.now += 1_000
		await shareOf(proxy, 'new', 1)
		const joined = proxy.now
		for (const [ageMs, weight] of ages) {
			proxy.now = joined + ageMs
			expect(Math.abs((await shareOf(proxy, 'new', 2_000)) - expected(weight)), `${ageMs}`).toBeLessThan(0.035)
		}
	})

	it('is warm at once without a policy, and where all are new', async () => {
		const one = [
			{ id: 'new', joinedAt: START },
			{ id: 'old', joinedAt: START - 1e9 },
		]
		expect(Math.abs((await shareOf(await proxyWith({}, one), 'new')) - 0.5)).toBeLessThan(0.06)
		const all = [
			{ id: 'new', joinedAt: START },
			{ id: 'too', joinedAt: START },
		]
		expect(Math.abs((await shareOf(await proxyWith({ warmUp }, all), 'new')) - 0.5)).toBeLessThan(0.06)
	})
})

it('peak EWMA learns from requests that another one was faster than: a silent endpoint does not look idle', async () => {
	const traffic: TrafficRules = {
		balancer: { type: 'PeakEwma', choices: 2, decayMs: 10_000 },
		hedging: { after: { ms: 50 }, maxExtra: 1 },
		retryBudget: { of: 'active', share: 1, minimumConcurrency: 100 },
	}
	const proxy = await timed(serving(traffic, ['a', 'b', 'c']))
	proxy.behave = ({ endpoint }) => (endpoint === 'a' ? 'silent' : answers(10))
	for (let i = 0; i < 200; i++) await proxy.get()
	const share = proxy.sent.filter(({ endpoint }) => endpoint === 'a').length / 200
	expect(share).toBeLessThan(0.1)
	expect(share).toBeGreaterThan(0)
})
