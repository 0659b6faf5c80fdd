/** What a replica lacks: the parts after its cursor, in batches that fit in one call. */
import type { PartBatch } from '../src/ports.ts'
import type { Part } from '../src/snapshot/snapshot.ts'
import { currentRevision, currentSequence, readMeta } from './policyMeta.ts'

/** Below the 32 MiB that one RPC message may hold, with room for encoding. */
const BATCH_CHARACTERS = 4_000_000
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
		const part = row as unknown as Part
		parts.push(part)
		characters += part.body?.length ?? 0
		if (characters > BATCH_CHARACTERS) break
	}
	const last = parts.at(-1)?.sequence ?? sequence
	const complete = last >= newest || parts.length === 0
	return {
		epoch: readMeta(sql, 'epoch')!,
		from: sequence,
		to: complete ? newest : last,
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

/** Records how far a replica is. It may be behind what was recorded: a replica that lost its state starts anew. */
export function acknowledge(sql: SqlStorage, region: string, sequence: number): void {
	sql.exec(
		'INSERT INTO replicas (region, sequence) VALUES (?, ?) ON CONFLICT (region) DO UPDATE SET sequence = excluded.sequence',
		region,
		sequence,
	)
}
