/** Reads resources out of the PolicyStore for those who ask, with what the store adds to them, and without secrets. */
import type { ResourceKey } from '../../src/names.ts'
import type { Page, PageRequest, StoredResource } from '../../src/ports.ts'
import type { ConditionedStatus } from '../../src/resources/status.ts'
import { PAGE_CHARACTERS } from './limits.ts'
import { shown } from './secrets.ts'

interface Row extends Record<string, SqlStorageValue> {
	key: string
	document: string
	generation: number
	created_at: number
	revision: number
	status: string | null
}

export function readResource(sql: SqlStorage, key: ResourceKey): StoredResource | null {
	const [row] = sql.exec<Row>(
		'SELECT key, document, generation, created_at, revision, status FROM resources WHERE key = ?',
		key,
	)
	return row === undefined ? null : stored(sql, row)
}

/** In order of namespace and name; `after` is the `namespace/name` of the last one seen. */
export function listResources(
	sql: SqlStorage,
	kind: string,
	{ namespace, namespaces, limit, after = '' }: PageRequest & { namespace?: string },
): Page<StoredResource> {
	const [afterNamespace = '', afterName = ''] = after.split('/')
	const own = namespaces === undefined ? null : JSON.stringify(namespaces)
	const rows: Row[] = []
	let characters = 0
	for (const row of sql.exec<Row>(
		`SELECT key, document, generation, created_at, revision, status FROM resources
			WHERE kind = ? AND (? IS NULL OR namespace = ?) AND (? IS NULL OR namespace IN (SELECT value FROM json_each(?)))
			AND (namespace, name) > (?, ?) ORDER BY namespace, name LIMIT ?`,
		kind,
		namespace ?? null,
		namespace ?? null,
		own,
		own,
		afterNamespace,
		afterName,
		limit,
	)) {
		rows.push(row)
		characters += row.document.length + (row.status?.length ?? 0)
		if (characters > PAGE_CHARACTERS) break
	}
	const last = rows.at(-1)
	const more = rows.length === limit || characters > PAGE_CHARACTERS
	return {
		items: rows.map((row) => stored(sql, row)),
		...(more && last !== undefined ? { next: last.key.slice(kind.length + 1) } : {}),
	}
}

function stored(sql: SqlStorage, row: Row): StoredResource {
	const status =
		row.status === null ? undefined : withAttachedRoutes(sql, row.key, JSON.parse(row.status) as ConditionedStatus)
	return {
		resource: shown(row.document),
		generation: row.generation,
		createdAt: new Date(row.created_at).toISOString(),
		revision: row.revision,
		...(status === undefined ? {} : { status }),
	}
}

/** A listener's routes are counted when asked, not kept: see `gatewayStatus`. */
function withAttachedRoutes(sql: SqlStorage, key: ResourceKey, status: ConditionedStatus): ConditionedStatus {
	if (status.listeners === undefined) return status
	const gateway = key.slice(key.indexOf('/') + 1)
	return {
		...status,
		listeners: status.listeners.map((listener) => ({
			...listener,
			attachedRoutes: sql
				.exec<{ count: number }>(
					'SELECT COUNT(*) AS count FROM attached WHERE listener = ?',
					`${gateway}/${listener.name}`,
				)
				.one().count,
		})),
	}
}
