/** Retries under a budget, when the server says itself when to come back, and those that nobody asked for. */
import { describe, expect, it } from 'vitest'
import type { RetryRule } from '../../../../src/snapshot/filters.ts'
import type { RetryBudgetRules, TrafficRules } from '../../../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../../../random.ts'
import { answers, type Behaviour, loses, serving, type TimedProxy, timed } from '../timedProxy.ts'

const RETRY: RetryRule = { attempts: 5, codes: [503], backoffMs: 25, methods: [], maxBodyBytes: 1_000 }
/** So that nobody is ejected meanwhile. */
const UNWATCHED = {
	consecutive5xx: 0,
	consecutiveGatewayErrors: 0,
	consecutiveLocalOriginFailures: 0,
	intervalMs: 10_000,
	baseEjectionMs: 30_000,
	maxEjectionMs: 30_000,
	maxEjectionShare: 0,
}
const AMPLE: RetryBudgetRules = { of: 'active', share: 1, minimumConcurrency: 100 }

const proxyWith = (more: TrafficRules, ofRule = {}) =>
	timed(serving({ outliers: UNWATCHED, ...more }, ['a', 'b', 'c'], ofRule))

/** So many requests a second for so long, of which half fail at once, every time. Answers what came of them. */
async function storm(proxy: TimedProxy, { perSecond = 200, seconds = 20, failing = 0.5, seed = 1 }) {
	const random = seeded(seed)
	proxy.behave = () => (random() < failing ? answers(5, 503) : answers(100))
	const requests = perSecond * seconds
	for (let i = 0; i < requests; i++) {
		void proxy.start()
		await proxy.pass(1_000 / perSecond)
	}
	await proxy.settle()
	return { requests, retries: proxy.sent.length - requests }
}

describe('in a storm in which half of all requests fail', () => {
	const interval: RetryBudgetRules = { of: 'interval', share: 0.2, intervalMs: 10_000, minimumPerSecond: 10 }
	const active: RetryBudgetRules = { of: 'active', share: 0.2, minimumConcurrency: 3 }

	it.each([
		['the Service’s', { retryBudget: interval, retry: RETRY }, {}],
		['the rule’s own', { retry: RETRY }, { traffic: { retryBudget: interval } }],
		['nobody’s, for the Service’s retries', { retry: RETRY }, {}],
		['nobody’s, for the rule’s retries', {}, { retry: RETRY }],
	])(
		'retries are at most the share of requests over an interval, and the least rate: %s',
		async (_, traffic, ofRule) => {
			const { requests, retries } = await storm(await proxyWith(traffic, ofRule), {})
			// The share is the more of both; the least rate, of 100 in 10 s, was there before it.
			expect(retries).toBeLessThanOrEqual(0.2 * requests + 100)
			expect(retries).toBeGreaterThan(0.15 * requests)
		},
	)

	it('retries under way are at most the share of those under way, and a few', async () => {
		const proxy = await proxyWith({ retryBudget: active, retry: RETRY })
		let most = 0
		const { budgets, underWay } = proxy.knowledge.table.states.get('d/s')!
		const random = seeded(2)
		proxy.behave = () => {
			const budget = [...budgets.values()][0]
			if (budget !== undefined) most = Math.max(most, budget.retries.count - Math.max(3, 0.2 * underWay.count))
			return random() < 0.5 ? answers(5, 503) : answers(100)
		}
		for (let i = 0; i < 1_000; i++) {
			void proxy.start()
			await proxy.pass(5)
		}
		await proxy.settle()
		// A retry that began within the share is still there when requests have become fewer.
		expect(most).toBeLessThanOrEqual(2)
		expect([...budgets.values()][0]!.retries.count).toBe(0)
	})

	it('without a budget to speak of they would be many more: it is the budget that holds', async () => {
		const { requests, retries } = await storm(await proxyWith({ retryBudget: AMPLE, retry: RETRY }), { seconds: 5 })
		expect(retries).toBeGreaterThan(0.6 * requests)
	})

	it('extra requests of hedging count as retries', async () => {
		const hedging = { after: { ms: 20 }, maxExtra: 2 }
		const { requests, retries } = await storm(await proxyWith({ retryBudget: interval, hedging }), { failing: 0 })
		expect(retries).toBeLessThanOrEqual(0.2 * requests + 100)
		expect(retries).toBeGreaterThan(0.15 * requests)
	})

	it('what a budget has counted outlives changes of the snapshot', async () => {
		const traffic: TrafficRules = {
			outliers: UNWATCHED,
			retryBudget: { of: 'interval', share: 0, intervalMs: 10_000, minimumPerSecond: 0.1 },
			retry: { ...RETRY, attempts: 1 },
		}
		const proxy = await timed(serving(traffic, ['a', 'b', 'c']))
		proxy.behave = () => answers(0, 503)
		await proxy.get()
		expect(proxy.sent).toHaveLength(2)
		proxy.replica.change(serving(traffic, ['a', 'b', 'c', 'd']))
		await proxy.pass(1_500)
		await proxy.get()
		await proxy.get()
		expect(proxy.sent).toHaveLength(4)
	})
})

