/** The PolicyStore's view of leased endpoints: what each service's registry last told it. */
import type { ServiceName } from '../src/names.ts'
import type { Page } from '../src/ports.ts'
import type { Endpoint } from '../src/snapshot/snapshot.ts'
import { readLongText, storeLongText } from './longTexts.ts'

/** A service that exists by registration alone is forgotten when it has had no endpoint for this long. */
const FORGET_AFTER_MS = 3_600_000

/** Stores what a registry tells, unless something newer is stored. `isNew`: nothing was registered before. */
export function storeLeased(
	sql: SqlStorage,
	service: ServiceName,
	version: number,
	endpoints: readonly Endpoint[],
	now: number,
): { isNew: boolean } | undefined {
	const [stored] = sql.exec<{ version: number }>('SELECT version FROM leased WHERE service = ?', service)
	if (stored !== undefined && stored.version >= version) return undefined
	sql.exec(
		`INSERT INTO leased (service, version, endpoints, emptied_at) VALUES (?, ?, ?, ?) ON CONFLICT (service) DO UPDATE SET
			version = excluded.version, endpoints = excluded.endpoints, emptied_at = excluded.emptied_at`,
		service,
		version,
		storeLongText(sql, 'leased', service, JSON.stringify(endpoints)),
		endpoints.length === 0 ? now : null,
	)
	return { isNew: stored === undefined }
}

/** Undefined when nothing is registered, nor lately was. */
export function readLeased(sql: SqlStorage, service: ServiceName): Endpoint[] | undefined {
	const [row] = sql.exec<{ endpoints: string }>('SELECT endpoints FROM leased WHERE service = ?', service)
	return row === undefined ? undefined : JSON.parse(readLongText(sql, 'leased', service, row.endpoints)!)
}

export function listLeased(sql: SqlStorage, limit: number, after: string | undefined): Page<ServiceName> {
	const items = Array.from(
		sql.exec<{ service: string }>(
			'SELECT service FROM leased WHERE service > ? ORDER BY service LIMIT ?',
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
	return Array.from(
		sql.exec<{ service: string }>('DELETE FROM leased WHERE emptied_at < ? RETURNING service', now - FORGET_AFTER_MS),
		({ service }) => service,
	)
}
