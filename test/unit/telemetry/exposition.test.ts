/** What the metrics page promises: a page that Prometheus reads, with counts that are exact at every bound. */
import { describe, expect, it } from 'vitest'
import type { RegionTelemetry, RequestSeries } from '../../../src/ports.ts'
import { exposition } from '../../../src/telemetry/exposition.ts'
import { createHistogram, recordLatency, toSparse } from '../../../src/telemetry/histogram.ts'
import { seeded } from '../../random.ts'

const series = (over: Partial<RequestSeries> = {}, latencies: readonly number[] = []): RequestSeries => {
	const histogram = createHistogram()
	for (const ms of latencies) recordLatency(histogram, ms)
	return {
		service: 'shop/orders',
		rule: 'shop/orders/0',
		status: 200,
		refusal: '',
		count: latencies.length,
		requestBytes: 10,
		responseBytes: 20,
		unsizedBodies: 1,
		retries: 0,
		latency: toSparse(histogram),
		latencySumMs: latencies.reduce((sum, ms) => sum + ms, 0),
		...over,
	}
}

const region = (over: Partial<RegionTelemetry> = {}): RegionTelemetry => ({
	region: 'weur',
	series: [],
	overflow: 0,
	syncFailures: 0,
	ejections: [],
	isolates: [],
	...over,
})

interface Sample {
	readonly name: string
	readonly labels: Readonly<Record<string, string>>
	readonly value: number
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\} (\S+)$/

/** A strict reader of the format, written from its description. */
function read(page: string): Sample[] {
	expect(page.endsWith('\n')).toBe(true)
	return page
		.slice(0, -1)
		.split('\n')
		.filter((line) => !line.startsWith('# '))
		.map((line) => {
			const [, name, labels, value] = LINE.exec(line) ?? expect.fail(`not a sample: ${line}`)
			const pairs = [...labels!.matchAll(/([a-zA-Z_]+)="((?:[^"\\]|\\.)*)"/g)]
			const plain = (text: string) => text.replace(/\\(.)/g, (_, unit) => (unit === 'n' ? '\n' : unit))
			return {
				name: name!,
				labels: Object.fromEntries(pairs.map((pair) => [pair[1], plain(pair[2]!)])),
				value: Number(value),
			}
		})
}

const valuesOf = (page: string, name: string) =>
	read(page)
		.filter((sample) => sample.name === name)
		.map(({ labels, value }) => [labels, value])

