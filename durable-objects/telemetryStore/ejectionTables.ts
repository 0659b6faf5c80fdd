/**
 * The tables of a region's ejections: those that hold, and how many there were.
 *
 * The object answers from memory, and writes each ejection down: an update of the mesh starts object and isolates anew, and without
 * the table every one of them would run into every dead endpoint again. Ejections are rare, so are the rows.
 */
import type { ServiceEjections } from '../../src/ports.ts'
import { type ChangedEjection, current, know, type RegionEjections } from '../../src/telemetry/ejections.ts'

type EjectionRow = { service: string; id: string; isolate: string; until_ms: number; is_confirmed: number }

const SCHEMA = `
	CREATE TABLE IF NOT EXISTS ejections (
		service TEXT NOT NULL, id TEXT NOT NULL, isolate TEXT NOT NULL, until_ms REAL NOT NULL, is_confirmed INTEGER NOT NULL,
		PRIMARY KEY (service, id)
	) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS ejection_counts (
		service TEXT PRIMARY KEY, count REAL NOT NULL, touched_at_ms INTEGER NOT NULL
	) WITHOUT ROWID;`

export const createEjectionTables = (sql: SqlStorage): void => void sql.exec(SCHEMA)

/** Those that are not over. */
export function loadEjections(sql: SqlStorage, nowMs: number): RegionEjections {
	const known: RegionEjections = new Map()
	const rows = sql.exec<EjectionRow>('SELECT * FROM ejections WHERE until_ms > ? ORDER BY until_ms', nowMs)
	for (const { service, id, isolate, until_ms, is_confirmed } of rows)
		know(known, service, id, { isolate, until: until_ms, isConfirmed: is_confirmed === 1 })
	return known
}

/** Writes what changed, and drops what is over. */
export function storeEjections(sql: SqlStorage, changed: readonly ChangedEjection[], nowMs: number): void {
	if (changed.length === 0) return
	sql.exec('DELETE FROM ejections WHERE until_ms <= ?', nowMs)
	for (const { service, id, isolate, until, isConfirmed, isNew } of changed) {
		const confirmed = isConfirmed ? 1 : 0
		sql.exec('INSERT OR REPLACE INTO ejections VALUES (?, ?, ?, ?, ?)', service, id, isolate, until, confirmed)
		if (!isNew) continue
		sql.exec(
			`INSERT INTO ejection_counts VALUES (?, 1, ?)
				ON CONFLICT (service) DO UPDATE SET count = count + 1, touched_at_ms = excluded.touched_at_ms`,
			service,
			nowMs,
		)
	}
}

/** Of every service that had one, in order of name. */
export const loadServiceEjections = (sql: SqlStorage, known: RegionEjections, nowMs: number): ServiceEjections[] =>
	sql
		.exec<{ service: string; total: number }>('SELECT service, count AS total FROM ejection_counts')
		.toArray()
		.map(({ service, total }) => ({ service, total, current: current(known, service, nowMs) }))

/** Forgets the counts that last grew before the given time, and all but the newest. */
export function pruneEjectionCounts(sql: SqlStorage, beforeMs: number, maxServices: number): void {
	sql.exec('DELETE FROM ejection_counts WHERE touched_at_ms < ?', beforeMs)
	sql.exec(
		`DELETE FROM ejection_counts WHERE service IN
			(SELECT service FROM ejection_counts ORDER BY touched_at_ms DESC LIMIT -1 OFFSET ?)`,
		maxServices,
	)
}
