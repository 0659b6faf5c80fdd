/** What a namespace and the mesh ask for reaches the services that an isolate holds, whichever comes first. */
import { describe, expect, it } from 'vitest'
import type { PartName } from '../../../../src/names.ts'
import {
	applyAnswer,
	createRoutingTable,
	type RoutingTable,
	rememberAbsent,
} from '../../../../src/proxy/knowledge/routingTable.ts'
import type { Part, PartBody } from '../../../../src/snapshot/snapshot.ts'
import { seeded } from '../../../random.ts'
import { aSecondOn, shop, warm } from '../fakeProxy.ts'
import { DOMAIN, gone, mesh, namespace, service } from './fakeReplica.ts'

const emptyTable = () => createRoutingTable(DOMAIN, () => 0)

function apply(table: RoutingTable, ...changes: readonly Record<PartName, PartBody | null>[]) {
	const parts = changes.flatMap(Object.entries).map(([name, body]): Part => {
		const text = body === null ? null : JSON.stringify(body)
		return { name, sequence: 1, revision: 1, hash: text ?? '', body: text }
	})
	applyAnswer(table, { cursor: { epoch: 'e', sequence: 1 }, revision: 1, hosts: {}, parts })
}

const panic = (panicShare: number) => ({ panicShare })
const limits = (maxInFlight: number) => ({ limits: { maxInFlight } })
const ofMesh = (traffic: object) => mesh({ egress: 'registryOnly', defaultAccess: 'open', traffic })
const saying = (name: string, traffic: object): Record<PartName, PartBody> =>
	Object.fromEntries(Object.entries(service(name)).map(([part, body]) => [part, { ...body, traffic } as PartBody]))

/** What a service was compiled with. */
const trafficOf = (table: RoutingTable, name: string) => table.services.get(name)?.traffic

it('as many requests are remembered as the mesh says, and one in a hundred while it says nothing', () => {
	const table = emptyTable()
	const shares: number[] = [table.sampleShare]
	for (const more of [{ sampleShare: 0.5 }, { sampleShare: 0 }, {}]) {
		apply(table, mesh({ egress: 'registryOnly', defaultAccess: 'open', ...more }))
		shares.push(table.sampleShare)
	}
	expect(shares).toEqual([0.01, 0.5, 0, 0.01])
})

it('the trust domain goes by its aliases too, for as long as the mesh says so', () => {
	const table = emptyTable()
	const names = [{ trustDomainAliases: ['old-td'] }, {}].map((more) => {
		apply(table, mesh({ egress: 'registryOnly', defaultAccess: 'open', ...more }))
		return table.trustDomains
	})
	expect(names).toEqual([[table.meshDomain, 'old-td'], undefined])
})

describe('a service', () => {
	it('takes each section from the nearest that says it: itself, its namespace, the mesh', () => {
		const table = emptyTable()
		apply(
			table,
			saying('shop/a', limits(1)),
			service('shop/b'),
			service('ops/c'),
			namespace('shop', { ...limits(2), ...panic(0.2) }),
			ofMesh({ ...limits(3), ...panic(0.3), timeouts: { requestMs: 3 } }),
		)
		expect(trafficOf(table, 'shop/a')).toMatchObject({ ...limits(1), ...panic(0.2), timeouts: { requestMs: 3 } })
		expect(trafficOf(table, 'shop/b')).toMatchObject({ ...limits(2), ...panic(0.2), timeouts: { requestMs: 3 } })
		expect(trafficOf(table, 'ops/c')).toMatchObject({ ...limits(3), ...panic(0.3), timeouts: { requestMs: 3 } })
	})

	it('is compiled with them in whatever order the parts come, and come again', () => {
		const all = [
			saying('shop/a', limits(1)),
			service('ops/c'),
			namespace('shop', panic(0.2)),
			ofMesh({ ...limits(3), ...panic(0.3) }),
		]
		for (let seed = 1; seed <= 50; seed++) {
			const random = seeded(seed)
			const table = emptyTable()
			const order = [...all, ...all].map((part) => ({ part, at: random() })).sort((a, b) => a.at - b.at)
			for (const { part } of order) apply(table, part)
			expect(trafficOf(table, 'shop/a'), `seed ${seed}`).toMatchObject({ ...limits(1), ...panic(0.2) })
			expect(trafficOf(table, 'ops/c'), `seed ${seed}`).toMatchObject({ ...limits(3), ...panic(0.3) })
		}
	})

	it('loses what its namespace and the mesh no longer ask for', () => {
		const table = emptyTable()
		const [inNamespace, inMesh] = [namespace('shop', limits(2)), ofMesh({ timeouts: { requestMs: 3 } })]
		apply(table, service('shop/a'), inNamespace, inMesh)
		apply(table, gone(inNamespace, inMesh))
		expect(trafficOf(table, 'shop/a')?.limits).toBeUndefined()
		expect(trafficOf(table, 'shop/a')?.timeouts).toBeUndefined()
		expect([table.namespaces.size, table.defaults]).toEqual([0, {}])
	})

	it('that is not there yet has them as well', () => {
		const table = emptyTable()
		rememberAbsent(table, 'shop/a')
		apply(table, namespace('shop', limits(2)))
		expect(trafficOf(table, 'shop/a')).toMatchObject(limits(2))
	})

	it('that goes is not compiled any more', () => {
		const table = emptyTable()
		apply(table, service('shop/a'))
		apply(table, gone(service('shop/a')))
		apply(table, namespace('shop', limits(2)))
		expect([table.services.size, table.targets.size]).toEqual([0, 0])
	})
})

