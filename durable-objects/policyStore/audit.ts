/** The PolicyStore's audit log: a hash chain that only grows, and what of it who may see. */
import { createHash } from 'node:crypto'
import { CHAIN_START, type ChainedEntry, entryHash, hashOfChanges } from '../../src/audit/chain.ts'
import { ownsKey } from '../../src/namespaces.ts'
import type { AuditEntry, Page, PageRequest, Role } from '../../src/ports.ts'
import { PAGE_CHARACTERS } from './limits.ts'
import { shown } from './secrets.ts'

type Change = AuditEntry['changes'][number]

interface AuditRow extends Record<string, SqlStorageValue> {
	id: number
	at: number
	actor: string
	role: Role
	action: string
	revision: number | null
	subject: string | null
	changes_count: number | null
	changes_hash: string | null
	previous_hash: string | null
	hash: string | null
}

interface NewEntry {
	/** ms since the epoch. */
	readonly at: number
	readonly actor: { readonly name: string; readonly role: Role }
	readonly action: string
	/** The revision that was made; its changes are stored already. */
	readonly revision?: number
	/** What else became different. */
	readonly subject?: Change
}

/** An audit entry shows at most this many documents; the revision names all of them. */
const SHOWN_CHANGES = 100
const ADOPTED_AT_ONCE = 1_000

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Adds to the end of the chain, in the caller's transaction. */
export function appendAudit(sql: SqlStorage, { at, actor, action, revision, subject }: NewEntry): void {
	const [last] = sql.exec<AuditRow>('SELECT * FROM audit ORDER BY id DESC LIMIT 1')
	const entry: ChainedEntry = {
		id: (last?.id ?? 0) + 1,
		at: new Date(at).toISOString(),
		actor: actor.name,
		role: actor.role,
		action,
		...(revision !== undefined && { revision }),
		...(revision === undefined ? hashed(subject === undefined ? [] : [subject]) : hashedRevision(sql, revision)),
		previousHash: last?.hash ?? CHAIN_START,
	}
	sql.exec(
		`INSERT INTO audit (id, at, actor, role, action, revision, subject, changes_count, changes_hash, previous_hash, hash)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		entry.id,
		at,
		entry.actor,
		entry.role,
		action,
		revision ?? null,
		subject === undefined ? null : JSON.stringify(subject),
		entry.changesCount ?? null,
		entry.changesHash ?? null,
		entry.previousHash,
		entryHash(entry, sha256),
	)
}

const hashed = (changes: readonly Change[]) => ({
	changesCount: changes.length,
	changesHash: hashOfChanges(changes, sha256),
})

function hashedRevision(sql: SqlStorage, revision: number) {
	const { count } = sql
		.exec<{ count: number }>('SELECT COUNT(*) AS count FROM changes WHERE revision = ?', revision)
		.one()
	return { changesCount: count, changesHash: hashOfChanges(storedChanges(sql, revision), sha256) }
}

/** In order of key, as they are shown: what nobody is shown could not be checked. */
function* storedChanges(sql: SqlStorage, revision: number): Generator<Change> {
	for (const { key, before, after } of changeRows(sql, revision))
		yield { key, before: parsed(before), after: parsed(after) }
}

type ChangeRow = { key: string; before: string | null; after: string | null }

const changeRows = (sql: SqlStorage, revision: number) =>
	sql.exec<ChangeRow>('SELECT key, before, after FROM changes WHERE revision = ? ORDER BY key', revision)

const parsed = (document: string | null): unknown => (document === null ? null : shown(document))

/**
 * Takes entries without hash into the chain as they are, and says so with an entry of its own: an earlier version of the mesh wrote
 * them, and nothing tells what was done to them before. In the caller's transaction.
 */
export function adoptAudit(sql: SqlStorage, now: number): void {
	let adopted = 0
	for (;;) {
		const rows = sql
			.exec<AuditRow>('SELECT * FROM audit WHERE hash IS NULL ORDER BY id LIMIT ?', ADOPTED_AT_ONCE)
			.toArray()
		for (const row of rows) adopt(sql, row)
		adopted += rows.length
		if (rows.length < ADOPTED_AT_ONCE) break
	}
	if (adopted === 0) return
	const subject = { key: 'Audit/-/chain', before: null, after: { adoptedEntries: adopted } }
	appendAudit(sql, { at: now, actor: { name: 'mesh', role: 'admin' }, action: 'chain.begin', subject })
}

function adopt(sql: SqlStorage, row: AuditRow): void {
	const [before] = sql.exec<AuditRow>('SELECT * FROM audit WHERE id < ? ORDER BY id DESC LIMIT 1', row.id)
	const previousHash = before?.hash ?? CHAIN_START
	const hash = entryHash({ ...named(row), previousHash }, sha256)
	sql.exec('UPDATE audit SET previous_hash = ?, hash = ? WHERE id = ?', previousHash, hash, row.id)
}

// === what is shown ===

/** Newest first. Whoever is limited to namespaces sees revisions that changed something in them, and of these that part. */
export function listAudit(sql: SqlStorage, { limit, after, namespaces }: PageRequest): Page<AuditEntry> {
	const own = namespaces === undefined ? null : JSON.stringify(namespaces)
	const rows = sql
		.exec<AuditRow>(
			`SELECT * FROM audit WHERE id < ? AND (? IS NULL OR ${changedIn('audit')}) ORDER BY id DESC LIMIT ?`,
			after === undefined ? Number.MAX_SAFE_INTEGER : Number(after),
			own,
			own,
			limit,
		)
		.toArray()
	const items: AuditEntry[] = []
	let characters = 0
	for (const row of rows) {
		const found = row.revision !== null ? documentsOf(sql, row.revision, namespaces) : subjectOf(row.subject)
		characters += found.characters
		if (characters > PAGE_CHARACTERS && items.length > 0) break
		items.push({ ...named(row), role: row.role, changes: found.changes, ...(namespaces === undefined && chained(row)) })
	}
	const more = rows.length === limit || items.length < rows.length
	return { items, ...(more && items.length > 0 ? { next: String(items.at(-1)!.id) } : {}) }
}

/** Whether a row's revision changed something in the namespaces of a JSON list: a key is `<kind>/<namespace>/<name>`. */
export const changedIn = (table: 'audit' | 'revisions'): string =>
	`EXISTS (SELECT 1 FROM changes, json_each(?) WHERE changes.revision = ${table}.revision AND instr(changes.key, '/' || json_each.value || '/') > 0)`

const named = ({ id, at, actor, role, action, revision }: AuditRow) => ({
	...{ id, at: new Date(at).toISOString(), actor, role, action },
	...(revision === null ? {} : { revision }),
})

function chained({ changes_count, changes_hash, previous_hash, hash }: AuditRow): Partial<AuditEntry> {
	return {
		...(changes_count === null ? {} : { changesCount: changes_count }),
		...(changes_hash === null ? {} : { changesHash: changes_hash }),
		...(previous_hash === null || hash === null ? {} : { previousHash: previous_hash, hash }),
	}
}

interface ShownChanges {
	readonly changes: readonly Change[]
	readonly characters: number
}

/** Stops where the entry would become too long for an answer: the revision names every resource, and keeps them all. */
function documentsOf(sql: SqlStorage, revision: number, namespaces?: readonly string[]): ShownChanges {
	const changes: Change[] = []
	let characters = 0
	for (const { key, before, after } of changeRows(sql, revision)) {
		if (namespaces !== undefined && !ownsKey({ namespaces }, key)) continue
		characters += (before?.length ?? 0) + (after?.length ?? 0)
		if (changes.length === SHOWN_CHANGES || (characters > PAGE_CHARACTERS && changes.length > 0)) break
		changes.push({ key, before: parsed(before), after: parsed(after) })
	}
	return { changes, characters }
}

const subjectOf = (subject: string | null): ShownChanges => ({
	changes: subject === null ? [] : [JSON.parse(subject)],
	characters: subject?.length ?? 0,
})