describe('Retry-After', () => {
	const failThen = (proxy: TimedProxy, failure: Behaviour) => {
		proxy.behave = () => (proxy.sent.length === 1 ? failure : answers())
	}

	it.each([
		['is waited for, and the backoff on top of it', '2', {}, 2_025, 2_050],
		['that is past costs nothing', '0', {}, 25, 50],
		['in a form that is none costs nothing', 'soon', {}, 25, 50],
	])('%s', async (_, value, timeouts, leastMs, mostMs) => {
		const proxy = await proxyWith({ retry: RETRY, timeouts })
		failThen(proxy, answers(0, 503, { 'retry-after': value }))
		const got = await proxy.get()
		expect(got.status).toBe(200)
		expect(got.tookMs).toBeGreaterThanOrEqual(leastMs)
		expect(got.tookMs).toBeLessThanOrEqual(mostMs)
	})

	it.each([
		['that does not fit in the time left', '2', { requestMs: 1_000 }],
		['of more than half a minute', '31', {}],
	])('%s: the answer is given back at once, as it came', async (_, value, timeouts) => {
		const proxy = await proxyWith({ retry: RETRY, timeouts })
		failThen(proxy, answers(10, 503, { 'retry-after': value }))
		const got = await proxy.get()
		expect(got).toMatchObject({ status: 503, reason: undefined, tookMs: 10, attempts: 1 })
		expect(got.headers.get('retry-after')).toBe(value)
	})
})

describe('where nobody says how to retry', () => {
	const request = (method: string, body?: string) => () =>
		new Request('http://h.test/', {
			method,
			...(body !== undefined && { body, headers: { 'content-length': `${body.length}` } }),
		})

	it.each<[string, TrafficRules, object]>([
		['plain', {}, {}],
		['with a policy', { limits: { maxInFlight: 100 } }, {}],
		['with a rule that does more', {}, { timeouts: { requestMs: 5_000 } }],
	])(
		'a lost connection is tried twice more, elsewhere, for what is idempotent and has no body: %s',
		async (_, traffic, more) => {
			for (const [make, attempts] of [
				[request('GET'), 3],
				[request('HEAD'), 3],
				[request('DELETE'), 3],
				[request('POST'), 1],
				[request('PATCH'), 1],
				[request('PUT', 'x'), 1],
				[request('POST', 'x'), 1],
			] as const) {
				const proxy = await proxyWith(traffic, more)
				proxy.behave = () => loses(5)
				expect(await proxy.get(make())).toMatchObject({ status: 503, attempts })
				expect(new Set(proxy.sent.map(({ endpoint }) => endpoint)).size).toBe(attempts)
			}
		},
	)

	it('nothing else is: no status, and no attempt that was too slow', async () => {
		const slow = await proxyWith({ timeouts: { backendRequestMs: 100 } })
		slow.behave = () => 'silent'
		expect(await slow.get()).toMatchObject({ reason: 'upstream_timeout', attempts: 1, tookMs: 100 })
		const failing = await proxyWith({})
		failing.behave = () => answers(5, 503)
		expect(await failing.get()).toMatchObject({ status: 503, attempts: 1 })
	})

	it('a policy can switch it off', async () => {
		const proxy = await proxyWith({ retry: { ...RETRY, attempts: 0 } })
		proxy.behave = () => loses(5)
		expect((await proxy.get()).attempts).toBe(1)
	})

	it('all are down: each request is answered soon, and few are tried again', async () => {
		const proxy = await proxyWith({})
		proxy.behave = () => loses(2)
		const got: number[] = []
		for (let i = 0; i < 1_000; i++) {
			void proxy.start().then(({ tookMs }) => got.push(tookMs))
			await proxy.pass(1)
		}
		await proxy.settle()
		expect(Math.max(...got)).toBeLessThan(500)
		expect(proxy.sent.length - 1_000).toBe(200)
	})

	it('ten requests that come together on a service with hardly any are all tried again', async () => {
		const proxy = await proxyWith({})
		proxy.behave = () => (proxy.sent.length <= 10 ? loses(2) : answers())
		const all = Promise.all(Array.from({ length: 10 }, () => proxy.start()))
		await proxy.settle()
		expect((await all).map(({ status }) => status)).toEqual(Array(10).fill(200))
	})

	it('the one that answered is the one that logs and metrics name', async () => {
		const proxy = await proxyWith({})
		proxy.behave = () => (proxy.sent.length < 3 ? loses(5) : answers())
		const got = await proxy.get()
		expect(got).toMatchObject({ status: 200, attempts: 3, endpoint: proxy.sent[2]!.endpoint })
	})
})
