/** The tables of one service's registry: its leases, and how far the root has been told. */
import type { LeaseState } from '../../src/ports.ts'
import type { HeldLease } from '../../src/registry/lease.ts'
import type { Change } from '../../src/registry/roster.ts'

export interface StoredRegistry {
	/** '' until the first lease or watch. */
	readonly service: string
	readonly version: number
	/** The newest version that the root has confirmed. */
	readonly told: number
	readonly leases: Map<string, HeldLease>
}

type LeaseRow = {
	id: string
	url: string
	weight: number
	labels: string
	locality: string | null
	ttl_seconds: number
	state: string
	registered_at_ms: number
	expires_at_ms: number
	on_grace: number
}

// WITHOUT ROWID: one row written per lease, not two. No index on the expiry: each heartbeat would pay for it.
const SCHEMA = `
	CREATE TABLE IF NOT EXISTS leases (
		id TEXT PRIMARY KEY, url TEXT NOT NULL, weight REAL NOT NULL, labels TEXT NOT NULL, locality TEXT,
		ttl_seconds REAL NOT NULL, state TEXT NOT NULL, registered_at_ms INTEGER NOT NULL,
		expires_at_ms INTEGER NOT NULL, on_grace INTEGER NOT NULL
	) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS registry (
		one INTEGER PRIMARY KEY CHECK (one = 1), service TEXT NOT NULL, version INTEGER NOT NULL, told INTEGER NOT NULL
	);`

/** Writes nothing: asking for a service that has no leases must not create storage for it. */
export function load(sql: SqlStorage): StoredRegistry {
	const leases = new Map<string, HeldLease>()
	const tables = sql.exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'registry'").toArray()
	const [stored] =
		tables.length === 0
			? []
			: sql
					.exec<{ service: string; version: number; told: number }>('SELECT service, version, told FROM registry')
					.toArray()
	if (!stored) return { service: '', version: 0, told: 0, leases }
	for (const row of sql.exec<LeaseRow>('SELECT * FROM leases')) leases.set(row.id, leaseFromRow(row))
	return { ...stored, leases }
}

/** Stores a change in one transaction. `version` is what is stored now: a heartbeat leaves the registry's row alone. */
export function store(storage: DurableObjectStorage, service: string, version: number, change: Change): void {
	if (change.put.length === 0 && change.remove.length === 0 && change.version === version) return
	const { sql } = storage
	storage.transactionSync(() => {
		if (version === 0) sql.exec(SCHEMA)
		for (const id of change.remove) sql.exec('DELETE FROM leases WHERE id = ?', id)
		for (const lease of change.put) storeLease(sql, lease)
		if (change.version === version) return
		sql.exec(
			'INSERT INTO registry VALUES (1, ?, ?, 0) ON CONFLICT (one) DO UPDATE SET version = excluded.version',
			service,
			change.version,
		)
	})
}

/** Which service this is: an object that has no lease yet, and may be woken by its alarm, must know. */
export function storeService(sql: SqlStorage, service: string): void {
	sql.exec(SCHEMA)
	sql.exec('INSERT OR IGNORE INTO registry VALUES (1, ?, 0, 0)', service)
}

/** The root confirmed this version. */
export function storeTold(sql: SqlStorage, version: number): void {
	sql.exec('UPDATE registry SET told = ?', version)
}

function storeLease(sql: SqlStorage, lease: HeldLease): void {
	sql.exec(
		'INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
		lease.id,
		lease.url,
		lease.weight,
		JSON.stringify(lease.labels),
		lease.locality ?? null,
		lease.ttlSeconds,
		lease.state,
		lease.registeredAtMs,
		lease.expiresAtMs,
		lease.onGrace ? 1 : 0,
	)
}

const leaseFromRow = (row: LeaseRow): HeldLease => ({
	id: row.id,
	url: row.url,
	weight: row.weight,
	labels: JSON.parse(row.labels) as Record<string, string>,
	...(row.locality !== null && { locality: row.locality }),
	ttlSeconds: row.ttl_seconds,
	state: row.state as LeaseState,
	registeredAtMs: row.registered_at_ms,
	expiresAtMs: row.expires_at_ms,
	onGrace: row.on_grace === 1,
})
