/** Which endpoint a request goes to, by the balancer that its service or rule asks for. */
import { describe, expect, it } from 'vitest'
import type { Endpoint, Rule } from '../../../../src/snapshot/snapshot.ts'
import type { Balancer, HashKey, TrafficRules } from '../../../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../../../random.ts'
import { type FakeProxy, fakeProxy, verdict } from '../fakeProxy.ts'
import { head, rule, slice } from '../knowledge/fakeReplica.ts'
import { answers, serving, target, timed } from '../timedProxy.ts'

const RING = { minimumRingSize: 1_024, maximumRingSize: 65_536 }
const byHeader: HashKey = { from: 'header', name: 'x-key' }
const BALANCERS: Record<Balancer['type'], Balancer> = {
	RoundRobin: { type: 'RoundRobin' },
	Random: { type: 'Random' },
	LeastRequest: { type: 'LeastRequest', choices: 2 },
	PeakEwma: { type: 'PeakEwma', choices: 2, decayMs: 10_000 },
	RingHash: { type: 'RingHash', key: byHeader, ...RING },
	Maglev: { type: 'Maglev', key: byHeader, tableSize: 65_537 },
}
const all = Object.values(BALANCERS).map((balancer) => [balancer.type, balancer] as const)
const hashing = all.filter(([, balancer]) => 'key' in balancer)

type Endpoints = readonly (string | (Partial<Endpoint> & { id: string }))[]

/** A proxy that has loaded the parts, and whose answers take 5 to 15 ms. */
async function proxyWith(traffic: TrafficRules, endpoints: Endpoints, ofRule: Partial<Rule> = {}, seed = 1) {
	const proxy = fakeProxy()
	proxy.random = seeded(seed)
	proxy.replica.change(serving(traffic, endpoints, ofRule))
	const chance = seeded(seed + 1)
	proxy.answer = () => {
		proxy.now += 5 + Math.floor(10 * chance())
		return new Response()
	}
	await proxy.get('http://h.test/')
	return proxy
}

/** The endpoint that a request with this key goes to. */
async function ask(proxy: FakeProxy, headers: Record<string, string> = {}, path = '/'): Promise<string> {
	const before = proxy.sent.length
	const outcome = await verdict(proxy.get(new Request(`http://h.test${path}`, { headers })))
	return outcome === 200 ? new URL(proxy.sent[before]!.url).hostname.split('.')[0]! : String(outcome)
}

async function inTurn<T, R>(items: readonly T[], each: (item: T) => Promise<R>): Promise<R[]> {
	const results: R[] = []
	for (const item of items) results.push(await each(item))
	return results
}

/** Each endpoint's share of so many requests, each with a key of its own. */
async function shares(proxy: FakeProxy, requests: number, keyed = true): Promise<Record<string, number>> {
	const shares: Record<string, number> = {}
	for (let i = 0; i < requests; i++) {
		const endpoint = await ask(proxy, keyed ? { 'x-key': `key-${i}` } : {})
		shares[endpoint] = (shares[endpoint] ?? 0) + 1 / requests
	}
	return shares
}

/** All of them within this of what is expected, and nothing else. */
function expectShares(seen: Record<string, number>, expected: Record<string, number>, within: number) {
	expect(Object.keys(seen).sort()).toEqual(Object.keys(expected).sort())
	for (const [id, share] of Object.entries(expected))
		expect(Math.abs(seen[id]! - share), `${id}: ${seen[id]}`).toBeLessThan(within)
}

