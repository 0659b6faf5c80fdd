/** The catalog of services, as a region's replica shows it. */
import { meshHost } from '../src/names.ts'
import type { CatalogEntry, Page } from '../src/ports.ts'
import type { Part, ServiceTarget } from '../src/snapshot/snapshot.ts'

export function catalogEntry(part: Part | undefined, meshDomain: string): CatalogEntry | null {
	if (part === undefined || part.body === null) return null
	const { service, endpoints } = JSON.parse(part.body) as ServiceTarget
	const [namespace = '', name = ''] = service.split('/')
	return { namespace, name, host: meshHost(service, meshDomain), endpoints, version: part.hash }
}

/** In order of namespace and name. */
export function listCatalog(
	sql: SqlStorage,
	{ limit, after }: { limit: number; after?: string },
	meshDomain: string,
): Page<CatalogEntry> {
	const rows = sql
		.exec<Record<string, SqlStorageValue>>(
			`SELECT name, sequence, revision, hash, body FROM parts
				WHERE name > ? AND name < 'service0' AND body IS NOT NULL ORDER BY name LIMIT ?`,
			`service/${after ?? ''}`,
			limit,
		)
		.toArray() as unknown as Part[]
	const last = rows.at(-1)
	return {
		items: rows.flatMap((row) => catalogEntry(row, meshDomain) ?? []),
		...(rows.length === limit && last !== undefined ? { next: last.name.slice('service/'.length) } : {}),
	}
}
