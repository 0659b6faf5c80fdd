/** How many requests a service gets at once: who waits, who is refused, and that every slot comes back. */
import { describe, expect, it } from 'vitest'
import type { AdaptiveRules, Limits, TrafficRules } from '../../../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../../../random.ts'
import { answers, type Behaviour, type Got, loses, serving, type TimedProxy, timed, underWay } from '../timedProxy.ts'

const limited = (limits: Limits, more: TrafficRules = {}) => timed(serving({ ...more, limits }, ['a', 'b', 'c']))

/** Starts so many, a millisecond apart; answers them as they come. */
async function startAll(proxy: TimedProxy, requests: number, make = () => 'http://h.test/'): Promise<Got[]> {
	const got: Got[] = []
	for (let i = 0; i < requests; i++) {
		void proxy.start(make()).then((one) => got.push(one))
		await proxy.pass(1)
	}
	return got
}

describe('beyond the limit', () => {
	it('a request is refused at once: 503, with why, and when to come again', async () => {
		const proxy = await limited({ maxInFlight: 2 })
		proxy.behave = () => answers(500)
		const got = await startAll(proxy, 3)
		expect(proxy.sent).toHaveLength(2)
		expect(got).toMatchObject([{ status: 503, reason: 'overloaded', tookMs: 0, attempts: 0 }])
		expect(got[0]!.headers.get('proxy-status')).toContain('error=connection_limit_reached')
		expect(got[0]!.headers.get('retry-after')).toMatch(/^\d+$/)
		await proxy.settle()
		expect(underWay(proxy)).toMatchObject({ slots: 0 })
		expect((await proxy.get()).status).toBe(200)
	})

	it('those that may wait go in the order in which they came, as others end', async () => {
		const proxy = await limited({ maxInFlight: 1, maxPending: 3, maxWaitMs: 10_000 })
		proxy.behave = () => answers(100)
		let next = 0
		const got = await startAll(proxy, 5, () => `http://h.test/${next++}`)
		expect(got).toMatchObject([{ reason: 'overloaded' }])
		await proxy.settle()
		expect(proxy.sent.map(({ request, atMs }) => [new URL(request.url).pathname, atMs])).toEqual([
			['/0', 0],
			['/1', 100],
			['/2', 200],
			['/3', 300],
		])
		expect(underWay(proxy)).toEqual({ endpoints: [0, 0, 0], service: 0, slots: 0, pending: 0, waiting: 0 })
	})

	it('those that wait are refused when their time is up, and their place is free for others', async () => {
		const proxy = await limited({ maxInFlight: 1, maxPending: 1, maxWaitMs: 50 })
		proxy.behave = () => answers(500)
		const got = await startAll(proxy, 2)
		await proxy.pass(60)
		expect(got).toMatchObject([{ reason: 'overloaded', tookMs: 50 }])
		const later = await startAll(proxy, 1)
		expect(underWay(proxy)).toMatchObject({ pending: 1, waiting: 1 })
		await proxy.pass(60)
		expect(later).toMatchObject([{ reason: 'overloaded', tookMs: 50 }])
		expect(underWay(proxy)).toMatchObject({ pending: 0, waiting: 0 })
	})

	it('nobody waits longer than its own request may take, be that the rule’s word or the caller’s', async () => {
		for (const [timeouts, headers] of [
			[{ requestMs: 30 }, {}],
			[{}, { 'selvedge-deadline': '30' }],
		] as const) {
			const proxy = await limited({ maxInFlight: 1, maxPending: 5, maxWaitMs: 5_000 }, { timeouts })
			proxy.behave = () => answers(500)
			void proxy.start()
			await proxy.pass(1)
			const got = proxy.start(new Request('http://h.test/', { headers }))
			await proxy.pass(40)
			expect(await got).toMatchObject({ reason: expect.stringMatching(/^(overloaded|request_timeout)$/), tookMs: 30 })
		}
	})

	it('who has waited goes to an endpoint that is picked then', async () => {
		const limits = { maxInFlight: 1, maxPending: 1, maxWaitMs: 5_000 }
		const proxy = await limited(limits, { balancer: { type: 'RoundRobin' }, panicShare: 0.1 })
		proxy.behave = () => answers(100)
		await startAll(proxy, 2)
		const first = proxy.sent[0]!.endpoint
		const state = proxy.knowledge.table.states.get('d/s')!
		for (const [id, { outlier }] of state.endpoints)
			if (id !== first) Object.assign(outlier, { onTrial: true, ejectedUntil: proxy.now() + 60_000 })
		state.changes++
		await proxy.settle()
		expect(proxy.sent.map(({ endpoint }) => endpoint)).toEqual([first, first])
	})

	it('no limit, no waiting: services without one are not counted', async () => {
		const proxy = await timed(serving({}, ['a']))
		proxy.behave = () => answers(500)
		expect(await startAll(proxy, 200)).toEqual([])
		expect(proxy.sent).toHaveLength(200)
	})
})