describe('a change of', () => {
	/** Services that were compiled anew. */
	function compiledBy(...changes: readonly Record<PartName, PartBody | null>[]): string[] {
		const table = emptyTable()
		apply(table, service('shop/a'), service('shop/b'), service('shop-2/c'), namespace('shop', panic(0.2)), ofMesh({}))
		const before = new Map(table.services)
		apply(table, ...changes)
		return [...table.services].flatMap(([name, compiled]) => (before.get(name) === compiled ? [] : [name]))
	}

	it('a namespace compiles its services, and no others', () => {
		expect(compiledBy(namespace('shop', panic(0.1)))).toEqual(['shop/a', 'shop/b'])
	})

	it('the mesh compiles all of them, but not where only egress changes', () => {
		expect(compiledBy(ofMesh(panic(0.1)))).toHaveLength(3)
		expect(compiledBy(mesh({ egress: 'allowAny', defaultAccess: 'open', traffic: {} }))).toEqual([])
	})

	it('nothing compiles nothing, however often it is said', () => {
		expect(compiledBy(namespace('shop', panic(0.2)), ofMesh({}))).toEqual([])
		expect(compiledBy(gone(namespace('other', panic(0.2))))).toEqual([])
	})
})

describe('an isolate', () => {
	it('holds the defaults of its services even while there are none, so that a sync brings them, and that they went', async () => {
		const proxy = await warm()
		const { table } = proxy.knowledge
		expect(trafficOf(table, 'd/web')?.limits).toBeUndefined()
		for (const [change, expected] of [
			[namespace('d', limits(7)), 7],
			[ofMesh(limits(9)), 7],
			[gone(namespace('d', {})), 9],
			[gone(ofMesh({})), undefined],
			[ofMesh(limits(8)), 8],
		] as const) {
			proxy.replica.change(change)
			await aSecondOn(proxy)
			expect(trafficOf(table, 'd/web')?.limits?.maxInFlight).toBe(expected)
		}
	})

	it('is told nothing of other namespaces', async () => {
		const proxy = await warm()
		proxy.replica.change(namespace('other', limits(7)))
		const loads = proxy.replica.loads.length
		await aSecondOn(proxy)
		expect(proxy.replica.loads.length).toBe(loads)
	})

	it('gets them with the first answer, and again with another history', async () => {
		const proxy = await warm({ ...shop, ...namespace('d', limits(7)), ...ofMesh({ timeouts: { requestMs: 5_000 } }) })
		const { table } = proxy.knowledge
		expect(trafficOf(table, 'd/web')).toMatchObject({ ...limits(7), timeouts: { requestMs: 5_000 } })
		proxy.replica.change(namespace('d', limits(6)))
		proxy.replica.startAnew('second')
		await aSecondOn(proxy)
		expect(trafficOf(table, 'd/web')).toMatchObject(limits(6))
	})
})
