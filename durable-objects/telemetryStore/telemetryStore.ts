/** A region's telemetry: what its isolates report, added up once and kept. */
import { DurableObject } from 'cloudflare:workers'
import type {
	IsolateState,
	RegionTelemetry,
	Report,
	ReportAnswer,
	SampleBatch,
	SampleRequest,
	TelemetryStorePort,
} from '../../src/ports.ts'
import { believed, type RegionEjections, takeIn } from '../../src/telemetry/ejections.ts'
import { parseReport } from '../../src/telemetry/reportSchema.ts'
import { absorb, isRepeated } from '../../src/telemetry/seriesStore.ts'
import { createAccessTables, loadAccess, pruneAccess, storeAccess } from './accessTables.ts'
import {
	createEjectionTables,
	loadEjections,
	loadServiceEjections,
	pruneEjectionCounts,
	storeEjections,
} from './ejectionTables.ts'
import {
	createSampleTables,
	loadSampleRing,
	loadSamples,
	pruneSamples,
	type SampleRing,
	storeSamples,
} from './sampleTables.ts'
import {
	createTables,
	isolatesHeardSince,
	lastBatchOf,
	loadAllSeries,
	loadSeries,
	loadTotals,
	prune,
	storeIsolate,
	storeSeries,
	storeTotals,
} from './tables.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** An isolate counts as running for this long after it was heard from. */
const SHOW_ISOLATE_MS = MINUTE_MS
/** Its last batch is remembered for longer: a retry after an idle spell must still be known for one. */
const REMEMBER_ISOLATE_MS = DAY_MS
const MAX_ISOLATES = 50_000
const KEEP_SERIES_MS = 30 * DAY_MS
/** Whose ejections are counted. */
const MAX_SERVICES = 10_000
const PRUNE_EVERY_MS = 10 * MINUTE_MS

export class TelemetryStore extends DurableObject<unknown> implements TelemetryStorePort {
	readonly #sql: SqlStorage
	readonly #ejections: RegionEjections
	readonly #samples: SampleRing
	#prunedAtMs = 0

	constructor(ctx: DurableObjectState, env: unknown) {
		super(ctx, env)
		this.#sql = ctx.storage.sql
		createTables(this.#sql)
		createEjectionTables(this.#sql)
		createAccessTables(this.#sql)
		createSampleTables(this.#sql)
		this.#ejections = loadEjections(this.#sql, Date.now())
		this.#samples = loadSampleRing(this.#sql)
	}

	/**
	 * Counts a batch, unless it was counted before, and answers what the isolate should know. Throws TypeError for a malformed
	 * report, of which nothing is counted: sending it again is pointless.
	 */
	async report(_region: string, report: Report): Promise<ReportAnswer> {
		const parsed = parseReport(report)
		if (!parsed.ok) throw new TypeError(`malformed report at '${parsed.error.path}'`)
		const nowMs = Date.now()
		this.ctx.storage.transactionSync(() => this.#count(parsed.value, nowMs))
		this.#pruneIfDue(nowMs)
		return { ejections: believed(this.#ejections, parsed.value.services, nowMs) }
	}

	async read(region: string): Promise<RegionTelemetry> {
		const { overflow, syncFailures } = loadTotals(this.#sql)
		const isolates = await this.isolates(region)
		const ejections = loadServiceEjections(this.#sql, this.#ejections, Date.now())
		const counts = { overflow, syncFailures, ...loadAccess(this.#sql) }
		return { region, series: loadAllSeries(this.#sql), ...counts, ejections, isolates }
	}

	async isolates(_region: string): Promise<readonly IsolateState[]> {
		return isolatesHeardSince(this.#sql, Date.now() - SHOW_ISOLATE_MS)
	}

	async samples(_region: string, request: SampleRequest): Promise<readonly SampleBatch[]> {
		return loadSamples(this.#sql, request, Date.now())
	}

	#count(report: Report, nowMs: number): void {
		const sql = this.#sql
		if (isRepeated(lastBatchOf(sql, report.isolate), report.batch)) return
		const { changed, totals } = absorb(report, loadTotals(sql), (labels) => loadSeries(sql, labels))
		for (const series of changed) storeSeries(sql, series, nowMs)
		storeTotals(sql, totals)
		storeIsolate(sql, report, nowMs)
		storeAccess(sql, report, nowMs)
		if (report.samples !== undefined) storeSamples(sql, this.#samples, report.samples, nowMs)
		storeEjections(sql, takeIn(this.#ejections, report.isolate, report.ejections, nowMs), nowMs)
	}

	#pruneIfDue(nowMs: number): void {
		if (nowMs - this.#prunedAtMs < PRUNE_EVERY_MS) return
		this.#prunedAtMs = nowMs
		const before = { isolatesMs: nowMs - REMEMBER_ISOLATE_MS, seriesMs: nowMs - KEEP_SERIES_MS }
		this.ctx.storage.transactionSync(() => {
			prune(this.#sql, before, MAX_ISOLATES)
			pruneEjectionCounts(this.#sql, before.seriesMs, MAX_SERVICES)
			pruneAccess(this.#sql, before.seriesMs)
			pruneSamples(this.#sql, this.#samples, nowMs)
		})
	}
}
