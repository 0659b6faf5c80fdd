/** Where requests go when endpoints are in several regions, fail their checks, or are all that there is. */
import { describe, expect, it } from 'vitest'
import type { Balancer, LocalityRules, OutlierRules, TrafficRules } from '../../../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../../../random.ts'
import { type FakeProxy, fakeProxy, until, verdict } from '../fakeProxy.ts'
import { head, rule, service, slice } from '../knowledge/fakeReplica.ts'
import { serving, target } from '../timedProxy.ts'

const LOCALITY: LocalityRules = { failover: ['eeur', 'enam'], others: 'last', overflowBelow: 0.7 }
const OUTLIERS: OutlierRules = {
	consecutive5xx: 0,
	consecutiveGatewayErrors: 0,
	consecutiveLocalOriginFailures: 1,
	intervalMs: 10_000,
	baseEjectionMs: 30_000,
	maxEjectionMs: 300_000,
	maxEjectionShare: 1,
}
const roundRobin: Balancer = { type: 'RoundRobin' }
const maglev: Balancer = { type: 'Maglev', key: { from: 'header', name: 'x-key' }, tableSize: 1_009 }

interface Place {
	readonly id: string
	readonly locality?: string
	readonly unhealthy?: true
	readonly weight?: number
}
/** `eeur3` is in eeur. The proxy is in weur. */
const at = (...ids: readonly string[]): Place[] => ids.map((id) => ({ id, locality: id.replace(/\d+$/, '') }))
const sick = (...ids: readonly string[]): Place[] => at(...ids).map((place) => ({ ...place, unhealthy: true }))

function proxyWith(traffic: TrafficRules, endpoints: readonly Place[]): FakeProxy {
	const proxy = fakeProxy()
	proxy.random = seeded(7)
	proxy.replica.change(serving({ balancer: roundRobin, ...traffic }, endpoints))
	return proxy
}

async function ask(proxy: FakeProxy, key = ''): Promise<string> {
	const outcome = await verdict(proxy.get(new Request('http://h.test/', { headers: { 'x-key': key } })))
	return outcome === 200 ? new URL(proxy.sent.at(-1)!.url).hostname.split('.')[0]! : String(outcome)
}

/** Shares of so many requests by locality, or by whatever else is made of the endpoint. */
async function shares(proxy: FakeProxy, by = (id: string) => id.replace(/\d+$/, ''), requests = 1_000) {
	const shares: Record<string, number> = {}
	for (let i = 0; i < requests; i++) {
		const group = by(await ask(proxy, `key-${i}`))
		shares[group] = (shares[group] ?? 0) + 1 / requests
	}
	return shares
}

function expectShares(seen: Record<string, number>, expected: Record<string, number>, within = 0.05) {
	expect(Object.keys(seen).sort()).toEqual(Object.keys(expected).sort())
	for (const [group, share] of Object.entries(expected))
		expect(Math.abs(seen[group]! - share), `${group}: ${seen[group]}`).toBeLessThan(within)
}

