/** A region's telemetry: what its isolates report, added up once and kept. */
import { DurableObject } from 'cloudflare:workers'
import type { IsolateState, RegionTelemetry, Report, TelemetryStorePort } from '../src/ports.ts'
import { parseReport } from '../src/telemetry/reportSchema.ts'
import { absorb, isRepeated } from '../src/telemetry/seriesStore.ts'
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
} from './telemetryTables.ts'

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** An isolate counts as running for this long after it was heard from. */
const SHOW_ISOLATE_MS = MINUTE_MS
/** Its last batch is remembered for longer: a retry after an idle spell must still be known for one. */
const REMEMBER_ISOLATE_MS = DAY_MS
const MAX_ISOLATES = 50_000
const KEEP_SERIES_MS = 30 * DAY_MS
const PRUNE_EVERY_MS = 10 * MINUTE_MS

export class TelemetryStore extends DurableObject<unknown> implements TelemetryStorePort {
	readonly #sql: SqlStorage
	#prunedAtMs = 0

	constructor(ctx: DurableObjectState, env: unknown) {
		super(ctx, env)
		this.#sql = ctx.storage.sql
		createTables(this.#sql)
	}

	/**
	 * Counts a batch, unless it was counted before. Throws TypeError for a malformed report, of which nothing is counted:
	 * sending it again is pointless.
	 */
	async report(_region: string, report: Report): Promise<void> {
		const parsed = parseReport(report)
		if (!parsed.ok) throw new TypeError(`malformed report at '${parsed.error.path}'`)
		const nowMs = Date.now()
		this.ctx.storage.transactionSync(() => this.#count(parsed.value, nowMs))
		this.#pruneIfDue(nowMs)
	}

	async read(region: string): Promise<RegionTelemetry> {
		const { overflow, syncFailures } = loadTotals(this.#sql)
		const isolates = await this.isolates(region)
		return { region, series: loadAllSeries(this.#sql), overflow, syncFailures, isolates }
	}

	async isolates(_region: string): Promise<readonly IsolateState[]> {
		return isolatesHeardSince(this.#sql, Date.now() - SHOW_ISOLATE_MS)
	}

	#count(report: Report, nowMs: number): void {
		const sql = this.#sql
		if (isRepeated(lastBatchOf(sql, report.isolate), report.batch)) return
		const { changed, totals } = absorb(report, loadTotals(sql), (labels) => loadSeries(sql, labels))
		for (const series of changed) storeSeries(sql, series, nowMs)
		storeTotals(sql, totals)
		storeIsolate(sql, report, nowMs)
	}

	#pruneIfDue(nowMs: number): void {
		if (nowMs - this.#prunedAtMs < PRUNE_EVERY_MS) return
		this.#prunedAtMs = nowMs
		const before = { isolatesMs: nowMs - REMEMBER_ISOLATE_MS, seriesMs: nowMs - KEEP_SERIES_MS }
		this.ctx.storage.transactionSync(() => prune(this.#sql, before, MAX_ISOLATES))
	}
}
