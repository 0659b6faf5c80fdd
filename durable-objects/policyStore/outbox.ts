/** What a replica lacks: the parts after its cursor, in batches that fit in one call. */
import type { PartBatch } from '../../src/ports.ts'
import type { Cursor, Part } from '../../src/snapshot/snapshot.ts'
import { readLongText } from '../longTexts.ts'
import { PAGE_CHARACTERS } from './limits.ts'
import { currentRevision, currentSequence, readMeta, writeMeta } from './meta.ts'

const BATCH_PARTS = 5_000

/** The next batch after `sequence`. `complete` when nothing is left after it. */
export function batchAfter(sql: SqlStorage, sequence: number): PartBatch {
	const newest = currentSequence(sql)
	const parts: Part[] = []
	let characters = 0
	const rows = sql.exec<Record<keyof Part, SqlStorageValue>>(
		'SELECT name, sequence, revision, hash, body FROM parts WHERE sequence > ? ORDER BY sequence LIMIT ?',
		sequence,
		BATCH_PARTS,
	)
	for (const row of rows) {
		const stored = row as unknown as Part
		const part = { ...stored, body: readLongText(sql, 'parts', stored.name, stored.body) }
		characters += part.body?.length ?? 0
		if (characters > PAGE_CHARACTERS && parts.length > 0) break
		parts.push(part)
	}
	const last = parts.at(-1)?.sequence ?? sequence
	const complete = last >= newest || parts.length === 0
	return {
		epoch: readMeta(sql, 'epoch')!,
		from: sequence,
		to: complete ? newest : last,
		newest,
		revision: currentRevision(sql),
		complete,
		parts,
	}
}

export const lagging = (sql: SqlStorage): { region: string; sequence: number }[] =>
	sql
		.exec<{ region: string; sequence: number }>(
			'SELECT region, sequence FROM replicas WHERE sequence < ?',
			currentSequence(sql),
		)
		.toArray()

/** How far a replica is known to be. */
export const replicaSequence = (sql: SqlStorage, region: string): number =>
	sql.exec<{ sequence: number }>('SELECT sequence FROM replicas WHERE region = ?', region).toArray()[0]?.sequence ?? 0

/**
 * Begins another history. Called when a replica knows more of this one than is stored here: the store was put back to an
 * earlier state, and the sequences that come now would say to the replicas what they said once before.
 */
function beginEpoch(sql: SqlStorage, epoch: string): void {
	writeMeta(sql, 'epoch', epoch)
	writeMeta(sql, 'sequence', currentSequence(sql) + 1)
	sql.exec('UPDATE replicas SET sequence = 0')
}

/** How much of this history a replica has that stands at the cursor. */
export function reached(sql: SqlStorage, { epoch, sequence }: Cursor): number {
	if (epoch !== readMeta(sql, 'epoch')) return 0
	if (sequence <= currentSequence(sql)) return sequence
	beginEpoch(sql, crypto.randomUUID())
	return 0
}

/** Records how far a replica is. It may be behind what was recorded: a replica that lost its state starts anew. */
export function acknowledge(sql: SqlStorage, region: string, sequence: number): void {
	sql.exec(
		'INSERT INTO replicas (region, sequence) VALUES (?, ?) ON CONFLICT (region) DO UPDATE SET sequence = excluded.sequence',
		region,
		sequence,
	)
}
