/** The PolicyStore's past: revisions, the audit trail, and what a rollback has to put back. */

import type { ResourceKey } from '../src/names.ts'
import type { AuditEntry, ChangeAction, Page, ResourceRef, RevisionSummary, Role } from '../src/ports.ts'
import type { Resource } from '../src/resources/resource.ts'
import { PAGE_CHARACTERS } from './policyLimits.ts'
import { reread } from './policyReread.ts'
import { shown } from './policySecrets.ts'

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
	const items: AuditEntry[] = []
	let characters = 0
	for (const { id, at, actor, role, action, revision, subject } of rows) {
		const shown = revision !== null ? documentsOf(sql, revision) : subjectOf(subject)
		characters += shown.characters
		if (characters > PAGE_CHARACTERS && items.length > 0) break
		const made = revision === null ? {} : { revision }
		items.push({ id, at: new Date(at).toISOString(), actor, role, action, ...made, changes: shown.changes })
	}
	const more = rows.length === limit || items.length < rows.length
	return { items, ...(more && items.length > 0 ? { next: String(items.at(-1)!.id) } : {}) }
}

interface ShownChanges {
	readonly changes: AuditEntry['changes']
	readonly characters: number
}

/** Stops where the entry would become too long for an answer: the revision names every resource, and keeps them all. */
function documentsOf(sql: SqlStorage, revision: number): ShownChanges {
	const changes: AuditEntry['changes'][number][] = []
	let characters = 0
	for (const { key, before, after } of sql.exec<{ key: string; before: string | null; after: string | null }>(
		'SELECT key, before, after FROM changes WHERE revision = ? LIMIT ?',
		revision,
		SHOWN_CHANGES,
	)) {
		characters += (before?.length ?? 0) + (after?.length ?? 0)
		if (characters > PAGE_CHARACTERS && changes.length > 0) break
		changes.push({ key, before: parsed(before), after: parsed(after) })
	}
	return { changes, characters }
}

const subjectOf = (subject: string | null): ShownChanges => ({
	changes: subject === null ? [] : [JSON.parse(subject)],
	characters: subject?.length ?? 0,
})

const parsed = (document: string | null): unknown => (document === null ? null : shown(document))

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
