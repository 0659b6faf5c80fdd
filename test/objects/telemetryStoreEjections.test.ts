/** The ejections that a region keeps: told to all who ask, remembered across evictions, and bounded. */
import { evictDurableObject, reset, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { TelemetryStore } from '../../durable-objects/telemetryStore/telemetryStore.ts'
import type { EndpointEjection, Report, ReportAnswer, ServiceEjections, TelemetryStorePort } from '../../src/ports.ts'

const { TELEMETRY_STORE } = env as unknown as { TELEMETRY_STORE: DurableObjectNamespace<TelemetryStore> }
const DAY_MS = 24 * 3_600_000
const START = Date.UTC(2026, 5, 1)
const UNTIL = START + 30_000

const stub = () => TELEMETRY_STORE.getByName('weur')
const store = () => stub() as unknown as TelemetryStorePort
const evict = () => evictDurableObject(stub() as unknown as DurableObjectStub)
const at = (ms: number) => vi.setSystemTime(ms)

const batches = new Map<string, number>()
const EMPTY = { revision: 1, snapshotAgeMs: 0, syncFailures: 0, overflow: 0, series: [] }
/** The next batch of an isolate, unless said. */
async function report(isolate: string, told: Partial<Report> = {}): Promise<readonly EndpointEjection[]> {
	const batch = (batches.get(isolate) ?? 0) + 1
	batches.set(isolate, batch)
	const answer = await store().report('weur', {
		...{ isolate, batch, ...EMPTY, ejections: [], services: ['d/web'], ...told },
	})
	return (answer as ReportAnswer).ejections
}
const of = (service: string, ...ids: readonly string[]): EndpointEjection[] =>
	ids.map((id) => ({ service, id, until: UNTIL }))
const ejections = async (): Promise<readonly ServiceEjections[]> => (await store().read('weur')).ejections
const rows = (table: string) =>
	runInDurableObject(stub(), (_: TelemetryStore, { storage }) =>
		storage.sql.exec(`SELECT * FROM ${table}`).toArray(),
	) as Promise<Record<string, unknown>[]>

beforeEach(() => {
	vi.useFakeTimers({ toFake: ['Date'], now: START })
	batches.clear()
})
afterEach(async () => {
	vi.useRealTimers()
	await reset()
})

describe('an ejection that one isolate reports', () => {
	it('is answered to every isolate that asks about the service, until it is over', async () => {
		expect(await report('a', { ejections: of('d/web', 'e1') })).toEqual(of('d/web', 'e1'))
		expect(await report('b')).toEqual(of('d/web', 'e1'))
		expect(await report('c', { services: ['d/shop'] })).toEqual([])
		at(UNTIL - 1)
		expect(await report('b')).toHaveLength(1)
		at(UNTIL)
		expect(await report('b')).toEqual([])
	})

	it('is known after the object was evicted, with who said so', async () => {
		await report('a', { ejections: of('d/web', 'e1', 'e2', 'e3') })
		await report('b', { ejections: of('d/web', 'e2') })
		const [answer, before] = [await report('c'), await ejections()]
		expect(answer.map(({ id }) => id)).toEqual(['e1', 'e2', 'e3'])
		await evict()
		expect(new Set(await report('c'))).toEqual(new Set(answer))
		expect(await ejections()).toEqual(before)
		// Of a's own word there is no more left, and e3 is not confirmed by a itself.
		await report('a', { ejections: of('d/web', 'e3', 'e4') })
		expect(await report('c')).toHaveLength(3)
	})

	it('counts once when its report comes again, and is answered all the same', async () => {
		const told = { batch: 1, ejections: of('d/web', 'e1') }
		await report('a', told)
		expect(await report('a', told)).toEqual(of('d/web', 'e1'))
		expect(await ejections()).toEqual([{ service: 'd/web', total: 1, current: [{ id: 'e1', until: UNTIL }] }])
	})

	it('is counted for good: each ejection once, whoever else finds it', async () => {
		for (const isolate of ['a', 'b', 'c']) await report(isolate, { ejections: of('d/web', 'e1') })
		await report('a', { ejections: [...of('d/web', 'e2'), ...of('d/shop', 'e1')] })
		at(UNTIL)
		await report('b', { ejections: [{ service: 'd/web', id: 'e1', until: UNTIL + 60_000 }] })
		expect(await ejections()).toEqual([
			{ service: 'd/shop', total: 1, current: [] },
			{ service: 'd/web', total: 3, current: [{ id: 'e1', until: UNTIL + 60_000 }] },
		])
	})
})

describe('an isolate of another version', () => {
	it('that does not share yet is counted, and told nothing that it could misread', async () => {
		const { ejections: _, services: __, ...older } = { isolate: 'old', batch: 1, ...EMPTY, ejections: [], services: [] }
		await report('a', { ejections: of('d/web', 'e1') })
		expect(await store().report('weur', older as unknown as Report)).toEqual({ ejections: [] })
		expect((await store().read('weur')).isolates.map(({ isolate }) => isolate)).toContain('old')
	})
})

describe('bounds', () => {
	const many = (service: string) => of(service, ...Array.from({ length: 1_000 }, (_, i) => `e${i}`))

	it('hold: 10,000 ejections are kept, in memory and in the table, and what is over makes room', async () => {
		for (let i = 0; i < 11; i++) await report('a', { ejections: many(`d/s${i}`) })
		expect(await rows('ejections')).toHaveLength(10_000)
		at(UNTIL)
		const late = [{ service: 'd/web', id: 'late', until: UNTIL + 30_000 }]
		expect(await report('a', { ejections: late })).toEqual(late)
		expect(await rows('ejections')).toHaveLength(1)
	})

	it.each<[string, Partial<Report>]>([
		['too many ejections', { ejections: [...many('d/web'), ...of('d/web', 'one-more')] }],
		['an ejection without end', { ejections: [{ service: 'd/web', id: 'e1', until: Number.POSITIVE_INFINITY }] }],
		['an ejection of no endpoint', { ejections: [{ service: 'd/web', until: UNTIL } as EndpointEjection] }],
		['a question about everything', { services: Array(1_001).fill('d/web') as string[] }],
	])('refuse %s, and nothing of that report counts', async (_, told) => {
		await expect(report('a', told)).rejects.toThrow(TypeError)
		expect([await report('b'), await ejections()]).toEqual([[], []])
	})

	it('forget the counts of services without an ejection for 30 days', async () => {
		await report('a', { ejections: of('d/gone', 'e1') })
		at(START + 29 * DAY_MS)
		await report('a', { ejections: [{ service: 'd/web', id: 'e1', until: START + 30 * DAY_MS }] })
		expect((await ejections()).map(({ service }) => service)).toEqual(['d/gone', 'd/web'])
		at(START + 30 * DAY_MS + 1)
		await report('a')
		expect((await ejections()).map(({ service }) => service)).toEqual(['d/web'])
	})
})