describe('a request that never ends', () => {
	it('gives its slot back when its lease is over, and not before', async () => {
		const proxy = await limited({ maxInFlight: 1 })
		proxy.behave = () => 'silent'
		await startAll(proxy, 1)
		proxy.behave = () => answers()
		await proxy.pass(299_000)
		expect((await proxy.get()).reason).toBe('overloaded')
		await proxy.pass(45_000)
		expect((await proxy.get()).status).toBe(200)
	})

	it('is kept on by the platform while it holds a slot, and let go where it holds none', async () => {
		for (const [limits, kept] of [
			[{ limits: { maxInFlight: 5 } }, 1],
			[{}, 0],
		] as const) {
			const proxy = await timed(serving(limits, ['a']))
			proxy.behave = () => 'silent'
			let underWay = 0
			void proxy.start('http://h.test/', (work) => {
				underWay++
				void work.then(() => underWay--)
			})
			await proxy.pass(1)
			expect(underWay).toBe(kept)
		}
	})

	it('and waits no more is passed over by those who wait', async () => {
		const proxy = await limited({ maxInFlight: 1, maxPending: 2, maxWaitMs: 100 })
		proxy.behave = () => answers(150)
		await startAll(proxy, 1)
		// As the platform leaves it: nothing of it runs any more.
		const state = proxy.knowledge.table.states.get('d/s')!
		state.waiting.push({ go: () => {}, until: proxy.now() + 50 })
		state.limits!.pending++
		await proxy.pass(60)
		const got = await startAll(proxy, 1)
		await proxy.settle()
		expect(got).toMatchObject([{ status: 200 }])
		expect(underWay(proxy)).toMatchObject({ slots: 0, pending: 0, waiting: 0 })
	})
})