describe.each(all)('%s', (type, balancer) => {
	const exact = type === 'RoundRobin'

	it('shares requests evenly among equals', async () => {
		const proxy = await proxyWith({ balancer }, ['a', 'b', 'c', 'd'])
		expectShares(await shares(proxy, 2_000), { a: 0.25, b: 0.25, c: 0.25, d: 0.25 }, exact ? 0.001 : 0.04)
	})

	it('shares them by weight, and gives a weight of 0 nothing', async () => {
		const endpoints = [
			{ id: 'a', weight: 1 },
			{ id: 'b', weight: 2 },
			{ id: 'c', weight: 5 },
			{ id: 'none', weight: 0 },
		]
		const proxy = await proxyWith({ balancer }, endpoints)
		expectShares(await shares(proxy, 2_000), { a: 1 / 8, b: 2 / 8, c: 5 / 8 }, 0.045)
	})

	it('shares what an endpoint that is left out would get among all others', async () => {
		const proxy = await proxyWith({ balancer }, ['a', { id: 'b', unhealthy: true }, 'c', 'd'])
		expectShares(await shares(proxy, 2_000), { a: 1 / 3, c: 1 / 3, d: 1 / 3 }, exact ? 0.001 : 0.045)
	})

	it('refuses when every weight is 0, and when there is no endpoint', async () => {
		for (const endpoints of [[{ id: 'a', weight: 0 }], []])
			expect(await ask(await proxyWith({ balancer }, endpoints))).toBe('no_endpoint')
	})

	it('sends everything to the only endpoint', async () => {
		expectShares(await shares(await proxyWith({ balancer }, ['a']), 20), { a: 1 }, 1e-9)
	})
})

describe.each(hashing)('%s', (_, balancer) => {
	const keys = Array.from({ length: 300 }, (_, i) => `user-${i}`)
	const six = ['a', 'b', 'c', 'd', 'e', 'f']
	const places = (proxy: FakeProxy) => inTurn(keys, (key) => ask(proxy, { 'x-key': key }))

	it.each<[string, HashKey, (key: string) => [Record<string, string>, string]]>([
		['a header', { from: 'header', name: 'x-key' }, (key) => [{ 'x-key': key }, '/']],
		['a cookie', { from: 'cookie', name: 'who' }, (key) => [{ cookie: `other=1; who=${key}` }, '/']],
		['a query parameter', { from: 'query', name: 'who' }, (key) => [{}, `/?other=1&who=${key}`]],
	])('keeps requests with the same %s together, and spreads others', async (_, key, request) => {
		const proxy = await proxyWith({ balancer: { ...balancer, key } as Balancer }, six)
		const reached = new Set<string>()
		for (const value of keys.slice(0, 40)) {
			const first = await ask(proxy, ...request(value))
			for (let again = 0; again < 3; again++) expect(await ask(proxy, ...request(value))).toBe(first)
			reached.add(first)
		}
		expect(reached.size).toBe(6)
	})

	it('keeps those of one client address together', async () => {
		const proxy = await proxyWith({ balancer: { ...balancer, key: { from: 'clientAddress' } } as Balancer }, six)
		expect(Object.keys(await shares(proxy, 30, false))).toHaveLength(1)
	})

	it('spreads requests without the key evenly', async () => {
		for (const key of [byHeader, { from: 'source' } as const]) {
			const proxy = await proxyWith({ balancer: { ...balancer, key } as Balancer }, ['a', 'b', 'c'])
			expectShares(await shares(proxy, 300, false), { a: 1 / 3, b: 1 / 3, c: 1 / 3 }, 0.01)
		}
	})

	it('sends a key to the same endpoint in every isolate, whatever order they were told the endpoints in', async () => {
		const one = await places(await proxyWith({ balancer }, six, {}, 1))
		expect(await places(await proxyWith({ balancer }, [...six].reverse(), {}, 2))).toEqual(one)
	})

	it('moves few keys when an endpoint joins, and none to another that was there before', async () => {
		const proxy = await proxyWith({ balancer }, six)
		const before = await places(proxy)
		proxy.replica.change(target({ balancer }, [...six, 'g']))
		proxy.now += 1_000
		await ask(proxy)
		const after = await places(proxy)
		const moved = after.filter((endpoint, i) => endpoint !== before[i])
		expect(moved.length).toBeGreaterThan(0)
		expect(moved.length).toBeLessThan(keys.length / 4)
		// Maglev may move a few between the others (the paper, §3.4); the ring moves none.
		const elsewhere = moved.filter((endpoint) => endpoint !== 'g')
		expect(elsewhere.length).toBeLessThanOrEqual(balancer.type === 'RingHash' ? 0 : keys.length / 20)
	})

	it('moves only the keys of an endpoint that fails its checks, and brings them back with it', async () => {
		const proxy = await proxyWith({ balancer }, six)
		const before = await places(proxy)
		const sick = six.map((id) => (id === 'c' ? { id, unhealthy: true as const } : { id }))
		for (const [endpoints, isBack] of [
			[sick, false],
			[six, true],
		] as const) {
			proxy.replica.change(target({ balancer }, endpoints))
			proxy.now += 1_000
			await ask(proxy)
			const after = await places(proxy)
			for (const [i, endpoint] of before.entries())
				if (isBack || endpoint !== 'c') expect(after[i]).toBe(endpoint)
				else expect(after[i]).not.toBe('c')
		}
	})

	it('is asked by the rule that says so, while other rules of the same service ask the service’s own', async () => {
		const proxy = fakeProxy()
		proxy.random = seeded(1)
		proxy.replica.change({
			...head('h.test'),
			...slice('h.test', 'r', [
				{ ...rule('ns/r/0', '/sticky', 'd/s'), traffic: { balancer } },
				rule('ns/r/1', '', 'd/s'),
			]),
			...target({ balancer: BALANCERS.RoundRobin }, six),
		})
		const reached = async (path: string) =>
			new Set(await inTurn(keys.slice(0, 12), () => ask(proxy, { 'x-key': 'k' }, path)))
		expect((await reached('/sticky')).size).toBe(1)
		expect((await reached('/')).size).toBe(6)
	})
})

