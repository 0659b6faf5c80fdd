/** When a service's hash tables are built: for other endpoints, weights or sizes, and not for anything else that compiles it anew. */
import { describe, expect, it } from 'vitest'
import type { HashTable } from '../../../../src/balancing/hashTables.ts'
import type { CompiledService } from '../../../../src/proxy/compile/compileService.ts'
import type { Endpoint } from '../../../../src/snapshot/snapshot.ts'
import type { Balancer, HashKey, TrafficRules } from '../../../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../../../random.ts'
import { type FakeProxy, fakeProxy } from '../fakeProxy.ts'
import { serving, target } from '../timedProxy.ts'

const key: HashKey = { from: 'header', name: 'x-key' }
const MAGLEV: Balancer = { type: 'Maglev', key, tableSize: 1_021 }
const RING: Balancer = { type: 'RingHash', key, minimumRingSize: 64, maximumRingSize: 1_024 }

const traffic = (balancer: Balancer): TrafficRules => ({ balancer })
const abc: readonly Endpoint[] = ['a', 'b', 'c'].map((id) => ({ id, url: `http://${id}.test/`, weight: 1 }))
const changed = (change: Partial<Endpoint>) => abc.map((one) => (one.id === 'b' ? { ...one, ...change } : one))

const compiled = ({ knowledge }: FakeProxy): CompiledService => knowledge.table.services.get('d/s')!
const tables = (proxy: FakeProxy): HashTable[] => [...compiled(proxy).state.hashTables.values()]
const ask = (proxy: FakeProxy) => proxy.get(new Request('http://h.test/', { headers: { 'x-key': 'somebody' } }))

/** Before and after a change that compiles the service anew. */
async function across(before: Parameters<typeof serving>, after: Parameters<typeof target>) {
	const proxy = fakeProxy()
	proxy.random = seeded(1)
	proxy.replica.change(serving(...before))
	await ask(proxy)
	const [service, old] = [compiled(proxy), tables(proxy)]
	proxy.replica.change(target(...after))
	proxy.now += 1_000
	await ask(proxy)
	await ask(proxy)
	expect(compiled(proxy)).not.toBe(service)
	return { old, now: tables(proxy), proxy }
}

describe.each([
	['Maglev', MAGLEV, { ...MAGLEV, tableSize: 2_039 }],
	['ring hash', RING, { ...RING, minimumRingSize: 128 }],
] as const)('the table of %s', (_, balancer, larger) => {
	it.each<[string, Partial<Endpoint>, TrafficRules]>([
		['fails its checks', { unhealthy: true }, {}],
		['moves', { url: 'http://elsewhere.test/' }, {}],
		['has joined again', { joinedAt: 5 }, {}],
		['has another locality', { locality: 'eeur' }, {}],
		['is under another policy', {}, { limits: { maxInFlight: 100 } }],
	])('is kept when an endpoint %s', async (_, change, more) => {
		const { old, now } = await across([traffic(balancer), abc], [{ ...traffic(balancer), ...more }, changed(change)])
		expect(old).toHaveLength(1)
		expect(now).toHaveLength(1)
		expect(now[0]).toBe(old[0])
	})

	it.each<[string, Balancer, readonly Endpoint[]]>([
		['an endpoint goes by another id', balancer, changed({ id: 'x' })],
		['an endpoint has another weight', balancer, changed({ weight: 2 })],
		['an endpoint has no weight any more', balancer, changed({ weight: 0 })],
		['an endpoint has gone', balancer, abc.slice(0, 2)],
		['it is to be larger', larger, abc],
	])('is built again when %s', async (_, after, endpoints) => {
		const { old, now } = await across([traffic(balancer), abc], [traffic(after), endpoints])
		expect(now.at(-1)).not.toBe(old[0])
		expect(now.at(-1)!.ids).toEqual(endpoints.filter(({ weight }) => weight > 0).map(({ id }) => id))
	})

	it('is shared by the rule and the service that ask for the same, whatever the key', async () => {
		const byName = { ...balancer, key: { from: 'query', name: 'name' } } as const
		const { now } = await across(
			[traffic(balancer), abc, { traffic: { balancer: byName } }],
			[{ ...traffic(balancer), limits: { maxInFlight: 9 } }, abc],
		)
		// Nobody asks by the service's own, and the rule's requests have no name.
		expect(now).toHaveLength(0)
		const { now: used, proxy } = await across([traffic(balancer), abc], [traffic(balancer), changed({ joinedAt: 7 })])
		await proxy.get(new Request('http://h.test/?name=x', { headers: { 'x-key': 'y' } }))
		const { pick } = compiled(proxy)
		const asking = { header: () => null, queryParam: () => 'x', caller: undefined, clientAddress: '' }
		expect(pick(asking, proxy.now, undefined, byName)).toBeDefined()
		expect(tables(proxy)).toEqual(used)
	})

	it('is one of each level, and each is kept', async () => {
		const locality = { failover: ['eeur'], others: 'last', overflowBelow: 1 } as const
		const near = (change: Partial<Endpoint>) =>
			changed({ unhealthy: true, ...change }).map((one, i) => ({ ...one, locality: i < 2 ? 'weur' : 'eeur' }))
		const proxy = fakeProxy()
		proxy.random = seeded(1)
		proxy.replica.change(serving({ ...traffic(balancer), locality }, near({})))
		const askAll = async () => {
			for (let i = 0; i < 40; i++) await proxy.get(new Request('http://h.test/', { headers: { 'x-key': `k${i}` } }))
		}
		await askAll()
		const old = tables(proxy)
		expect(old.map(({ ids }) => ids.join()).sort()).toEqual(['a,b', 'c'])
		proxy.replica.change(target({ ...traffic(balancer), locality }, near({ joinedAt: 3 })))
		proxy.now += 1_000
		await askAll()
		expect(new Set(tables(proxy))).toEqual(new Set(old))
		for (const table of tables(proxy)) expect(old).toContain(table)
	})
})
