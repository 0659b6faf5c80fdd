/** The tables of one region's telemetry: cumulative series, the isolates that reported, and what is counted besides. */
import type { Report, RequestLabels, RequestSeries } from '../../src/ports.ts'
import type { Totals } from '../../src/telemetry/seriesStore.ts'

type SeriesRow = {
	service: string
	rule: string
	status: number
	refusal: string
	count: number
	request_bytes: number
	response_bytes: number
	unsized_bodies: number
	retries: number
	latency: string
	latency_sum_ms: number
}

// WITHOUT ROWID: one row written per series and report, not two. No index on times either, for the same reason:
// only pruning asks for them, and it may read everything. Counts are REAL: they may exceed what INTEGER reads back exactly.
const SCHEMA = `
	CREATE TABLE IF NOT EXISTS series (
		service TEXT NOT NULL, rule TEXT NOT NULL, status INTEGER NOT NULL, refusal TEXT NOT NULL,
		count REAL NOT NULL, request_bytes REAL NOT NULL, response_bytes REAL NOT NULL, unsized_bodies REAL NOT NULL,
		retries REAL NOT NULL, latency TEXT NOT NULL, latency_sum_ms REAL NOT NULL, touched_at_ms INTEGER NOT NULL,
		PRIMARY KEY (service, rule, status, refusal)
	) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS isolates (
		isolate TEXT PRIMARY KEY, last_batch INTEGER NOT NULL, revision INTEGER NOT NULL,
		snapshot_age_ms REAL NOT NULL, heard_at_ms INTEGER NOT NULL
	) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS totals (
		one INTEGER PRIMARY KEY CHECK (one = 1), series INTEGER NOT NULL, overflow REAL NOT NULL, sync_failures REAL NOT NULL
	);
	INSERT OR IGNORE INTO totals VALUES (1, 0, 0, 0);`

export function createTables(sql: SqlStorage): void {
	sql.exec(SCHEMA)
	// Tables that an earlier version made have no such column.
	const columns = sql.exec<{ name: string }>("SELECT name FROM pragma_table_info('series')").toArray()
	if (!columns.some(({ name }) => name === 'retries'))
		sql.exec('ALTER TABLE series ADD COLUMN retries REAL NOT NULL DEFAULT 0')
}

const SERIES_COLUMNS =
	'service, rule, status, refusal, count, request_bytes, response_bytes, unsized_bodies, retries, latency, latency_sum_ms'

export function loadSeries(sql: SqlStorage, labels: RequestLabels): RequestSeries | undefined {
	const [row] = sql
		.exec<SeriesRow>(
			`SELECT ${SERIES_COLUMNS} FROM series WHERE service = ? AND rule = ? AND status = ? AND refusal = ?`,
			labels.service,
			labels.rule,
			labels.status,
			labels.refusal,
		)
		.toArray()
	return row && seriesFromRow(row)
}

/** In order of labels. */
export const loadAllSeries = (sql: SqlStorage): RequestSeries[] =>
	sql.exec<SeriesRow>(`SELECT ${SERIES_COLUMNS} FROM series`).toArray().map(seriesFromRow)

export function storeSeries(sql: SqlStorage, series: RequestSeries, nowMs: number): void {
	sql.exec(
		`INSERT OR REPLACE INTO series (${SERIES_COLUMNS}, touched_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		series.service,
		series.rule,
		series.status,
		series.refusal,
		series.count,
		series.requestBytes,
		series.responseBytes,
		series.unsizedBodies,
		series.retries,
		JSON.stringify(series.latency),
		series.latencySumMs,
		nowMs,
	)
}

export const loadTotals = (sql: SqlStorage): Totals =>
	sql
		.exec<{ series: number; overflow: number; syncFailures: number }>(
			'SELECT series, overflow, sync_failures AS syncFailures FROM totals',
		)
		.one()

export function storeTotals(sql: SqlStorage, totals: Totals): void {
	sql.exec(
		'UPDATE totals SET series = ?, overflow = ?, sync_failures = ?',
		totals.series,
		totals.overflow,
		totals.syncFailures,
	)
}

/** The number of the last batch counted from an isolate; undefined for one that never reported, or long ago. */
export function lastBatchOf(sql: SqlStorage, isolate: string): number | undefined {
	const rows = sql.exec<{ last_batch: number }>('SELECT last_batch FROM isolates WHERE isolate = ?', isolate)
	return rows.toArray()[0]?.last_batch
}

export function storeIsolate(sql: SqlStorage, report: Report, nowMs: number): void {
	sql.exec(
		'INSERT OR REPLACE INTO isolates VALUES (?, ?, ?, ?, ?)',
		report.isolate,
		report.batch,
		report.revision,
		report.snapshotAgeMs,
		nowMs,
	)
}

export const isolatesHeardSince = (sql: SqlStorage, sinceMs: number) =>
	sql
		.exec<{ isolate: string; revision: number; snapshotAgeMs: number }>(
			'SELECT isolate, revision, snapshot_age_ms AS snapshotAgeMs FROM isolates WHERE heard_at_ms >= ?',
			sinceMs,
		)
		.toArray()

/** Forgets isolates and series that were last heard of before the given times, and of isolates all but the newest. */
export function prune(sql: SqlStorage, before: { isolatesMs: number; seriesMs: number }, maxIsolates: number): void {
	sql.exec('DELETE FROM isolates WHERE heard_at_ms < ?', before.isolatesMs)
	sql.exec(
		`DELETE FROM isolates WHERE isolate IN
			(SELECT isolate FROM isolates ORDER BY heard_at_ms DESC LIMIT -1 OFFSET ?)`,
		maxIsolates,
	)
	const dropped = sql.exec('DELETE FROM series WHERE touched_at_ms < ?', before.seriesMs)
	if (dropped.rowsWritten > 0) sql.exec('UPDATE totals SET series = (SELECT COUNT(*) FROM series)')
}

const seriesFromRow = (row: SeriesRow): RequestSeries => ({
	service: row.service,
	rule: row.rule,
	status: row.status,
	refusal: row.refusal,
	count: row.count,
	requestBytes: row.request_bytes,
	responseBytes: row.response_bytes,
	unsizedBodies: row.unsized_bodies,
	retries: row.retries,
	latency: JSON.parse(row.latency) as [number, number][],
	latencySumMs: row.latency_sum_ms,
})
