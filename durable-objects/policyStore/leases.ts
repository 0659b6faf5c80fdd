/** The PolicyStore's view of leased endpoints: what each service's registry last told it. */
import type { ServiceName } from '../../src/names.ts'
import type { Page } from '../../src/ports.ts'
import type { Endpoint } from '../../src/snapshot/snapshot.ts'
import { readLongText, storeLongText } from '../longTexts.ts'

/** A service that exists by registration alone is forgotten when it has had no endpoint for this long. */
const FORGET_AFTER_MS = 3_600_000

/** What a registry tells: what takes traffic of what is leased, and which of all endpoints fail their checks. */
export interface ToldEndpoints {
	/** Of the two together. */
	readonly version: number
	readonly endpoints: readonly Endpoint[]
	readonly unhealthy: readonly string[]
}

/** Stores what a registry tells, unless something newer is stored. `isNew`: nothing was registered before. */
export function storeLeased(
	sql: SqlStorage,
	service: ServiceName,
	{ version, endpoints, unhealthy }: ToldEndpoints,
	now: number,
): { isNew: boolean } | undefined {
	const leased = storedVersion(sql, 'leased', service)
	if (Math.max(leased ?? 0, storedVersion(sql, 'unhealthy', service) ?? 0) >= version) return undefined
	// A service comes to be by its first endpoint, and lasts for a while after its last. Its health alone does not make it.
	const exists = leased !== undefined || endpoints.length > 0
	if (exists)
		sql.exec(
			`INSERT INTO leased (service, version, endpoints, emptied_at) VALUES (?, ?, ?, ?) ON CONFLICT (service) DO UPDATE SET
				version = excluded.version, endpoints = excluded.endpoints, emptied_at = excluded.emptied_at`,
			service,
			version,
			storeLongText(sql, 'leased', service, JSON.stringify(endpoints)),
			endpoints.length === 0 ? now : null,
		)
	storeUnhealthy(sql, service, version, unhealthy, now)
	return { isNew: exists && leased === undefined }
}

function storedVersion(sql: SqlStorage, table: 'leased' | 'unhealthy', service: ServiceName): number | undefined {
	return sql.exec<{ version: number }>(`SELECT version FROM ${table} WHERE service = ?`, service).toArray()[0]?.version
}

function storeUnhealthy(
	sql: SqlStorage,
	service: ServiceName,
	version: number,
	ids: readonly string[],
	now: number,
): void {
	sql.exec(
		'INSERT OR REPLACE INTO unhealthy (service, version, ids, emptied_at) VALUES (?, ?, ?, ?)',
		service,
		version,
		storeLongText(sql, 'unhealthy', service, JSON.stringify(ids)),
		ids.length === 0 ? now : null,
	)
}

/** Ids of endpoints whose checks fail. */
export function readUnhealthy(sql: SqlStorage, service: ServiceName): string[] {
	const [row] = sql.exec<{ ids: string }>('SELECT ids FROM unhealthy WHERE service = ?', service)
	return row === undefined ? [] : JSON.parse(readLongText(sql, 'unhealthy', service, row.ids)!)
}

/** Undefined when nothing is registered, nor lately was. */
export function readLeased(sql: SqlStorage, service: ServiceName): Endpoint[] | undefined {
	const [row] = sql.exec<{ endpoints: string }>('SELECT endpoints FROM leased WHERE service = ?', service)
	return row === undefined ? undefined : JSON.parse(readLongText(sql, 'leased', service, row.endpoints)!)
}

/** Services with leased endpoints, or with endpoints that are checked. */
export function listLeased(sql: SqlStorage, limit: number, after: string | undefined): Page<ServiceName> {
	const items = Array.from(
		sql.exec<{ service: string }>(
			`SELECT service FROM leased WHERE service > ?1 UNION
				SELECT service FROM watches WHERE service > ?1 AND health_check IS NOT NULL ORDER BY service LIMIT ?2`,
			after ?? '',
			limit,
		),
		({ service }) => service,
	)
	const last = items.at(-1)
	return { items, ...(items.length === limit && last !== undefined ? { next: last } : {}) }
}

/** Drops services without endpoints since long, and names them. */
export function forgetEmptied(sql: SqlStorage, now: number): ServiceName[] {
	const before = now - FORGET_AFTER_MS
	const gone = Array.from(
		sql.exec<{ service: string }>('DELETE FROM leased WHERE emptied_at < ? RETURNING service', before),
		({ service }) => service,
	)
	sql.exec('DELETE FROM unhealthy WHERE emptied_at < ? AND service NOT IN (SELECT service FROM leased)', before)
	return gone
}
