/** What adding reports up promises: sums of all that was told, in no more series than allowed. */
import { describe, expect, it } from 'vitest'
import type { Report, RequestLabels, RequestSeries } from '../../../src/ports.ts'
import { absorb, isRepeated, type Totals } from '../../../src/telemetry/seriesStore.ts'
import { seeded } from '../../random.ts'

const series = (over: Partial<RequestSeries> = {}): RequestSeries => ({
	service: 'default/orders',
	rule: 'default/shop/0',
	status: 200,
	refusal: '',
	count: 1,
	requestBytes: 10,
	responseBytes: 20,
	unsizedBodies: 1,
	retries: 3,
	latency: [[9, 1]],
	latencySumMs: 1.5,
	...over,
})

const report = (over: Partial<Report> = {}): Report => ({
	isolate: 'a',
	batch: 1,
	revision: 1,
	snapshotAgeMs: 0,
	syncFailures: 0,
	overflow: 0,
	series: [],
	ejections: [],
	services: [],
	...over,
})

const NOTHING: Totals = { series: 0, overflow: 0, syncFailures: 0 }
const unknown = () => undefined

describe('a batch', () => {
	it.each([
		{ last: undefined, batch: 1, repeated: false },
		{ last: undefined, batch: 9, repeated: false },
		{ last: 4, batch: 5, repeated: false },
		{ last: 4, batch: 9, repeated: false },
		{ last: 4, batch: 4, repeated: true },
		{ last: 4, batch: 3, repeated: true },
	])('$batch after $last is repeated: $repeated', ({ last, batch, repeated }) => {
		expect(isRepeated(last, batch)).toBe(repeated)
	})
})

describe('absorbing a report', () => {
	it('adds every number of a known series', () => {
		const { changed, totals } = absorb(report({ series: [series()] }), { ...NOTHING, series: 1 }, () =>
			series({
				count: 5,
				latency: [
					[9, 3],
					[12, 2],
				],
			}),
		)
		expect(changed).toEqual([
			series({
				count: 6,
				requestBytes: 20,
				responseBytes: 40,
				unsizedBodies: 2,
				retries: 6,
				latency: [
					[9, 4],
					[12, 2],
				],
				latencySumMs: 3,
			}),
		])
		expect(totals.series).toBe(1)
	})

	it('adds up what one report says twice about the same series', () => {
		const { changed, totals } = absorb(report({ series: [series(), series()] }), NOTHING, unknown)
		expect(changed).toMatchObject([{ count: 2 }])
		expect(totals.series).toBe(1)
	})

	it('confuses no labels that only look alike when put together', () => {
		const alike = [
			series({ service: 'a"', rule: 'b' }),
			series({ service: 'a', rule: '"b' }),
			series({ service: 'a","b', rule: '' }),
		]
		expect(absorb(report({ series: alike }), NOTHING, unknown).changed).toHaveLength(3)
	})

	it('counts series beyond the bound as overflow, by their requests, while known ones grow', () => {
		const told = [series({ rule: 'known' }), series({ rule: 'new', count: 7 }), series({ rule: 'newer', count: 4 })]
		const known = ({ rule }: RequestLabels) => (rule === 'known' ? series({ rule, count: 2 }) : undefined)
		const { changed, totals } = absorb(
			report({ series: told, overflow: 100 }),
			{ ...NOTHING, series: 1, overflow: 1 },
			known,
			2,
		)
		expect(changed.map(({ rule, count }) => [rule, count])).toEqual([
			['known', 3],
			['new', 7],
		])
		expect(totals).toEqual({ series: 2, overflow: 105, syncFailures: 0 })
	})

	it('adds up failed syncs and overflow', () => {
		const { totals } = absorb(
			report({ syncFailures: 2, overflow: 3 }),
			{ series: 0, overflow: 10, syncFailures: 20 },
			unknown,
		)
		expect(totals).toEqual({ series: 0, overflow: 13, syncFailures: 22 })
	})

	it('never counts past the last exact integer', () => {
		const full = series({ count: Number.MAX_SAFE_INTEGER })
		expect(absorb(report({ series: [series()] }), { ...NOTHING, series: 1 }, () => full).changed).toMatchObject([
			{ count: Number.MAX_SAFE_INTEGER },
		])
	})

	it.each([1, 2, 3])('loses no request, whatever is reported (seed %d)', (seed) => {
		const random = seeded(seed)
		const store = new Map<string, RequestSeries>()
		const key = (labels: RequestLabels) => `${labels.rule} ${labels.status}`
		let totals = NOTHING
		let told = 0
		for (let batch = 1; batch <= 200; batch++) {
			const deltas = Array.from({ length: Math.floor(random() * 6) }, () =>
				series({
					rule: `r${Math.floor(random() * 9)}`,
					status: 200 + Math.floor(random() * 4),
					count: Math.floor(random() * 50),
				}),
			)
			told += deltas.reduce((sum, { count }) => sum + count, 0)
			const absorbed = absorb(report({ batch, series: deltas }), totals, (labels) => store.get(key(labels)), 20)
			for (const one of absorbed.changed) store.set(key(one), one)
			totals = absorbed.totals
		}
		expect([...store.values()].reduce((sum, { count }) => sum + count, 0) + totals.overflow).toBe(told)
		expect(store.size).toBe(20)
		expect(totals.series).toBe(20)
	})
})
