/** An endpoint that returns from an ejection is tried by one request at a time, however many come at once. */
import { describe, expect, it } from 'vitest'
import { compileService } from '../../../../src/proxy/compile/compileService.ts'
import type { EndpointStates } from '../../../../src/proxy/knowledge/endpointState.ts'
import { beginAttempt, endAttempt } from '../../../../src/proxy/sending/outcomes.ts'
import type { RetryRule } from '../../../../src/snapshot/filters.ts'
import type { Balancer, HashKey, OutlierRules, TrafficRules } from '../../../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../../../random.ts'
import { nobody } from '../compile/compiled.ts'
import { type FakeProxy, fakeProxy, until } from '../fakeProxy.ts'
import { serving } from '../timedProxy.ts'

const OUTLIERS: OutlierRules = {
	consecutive5xx: 1,
	consecutiveGatewayErrors: 0,
	consecutiveLocalOriginFailures: 0,
	intervalMs: 10_000,
	baseEjectionMs: 30_000,
	maxEjectionMs: 30_000,
	maxEjectionShare: 1,
}
const ONCE: RetryRule = { attempts: 0, codes: [], backoffMs: 25, methods: [], maxBodyBytes: 0 }
const key: HashKey = { from: 'header', name: 'x-key' }
const BALANCERS: readonly Balancer[] = [
	{ type: 'RoundRobin' },
	{ type: 'Random' },
	{ type: 'LeastRequest', choices: 2 },
	{ type: 'PeakEwma', choices: 2, decayMs: 10_000 },
	{ type: 'RingHash', key, minimumRingSize: 1_024, maximumRingSize: 65_536 },
	{ type: 'Maglev', key, tableSize: 65_537 },
]
const each = BALANCERS.map((balancer) => [balancer.type, balancer] as const)

const idOf = (url: string) => new URL(url).hostname.split('.')[0]!
const outlierOf = ({ knowledge }: FakeProxy, id: string) =>
	knowledge.table.states.get('d/s')!.endpoints.get(id)!.outlier
const keyed = (i: number) => new Request('http://h.test/', { headers: { 'x-key': `user-${i}` } })

/** A proxy whose endpoint `a` was ejected, and may be tried again from now on. Whoever asks it now waits for `answer`. */
async function returning(traffic: TrafficRules) {
	const proxy = fakeProxy()
	proxy.random = seeded(5)
	proxy.replica.change(serving({ retry: ONCE, ...traffic, outliers: OUTLIERS }, ['a', 'b', 'c']))
	proxy.answer = ({ url }) => new Response('', { status: idOf(url) === 'a' ? 500 : 200 })
	for (let i = 0; i < 500 && (i === 0 || outlierOf(proxy, 'a').ejections === 0); i++) await proxy.get(keyed(i))
	// So long that peak EWMA has forgotten how slow they all were.
	proxy.now += 300_000
	expect(outlierOf(proxy, 'a').ejectedUntil).toBeLessThanOrEqual(proxy.now)
	proxy.sent.length = 0
	const waiting: ((response: Response) => void)[] = []
	proxy.answer = ({ url }) =>
		idOf(url) === 'a' ? new Promise<Response>((resolve) => waiting.push(resolve)) : new Response()
	const answer = (status: number) => {
		for (const resolve of waiting.splice(0)) resolve(new Response('', { status }))
	}
	return { proxy, answer, tried: () => proxy.sent.filter(({ url }) => idOf(url) === 'a').length }
}

const burst = (proxy: FakeProxy, count: number, from = 0) =>
	Array.from({ length: count }, (_, i) => proxy.start(keyed(from + i)))

