/** The PolicyStore's past: revisions, the audit trail, and what a rollback has to put back. */

import type { AuditEntry, ChangeAction, Page, ResourceRef, RevisionSummary, Role } from '../src/ports.ts'
import { keyOf, type Resource } from '../src/resources/resource.ts'

interface RevisionRow extends Record<string, SqlStorageValue> {
	revision: number
	at: number
	actor: string
	cause: string
}

/** History older than this many revisions is dropped: it bounds the store, and nobody rolls back that far. */
export const KEPT_REVISIONS = 10_000
/** An audit entry shows at most this many documents; the revision names all of them. */
const SHOWN_CHANGES = 100

export function listRevisions(sql: SqlStorage, limit: number, after: string | undefined): Page<RevisionSummary> {
	const rows = sql
		.exec<RevisionRow>(
			'SELECT revision, at, actor, cause FROM revisions WHERE revision < ? ORDER BY revision DESC LIMIT ?',
			after === undefined ? Number.MAX_SAFE_INTEGER : Number(after),
			limit,
		)
		.toArray()
	const last = rows.at(-1)
	return {
		items: rows.map((row) => summaryOf(sql, row)),
		...(rows.length === limit && last !== undefined ? { next: String(last.revision) } : {}),
	}
}

export function readRevision(sql: SqlStorage, revision: number): RevisionSummary | null {
	const [row] = sql.exec<RevisionRow>('SELECT revision, at, actor, cause FROM revisions WHERE revision = ?', revision)
	return row === undefined ? null : summaryOf(sql, row)
}

function summaryOf(sql: SqlStorage, { revision, at, actor, cause }: RevisionRow): RevisionSummary {
	const changes = sql
		.exec<{ key: string; action: ChangeAction }>('SELECT key, action FROM changes WHERE revision = ?', revision)
		.toArray()
	return { revision, at: new Date(at).toISOString(), actor, cause, changes }
}

export function listAudit(sql: SqlStorage, limit: number, after: string | undefined): Page<AuditEntry> {
	const rows = sql
		.exec<{
			id: number
			at: number
			actor: string
			role: Role
			action: string
			revision: number | null
			subject: string | null
		}>(
			'SELECT id, at, actor, role, action, revision, subject FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?',
			after === undefined ? Number.MAX_SAFE_INTEGER : Number(after),
			limit,
		)
		.toArray()
	const last = rows.at(-1)
	return {
		items: rows.map(({ id, at, actor, role, action, revision, subject }) => ({
			id,
			at: new Date(at).toISOString(),
			actor,
			role,
			action,
			...(revision === null ? {} : { revision }),
			changes:
				revision !== null
					? documentsOf(sql, revision)
					: subject === null
						? []
						: [JSON.parse(subject) as AuditEntry['changes'][number]],
		})),
		...(rows.length === limit && last !== undefined ? { next: String(last.id) } : {}),
	}
}

function documentsOf(sql: SqlStorage, revision: number): AuditEntry['changes'] {
	return sql
		.exec<{ key: string; before: string | null; after: string | null }>(
			'SELECT key, before, after FROM changes WHERE revision = ? LIMIT ?',
			revision,
			SHOWN_CHANGES,
		)
		.toArray()
		.map(({ key, before, after }) => ({
			key,
			before: before === null ? null : JSON.parse(before),
			after: after === null ? null : JSON.parse(after),
		}))
}

/** What brings the resources back to how they were at a revision: for each touched since, the oldest `before`. */
export function rollbackPlan(
	sql: SqlStorage,
	revision: number,
): { put: readonly Resource[]; remove: readonly ResourceRef[] } | undefined {
	if (revision !== 0 && readRevision(sql, revision) === null) return undefined
	if (revision === 0 && readRevision(sql, 1) === null) return undefined
	const put: Resource[] = []
	const remove: ResourceRef[] = []
	const rows = sql.exec<{ before: string | null; after: string | null; first: number }>(
		'SELECT before, after, MIN(revision) AS first FROM changes WHERE revision > ? GROUP BY key ORDER BY key',
		revision,
	)
	for (const { before, after } of rows) {
		if (before !== null) put.push(JSON.parse(before) as Resource)
		else if (after !== null) {
			const { apiVersion, kind, metadata } = JSON.parse(after) as Resource
			remove.push({ apiVersion, kind, namespace: metadata.namespace, name: metadata.name })
		}
	}
	return {
		put,
		remove: remove.filter(({ kind, namespace, name }) => !put.some((r) => keyOf(r) === `${kind}/${namespace}/${name}`)),
	}
}

/** Drops what is older than the kept history. */
export function pruneHistory(sql: SqlStorage, newest: number): void {
	sql.exec('DELETE FROM changes WHERE revision <= ?', newest - KEPT_REVISIONS)
	sql.exec('DELETE FROM revisions WHERE revision <= ?', newest - KEPT_REVISIONS)
}