describe.each([
	['round robin', roundRobin],
	['Maglev', maglev],
])('with a policy on locality and %s', (_, balancer) => {
	const own = ['weur1', 'weur2', 'weur3', 'weur4']
	const others = at('enam1', 'eeur1', 'eeur2', 'apac1')

	it.each<[string, Partial<LocalityRules>, readonly Place[], Record<string, number>]>([
		['the own region gets everything', {}, [...others, ...at(...own)], { weur: 1 }],
		['the next region gets everything where the own has none', {}, others, { eeur: 1 }],
		['and the one after it where that has none either', {}, at('enam1', 'apac1'), { enam: 1 }],
		['others come last', {}, [...at('apac1'), { id: 'nowhere1' }], { apac: 0.5, nowhere: 0.5 }],
		['or never', { others: 'never' }, at('apac1'), { no_endpoint: 1 }],
		[
			'little that is missing is made up for in the region',
			{},
			[...others, ...sick('weur1'), ...at('weur2', 'weur3', 'weur4')],
			{ weur: 1 },
		],
		[
			'more of it flows over',
			{},
			[...others, ...sick('weur1', 'weur2'), ...at('weur3', 'weur4')],
			{ weur: 0.5 / 0.7, eeur: 1 - 0.5 / 0.7 },
		],
		[
			'in proportion',
			{},
			[...others, ...sick('weur1', 'weur2', 'weur3'), ...at('weur4')],
			{ weur: 0.25 / 0.7, eeur: 1 - 0.25 / 0.7 },
		],
		['a region that is all ill gets nothing', {}, [...others, ...sick(...own)], { eeur: 1 }],
		['where all are ill the own region is asked', {}, sick('weur1', 'eeur1'), { weur: 1 }],
	])('%s', async (_, rules, endpoints, expected) => {
		const proxy = proxyWith({ balancer, locality: { ...LOCALITY, ...rules } }, endpoints)
		expectShares(await shares(proxy), expected)
	})

	it('follows endpoints as they are ejected, and come back', async () => {
		const proxy = proxyWith(
			{
				balancer,
				locality: LOCALITY,
				outliers: OUTLIERS,
				retry: { attempts: 0, codes: [], backoffMs: 25, methods: [], maxBodyBytes: 0 },
			},
			at('weur1', 'weur2', 'eeur1', 'eeur2'),
		)
		proxy.answer = ({ url }) => {
			if (url.includes('weur1')) throw new Error('lost')
			return new Response()
		}
		await shares(proxy, undefined, 50)
		expectShares(await shares(proxy), { weur: 0.5 / 0.7, eeur: 1 - 0.5 / 0.7 })
		proxy.answer = () => new Response()
		proxy.now += 34_000
		await shares(proxy, undefined, 50)
		expectShares(await shares(proxy), { weur: 1 })
	})
})

describe('a key', () => {
	it('stays where it is while its region overflows', async () => {
		const endpoints = [...sick('weur1'), ...at('weur2', 'eeur1', 'eeur2')]
		const proxy = proxyWith({ balancer: maglev, locality: LOCALITY }, endpoints)
		const reached = new Set<string>()
		for (let i = 0; i < 60; i++) {
			const first = await ask(proxy, `key-${i}`)
			for (let again = 0; again < 5; again++) expect(await ask(proxy, `key-${i}`)).toBe(first)
			reached.add(first)
		}
		expect(reached).toEqual(new Set(['weur2', 'eeur1', 'eeur2']))
	})
})

describe('a retry', () => {
	it('goes to another region when its own has nobody else', async () => {
		const proxy = proxyWith({ locality: LOCALITY }, at('weur1', 'eeur1'))
		proxy.answer = ({ url }) => {
			if (url.includes('weur1')) throw new Error('lost')
			return new Response()
		}
		expect(await ask(proxy)).toBe('eeur1')
	})

	it('stays where others may never be asked', async () => {
		const proxy = proxyWith({ locality: { ...LOCALITY, failover: [], others: 'never' } }, at('weur1', 'eeur1'))
		proxy.answer = () => Promise.reject(new Error('lost'))
		expect(await ask(proxy)).toBe('upstream_failed')
		expect(new Set(proxy.sent.map(({ url }) => new URL(url).hostname))).toEqual(new Set(['weur1.test']))
	})
})

