/** The catalog of services, as a region's replica shows it. */
import { meshHost } from '../../src/names.ts'
import type { CatalogEntry, Page } from '../../src/ports.ts'
import type { Part, ServiceTarget } from '../../src/snapshot/snapshot.ts'
import { ANSWER_CHARACTERS, wholePart } from './parts.ts'

export function catalogEntry(part: Part | undefined, meshDomain: string): CatalogEntry | null {
	if (part === undefined || part.body === null) return null
	const { service, endpoints } = JSON.parse(part.body) as ServiceTarget
	const [namespace = '', name = ''] = service.split('/')
	return { namespace, name, host: meshHost(service, meshDomain), endpoints, version: part.hash }
}

/** In order of namespace and name; as many as fit in one answer. */
export function listCatalog(
	sql: SqlStorage,
	{ limit, after }: { limit: number; after?: string },
	meshDomain: string,
): Page<CatalogEntry> {
	const parts: Part[] = []
	let characters = 0
	for (const row of sql.exec<Record<string, SqlStorageValue>>(
		`SELECT name, sequence, revision, hash, body FROM parts
			WHERE name > ? AND name < 'service0' AND body IS NOT NULL ORDER BY name LIMIT ?`,
		`service/${after ?? ''}`,
		limit,
	)) {
		const part = wholePart(sql, row as unknown as Part)
		parts.push(part)
		characters += part.body!.length
		if (characters > ANSWER_CHARACTERS) break
	}
	const last = parts.at(-1)
	const more = parts.length === limit || characters > ANSWER_CHARACTERS
	return {
		items: parts.flatMap((part) => catalogEntry(part, meshDomain) ?? []),
		...(more && last !== undefined ? { next: last.name.slice('service/'.length) } : {}),
	}
}
