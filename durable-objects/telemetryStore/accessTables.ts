/** The table of what policies of access did in a region: cumulative counts. */
import type { AccessCount, AccessLabels, Report } from '../../src/ports.ts'
import { type AccessTotals, absorbAccess } from '../../src/telemetry/accessCounts.ts'

type AccessRow = { policy: string; service: string; rule: string; effect: AccessCount['effect']; count: number }

const SCHEMA = `
	CREATE TABLE IF NOT EXISTS access (
		policy TEXT NOT NULL, service TEXT NOT NULL, rule TEXT NOT NULL, effect TEXT NOT NULL,
		count REAL NOT NULL, touched_at_ms INTEGER NOT NULL,
		PRIMARY KEY (policy, service, rule, effect)
	) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS access_totals (
		one INTEGER PRIMARY KEY CHECK (one = 1), rows INTEGER NOT NULL, overflow REAL NOT NULL
	);
	INSERT OR IGNORE INTO access_totals VALUES (1, 0, 0);`

export const createAccessTables = (sql: SqlStorage): void => void sql.exec(SCHEMA)

const loadTotals = (sql: SqlStorage): AccessTotals =>
	sql.exec<{ rows: number; overflow: number }>('SELECT rows, overflow FROM access_totals').one()

/** In order of labels. */
export const loadAccess = (
	sql: SqlStorage,
): { readonly access: readonly AccessCount[]; readonly accessOverflow: number } => ({
	access: sql.exec<AccessRow>('SELECT policy, service, rule, effect, count FROM access').toArray(),
	accessOverflow: loadTotals(sql).overflow,
})

/** Adds what was reported; most reports say nothing of policies, and cost nothing. */
export function storeAccess(sql: SqlStorage, report: Report, nowMs: number): void {
	if (report.access === undefined && report.accessOverflow === undefined) return
	const { changed, totals } = absorbAccess(report, loadTotals(sql), (labels) => countOf(sql, labels))
	for (const { policy, service, rule, effect, count } of changed)
		sql.exec(
			'INSERT OR REPLACE INTO access VALUES (?, ?, ?, ?, ?, ?)',
			...[policy, service, rule, effect],
			count,
			nowMs,
		)
	sql.exec('UPDATE access_totals SET rows = ?, overflow = ?', totals.rows, totals.overflow)
}

function countOf(sql: SqlStorage, { policy, service, rule, effect }: AccessLabels): number | undefined {
	const rows = sql.exec<{ count: number }>(
		'SELECT count FROM access WHERE policy = ? AND service = ? AND rule = ? AND effect = ?',
		...[policy, service, rule, effect],
	)
	return rows.toArray()[0]?.count
}

/** Forgets what last grew before the given time. */
export function pruneAccess(sql: SqlStorage, beforeMs: number): void {
	const dropped = sql.exec('DELETE FROM access WHERE touched_at_ms < ?', beforeMs)
	if (dropped.rowsWritten > 0) sql.exec('UPDATE access_totals SET rows = (SELECT COUNT(*) FROM access)')
}
