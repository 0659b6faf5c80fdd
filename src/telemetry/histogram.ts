/**
 * A latency histogram with fixed bounds, so that any two of them merge by adding up.
 *
 * Bounds grow by at most 1.2084 from one to the next, thirteen a decade, from 0.25 ms to 2 min. They are decimal rather
 * than powers of two so that the limits people alert on (5, 10, 25, 50, 100, 250 ms …) are bounds themselves: counts at
 * those limits are exact. A bucket holds what is above its lower bound and at most its upper one, as Prometheus' `le`.
 */

/** Counts by bucket. Float64 because cumulative counts outgrow 32 bits. */
export type Histogram = Float64Array

/** Bucket index and count, for the buckets that are not empty. */
export type SparseHistogram = readonly (readonly [number, number])[]

const LOWEST_MS = 0.25
const HIGHEST_MS = 120_000
const STEPS = [100, 120, 145, 175, 210, 250, 300, 350, 420, 500, 600, 700, 840]

// Divided last, so that every bound is the double nearest to its decimal.
const BOUNDS = Float64Array.from(
	[0, 1, 2, 3, 4, 5, 6]
		.flatMap((decade) => STEPS.map((step) => (step * 10 ** decade) / 1_000))
		.filter((bound) => bound >= LOWEST_MS && bound <= HIGHEST_MS),
)

/** How many buckets there are. The first takes everything up to 0.25 ms, the last everything above 2 min. */
export const BUCKETS = BOUNDS.length + 1

/** The first bucket that a value of each octave above 0.25 ms can be in: at most five comparisons are left from there. */
const FIRST_OF_OCTAVE = Uint8Array.from({ length: 19 }, (_, octave) =>
	BOUNDS.findIndex((bound) => bound >= LOWEST_MS * 2 ** octave),
)

/** The bucket of a latency in ms, 0 to BUCKETS − 1. Negative and NaN count as nothing. */
export function bucketOf(ms: number): number {
	if (!(ms > LOWEST_MS)) return 0
	if (ms > HIGHEST_MS) return BUCKETS - 1
	let bucket = FIRST_OF_OCTAVE[31 - Math.clz32(ms / LOWEST_MS)]!
	while (ms > BOUNDS[bucket]!) bucket++
	return bucket
}

/** The largest latency that the bucket holds, in ms; Infinity for the last. */
export const upperBoundMs = (bucket: number): number => BOUNDS[bucket] ?? Number.POSITIVE_INFINITY

export const createHistogram = (): Histogram => new Float64Array(BUCKETS)

/** Counts one latency. */
export function recordLatency(histogram: Histogram, ms: number): void {
	histogram[bucketOf(ms)]! += 1
}

/** Adds sparse counts. Buckets that do not exist are passed over, as typed arrays do with an index out of range. */
export function addSparse(histogram: Histogram, sparse: SparseHistogram): void {
	for (const [bucket, count] of sparse) histogram[bucket]! += count
}

/** Adds `from` to `into`. */
export function merge(into: Histogram, from: Histogram): void {
	for (let bucket = 0; bucket < BUCKETS; bucket++) into[bucket]! += from[bucket]!
}

export function toSparse(histogram: Histogram): [number, number][] {
	const sparse: [number, number][] = []
	for (let bucket = 0; bucket < BUCKETS; bucket++) {
		const count = histogram[bucket]!
		if (count > 0) sparse.push([bucket, count])
	}
	return sparse
}

/** What two sparse histograms are together. */
export function mergeSparse(a: SparseHistogram, b: SparseHistogram): [number, number][] {
	const histogram = createHistogram()
	addSparse(histogram, a)
	addSparse(histogram, b)
	return toSparse(histogram)
}

/**
 * The latency in ms that a share `q` (0–1) of the requests did not exceed, by nearest rank; undefined when empty.
 *
 * Off by at most 9.44 % between 0.25 ms and 2 min: the answer is the point of its bucket that is equally far, relatively,
 * from both bounds (Masson et al., "DDSketch", VLDB 2019). What is outside counts as the nearest bound.
 */
export function quantile(histogram: Histogram, q: number): number | undefined {
	const total = histogram.reduce((sum, count) => sum + count, 0)
	if (total === 0) return undefined
	const rank = Math.max(1, Math.ceil(q * total))
	let bucket = 0
	for (let seen = histogram[0]!; seen < rank && bucket < BUCKETS - 1; seen += histogram[bucket]!) bucket++
	if (bucket === 0) return LOWEST_MS
	if (bucket === BUCKETS - 1) return HIGHEST_MS
	const lower = BOUNDS[bucket - 1]!
	const upper = BOUNDS[bucket]!
	return (2 * lower * upper) / (lower + upper)
}