describe.each(each)('by %s, an endpoint on trial', (type, balancer) => {
	it('gets one of a hundred requests that a pause has held up together', async () => {
		const { proxy, answer, tried } = await returning({ balancer })
		const all = burst(proxy, 100)
		await until(() => proxy.sent.length === 100)
		expect(tried()).toBe(1)
		answer(200)
		for (const response of await Promise.all(all)) expect(response.status).toBe(200)
	})

	it('gets no other while that one is under way, and one more at most in each interval without its answer', async () => {
		const { proxy, answer, tried } = await returning({ balancer })
		// These see that it has not answered.
		const asksAgain = type === 'LeastRequest' || type === 'PeakEwma' ? 1 : 2
		const all = burst(proxy, 100)
		await until(() => proxy.sent.length === 100)
		for (const [wait, expected] of [
			[9_000, 1],
			[1_000, asksAgain],
			[9_999, asksAgain],
		] as const) {
			proxy.now += wait
			const before = proxy.sent.length
			all.push(...burst(proxy, 100))
			await until(() => proxy.sent.length === before + 100)
			expect(tried()).toBe(expected)
		}
		answer(500)
		await Promise.all(all)
	})

	it('gets traffic as before once that one was answered well, and none once it failed', async () => {
		for (const [status, isBack] of [
			[200, true],
			[500, false],
		] as const) {
			const { proxy, answer, tried } = await returning({ balancer })
			const all = burst(proxy, 100)
			await until(() => proxy.sent.length === 100)
			answer(status)
			await Promise.all(all)
			const chance = seeded(7)
			proxy.answer = () => {
				proxy.now += 5 + Math.floor(10 * chance())
				return new Response()
			}
			for (let i = 0; i < 100; i++) await proxy.get(keyed(i))
			if (isBack) expect(tried()).toBeGreaterThan(10)
			else expect(tried()).toBe(1)
		}
	})
})

describe('a request that is to try an endpoint', () => {
	const compiled = (states: EndpointStates = new Map()) => {
		const endpoints = ['a', 'b', 'c'].map((id) => ({ id, url: `http://${id}.test`, weight: 1 }))
		const traffic: TrafficRules = { balancer: { type: 'RoundRobin' }, outliers: OUTLIERS }
		return compileService({ kind: 'service', service: 'd/s', endpoints }, states, seeded(3), {
			traffic,
			region: '',
			now: 0,
		})
	}
	/** Picks for requests of their own until one is to try `a`. */
	const trying = (service: ReturnType<typeof compiled>, now: number) => {
		for (let i = 0; i < 10; i++) {
			const asking = { ...nobody }
			const endpoint = service.pick(asking, now)!
			if (endpoint.id === 'a') return { asking, endpoint }
		}
		return undefined
	}
	const onTrial = () => {
		const service = compiled()
		Object.assign(service.state.endpoints.get('a')!.outlier, { onTrial: true, ejectedUntil: 1_000, ejections: 1 })
		return service
	}

	it('and is placed again before it was sent leaves the trial to others', () => {
		const service = onTrial()
		const { asking } = trying(service, 2_000)!
		expect(trying(service, 2_000)).toBeUndefined()
		let again = service.pick(asking, 2_500)!
		while (again.id === 'a') again = service.pick(asking, 2_500)!
		expect(trying(service, 2_500)).toBeDefined()
	})

	it('holds the trial when it is placed elsewhere beside it, having been sent', () => {
		const service = onTrial()
		const { asking, endpoint } = trying(service, 2_000)!
		const attempt = beginAttempt(service, endpoint, 2_000)
		expect(service.pick(asking, 2_100, new Set(['a']))!.id).not.toBe('a')
		expect(trying(service, 2_100)).toBeUndefined()
		endAttempt(attempt, new Response(), 2_200, () => 0)
		expect(trying(service, 2_200)).toBeDefined()
	})

	it('and is never sent bars it for no longer than an interval', () => {
		const service = onTrial()
		expect(trying(service, 2_000)).toBeDefined()
		expect(trying(service, 11_999)).toBeUndefined()
		expect(trying(service, 12_000)).toBeDefined()
	})

	it('late is not robbed of its turn by one that held the trial an interval before', () => {
		const service = onTrial()
		const first = trying(service, 2_000)!
		expect(trying(service, 12_000)).toBeDefined()
		while (service.pick(first.asking, 12_500)!.id === 'a');
		expect(trying(service, 12_500)).toBeUndefined()
	})
})
