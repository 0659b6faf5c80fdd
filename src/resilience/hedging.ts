/**
 * Hedged requests: when an answer takes longer than it usually does, the same request goes to another endpoint, and the first answer
 * counts. J. Dean, L. A. Barroso, "The Tail at Scale", CACM 2013: after the 95th percentile, the tail shrinks for 5 % more load.
 */
import type { HedgingRules } from '../snapshot/trafficPolicy.ts'
import { isIdempotent } from './retry.ts'

/** The recent latencies of a service. Buckets' bounds grow by the fourth root of two, from 0.25 ms to 131 s. */
export interface RecentLatencies {
	readonly counts: Float64Array
	/** How many samples there are, older ones counting for less. */
	weight: number
	halvedAt: number
	/** The last answer, for that quantile, and until when it stands. */
	quantile: number
	quantileMs: number
	staleAt: number
}

const BUCKETS_PER_OCTAVE = 4
const LOWEST_MS = 0.25
const BUCKETS = 19 * BUCKETS_PER_OCTAVE + 1
/** From the upper bound of a bucket to the point that is equally far, relatively, from both bounds. */
const CENTRE = 2 / (1 + 2 ** (1 / BUCKETS_PER_OCTAVE))

/** All counts are halved at so many samples, and after this time when enough remain. */
const MOST_SAMPLES = 20_000
const HALVED_EVERY_MS = 30_000
const ENOUGH_SAMPLES = 2_000
/** A quantile is known when so many samples lie beyond it: the 0.95 after 100 samples, the 0.99 after 500. */
const BEYOND_QUANTILE = 5
const ANSWER_STANDS_MS = 250

export const createRecentLatencies = (now: number): RecentLatencies => ({
	counts: new Float64Array(BUCKETS),
	weight: 0,
	halvedAt: now,
	quantile: 0,
	quantileMs: 0,
	staleAt: 0,
})

/**
 * Counts how long the first attempt of a request took until it was answered, or was given up because another one was faster: if only
 * winners counted, hedging would make the service look faster than it is, and hedge ever more. NaN and negative count as nothing.
 */
export function recordLatency(recent: RecentLatencies, ms: number, now: number): void {
	if (!(ms >= 0)) return
	const isDue = now - recent.halvedAt >= HALVED_EVERY_MS && recent.weight >= ENOUGH_SAMPLES
	if (isDue || recent.weight >= MOST_SAMPLES) {
		for (let bucket = 0; bucket < BUCKETS; bucket++) recent.counts[bucket]! /= 2
		recent.weight /= 2
		recent.halvedAt = now
	}
	recent.counts[bucketOf(ms)]! += 1
	recent.weight++
}

function bucketOf(ms: number): number {
	if (ms <= LOWEST_MS) return 0
	return Math.min(BUCKETS - 1, Math.ceil(Math.log2(ms / LOWEST_MS) * BUCKETS_PER_OCTAVE))
}

/**
 * How long to wait for an answer, in ms, before the request is sent once more; undefined while that is not known. An observed
 * quantile is off by at most 8.7 % between 0.25 ms and 131 s, and a quarter of a second old at most.
 */
export function hedgeDelayMs(recent: RecentLatencies, { after }: HedgingRules, now: number): number | undefined {
	if ('ms' in after) return after.ms
	const { quantile } = after
	if (recent.weight * (1 - quantile) < BEYOND_QUANTILE - 1e-9) return undefined
	if (now >= recent.staleAt || recent.quantile !== quantile) {
		recent.quantile = quantile
		recent.quantileMs = quantileOf(recent, quantile)
		recent.staleAt = now + ANSWER_STANDS_MS
	}
	return recent.quantileMs
}

function quantileOf({ counts, weight }: RecentLatencies, quantile: number): number {
	const rank = quantile * weight
	let bucket = 0
	for (let seen = counts[0]!; seen < rank && bucket < BUCKETS - 1; seen += counts[bucket]!) bucket++
	if (bucket === 0) return LOWEST_MS
	return LOWEST_MS * 2 ** (bucket / BUCKETS_PER_OCTAVE) * CENTRE
}

/**
 * Whether another request may be sent beside `extras` that were already: the method is idempotent (RFC 9110 §9.2.2). Who sends it
 * starts a retry of the budget first: without room there, nothing is hedged, for load upon load would have no bound.
 */
export const mayHedge = ({ maxExtra }: HedgingRules, extras: number, method: string): boolean =>
	extras < maxExtra && isIdempotent(method)
