/** How a region's cumulative series take in what isolates report: each batch once, in a bounded number of series. */
import type { Report, RequestLabels, RequestSeries } from '../ports.ts'
import { mergeSparse } from './histogram.ts'

/** How many series a region keeps. */
const MAX_SERIES_PER_REGION = 10_000

/** What a region counts besides its series. */
export interface Totals {
	/** How many series there are. */
	readonly series: number
	/** Requests counted in no series, by the isolates or here. */
	readonly overflow: number
	readonly syncFailures: number
}

/** Whether a batch adds nothing: it, or a later one, was heard before from the same isolate. */
export const isRepeated = (lastBatch: number | undefined, batch: number): boolean =>
	lastBatch !== undefined && batch <= lastBatch

/**
 * Adds a report to what is known. `known` finds a series by its labels. Answers the series that changed, as they are
 * now, and the new totals. Requests of series beyond `maxSeries` are counted as overflow; known series always grow.
 */
export function absorb(
	report: Report,
	totals: Totals,
	known: (labels: RequestLabels) => RequestSeries | undefined,
	maxSeries: number = MAX_SERIES_PER_REGION,
): { readonly changed: readonly RequestSeries[]; readonly totals: Totals } {
	const changed = new Map<string, RequestSeries>()
	let series = totals.series
	let overflow = addCounts(totals.overflow, report.overflow)
	for (const delta of report.series) {
		const key = JSON.stringify([delta.service, delta.rule, delta.status, delta.refusal])
		const before = changed.get(key) ?? known(delta)
		if (before === undefined && series >= maxSeries) {
			overflow = addCounts(overflow, delta.count)
			continue
		}
		if (before === undefined) series++
		changed.set(key, before === undefined ? delta : addSeries(before, delta))
	}
	const syncFailures = addCounts(totals.syncFailures, report.syncFailures)
	return { changed: [...changed.values()], totals: { series, overflow, syncFailures } }
}

/** Stops at the last integer that is exact, rather than drift. */
const addCounts = (a: number, b: number): number => Math.min(a + b, Number.MAX_SAFE_INTEGER)

/** Two series with the same labels as one. */
function addSeries(a: RequestSeries, b: RequestSeries): RequestSeries {
	return {
		service: a.service,
		rule: a.rule,
		status: a.status,
		refusal: a.refusal,
		count: addCounts(a.count, b.count),
		requestBytes: addCounts(a.requestBytes, b.requestBytes),
		responseBytes: addCounts(a.responseBytes, b.responseBytes),
		unsizedBodies: addCounts(a.unsizedBodies, b.unsizedBodies),
		retries: addCounts(a.retries, b.retries),
		latency: mergeSparse(a.latency, b.latency),
		latencySumMs: addCounts(a.latencySumMs, b.latencySumMs),
	}
}
