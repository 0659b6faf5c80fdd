/** The build's look-ups, answered from the PolicyStore's tables. */
import type { Resource } from '../../src/resources/resource.ts'
import type { ConditionedStatus } from '../../src/resources/status.ts'
import type { IndexedResource, ResourceIndex } from '../../src/snapshot/resourceIndex.ts'
import { readLeased, readUnhealthy } from './leases.ts'

interface ResourceRow extends Record<string, SqlStorageValue> {
	document: string
	generation: number
	created_at: number
	status: string | null
}

export function policyIndex(sql: SqlStorage): ResourceIndex {
	const column = (rows: Iterable<{ value: string }>) => Array.from(rows, ({ value }) => value)
	return {
		get: (key) => {
			const [row] = sql.exec<ResourceRow>(
				'SELECT document, generation, created_at, status FROM resources WHERE key = ?',
				key,
			)
			return row === undefined ? undefined : indexed(row)
		},
		referrers: (target) =>
			column(sql.exec<{ value: string }>('SELECT source AS value FROM refs WHERE target = ?', target)),
		inNamespace: (kind, namespace) =>
			column(
				sql.exec<{ value: string }>(
					'SELECT document AS value FROM resources WHERE kind = ? AND namespace = ?',
					kind,
					namespace,
				),
			).map((document) => JSON.parse(document) as Resource),
		leased: (service) => readLeased(sql, service),
		unhealthy: (service) => readUnhealthy(sql, service),
		produced: (key) => column(sql.exec<{ value: string }>('SELECT part AS value FROM produced WHERE source = ?', key)),
	}
}

function indexed(row: ResourceRow): IndexedResource {
	return {
		resource: JSON.parse(row.document) as Resource,
		generation: row.generation,
		createdAt: row.created_at,
		...(row.status === null ? {} : { status: JSON.parse(row.status) as ConditionedStatus }),
	}
}
