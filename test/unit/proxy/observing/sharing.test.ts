/** What an isolate tells its region of the endpoints that it ejected, and how much it believes of what it hears. */
import { describe, expect, it } from 'vitest'
import type { EndpointEjection } from '../../../../src/ports.ts'
import { createRoutingTable } from '../../../../src/proxy/knowledge/routingTable.ts'
import { adopt, hasUntold, servicesToAskFor, takeUntold } from '../../../../src/proxy/observing/sharing.ts'
import { eject, takesTraffic } from '../../../../src/resilience/outliers.ts'
import type { PartBody } from '../../../../src/snapshot/snapshot.ts'
import { fakeProxy, START } from '../fakeProxy.ts'
import { DOMAIN, service } from '../knowledge/fakeReplica.ts'
import { ejected, ids, RULES, web } from '../sending/watchedService.ts'

/** The table of an isolate that holds these parts. */
async function tableOf(parts: Record<string, PartBody>) {
	const proxy = fakeProxy()
	proxy.replica.change(parts)
	await proxy.get('http://shop.test/')
	return proxy.knowledge.table
}
type Table = Awaited<ReturnType<typeof tableOf>>

const outlierOf = (table: Table, id: string) => table.states.get('d/web')!.endpoints.get(id)!.outlier
const told = (...named: readonly string[]): EndpointEjection[] =>
	named.map((id) => ({ service: 'd/web', id, until: START + 30_000 }))

describe('what an isolate tells', () => {
	it('is what it ejected itself, once', async () => {
		const table = await tableOf(web(4))
		expect(hasUntold(table)).toBe(false)
		const ends = eject(RULES, outlierOf(table, 'e1'), START, 0)
		expect(hasUntold(table)).toBe(true)
		expect(takeUntold(table, START)).toEqual([{ service: 'd/web', id: 'e1', until: ends }])
		expect([hasUntold(table), takeUntold(table, START)]).toEqual([false, []])
	})

	it('is not what it heard from others', async () => {
		const table = await tableOf(web(4))
		expect(adopt(table, told('e1'), START)).toBe(1)
		expect([hasUntold(table), takeUntold(table, START)]).toEqual([false, []])
	})

	it('is a thousand ejections at most, a hundred of each service, and the rest with the next reports', async () => {
		const table = createRoutingTable(DOMAIN, () => 0)
		const proxy = fakeProxy()
		proxy.replica.change(web(250))
		await proxy.get('http://shop.test/')
		for (let i = 0; i < 15; i++) {
			const state = structuredClone(proxy.knowledge.table.states.get('d/web')!)
			for (const { outlier } of state.endpoints.values()) eject(RULES, outlier, START, 0)
			table.states.set(`d/s${i}`, state)
		}
		const reports = Array.from({ length: 6 }, () => takeUntold(table, START))
		expect(reports.map(({ length }) => length)).toEqual([1_000, 1_000, 1_000, 500, 250, 0])
		expect(new Set(reports.flat().map(({ service, id }) => `${service} ${id}`)).size).toBe(15 * 250)
	})
})

describe('an isolate asks', () => {
	it('about the services that it called first, and never about one with a single endpoint or none', async () => {
		const table = await tableOf({ ...web(2), ...service('d/one', { id: 'a' }) })
		for (const name of ['d/x', 'd/y']) table.states.set(name, table.states.get('d/web')!)
		expect(servicesToAskFor(table, ['d/y', 'd/one', 'd/gone', 'd/y', ''])).toEqual(['d/y', 'd/web', 'd/x'])
	})

	it('about a thousand at most', async () => {
		const table = await tableOf(web(2))
		for (let i = 0; i < 2_000; i++) table.states.set(`d/s${i}`, table.states.get('d/web')!)
		const asked = servicesToAskFor(table, ['d/s1500'])
		expect([asked.length, asked[0]]).toEqual([1_000, 'd/s1500'])
	})
})

describe('an isolate believes', () => {
	it('what the region says of endpoints that it knows, and looks at them again', async () => {
		const table = await tableOf(web(4))
		const { changes } = table.states.get('d/web')!
		const strangers = [...told('gone'), { ...told('e1')[0]!, service: 'd/unknown' }]
		expect(adopt(table, [...strangers, ...told('e2')], START)).toBe(1)
		expect(ejected(table)).toEqual(['e2'])
		expect(table.states.get('d/web')!.changes).toBe(changes + 1)
	})

	it('only news: an ejection that is known, or over, changes nothing', async () => {
		const table = await tableOf(web(4))
		adopt(table, told('e2'), START)
		const { changes } = table.states.get('d/web')!
		expect(adopt(table, told('e2'), START)).toBe(0)
		expect(adopt(table, told('e1'), START + 30_000)).toBe(0)
		expect(table.states.get('d/web')!.changes).toBe(changes)
	})

	it.each([
		[1, 0.5, 0],
		[2, 0.5, 1],
		[3, 0.5, 1],
		[4, 0.5, 2],
		[10, 0.1, 1],
		[10, 0.5, 5],
		[10, 1, 9],
	])('of %d endpoints with a share of %d that %d are ejected, when all are said to be', async (count, share, most) => {
		const table = await tableOf(web(count, { ...RULES, maxEjectionShare: share }))
		expect(adopt(table, told(...ids(count)), START)).toBe(most)
		expect(ejected(table).length).toBe(most)
		expect(adopt(table, told(...ids(count)), START)).toBe(0)
	})

	it('no more than there is room for beside its own', async () => {
		const table = await tableOf(web(4))
		eject(RULES, outlierOf(table, 'e0'), START, 0)
		expect(adopt(table, told('e1', 'e2', 'e3'), START)).toBe(1)
	})

	it('that one on trial is worse, in the place that it has anyway', async () => {
		const table = await tableOf(web(2))
		eject(RULES, outlierOf(table, 'e0'), START - 40_000, 0)
		expect(takesTraffic(outlierOf(table, 'e0'), START)).toBe(true)
		expect(adopt(table, told('e0'), START)).toBe(1)
		expect(adopt(table, told('e1'), START)).toBe(0)
	})

	it('nobody where its policy looks for no outliers', async () => {
		const table = await tableOf(web(4, { ...RULES, consecutive5xx: 0 }))
		expect(adopt(table, told('e1'), START)).toBe(0)
	})
})
