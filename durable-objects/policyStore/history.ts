/** The PolicyStore's past: revisions, and what a rollback has to put back. */

import type { ResourceKey } from '../../src/names.ts'
import { ownsKey } from '../../src/namespaces.ts'
import type { ChangeAction, Page, PageRequest, ResourceRef, RevisionSummary } from '../../src/ports.ts'
import type { Resource } from '../../src/resources/resource.ts'
import { changedIn } from './audit.ts'
import { reread } from './reread.ts'

interface RevisionRow extends Record<string, SqlStorageValue> {
	revision: number
	at: number
	actor: string
	cause: string
}

/** History older than this many revisions is dropped: it bounds the store, and nobody rolls back that far. */
export const KEPT_REVISIONS = 10_000

/** Newest first. Whoever is limited to namespaces sees revisions that changed something in them, and of these that part. */
export function listRevisions(sql: SqlStorage, { limit, after, namespaces }: PageRequest): Page<RevisionSummary> {
	const own = namespaces === undefined ? null : JSON.stringify(namespaces)
	const rows = sql
		.exec<RevisionRow>(
			`SELECT revision, at, actor, cause FROM revisions WHERE revision < ? AND (? IS NULL OR ${changedIn('revisions')})
				ORDER BY revision DESC LIMIT ?`,
			after === undefined ? Number.MAX_SAFE_INTEGER : Number(after),
			own,
			own,
			limit,
		)
		.toArray()
	const last = rows.at(-1)
	return {
		items: rows.map((row) => summaryOf(sql, row, namespaces)),
		...(rows.length === limit && last !== undefined ? { next: String(last.revision) } : {}),
	}
}

/** Null also where nothing of the namespaces changed. */
export function readRevision(
	sql: SqlStorage,
	revision: number,
	namespaces?: readonly string[],
): RevisionSummary | null {
	const [row] = sql.exec<RevisionRow>('SELECT revision, at, actor, cause FROM revisions WHERE revision = ?', revision)
	if (row === undefined) return null
	const summary = summaryOf(sql, row, namespaces)
	return namespaces !== undefined && summary.changes.length === 0 ? null : summary
}

function summaryOf(
	sql: SqlStorage,
	{ revision, at, actor, cause }: RevisionRow,
	namespaces: readonly string[] | undefined,
): RevisionSummary {
	const changes = sql
		.exec<{ key: string; action: ChangeAction }>('SELECT key, action FROM changes WHERE revision = ?', revision)
		.toArray()
	const own = namespaces === undefined ? changes : changes.filter(({ key }) => ownsKey({ namespaces }, key))
	return { revision, at: new Date(at).toISOString(), actor, cause, changes: own }
}

/** What puts the resources back, and when those were created. */
export interface RollbackPlan {
	readonly put: readonly Resource[]
	readonly remove: readonly ResourceRef[]
	readonly createdAt: ReadonlyMap<ResourceKey, number>
}

/** What brings the resources back to how they were at a revision: for each touched since, the oldest `before`. */
export function rollbackPlan(sql: SqlStorage, revision: number): RollbackPlan | undefined {
	if (revision !== 0 && readRevision(sql, revision) === null) return undefined
	if (revision === 0 && readRevision(sql, 1) === null) return undefined
	const put: Resource[] = []
	const remove: ResourceRef[] = []
	const createdAt = new Map<ResourceKey, number>()
	const rows = sql.exec<{ key: string; before: string | null; after: string | null; created_at: number | null }>(
		`SELECT key, before, after, created_at, MIN(revision) FROM changes
			WHERE revision > ? GROUP BY key ORDER BY key`,
		revision,
	)
	for (const { key, before, after, created_at } of rows) {
		if (created_at !== null) createdAt.set(key, created_at)
		if (before !== null) put.push(reread(before))
		else if (after !== null) {
			const { apiVersion, kind, metadata } = JSON.parse(after) as Resource
			remove.push({ apiVersion, kind, namespace: metadata.namespace, name: metadata.name })
		}
	}
	return { put, remove, createdAt }
}

/** Drops what is older than the kept history. */
export function pruneHistory(sql: SqlStorage, newest: number): void {
	sql.exec('DELETE FROM changes WHERE revision <= ?', newest - KEPT_REVISIONS)
	sql.exec('DELETE FROM revisions WHERE revision <= ?', newest - KEPT_REVISIONS)
}