describe('least request', () => {
	it('prefers the endpoint with the fewest requests under way', async () => {
		const proxy = await timed(serving({ balancer: BALANCERS.LeastRequest }, ['a', 'b']))
		proxy.behave = ({ endpoint }) => (endpoint === 'a' ? 'silent' : answers())
		// As long as neither has any, either is chosen.
		while (proxy.sent.every(({ endpoint }) => endpoint !== 'a')) {
			void proxy.start()
			await proxy.pass(1)
		}
		proxy.sent.length = 0
		for (let i = 0; i < 50; i++) await proxy.get()
		expect(new Set(proxy.sent.map(({ endpoint }) => endpoint))).toEqual(new Set(['b']))
	})

	it('comes back to an endpoint whose requests ended without a word, though nobody asked it meanwhile', async () => {
		const proxy = await timed(serving({ balancer: BALANCERS.LeastRequest }, ['a', 'b']))
		proxy.behave = ({ endpoint }) => (endpoint === 'a' ? 'silent' : answers())
		for (let i = 0; i < 40; i++) {
			void proxy.start()
			await proxy.pass(1)
		}
		proxy.behave = () => answers()
		const reaches = async () => {
			proxy.sent.length = 0
			for (let i = 0; i < 40; i++) await proxy.get()
			return new Set(proxy.sent.map(({ endpoint }) => endpoint))
		}
		expect(await reaches()).toEqual(new Set(['b']))
		await proxy.pass(360_000)
		expect(await reaches()).toEqual(new Set(['a', 'b']))
	})
})

describe('peak EWMA', () => {
	const slow = ({ endpoint }: { endpoint: string }) => answers(endpoint === 'a' ? 200 : 10)
	const shareOfSlow = async (traffic: TrafficRules, ofRule: Partial<Rule> = {}) => {
		const proxy = await timed(serving(traffic, ['a', 'b', 'c'], ofRule))
		proxy.behave = slow
		for (let i = 0; i < 300; i++) await proxy.get()
		return proxy.sent.filter(({ endpoint }) => endpoint === 'a').length / proxy.sent.length
	}

	it('leaves the slow endpoint alone, which others do not', async () => {
		expect(await shareOfSlow({ balancer: BALANCERS.PeakEwma })).toBeLessThan(0.05)
		expect(await shareOfSlow({ balancer: BALANCERS.RoundRobin })).toBeGreaterThan(0.3)
	})

	it('does so too when only the rule asks for it', async () => {
		const traffic = { balancer: BALANCERS.PeakEwma }
		expect(await shareOfSlow({ balancer: BALANCERS.RoundRobin }, { traffic })).toBeLessThan(0.05)
	})

	it('tries the slow endpoint again when it is long since it was slow', async () => {
		const proxy = await timed(serving({ balancer: BALANCERS.PeakEwma }, ['a', 'b', 'c']))
		proxy.behave = slow
		for (let i = 0; i < 100; i++) await proxy.get()
		proxy.behave = () => answers(10)
		await proxy.pass(120_000)
		proxy.sent.length = 0
		for (let i = 0; i < 300; i++) await proxy.get()
		expect(proxy.sent.filter(({ endpoint }) => endpoint === 'a').length / 300).toBeGreaterThan(0.2)
	})
})
