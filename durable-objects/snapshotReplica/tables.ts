/** The tables of a SnapshotReplica, one object per region. */
import { longTextsTable } from '../longTexts.ts'

/** Also brings tables of earlier versions up to date. */
export function createReplicaTables(storage: DurableObjectStorage): void {
	const { sql } = storage
	const clustered = sql.exec<{ name: string }>(
		"SELECT name FROM sqlite_master WHERE name IN ('parts', 'incoming') AND sql LIKE '%WITHOUT ROWID'",
	)
	const earlier = clustered.toArray()
	storage.transactionSync(() => {
		for (const { name } of earlier) {
			sql.exec(`CREATE TABLE moved (${PART_COLUMNS})`)
			sql.exec(`INSERT INTO moved SELECT name, sequence, revision, hash, body FROM ${name}`)
			sql.exec(`DROP TABLE ${name}`)
			sql.exec(`ALTER TABLE moved RENAME TO ${name}`)
		}
		sql.exec(replicaTables)
	})
}

/** With a rowid: without one, each step of a search for a name would read a whole body. */
const PART_COLUMNS =
	'name TEXT PRIMARY KEY, sequence INTEGER NOT NULL, revision INTEGER NOT NULL, hash TEXT NOT NULL, body TEXT'

const replicaTables = `
	${longTextsTable}
	-- The snapshot as far as it is shown. A body goes on in long_texts.
	CREATE TABLE IF NOT EXISTS parts (${PART_COLUMNS});
	CREATE UNIQUE INDEX IF NOT EXISTS parts_by_sequence ON parts (sequence);
	-- Batches of a change that is not complete yet: a change is shown whole or not at all.
	CREATE TABLE IF NOT EXISTS incoming (${PART_COLUMNS});
	-- epoch and sequence: the cursor shown. incomingEpoch and incoming: how far the batches not shown yet go, and in which
	-- history; incomingNewest: how new the root was when it made the newest of them. revision: the newest shown.
	CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`