describe('an adaptive limit', () => {
	const adaptive: AdaptiveRules = {
		initialLimit: 40,
		minimumLimit: 2,
		maximumLimit: 200,
		tolerance: 1.5,
		smoothing: 0.2,
	}
	const limitOf = ({ knowledge }: TimedProxy) => knowledge.table.states.get('d/s')!.adaptive!.limit

	/** One request each ms for so long. */
	async function load(
		proxy: TimedProxy,
		ms: number,
		behaviour: () => Behaviour,
		request = () => new Request('http://h.test/'),
	) {
		proxy.behave = behaviour
		let refused = 0
		for (let i = 0; i < ms; i++) {
			void proxy.start(request()).then(({ reason }) => {
				if (reason === 'overloaded') refused++
			})
			await proxy.pass(1)
		}
		return refused
	}

	it('falls when answers take longer, refuses the rest, and grows again when they do not', async () => {
		const proxy = await timed(serving({ adaptive }, ['a']))
		expect(await load(proxy, 1_000, () => answers(20))).toBe(0)
		const before = limitOf(proxy)
		expect(await load(proxy, 2_000, () => answers(120))).toBeGreaterThan(200)
		const during = limitOf(proxy)
		expect(during).toBeLessThan(before * 0.9)
		await load(proxy, 2_000, () => answers(20))
		expect(limitOf(proxy)).toBeGreaterThan(during)
	})

	it('falls when the service says that it is too much', async () => {
		const proxy = await timed(serving({ adaptive }, ['a']))
		await load(proxy, 1_000, () => answers(20, 503))
		expect(limitOf(proxy)).toBeLessThan(40)
	})

	it.each<[string, () => Request, Behaviour]>([
		[
			'callers that give too little time',
			() => new Request('http://h.test/', { headers: { 'selvedge-deadline': '5' } }),
			answers(20),
		],
		[
			'calls that cannot pass',
			() => new Request('http://h.test/', { method: 'POST', headers: { 'content-type': 'application/grpc' } }),
			answers(20),
		],
	])('does not fall for %s', async (_, request, behaviour) => {
		const proxy = await timed(serving({ adaptive }, ['a']))
		await load(proxy, 1_000, () => behaviour, request)
		expect(limitOf(proxy)).toBeGreaterThanOrEqual(40)
	})
})

describe.each([1, 2, 3, 4, 5, 6])('over random requests, ends and policies (seed %i)', (seed) => {
	it('what is counted as under way is what is under way, and nothing in the end', async () => {
		const random = seeded(seed)
		const traffic: TrafficRules = {
			...(random() < 0.7 && { limits: { maxInFlight: 3, maxPending: 4, maxWaitMs: 40 } }),
			...(random() < 0.5 && {
				adaptive: { initialLimit: 5, minimumLimit: 1, maximumLimit: 50, tolerance: 1.5, smoothing: 0.5 },
			}),
			...(random() < 0.7 && { hedging: { after: { ms: 10 }, maxExtra: 2 } }),
			...(random() < 0.7 && { retry: { attempts: 2, codes: [503], backoffMs: 5, methods: [], maxBodyBytes: 100 } }),
			...(random() < 0.7 && { timeouts: { requestMs: 200, backendRequestMs: 60 } }),
			...(random() < 0.5 && {
				retryBudget: { of: 'interval', share: 0.5, intervalMs: 1_000, minimumPerSecond: 10 } as const,
			}),
		}
		const proxy = await timed(serving(traffic, ['a', 'b', 'c']), seed)
		const ends: (() => Behaviour)[] = [
			() => answers(Math.floor(random() * 30)),
			() => answers(Math.floor(random() * 30), 503),
			() => loses(Math.floor(random() * 30)),
			() => answers(300),
		]
		proxy.behave = () => ends[Math.floor(random() * ends.length)]!()
		const requests = [
			() => new Request('http://h.test/'),
			() => new Request('http://h.test/', { method: 'POST', body: 'x', headers: { 'content-length': '1' } }),
			() => new Request('http://h.test/', { headers: { 'selvedge-deadline': '20' } }),
			() => new Request('http://h.test/', { method: 'POST', headers: { 'content-type': 'application/grpc' } }),
		]
		let ended = 0
		for (let i = 0; i < 150; i++) {
			void proxy.start(requests[Math.floor(random() * requests.length)]!()).then(() => ended++)
			await proxy.pass(Math.floor(random() * 25))
			const { endpoints, service, slots } = underWay(proxy)
			expect(endpoints.reduce((sum, count) => sum + count, 0)).toBe(service)
			expect(slots).toBeLessThanOrEqual(traffic.limits === undefined ? 150 : 3)
		}
		await proxy.settle()
		expect(ended).toBe(150)
		expect(proxy.bugs).toEqual([])
		expect(underWay(proxy)).toEqual({ endpoints: [0, 0, 0], service: 0, slots: 0, pending: 0, waiting: 0 })
	})
})
