/** Stores what a build made: parts in the order of their change, statuses beside their resources. */
import { createHash } from 'node:crypto'
import type { PartName, ResourceKey } from '../src/names.ts'
import type { Built } from '../src/snapshot/build.ts'
import type { PartBody } from '../src/snapshot/snapshot.ts'
import { currentSequence, writeMeta } from './policyMeta.ts'

/** Writes every difference. An equal part keeps its sequence, so nobody fetches it again. Returns how many changed. */
export function storeBuilt(sql: SqlStorage, built: ReadonlyMap<ResourceKey, Built>, revision: number): number {
	const before = currentSequence(sql)
	let sequence = before
	for (const [key, { parts, status, listeners }] of built) {
		for (const [name, body] of parts) if (storePart(sql, name, body, sequence + 1, revision)) sequence++
		storeProduced(sql, key, parts)
		sql.exec('DELETE FROM attached WHERE source = ?', key)
		for (const listener of listeners) sql.exec('INSERT INTO attached (listener, source) VALUES (?, ?)', listener, key)
		if (status !== undefined) sql.exec('UPDATE resources SET status = ? WHERE key = ?', JSON.stringify(status), key)
	}
	if (sequence !== before) writeMeta(sql, 'sequence', sequence)
	return sequence - before
}

function storePart(
	sql: SqlStorage,
	name: PartName,
	part: PartBody | null,
	sequence: number,
	revision: number,
): boolean {
	const body = part === null ? null : JSON.stringify(part)
	const [stored] = sql.exec<{ body: string | null }>('SELECT body FROM parts WHERE name = ?', name)
	if ((stored?.body ?? null) === body) return false
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
		body,
	)
	return true
}

/** Remembers the parts that stand, so that the next build of this resource can take away what it no longer makes. */
function storeProduced(sql: SqlStorage, key: ResourceKey, parts: ReadonlyMap<PartName, PartBody | null>): void {
	for (const [name, body] of parts) {
		if (body === null) sql.exec('DELETE FROM produced WHERE source = ? AND part = ?', key, name)
		else sql.exec('INSERT OR IGNORE INTO produced (source, part) VALUES (?, ?)', key, name)
	}
}
