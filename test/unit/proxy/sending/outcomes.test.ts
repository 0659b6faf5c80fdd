/** What answers and failures do to an endpoint's share: ejection, trial, return, and who is never left out. */
import { describe, expect, it } from 'vitest'
import type { RetryRule } from '../../../../src/snapshot/filters.ts'
import type { OutlierRules, TrafficRules } from '../../../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../../../random.ts'
import { type FakeProxy, fakeProxy } from '../fakeProxy.ts'
import { serving, target } from '../timedProxy.ts'

const OUTLIERS: OutlierRules = {
	consecutive5xx: 0,
	consecutiveGatewayErrors: 0,
	consecutiveLocalOriginFailures: 0,
	intervalMs: 10_000,
	baseEjectionMs: 30_000,
	maxEjectionMs: 100_000,
	maxEjectionShare: 1,
}
/** So that each request is one attempt. */
const ONCE: RetryRule = { attempts: 0, codes: [], backoffMs: 25, methods: [], maxBodyBytes: 0 }
const ABC = ['a', 'b', 'c']

/** `tries` is in ms of the clock, which moves only when a test moves it. */
function proxyWith(
	outliers: Partial<OutlierRules>,
	endpoints: readonly string[] = ABC,
	more: TrafficRules = {},
): FakeProxy {
	const proxy = fakeProxy()
	proxy.random = seeded(11)
	const traffic: TrafficRules = { balancer: { type: 'RoundRobin' }, retry: ONCE, ...more }
	proxy.replica.change(serving({ ...traffic, outliers: { ...OUTLIERS, ...outliers } }, endpoints))
	return proxy
}

type Answer = () => Response | Promise<Response>
const ok: Answer = () => new Response()
const status =
	(code: number, headers = {}): Answer =>
	() =>
		new Response('', { status: code, headers })
const lost: Answer = () => Promise.reject(new Error('lost'))
const timeout: Answer = () => Promise.reject(Object.assign(new Error('late'), { name: 'TimeoutError' }))
const edgeMade = status(522, { server: 'cloudflare', 'cf-ray': 'x-A' })

/** What each endpoint does, by its id; the others answer. */
const behave = (proxy: FakeProxy, by: Readonly<Record<string, Answer>>) => {
	proxy.answer = ({ url }) => (by[idOf(url)] ?? ok)()
}
const idOf = (url: string) => new URL(url).hostname.split('.')[0]!

const outlierOf = ({ knowledge }: FakeProxy, id: string) =>
	knowledge.table.states.get('d/s')!.endpoints.get(id)!.outlier

/** Sends so many requests, and answers how many each endpoint got. */
async function send(proxy: FakeProxy, requests: number): Promise<Record<string, number>> {
	const before = proxy.sent.length
	for (let i = 0; i < requests; i++) await proxy.get('http://h.test/')
	const got: Record<string, number> = {}
	for (const { url } of proxy.sent.slice(before)) got[idOf(url)] = (got[idOf(url)] ?? 0) + 1
	return got
}

describe('an endpoint is ejected', () => {
	it.each<[string, Partial<OutlierRules>, Answer]>([
		['3 answers above 499', { consecutive5xx: 3 }, status(500)],
		['3 gateway errors', { consecutiveGatewayErrors: 3 }, status(503)],
		['3 lost connections', { consecutiveLocalOriginFailures: 3 }, lost],
		['3 timeouts', { consecutiveLocalOriginFailures: 3 }, timeout],
		['3 answers that the edge made', { consecutiveLocalOriginFailures: 3 }, edgeMade],
		['3 lost connections, which count as answers above 499', { consecutive5xx: 3 }, lost],
		['3 timeouts, which count as gateway errors', { consecutiveGatewayErrors: 3 }, timeout],
	])('after %s in a row, and not before', async (_, outliers, failure) => {
		const proxy = proxyWith(outliers, ABC, { timeouts: { backendRequestMs: 100 } })
		behave(proxy, { a: failure })
		const before = await send(proxy, 9)
		expect(before.a).toBe(3)
		expect(await send(proxy, 12)).toEqual({ b: 6, c: 6 })
	})

	it.each<[string, Partial<OutlierRules>, Answer]>([
		['other answers', { consecutive5xx: 3 }, status(404)],
		['pushback', { consecutive5xx: 3 }, status(429)],
		['500, where gateway errors count', { consecutiveGatewayErrors: 3 }, status(500)],
		['answers, where only connections count', { consecutiveLocalOriginFailures: 3 }, status(503)],
		['anything, where nothing counts', {}, lost],
	])('not for %s', async (_, outliers, failure) => {
		const proxy = proxyWith(outliers)
		behave(proxy, { a: failure })
		expect((await send(proxy, 150)).a).toBeGreaterThanOrEqual(3)
		expect(outlierOf(proxy, 'a').ejections).toBe(0)
	})

	it('not when a success comes between its failures', async () => {
		const proxy = proxyWith({ consecutive5xx: 3 })
		let turn = 0
		behave(proxy, { a: () => (turn++ % 3 === 2 ? ok() : status(500)()) })
		await send(proxy, 90)
		expect((await send(proxy, 30)).a).toBe(10)
	})

	it('for timeouts of the rule, and not for those of a caller in a hurry', async () => {
		for (const [headers, isEjected] of [
			[{}, true],
			[{ 'selvedge-deadline': '20' }, false],
		] as const) {
			const proxy = proxyWith({ consecutiveLocalOriginFailures: 3 }, ABC, { timeouts: { requestMs: 100 } })
			behave(proxy, { a: timeout })
			for (let i = 0; i < 12; i++) await proxy.get(new Request('http://h.test/', { headers }))
			expect(outlierOf(proxy, 'a').ejections).toBe(isEjected ? 1 : 0)
		}
	})
})

