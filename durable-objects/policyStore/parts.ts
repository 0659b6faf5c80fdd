/** Stores what a build made: parts in the order of their change, statuses beside their resources. */
import { createHash } from 'node:crypto'
import type { PartName, ResourceKey } from '../../src/names.ts'
import type { Built } from '../../src/snapshot/build.ts'
import type { PartChange } from '../../src/snapshot/effect/effect.ts'
import type { PartBody } from '../../src/snapshot/snapshot.ts'
import { readLongText, storeLongText } from '../longTexts.ts'
import { MAX_PART_CHARACTERS, MAX_STATUS_CHARACTERS, TooLarge } from './limits.ts'
import { currentSequence, writeMeta } from './meta.ts'

/**
 * Writes every difference, and tells of it. An equal part keeps its sequence, so nobody fetches it again. Returns how many
 * changed.
 */
export function storeBuilt(
	sql: SqlStorage,
	built: ReadonlyMap<ResourceKey, Built>,
	revision: number,
	tell?: (change: PartChange) => void,
): number {
	const before = currentSequence(sql)
	let sequence = before
	for (const [key, { parts, status, listeners }] of built) {
		for (const [name, part] of parts) {
			const body = part === null ? null : JSON.stringify(part)
			if (body !== null) checkLength(key, `part ${name}`, body, MAX_PART_CHARACTERS)
			const stored = storedBody(sql, name)
			if (stored === body) continue
			storePart(sql, name, body, ++sequence, revision)
			tell?.({ name, before: stored === null ? null : (JSON.parse(stored) as PartBody), after: part })
		}
		storeProduced(sql, key, parts)
		sql.exec('DELETE FROM attached WHERE source = ?', key)
		for (const listener of listeners) sql.exec('INSERT INTO attached (listener, source) VALUES (?, ?)', listener, key)
		if (status !== undefined) storeStatus(sql, key, JSON.stringify(status))
	}
	if (sequence !== before) writeMeta(sql, 'sequence', sequence)
	return sequence - before
}

function storeStatus(sql: SqlStorage, key: ResourceKey, status: string): void {
	checkLength(key, 'status', status, MAX_STATUS_CHARACTERS)
	sql.exec('UPDATE resources SET status = ? WHERE key = ?', status, key)
}

function checkLength(key: ResourceKey, what: string, text: string, limit: number): void {
	if (text.length > limit)
		throw new TooLarge(`${key}: its ${what} would have ${text.length} characters; at most ${limit} are carried`)
}

export function storedBody(sql: SqlStorage, name: PartName): string | null {
	const [stored] = sql.exec<{ body: string | null }>('SELECT body FROM parts WHERE name = ?', name)
	return readLongText(sql, 'parts', name, stored?.body ?? null)
}

/** Whether a part is there: one that went has a row too. */
export const stands = (sql: SqlStorage, name: PartName): boolean =>
	sql.exec('SELECT 1 FROM parts WHERE name = ? AND body IS NOT NULL', name).toArray().length > 0

/** At a sequence that is newer than all others. */
export function storePart(
	sql: SqlStorage,
	name: PartName,
	body: string | null,
	sequence: number,
	revision: number,
): void {
	const hash = createHash('sha256')
		.update(body ?? '')
		.digest('hex')
		.slice(0, 16)
	sql.exec(
		`INSERT INTO parts (name, sequence, revision, hash, body) VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET
			sequence = excluded.sequence, revision = excluded.revision, hash = excluded.hash, body = excluded.body`,
		name,
		sequence,
		revision,
		hash,
		storeLongText(sql, 'parts', name, body),
	)
}

/** Remembers the parts that stand, so that the next build of this resource can take away what it no longer makes. */
function storeProduced(sql: SqlStorage, key: ResourceKey, parts: ReadonlyMap<PartName, PartBody | null>): void {
	for (const [name, body] of parts) {
		if (body === null) sql.exec('DELETE FROM produced WHERE source = ? AND part = ?', key, name)
		else sql.exec('INSERT OR IGNORE INTO produced (source, part) VALUES (?, ?)', key, name)
	}
}
