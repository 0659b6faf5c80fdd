/** What may be counted: well-formed reports, and nothing that could spoil a counter. */
import { describe, expect, it } from 'vitest'
import { BUCKETS } from '../../../src/telemetry/histogram.ts'
import { parseReport } from '../../../src/telemetry/reportSchema.ts'
import { MAX_SERIES_PER_REPORT } from '../../../src/telemetry/requestTable.ts'

const series = {
	service: 'default/orders',
	rule: 'default/shop/0',
	status: 200,
	refusal: '',
	count: 1,
	requestBytes: 0,
	responseBytes: 0,
	unsizedBodies: 0,
	retries: 0,
	latency: [[BUCKETS - 1, 1]],
	latencySumMs: 1.5,
}
const report = {
	isolate: 'a',
	batch: 1,
	revision: 0,
	snapshotAgeMs: 12.5,
	syncFailures: 0,
	overflow: 0,
	series: [series],
	ejections: [{ service: 'default/orders', id: 'web1', until: 1_700_000_000_000.5 }],
	services: ['default/orders'],
}
const access = { policy: 'd/p', service: 'd/a', rule: '', effect: 'denied', count: 1 }
const withAccess = (over: object) => ({ ...report, access: [{ ...access, ...over }], accessOverflow: 0 })
const batch = { key: 'ab'.repeat(32), samples: [] }
const withEjection = (over: object) => ({ ...report, ejections: [{ ...report.ejections[0], ...over }] })
const withSeries = (over: object) => ({ ...report, series: [{ ...series, ...over }] })

it('a report is counted as it was sent', () => {
	expect(parseReport(report)).toEqual({ ok: true, value: report })
})

it('an isolate that does not share yet is counted like any other', () => {
	const { ejections: _, services: __, ...older } = report
	expect(parseReport(older)).toEqual({ ok: true, value: { ...older, ejections: [], services: [] } })
})

it('what a newer isolate adds is passed over', () => {
	expect(parseReport({ ...withSeries({ later: 1 }), later: 2 })).toEqual({ ok: true, value: report })
})

it('as many series as an isolate may keep are taken', () => {
	expect(parseReport({ ...report, series: Array(MAX_SERIES_PER_REPORT).fill(series) }).ok).toBe(true)
})

describe('a report is refused, with the path of the mistake, for', () => {
	it.each<[string, unknown, string]>([
		['being nothing', undefined, ''],
		['no isolate', { ...report, isolate: '' }, 'isolate'],
		['an endless isolate', { ...report, isolate: 'x'.repeat(129) }, 'isolate'],
		['batch 0', { ...report, batch: 0 }, 'batch'],
		['half a batch', { ...report, batch: 1.5 }, 'batch'],
		['a batch that no later one can exceed', { ...report, batch: Number.POSITIVE_INFINITY }, 'batch'],
		['NaN', { ...report, snapshotAgeMs: Number.NaN }, 'snapshotAgeMs'],
		['a negative counter', { ...report, overflow: -1 }, 'overflow'],
		['a counter as text', { ...report, syncFailures: '1' }, 'syncFailures'],
		['a negative count', withSeries({ count: -1 }), 'series.0.count'],
		['NaN requests', withSeries({ count: Number.NaN }), 'series.0.count'],
		['endless time', withSeries({ latencySumMs: Number.POSITIVE_INFINITY }), 'series.0.latencySumMs'],
		['an endless label', withSeries({ rule: 'x'.repeat(1_025) }), 'series.0.rule'],
		['status 1000', withSeries({ status: 1_000 }), 'series.0.status'],
		['a bucket that does not exist', withSeries({ latency: [[BUCKETS, 1]] }), 'series.0.latency.0.0'],
		['a negative bucket count', withSeries({ latency: [[0, -1]] }), 'series.0.latency.0.1'],
		['too many buckets', withSeries({ latency: Array(BUCKETS + 1).fill([0, 1]) }), 'series.0.latency'],
		['an ejection without end', withEjection({ until: Number.POSITIVE_INFINITY }), 'ejections.0.until'],
		['an ejection until NaN', withEjection({ until: Number.NaN }), 'ejections.0.until'],
		['an endless endpoint', withEjection({ id: 'x'.repeat(1_025) }), 'ejections.0.id'],
		['an endless service', { ...report, services: ['x'.repeat(1_025)] }, 'services.0'],
		['too many ejections', { ...report, ejections: Array(1_001).fill(report.ejections[0]) }, 'ejections'],
		['too many services', { ...report, services: Array(1_001).fill('a/b') }, 'services'],
		['an effect that there is none of', withAccess({ effect: 'blessed' }), 'access.0.effect'],
		['a negative count of policies', withAccess({ count: -1 }), 'access.0.count'],
		['an endless policy', withAccess({ policy: 'x'.repeat(1_025) }), 'access.0.policy'],
		['too many policies', { ...report, access: Array(1_001).fill(access) }, 'access'],
		['samples without a key', { ...report, samples: { ...batch, key: '' } }, 'samples.key'],
		['too many samples', { ...report, samples: { ...batch, samples: Array(151).fill({}) } }, 'samples.samples'],
		['too many series', { ...report, series: Array(MAX_SERIES_PER_REPORT + 1).fill(series) }, 'series'],
	])('%s', (_, input, path) => {
		expect(parseReport(input)).toEqual({ ok: false, error: { reason: 'malformed_report', path } })
	})
})

it('a huge array is refused by its length alone, not looked into', () => {
	let looks = 0
	const watched = new Proxy({}, { get: () => looks++, ownKeys: () => [String(looks++)] })
	expect(parseReport({ ...report, series: Array(100_000).fill(watched) }).ok).toBe(false)
	expect(looks).toBe(0)
})
