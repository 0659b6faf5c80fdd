/**
 * What an isolate has counted since its last report: a table of request series that cannot outgrow its bound.
 *
 * A compiled rule holds a counter, through which a request costs no look-up by name. Counters outlive the table's contents:
 * after a drain they find their place again.
 */
import type { RequestSeries } from '../ports.ts'
import { createHistogram, type Histogram, recordLatency, toSparse } from './histogram.ts'

/** How one request ended. */
export interface Outcome {
	/** HTTP status, or 0 when the client left before one. */
	readonly status: number
	/** The refusal's reason for a mesh-made reply, or ''. */
	readonly refusal: string
	readonly durationMs: number
	/** Declared length of the body, 0 without a body, undefined when nobody declared it. */
	readonly requestBytes: number | undefined
	readonly responseBytes: number | undefined
	/** Attempts after the first. */
	readonly retries: number
}

export interface RequestTable {
	readonly maxSeries: number
	/** Grows with each drain, which is how counters notice. */
	epoch: number
	size: number
	overflow: number
	/** By rule, then by service. */
	rules: Map<string, Map<string, RunningSeries[]>>
}

/** One rule's requests to one service. */
export interface RequestCounter {
	readonly table: RequestTable
	readonly service: string
	readonly rule: string
	epoch: number
	/** One for each status and refusal seen; a handful, so that searching it beats hashing. */
	series: RunningSeries[]
}

interface RunningSeries {
	readonly status: number
	readonly refusal: string
	count: number
	requestBytes: number
	responseBytes: number
	unsizedBodies: number
	retries: number
	latencySumMs: number
	readonly latency: Histogram
}

/** How many series a region takes from one report, and so the largest table that makes sense. */
export const MAX_SERIES_PER_REPORT = 5_000

/** A longer body than this is nobody's honest declaration; counted as undeclared, it cannot spoil the sums. */
const MAX_BODY_BYTES = 2 ** 40

/** An empty table for at most `maxSeries` distinct series between two drains: 1 to MAX_SERIES_PER_REPORT. */
export const createRequestTable = (maxSeries: number): RequestTable => ({
	maxSeries,
	epoch: 0,
	size: 0,
	overflow: 0,
	rules: new Map(),
})

/** A counter to hold on to. Making one takes no room in the table. `service` and `rule` as in `RequestLabels`. */
export const requestCounter = (table: RequestTable, service: string, rule: string): RequestCounter => ({
	table,
	service,
	rule,
	epoch: -1,
	series: [],
})

/** Counts one request: in its series, or as overflow when the table has no room for a new one. */
export function record(counter: RequestCounter, outcome: Outcome): void {
	const series = seriesOf(counter, outcome.status, outcome.refusal)
	if (series === undefined) {
		counter.table.overflow++
		return
	}
	// A clock that was set back must not make a sum shrink, nor a wrong reading spoil the whole report.
	const ms = outcome.durationMs > 0 && Number.isFinite(outcome.durationMs) ? outcome.durationMs : 0
	series.count++
	series.latencySumMs += ms
	series.retries += outcome.retries
	recordLatency(series.latency, ms)
	if (isSize(outcome.requestBytes)) series.requestBytes += outcome.requestBytes
	else series.unsizedBodies++
	if (isSize(outcome.responseBytes)) series.responseBytes += outcome.responseBytes
	else series.unsizedBodies++
}

/** Everything counted since the last drain; the table is empty afterwards. */
export function drain(table: RequestTable): { series: RequestSeries[]; overflow: number } {
	const series: RequestSeries[] = []
	for (const [rule, services] of table.rules) {
		for (const [service, running] of services) {
			for (const one of running) series.push({ ...one, service, rule, latency: toSparse(one.latency) })
		}
	}
	const { overflow } = table
	table.epoch++
	table.size = 0
	table.overflow = 0
	table.rules = new Map()
	return { series, overflow }
}

const isSize = (bytes: number | undefined): bytes is number =>
	bytes !== undefined && bytes >= 0 && bytes <= MAX_BODY_BYTES

function seriesOf(counter: RequestCounter, status: number, refusal: string): RunningSeries | undefined {
	if (counter.epoch !== counter.table.epoch) attach(counter)
	const { series } = counter
	for (let i = 0; i < series.length; i++) {
		const one = series[i]!
		if (one.status === status && one.refusal === refusal) return one
	}
	return addSeries(counter, status, refusal)
}

/** Shares the list of any other counter with the same labels: recompiled rules go on where the old ones stopped. */
function attach(counter: RequestCounter): void {
	counter.series = counter.table.rules.get(counter.rule)?.get(counter.service) ?? []
	counter.epoch = counter.table.epoch
}

function addSeries(counter: RequestCounter, status: number, refusal: string): RunningSeries | undefined {
	const { table } = counter
	if (table.size >= table.maxSeries) return undefined
	// Attaching took over any listed series of these labels, so an empty counter is one that is not listed yet.
	if (counter.series.length === 0) list(counter)
	const series = emptySeries(status, refusal)
	counter.series.push(series)
	table.size++
	return series
}

/** Lists a counter's series in the table. Only done for one that is about to have some, so labels are bounded too. */
function list({ table, rule, service, series }: RequestCounter): void {
	const services = table.rules.get(rule)
	if (services === undefined) table.rules.set(rule, new Map([[service, series]]))
	else services.set(service, series)
}

const emptySeries = (status: number, refusal: string): RunningSeries => ({
	status,
	refusal,
	count: 0,
	requestBytes: 0,
	responseBytes: 0,
	unsizedBodies: 0,
	retries: 0,
	latencySumMs: 0,
	latency: createHistogram(),
})