describe('the page', () => {
	const page = exposition([
		region({
			series: [series({}, [4, 5, 6]), series({ status: 503, refusal: 'overloaded', rule: '', retries: 2 }, [90])],
			overflow: 3,
			syncFailures: 4,
			access: [
				{ policy: 'shop/p', service: 'shop/orders', rule: 'shop/orders/0', effect: 'denied', count: 6 },
				{ policy: '', service: 'shop/orders', rule: '', effect: 'denied', count: 7 },
				{ policy: '', service: 'shop/orders', rule: '', effect: 'ambiguous', count: 2 },
				{ policy: 'shop/dry', service: 'shop/orders', rule: '', effect: 'would_refuse', count: 8 },
			],
			accessOverflow: 9,
			ejections: [
				{
					service: 'shop/orders',
					total: 5,
					current: [
						{ id: 'a', until: 1 },
						{ id: 'b', until: 2 },
					],
				},
			],
			isolates: [
				{ isolate: 'a', revision: 7, snapshotAgeMs: 1_500 },
				{ isolate: 'b', revision: 9, snapshotAgeMs: 200 },
				{ isolate: 'c', revision: 9, snapshotAgeMs: 100 },
			],
		}),
		region({ region: 'enam', series: [series({ service: '', rule: '', status: 0, refusal: '' }, [1])] }),
	])
	const orders = { region: 'weur', service: 'orders', namespace: 'shop' }
	const none = { region: 'enam', service: '', namespace: '' }

	it.each([
		[
			'selvedge_requests_total',
			[
				[{ ...orders, rule: 'shop/orders/0', code: '200', refusal: '' }, 3],
				[{ ...orders, rule: '', code: '503', refusal: 'overloaded' }, 1],
				[{ ...none, rule: '', code: '0', refusal: '' }, 1],
			],
		],
		[
			'selvedge_request_bytes_total',
			[
				[orders, 20],
				[none, 10],
			],
		],
		[
			'selvedge_response_bytes_total',
			[
				[orders, 40],
				[none, 20],
			],
		],
		[
			'selvedge_unsized_bodies_total',
			[
				[orders, 2],
				[none, 1],
			],
		],
		['selvedge_retries_total', [[{ ...orders, rule: '', code: '503' }, 2]]],
		[
			'selvedge_request_duration_seconds_count',
			[
				[orders, 4],
				[none, 1],
			],
		],
		[
			'selvedge_request_duration_seconds_sum',
			[
				[orders, 0.105],
				[none, 0.001],
			],
		],
		[
			'selvedge_authorization_total',
			[
				[{ ...orders, policy: 'shop/p', rule: 'shop/orders/0', effect: 'denied' }, 6],
				[{ ...orders, policy: '', rule: '', effect: 'denied' }, 7],
				[{ ...orders, policy: '', rule: '', effect: 'ambiguous' }, 2],
				[{ ...orders, policy: 'shop/dry', rule: '', effect: 'would_refuse' }, 8],
			],
		],
		[
			'selvedge_authorization_overflow_total',
			[
				[{ region: 'weur' }, 9],
				[{ region: 'enam' }, 0],
			],
		],
		['selvedge_ejections_total', [[orders, 5]]],
		['selvedge_endpoint_ejected', [[orders, 2]]],
		[
			'selvedge_telemetry_overflow_total',
			[
				[{ region: 'weur' }, 3],
				[{ region: 'enam' }, 0],
			],
		],
		[
			'selvedge_sync_failures_total',
			[
				[{ region: 'weur' }, 4],
				[{ region: 'enam' }, 0],
			],
		],
		[
			'selvedge_isolates',
			[
				[{ region: 'weur', revision: '7' }, 1],
				[{ region: 'weur', revision: '9' }, 2],
			],
		],
		[
			'selvedge_snapshot_revision',
			[
				[{ region: 'weur', bound: 'oldest' }, 7],
				[{ region: 'weur', bound: 'newest' }, 9],
			],
		],
		['selvedge_snapshot_age_seconds', [[{ region: 'weur' }, 1.5]]],
	])('says %s', (name, samples) => {
		expect(valuesOf(page, name)).toEqual(samples)
	})

	it('says what each metric is, once, before its samples', () => {
		const lines = page.split('\n')
		const typed = lines.filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ')[2]!)
		expect(new Set(typed).size).toBe(typed.length)
		let current = ''
		for (const line of lines.slice(0, -1)) {
			if (line.startsWith('# TYPE ')) current = line.split(' ')[2]!
			else if (!line.startsWith('# ')) expect(line.startsWith(current), line).toBe(true)
			if (line.startsWith('# HELP ')) expect(line.split(' ').length).toBeGreaterThan(3)
		}
		expect(typed).toContain('selvedge_request_duration_seconds')
		expect(page).toContain('# TYPE selvedge_request_duration_seconds histogram\n')
	})

	it('has no sample twice', () => {
		const keys = page
			.split('\n')
			.filter((line) => line !== '' && !line.startsWith('#'))
			.map((line) => line.split('} ')[0])
		expect(new Set(keys).size).toBe(keys.length)
	})
})

it('a mesh that nobody has called yet has a page without samples', () => {
	expect(read(exposition([]))).toEqual([])
})

it('the endpoints of a checked service are counted by what their checks say, whether or not anybody calls it', () => {
	const page = exposition([], [{ service: 'shop/orders', healthy: 2, unhealthy: 0 }])
	const orders = { namespace: 'shop', service: 'orders' }
	expect(valuesOf(page, 'selvedge_endpoint_health')).toEqual([
		[{ ...orders, state: 'healthy' }, 2],
		[{ ...orders, state: 'unhealthy' }, 0],
	])
})

it.each(['back\\slash', 'quo"te', 'line\nfeed', '\\n', '"} 1\nselvedge_isolates{x="', 'ünï'])(
	'the label %j comes back as it was',
	(rule) => {
		expect(
			valuesOf(exposition([region({ series: [series({ rule }, [1])] })]), 'selvedge_requests_total'),
		).toMatchObject([[{ rule }, 1]])
	},
)

it.each([51, 52, 53])('a duration bucket counts exactly what took no longer (seed %d)', (seed) => {
	const random = seeded(seed)
	// Bounds themselves are drawn too: they are where counting goes wrong.
	const latencies = Array.from({ length: 500 }, () =>
		random() < 0.2 ? [5, 10, 250, 60_000][Math.floor(random() * 4)]! : 10 ** (random() * 7 - 1.5),
	)
	const half = [series({}, latencies.slice(0, 200)), series({ status: 500 }, latencies.slice(200))]
	const buckets = valuesOf(exposition([region({ series: half })]), 'selvedge_request_duration_seconds_bucket')
	expect(buckets.length).toBeLessThanOrEqual(20)
	for (const usual of [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]) {
		expect(
			buckets.some(([labels]) => (labels as Sample['labels']).le === String(usual)),
			`le=${usual}`,
		).toBe(true)
	}
	for (const [labels, count] of buckets) {
		const { le } = labels as Sample['labels']
		const leMs = le === '+Inf' ? Number.POSITIVE_INFINITY : Math.round(Number(le) * 1e6) / 1e3
		expect(count, `le=${le}`).toBe(latencies.filter((ms) => ms <= leMs).length)
	}
	expect((buckets.at(-1)![0] as Sample['labels']).le).toBe('+Inf')
})