describe('an ejected endpoint', () => {
	const RULES = { consecutive5xx: 1 }

	it('returns with one request at a time, and with all when that one is answered', async () => {
		const proxy = proxyWith(RULES)
		behave(proxy, { a: status(500) })
		await send(proxy, 3)
		proxy.now += 29_000
		expect((await send(proxy, 30)).a).toBe(undefined)
		proxy.now += 5_000
		let answer = () => {}
		behave(proxy, { a: () => new Promise((resolve) => (answer = () => resolve(new Response()))) })
		const waiting: Promise<Response>[] = []
		for (let i = 0; i < 30; i++) {
			waiting.push(proxy.start('http://h.test/'))
			await new Promise(setImmediate)
		}
		expect(proxy.sent.slice(-30).filter(({ url }) => idOf(url) === 'a')).toHaveLength(1)
		answer()
		await Promise.all(waiting)
		behave(proxy, {})
		expect(await send(proxy, 30)).toEqual({ a: 10, b: 10, c: 10 })
	})

	it('whose trial fails is away for longer each time, up to the most', async () => {
		const proxy = proxyWith(RULES)
		behave(proxy, { a: status(500) })
		await send(proxy, 3)
		const outlier = outlierOf(proxy, 'a')
		for (const leastMs of [30_000, 60_000, 90_000, 100_000, 100_000]) {
			const forMs = outlier.ejectedUntil - proxy.now
			expect(forMs).toBeGreaterThanOrEqual(leastMs)
			expect(forMs).toBeLessThanOrEqual(leastMs * 1.1)
			proxy.now = Math.ceil(outlier.ejectedUntil) - 1
			expect((await send(proxy, 6)).a).toBe(undefined)
			proxy.now += 1
			expect((await send(proxy, 6)).a).toBe(1)
		}
	})

	it('stays ejected over changes of the snapshot, even such as recompile its service', async () => {
		const proxy = proxyWith(RULES)
		behave(proxy, { a: status(500) })
		await send(proxy, 3)
		behave(proxy, {})
		const traffic: TrafficRules = { balancer: { type: 'RoundRobin' }, outliers: { ...OUTLIERS, ...RULES } }
		proxy.replica.change(target(traffic, [...ABC, 'd']))
		proxy.now += 1_000
		await send(proxy, 1)
		expect(await send(proxy, 30)).toEqual({ b: 10, c: 10, d: 10 })
	})

	it('is the last one never, however many fail', async () => {
		const proxy = proxyWith(RULES)
		behave(proxy, { a: status(500), b: status(500), c: status(500) })
		await send(proxy, 30)
		const states = [...proxy.knowledge.table.states.get('d/s')!.endpoints.values()]
		expect(states.filter(({ outlier }) => outlier.ejectedUntil > proxy.now)).toHaveLength(2)
		expect(Object.keys(await send(proxy, 30)).length).toBeGreaterThan(0)
		const alone = proxyWith(RULES, ['a'])
		behave(alone, { a: status(500) })
		expect(await send(alone, 30)).toEqual({ a: 30 })
	})

	it.each([
		[0.5, 5],
		[0.29, 2],
		[0.01, 1],
	])('is one of at most a share of %d of ten: %i', async (maxEjectionShare, most) => {
		const ids = Array.from({ length: 10 }, (_, i) => `e${i}`)
		const proxy = proxyWith({ ...RULES, maxEjectionShare }, ids)
		proxy.answer = status(500)
		await send(proxy, 100)
		const states = [...proxy.knowledge.table.states.get('d/s')!.endpoints.values()]
		expect(states.filter(({ outlier }) => outlier.ejectedUntil > proxy.now)).toHaveLength(most)
	})
})

describe('by comparison', () => {
	const comparing = {
		successRate: { minimumHosts: 3, minimumRequests: 20, stdevFactor: 1 },
	}
	/** a fails every other time: never often enough in a row. */
	const everyOther = (code: number): Answer => {
		let turn = 0
		return () => (turn++ % 2 === 0 ? status(code)() : ok())
	}

	it.each<[string, Partial<OutlierRules>]>([
		['does much worse than the others', comparing],
		['fails more than a share', { failureShare: { threshold: 0.3, minimumHosts: 3, minimumRequests: 20 } }],
	])('who %s is ejected when the interval is over', async (_, outliers) => {
		const proxy = proxyWith(outliers)
		behave(proxy, { a: everyOther(500) })
		await send(proxy, 3)
		expect((await send(proxy, 150)).a).toBe(50)
		proxy.now += 10_000
		await send(proxy, 3)
		expect((await send(proxy, 30)).a).toBe(undefined)
	})

	it('nobody is when there were too few requests, or all do alike', async () => {
		for (const [requests, by] of [
			[30, { a: everyOther(500) }],
			[150, { a: everyOther(500), b: everyOther(500), c: everyOther(500) }],
		] as const) {
			const proxy = proxyWith(comparing)
			behave(proxy, by)
			await send(proxy, 3)
			await send(proxy, requests)
			proxy.now += 10_000
			await send(proxy, 3)
			expect((await send(proxy, 30)).a).toBe(10)
		}
	})
})