describe('endpoints that fail their checks', () => {
	const same = (id: string) => id

	it.each<[string, TrafficRules, readonly Place[], Record<string, number>]>([
		['get nothing while enough others are left', {}, [...sick('a1', 'a2'), ...at('b1', 'b2')], { b1: 0.5, b2: 0.5 }],
		[
			'get their share when fewer are left than the panic share',
			{},
			[...sick('a1', 'a2'), ...at('b1')],
			{ a1: 1 / 3, a2: 1 / 3, b1: 1 / 3 },
		],
		['which a policy can lower', { panicShare: 0.2 }, [...sick('a1', 'a2'), ...at('b1')], { b1: 1 }],
		['or switch off', { panicShare: 0 }, sick('a1', 'a2'), { no_endpoint: 1 }],
		['are all asked when there is nobody else', {}, sick('a1', 'a2'), { a1: 0.5, a2: 0.5 }],
		[
			'count by heads, not by weight',
			{},
			[...sick('a1', 'a2').map((one) => ({ ...one, weight: 9 })), ...at('b1', 'b2')],
			{ b1: 0.5, b2: 0.5 },
		],
	])('%s', async (_, traffic, endpoints, expected) => {
		expectShares(await shares(proxyWith(traffic, endpoints), same), expected, 0.01)
	})

	it('are asked all the same when the rest awaits the answer of its one probe', async () => {
		const endpoints = [...sick('a1'), ...at('b1')]
		const proxy = proxyWith({ outliers: OUTLIERS }, endpoints)
		proxy.answer = () => Promise.reject(new Error('lost'))
		await ask(proxy)
		proxy.now += 34_000
		const answers: (() => void)[] = []
		proxy.answer = () => new Promise((resolve) => answers.push(() => resolve(new Response())))
		const both: Promise<Response>[] = []
		for (let i = 1; i <= 2; i++) {
			both.push(proxy.start('http://h.test/'))
			await until(() => answers.length === i)
		}
		for (const answer of answers) answer()
		expect((await Promise.all(both)).map(({ status }) => status)).toEqual([200, 200])
	})

	it('and the own region’s only one awaits its probe: the next region answers', async () => {
		const proxy = proxyWith({ locality: LOCALITY, outliers: OUTLIERS }, at('weur1', 'eeur1'))
		proxy.answer = ({ url }) => {
			if (url.includes('weur1')) throw new Error('lost')
			return new Response()
		}
		expect(await ask(proxy)).toBe('eeur1')
		proxy.now += 34_000
		let answer = () => {}
		proxy.answer = ({ url }) =>
			url.includes('weur1') ? new Promise((resolve) => (answer = () => resolve(new Response()))) : new Response()
		const probe = proxy.start('http://h.test/')
		await new Promise(setImmediate)
		for (let i = 0; i < 5; i++) expect(await verdict(proxy.start('http://h.test/'))).toBe(200)
		expect(proxy.sent.filter(({ url }) => url.includes('eeur1')).length).toBe(6)
		answer()
		expect((await probe).status).toBe(200)
	})
})

it('a session goes before everything: weight 0, failed checks, ejection, another region, the rule’s hash', async () => {
	const session = { type: 'Header', name: 'x-stay', permanent: false, path: '/' } as const
	const traffic = { balancer: maglev, locality: LOCALITY, outliers: OUTLIERS }
	const proxy = fakeProxy()
	proxy.random = seeded(3)
	proxy.replica.change({
		...head('h.test'),
		...slice('h.test', 'r', [{ ...rule('r', '', 'd/s'), session, traffic: { balancer: maglev } }]),
		...target(traffic, at('weur1', 'weur2')),
	})
	const first = await proxy.get('http://h.test/')
	const stays = first.headers.get('x-stay')!
	const mine = new URL(proxy.sent[0]!.url).hostname.split('.')[0]!
	const other = mine === 'weur1' ? 'weur2' : 'weur1'
	const mineNow: Place = { id: mine, locality: 'oc', unhealthy: true, weight: 0 }
	proxy.replica.change(target(traffic, [mineNow, ...at(other, 'weur3')]))
	proxy.knowledge.table.states.get('d/s')!.endpoints.get(mine)!.outlier.ejectedUntil = Number.POSITIVE_INFINITY
	proxy.now += 1_000
	await proxy.get('http://h.test/')
	for (let i = 0; i < 10; i++) {
		await proxy.get(new Request('http://h.test/', { headers: { 'x-stay': stays, 'x-key': `${i}` } }))
		expect(new URL(proxy.sent.at(-1)!.url).hostname).toBe(`${mine}.test`)
	}
})

it('without a policy, localities do not matter', async () => {
	const proxy = fakeProxy()
	proxy.random = seeded(7)
	proxy.replica.change({ ...head('h.test', 'd/s'), ...service('d/s', ...at('weur1', 'apac1')) })
	expectShares(await shares(proxy), { weur: 0.5, apac: 0.5 })
})
