/** The tables of one service's health checks: what is to be checked, and what must outlive the object's memory. */
import type { EndpointWatch } from '../../src/ports.ts'
import type { EndpointHealth } from '../../src/registry/health.ts'
import { longTextsTable, readLongText, storeLongText } from '../longTexts.ts'

type HealthRow = {
	id: string
	url: string
	healthy: number
	since_ms: number | null
	against: number
	last_failure: string | null
}

// One row per endpoint, written only when its health changes: what passes as before costs no write. due: when each one's
// check is due, as JSON, written only before a pause in which the object may be evicted.
const SCHEMA = `
	${longTextsTable}
	CREATE TABLE IF NOT EXISTS watch (
		one INTEGER PRIMARY KEY CHECK (one = 1), version INTEGER NOT NULL, health_check TEXT, fixed TEXT NOT NULL,
		due TEXT NOT NULL
	);
	CREATE TABLE IF NOT EXISTS health (
		id TEXT PRIMARY KEY, url TEXT NOT NULL, healthy INTEGER NOT NULL, since_ms INTEGER,
		against INTEGER NOT NULL, last_failure TEXT
	) WITHOUT ROWID;`

/** What is stored of an endpoint's health: it holds for its URL. */
type KeptHealth = Pick<EndpointHealth, 'url' | 'healthy' | 'sinceMs' | 'against' | 'lastFailure'>

export interface StoredHealth {
	readonly watch: EndpointWatch
	/** Endpoints that are not there were never at odds with their checks. */
	readonly healths: ReadonlyMap<string, KeptHealth>
	/** When each one's check was due, of those that are known. */
	readonly dues: ReadonlyMap<string, number>
}

/** Writes nothing: a service that is not checked has no tables for it. */
export function loadHealth(sql: SqlStorage): StoredHealth {
	const tables = sql.exec("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'watch'").toArray()
	const [row] =
		tables.length === 0
			? []
			: sql.exec<{ version: number; health_check: string | null; fixed: string; due: string }>('SELECT * FROM watch')
	if (row === undefined) return { watch: { version: 0, check: null, fixed: [] }, healths: new Map(), dues: new Map() }
	const watch: EndpointWatch = {
		version: row.version,
		check: row.health_check === null ? null : JSON.parse(row.health_check),
		fixed: JSON.parse(readLongText(sql, 'watch', 'fixed', row.fixed)!),
	}
	const healths = new Map(
		Array.from(sql.exec<HealthRow>('SELECT * FROM health'), (one) => [one.id, healthFromRow(one)]),
	)
	const dues = JSON.parse(readLongText(sql, 'watch', 'due', row.due)!) as [id: string, due: number][]
	return { watch, healths, dues: new Map(dues) }
}

export function storeWatch(sql: SqlStorage, { version, check, fixed }: EndpointWatch): void {
	sql.exec(SCHEMA)
	sql.exec(
		`INSERT INTO watch VALUES (1, ?, ?, ?, '[]') ON CONFLICT (one) DO UPDATE SET version = excluded.version,
			health_check = excluded.health_check, fixed = excluded.fixed`,
		version,
		check === null ? null : JSON.stringify(check),
		storeLongText(sql, 'watch', 'fixed', JSON.stringify(fixed)),
	)
}

export function storeHealth(sql: SqlStorage, id: string, health: EndpointHealth): void {
	const { url, healthy, sinceMs = null, against, lastFailure = null } = health
	sql.exec(
		'INSERT OR REPLACE INTO health VALUES (?, ?, ?, ?, ?, ?)',
		id,
		url,
		healthy ? 1 : 0,
		sinceMs,
		against,
		lastFailure,
	)
}

export function removeHealth(sql: SqlStorage, id: string): void {
	sql.exec('DELETE FROM health WHERE id = ?', id)
}

export function storeDues(sql: SqlStorage, healths: ReadonlyMap<string, EndpointHealth>): void {
	const dues = Array.from(healths, ([id, { dueAtMs }]) => [id, dueAtMs])
	sql.exec('UPDATE watch SET due = ?', storeLongText(sql, 'watch', 'due', JSON.stringify(dues)))
}

const healthFromRow = (row: HealthRow): KeptHealth => ({
	url: row.url,
	healthy: row.healthy === 1,
	...(row.since_ms !== null && { sinceMs: row.since_ms }),
	against: row.against,
	...(row.last_failure !== null && { lastFailure: row.last_failure }),
})
