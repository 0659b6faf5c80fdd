/** What the isolate's table promises: nothing counted twice or lost, and a bound that nothing outgrows. */
import { describe, expect, it } from 'vitest'
import type { RequestSeries } from '../../../src/ports.ts'
import { bucketOf } from '../../../src/telemetry/histogram.ts'
import {
	createRequestTable,
	drain,
	type Outcome,
	type RequestTable,
	record,
	requestCounter,
} from '../../../src/telemetry/requestTable.ts'
import { seeded } from '../../random.ts'

const outcome = (over: Partial<Outcome> = {}): Outcome => ({
	status: 200,
	refusal: '',
	durationMs: 7,
	requestBytes: 0,
	responseBytes: 100,
	retries: 1,
	...over,
})

const labelsOf = ({ rule, service, status, refusal }: RequestSeries): string =>
	`${rule} ${service} ${status} ${refusal}`

const total = (series: readonly RequestSeries[]): number => series.reduce((sum, one) => sum + one.count, 0)

describe('a request table', () => {
	it('adds up what shares all four labels', () => {
		const table = createRequestTable(10)
		const counter = requestCounter(table, 'default/orders', 'default/shop/0')
		record(counter, outcome({ requestBytes: 5 }))
		record(counter, outcome({ durationMs: 12 }))
		expect(drain(table)).toEqual({
			series: [
				{
					service: 'default/orders',
					rule: 'default/shop/0',
					status: 200,
					refusal: '',
					count: 2,
					requestBytes: 5,
					responseBytes: 200,
					unsizedBodies: 0,
					retries: 2,
					latency: [
						[bucketOf(7), 1],
						[bucketOf(12), 1],
					],
					latencySumMs: 19,
				},
			],
			overflow: 0,
		})
	})

	it('keeps apart what differs in any label', () => {
		const table = createRequestTable(10)
		record(requestCounter(table, 's', 'r'), outcome())
		record(requestCounter(table, 's', 'r'), outcome({ status: 503 }))
		record(requestCounter(table, 's', 'r'), outcome({ status: 503, refusal: 'overloaded' }))
		record(requestCounter(table, 't', 'r'), outcome())
		record(requestCounter(table, 's', 'q'), outcome())
		expect(drain(table).series.map(labelsOf).sort()).toEqual([
			'q s 200 ',
			'r s 200 ',
			'r s 503 ',
			'r s 503 overloaded',
			'r t 200 ',
		])
	})

	it('is empty after a drain, and counters made before it go on counting', () => {
		const table = createRequestTable(10)
		const counter = requestCounter(table, 's', 'r')
		record(counter, outcome())
		drain(table)
		expect(drain(table)).toEqual({ series: [], overflow: 0 })
		record(counter, outcome())
		expect(total(drain(table).series)).toBe(1)
	})

	it('counts what has no room as overflow, and goes on counting what it knows', () => {
		const table = createRequestTable(2)
		const counter = requestCounter(table, 's', 'r')
		for (const status of [200, 201, 202, 203, 200]) record(counter, outcome({ status }))
		const { series, overflow } = drain(table)
		expect(series.map(({ status, count }) => [status, count])).toEqual([
			[200, 2],
			[201, 1],
		])
		expect(overflow).toBe(2)
	})

	it('has room again after a drain', () => {
		const table = createRequestTable(1)
		record(requestCounter(table, 's', 'old'), outcome())
		drain(table)
		record(requestCounter(table, 's', 'new'), outcome())
		expect(drain(table)).toMatchObject({ series: [{ rule: 'new', count: 1 }], overflow: 0 })
	})

	it('remembers no label that it has no room for', () => {
		const table = createRequestTable(1)
		for (let i = 0; i < 100; i++) record(requestCounter(table, `s${i}`, `r${i}`), outcome())
		expect(table.rules.size).toBe(1)
		expect(drain(table).overflow).toBe(99)
	})

	it('lets two counters with the same labels share one series, even when full', () => {
		const table = createRequestTable(1)
		const [first, second] = [requestCounter(table, 's', 'r'), requestCounter(table, 's', 'r')]
		// The second takes its place while there is nothing to share yet.
		record(second, outcome())
		drain(table)
		record(first, outcome())
		record(second, outcome())
		record(second, outcome())
		expect(drain(table)).toMatchObject({ series: [{ count: 3 }], overflow: 0 })
	})
})

describe('a body', () => {
	it.each([
		['of undeclared length', undefined],
		['declared as NaN', Number.NaN],
		['declared as negative', -1],
		['declared longer than anything real', 1e300],
	])('%s is counted as unsized and spoils no sum', (_, bytes) => {
		const table = createRequestTable(1)
		record(requestCounter(table, 's', 'r'), outcome({ requestBytes: bytes, responseBytes: bytes }))
		expect(drain(table).series).toMatchObject([{ requestBytes: 0, responseBytes: 0, unsizedBodies: 2 }])
	})
})

it.each([Number.NaN, -5, Number.POSITIVE_INFINITY])('a duration of %d ms spoils no sum', (durationMs) => {
	const table = createRequestTable(1)
	record(requestCounter(table, 's', 'r'), outcome({ durationMs }))
	expect(drain(table).series).toMatchObject([{ count: 1, latencySumMs: 0 }])
})

/** Records at random through counters that come and go, and drains now and then. */
function hammer(table: RequestTable, random: () => number, requests: number) {
	const counters = Array.from({ length: 30 }, (_, i) => requestCounter(table, `s${i % 4}`, `r${i % 5}`))
	const drained: ReturnType<typeof drain>[] = []
	for (let i = 0; i < requests; i++) {
		const at = Math.floor(random() * counters.length)
		if (random() < 0.05) counters[at] = requestCounter(table, `s${at % 4}`, `r${at % 5}`)
		record(counters[at]!, outcome({ status: 200 + Math.floor(random() * 6), refusal: random() < 0.2 ? 'x' : '' }))
		if (random() < 0.01) drained.push(drain(table))
	}
	return [...drained, drain(table)]
}

it.each([1, 2, 3, 4])('every request is in one series or in overflow, whatever comes (seed %d)', (seed) => {
	const table = createRequestTable(40)
	const drained = hammer(table, seeded(seed), 5_000)
	expect(drained.reduce((sum, { series, overflow }) => sum + total(series) + overflow, 0)).toBe(5_000)
	expect(drained.some(({ overflow }) => overflow > 0)).toBe(true)
	for (const { series } of drained) {
		expect(series.length).toBeLessThanOrEqual(40)
		expect(new Set(series.map(labelsOf)).size).toBe(series.length)
	}
})
