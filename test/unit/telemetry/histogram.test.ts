/** What the histogram promises: exact limits, lossless merging, and a quantile within its stated error. */
import { describe, expect, it } from 'vitest'
import {
	addSparse,
	BUCKETS,
	bucketOf,
	createHistogram,
	type Histogram,
	merge,
	mergeSparse,
	quantile,
	recordLatency,
	toSparse,
	upperBoundMs,
} from '../../../src/telemetry/histogram.ts'
import { seeded } from '../../random.ts'

/** As `quantile` documents it; from the widest bucket, (1.2, 1.45]. */
const RELATIVE_ERROR = 0.0944

const histogramOf = (latencies: readonly number[]): Histogram => {
	const histogram = createHistogram()
	for (const ms of latencies) recordLatency(histogram, ms)
	return histogram
}

/** Spread evenly over the orders of magnitude, and beyond both ends. */
const latencies = (random: () => number, n: number): number[] =>
	Array.from({ length: n }, () => 10 ** (random() * 7 - 1.5))

describe('buckets', () => {
	it('are at most 80, ever larger, and none wider than the stated error allows', () => {
		expect(BUCKETS).toBeLessThanOrEqual(80)
		for (let bucket = 1; bucket < BUCKETS - 1; bucket++) {
			const [lower, upper] = [upperBoundMs(bucket - 1), upperBoundMs(bucket)]
			expect(upper).toBeGreaterThan(lower)
			expect((upper - lower) / (upper + lower)).toBeLessThanOrEqual(RELATIVE_ERROR)
		}
		expect(upperBoundMs(BUCKETS - 2)).toBe(120_000)
		expect(upperBoundMs(BUCKETS - 1)).toBe(Number.POSITIVE_INFINITY)
	})

	it('hold their upper bound and nothing above it', () => {
		for (let bucket = 0; bucket < BUCKETS - 1; bucket++) {
			const bound = upperBoundMs(bucket)
			expect(bucketOf(bound), `${bound} ms`).toBe(bucket)
			expect(bucketOf(bound * (1 + 2 ** -52)), `just above ${bound} ms`).toBe(bucket + 1)
		}
	})

	it.each([0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000])(
		'end exactly at %d ms',
		(ms) => {
			expect(upperBoundMs(bucketOf(ms))).toBe(ms)
		},
	)

	it.each([
		[Number.NaN, 0],
		[-1, 0],
		[0, 0],
		[Number.POSITIVE_INFINITY, BUCKETS - 1],
		[1e300, BUCKETS - 1],
	])('take %d without harm', (ms, bucket) => {
		expect(bucketOf(ms)).toBe(bucket)
	})

	it('are found as a search through all bounds would find them', () => {
		const random = seeded(11)
		for (const ms of latencies(random, 20_000)) {
			let bucket = 0
			while (ms > upperBoundMs(bucket)) bucket++
			if (bucketOf(ms) !== bucket) expect.fail(`seed 11: ${ms} ms is in ${bucket}, not ${bucketOf(ms)}`)
		}
	})
})

describe('merging', () => {
	it.each([1, 2, 3, 4, 5])('two histograms is recording both (seed %d)', (seed) => {
		const random = seeded(seed)
		const a = latencies(random, Math.floor(random() * 300))
		const b = latencies(random, Math.floor(random() * 300))
		const merged = histogramOf(a)
		merge(merged, histogramOf(b))
		expect(merged).toEqual(histogramOf([...a, ...b]))
		expect(mergeSparse(toSparse(histogramOf(a)), toSparse(histogramOf(b)))).toEqual(toSparse(merged))
	})
})

describe('the sparse form', () => {
	it('gives back what it was made from', () => {
		const histogram = histogramOf(latencies(seeded(21), 200))
		const back = createHistogram()
		addSparse(back, toSparse(histogram))
		expect(back).toEqual(histogram)
	})

	it('names only buckets that have something in them', () => {
		expect(toSparse(histogramOf([5, 5, 7]))).toEqual([
			[bucketOf(5), 2],
			[bucketOf(7), 1],
		])
	})

	it('adds nothing for buckets that do not exist', () => {
		const histogram = createHistogram()
		addSparse(histogram, [
			[BUCKETS, 1],
			[-1, 1],
			[0.5, 1],
		])
		expect(toSparse(histogram)).toEqual([])
		expect(Object.keys(histogram)).toHaveLength(BUCKETS)
	})
})

describe('quantile', () => {
	it('of nothing is not a number that someone could plot', () => {
		expect(quantile(createHistogram(), 0.5)).toBeUndefined()
	})

	it.each([31, 32, 33, 34, 35, 36])('is within 9.44 %% of the true one (seed %d)', (seed) => {
		const random = seeded(seed)
		// Within the bounds, which is what the error is stated for.
		const values = Array.from({ length: 1 + Math.floor(random() * 2_000) }, () => 0.25 * 480_000 ** random())
		const sorted = values.toSorted((a, b) => a - b)
		const histogram = histogramOf(values)
		for (const q of [0, 0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 0.999, 1]) {
			const exact = sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)]!
			expect(Math.abs(quantile(histogram, q)! - exact) / exact, `q=${q}`).toBeLessThanOrEqual(RELATIVE_ERROR)
		}
	})

	it('answers the nearest bound for what is outside them', () => {
		expect(quantile(histogramOf([0.01]), 0.5)).toBe(0.25)
		expect(quantile(histogramOf([10_000_000]), 0.5)).toBe(120_000)
	})
})
