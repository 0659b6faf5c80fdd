/** The telemetry object: each batch counts once, survives the object's memory, and hostile reports change nothing. */
import { evictDurableObject, reset, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { TelemetryStore } from '../../durable-objects/telemetryStore/telemetryStore.ts'
import type { RegionTelemetry, Report, RequestSeries, TelemetryStorePort } from '../../src/ports.ts'
import { MAX_SERIES_PER_REPORT } from '../../src/telemetry/requestTable.ts'

const { TELEMETRY_STORE } = env as unknown as { TELEMETRY_STORE: DurableObjectNamespace<TelemetryStore> }
const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS
const START = Date.UTC(2026, 5, 1)

const stub = () => TELEMETRY_STORE.getByName('weur')
const store = () => stub() as unknown as TelemetryStorePort
/** Awaited here: an RPC promise that is handed on rejects a second time, with nobody to catch it. */
const report = async (over: Partial<Report> = {}): Promise<void> => {
	await store().report('weur', batch(over))
}
const read = (): Promise<RegionTelemetry> => store().read('weur')
const evict = () => evictDurableObject(stub() as unknown as DurableObjectStub)

/** The object runs in this isolate, so its clock is this one. */
const at = (ms: number) => vi.setSystemTime(ms)

const series = (over: Partial<RequestSeries> = {}): RequestSeries => ({
	service: 'default/orders',
	rule: 'default/shop/0',
	status: 200,
	refusal: '',
	count: 3,
	requestBytes: 10,
	responseBytes: 200,
	unsizedBodies: 1,
	retries: 2,
	latency: [
		[9, 2],
		[20, 1],
	],
	latencySumMs: 14.5,
	...over,
})

const batch = (over: Partial<Report> = {}): Report => ({
	isolate: 'isolate-a',
	batch: 1,
	revision: 7,
	snapshotAgeMs: 850,
	syncFailures: 1,
	overflow: 2,
	series: [series()],
	ejections: [],
	services: [],
	...over,
})

beforeEach(() => {
	vi.useFakeTimers({ toFake: ['Date'], now: START })
})

afterEach(async () => {
	vi.useRealTimers()
	await reset()
})

describe('a region', () => {
	it('that nobody reported to knows nothing', async () => {
		const nothing = {
			series: [],
			overflow: 0,
			syncFailures: 0,
			ejections: [],
			isolates: [],
			access: [],
			accessOverflow: 0,
		}
		expect(await read()).toEqual({ region: 'weur', ...nothing })
	})

	it('adds up what its isolates report', async () => {
		await report()
		await report({
			batch: 2,
			revision: 8,
			snapshotAgeMs: 20,
			series: [series(), series({ status: 503, refusal: 'overloaded' })],
		})
		await report({ isolate: 'isolate-b', series: [series({ latency: [[20, 3]] })] })
		expect(await read()).toEqual({
			region: 'weur',
			series: [
				series({
					count: 9,
					requestBytes: 30,
					responseBytes: 600,
					unsizedBodies: 3,
					retries: 6,
					latency: [
						[9, 4],
						[20, 5],
					],
					latencySumMs: 43.5,
				}),
				series({ status: 503, refusal: 'overloaded' }),
			],
			overflow: 6,
			syncFailures: 3,
			ejections: [],
			access: [],
			accessOverflow: 0,
			isolates: [
				{ isolate: 'isolate-a', revision: 8, snapshotAgeMs: 20 },
				{ isolate: 'isolate-b', revision: 7, snapshotAgeMs: 850 },
			],
		})
	})

	it('knows all of it after its object was evicted', async () => {
		await report()
		const before = await read()
		await evict()
		expect(await read()).toEqual(before)
		await report({ batch: 2 })
		expect(await read()).toMatchObject({ series: [{ count: 6 }], overflow: 4, syncFailures: 2 })
	})

	it('shows the isolates of the last minute, and counts what older ones told', async () => {
		await report()
		at(START + MINUTE_MS)
		expect((await read()).isolates).toHaveLength(1)
		expect(await store().isolates('weur')).toEqual((await read()).isolates)
		at(START + MINUTE_MS + 1)
		expect(await read()).toMatchObject({ isolates: [], series: [{ count: 3 }] })
	})
})

describe('a batch that comes again', () => {
	it('counts once', async () => {
		await report()
		const before = await read()
		await report()
		await report()
		expect(await read()).toEqual(before)
	})

	it('counts once across an eviction', async () => {
		await report()
		await evict()
		await report()
		expect(await read()).toMatchObject({ series: [{ count: 3 }], overflow: 2, syncFailures: 1 })
	})

	it('counts once when its retry comes hours late, after pruning', async () => {
		await report()
		for (const minutes of [11, 60, 23 * 60]) {
			at(START + minutes * MINUTE_MS)
			// Another isolate's report makes the store prune.
			await report({ isolate: 'isolate-b', batch: minutes, series: [], overflow: 0 })
			await report()
			expect(await read(), `${minutes} min late`).toMatchObject({ series: [{ count: 3 }], overflow: 2 })
		}
	})

	it('counts nothing when a later one was heard', async () => {
		await report({ batch: 5 })
		await report({ batch: 4 })
		expect(await read()).toMatchObject({ series: [{ count: 3 }], isolates: [{ revision: 7 }] })
	})

	it('counts once when both arrive at the same time', async () => {
		await Promise.all([report(), report(), report()])
		expect(await read()).toMatchObject({ series: [{ count: 3 }] })
	})
})

describe('bounds', () => {
	const many = (from: number, n: number) =>
		Array.from({ length: n }, (_, i) => series({ rule: `rule-${from + i}`, count: 1, latency: [[9, 1]] }))

	it('hold: the series beyond 10,000 are counted as overflow, the known ones grow', async () => {
		for (let i = 0; i * MAX_SERIES_PER_REPORT < 10_000; i++) {
			await report({ batch: i + 1, overflow: 0, series: many(i * MAX_SERIES_PER_REPORT, MAX_SERIES_PER_REPORT) })
		}
		await report({ batch: 6, overflow: 0, series: [...many(0, 1), ...many(10_000, 5)] })
		// The count of series must not depend on the object's memory.
		await evict()
		await report({ batch: 7, overflow: 0, series: many(20_000, 2) })
		const { series: kept, overflow } = await read()
		expect(kept).toHaveLength(10_000)
		expect(overflow).toBe(7)
		expect(kept.find(({ rule }) => rule === 'rule-0')!.count).toBe(2)
	})

	it('free the room of series that were not touched for 30 days', async () => {
		await report({ series: [series({ rule: 'old' }), series({ rule: 'busy' })] })
		at(START + 29 * DAY_MS)
		await report({ batch: 2, series: [series({ rule: 'busy' })] })
		expect((await read()).series).toHaveLength(2)
		at(START + 30 * DAY_MS + 1)
		await report({ batch: 3, series: [] })
		expect((await read()).series).toMatchObject([{ rule: 'busy', count: 6 }])
		await runInDurableObject(stub(), (_: TelemetryStore, state) => {
			expect(state.storage.sql.exec('SELECT series FROM totals').one()).toEqual({ series: 1 })
		})
	})

	it('forget isolates after a day, and the longest silent ones when there are too many', async () => {
		await report({ isolate: 'gone' })
		at(START + DAY_MS + 1)
		await runInDurableObject(stub(), (_: TelemetryStore, state) => {
			state.storage.sql.exec(
				`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)
					INSERT INTO isolates SELECT 'crowd-' || i, 1, 1, 0, ? + i % 2 FROM n WHERE i > 0`,
				START + DAY_MS - 1_000,
			)
		})
		await report({ isolate: 'newest' })
		await runInDurableObject(stub(), (_: TelemetryStore, state) => {
			const names = state.storage.sql.exec<{ isolate: string }>('SELECT isolate FROM isolates').toArray()
			expect(names).toHaveLength(50_000)
			expect(names).toContainEqual({ isolate: 'newest' })
			expect(names).not.toContainEqual({ isolate: 'gone' })
		})
	})
})

describe('a hostile report changes nothing:', () => {
	const withSeries = (over: object) => ({ series: [series(), { ...series({ rule: 'bad' }), ...over }] })

	it.each<[string, object]>([
		['NaN requests', withSeries({ count: Number.NaN })],
		['a negative count', withSeries({ count: -5 })],
		['infinite time', withSeries({ latencySumMs: Number.POSITIVE_INFINITY })],
		['a bucket that does not exist', withSeries({ latency: [[999, 1]] })],
		['a histogram without end', withSeries({ latency: Array(100_000).fill([0, 1]) })],
		['series without end', { series: Array(100_000).fill(series()) }],
		['a label without end', withSeries({ rule: 'x'.repeat(1_000_000) })],
		['labels that are not text', withSeries({ service: { toString: 1 } })],
		['a batch that shuts out all later ones', { batch: Number.POSITIVE_INFINITY }],
		['no series', { series: undefined }],
		['negative overflow', { overflow: -1_000 }],
	])('%s', async (_, over) => {
		await report()
		const before = await read()
		await expect(report({ batch: 2, ...over } as Partial<Report>)).rejects.toThrow(TypeError)
		expect(await read()).toEqual(before)
		// The number was not used up either.
		await report({ batch: 2 })
		expect(await read()).toMatchObject({ series: [{ count: 6 }] })
	})
})
