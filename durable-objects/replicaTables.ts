/** The tables of a SnapshotReplica, one object per region. */
import { longTextsTable } from './longTexts.ts'

export const replicaTables = `
	${longTextsTable}
	-- The snapshot as far as it is shown. A body goes on in long_texts.
	CREATE TABLE IF NOT EXISTS parts (
		name TEXT PRIMARY KEY, sequence INTEGER NOT NULL, revision INTEGER NOT NULL, hash TEXT NOT NULL, body TEXT
	) WITHOUT ROWID;
	CREATE UNIQUE INDEX IF NOT EXISTS parts_by_sequence ON parts (sequence);
	-- Batches of a change that is not complete yet: a change is shown whole or not at all.
	CREATE TABLE IF NOT EXISTS incoming (
		name TEXT PRIMARY KEY, sequence INTEGER NOT NULL, revision INTEGER NOT NULL, hash TEXT NOT NULL, body TEXT
	) WITHOUT ROWID;
	-- epoch and sequence: the cursor shown. incomingEpoch and incoming: how far the batches not shown yet go, and in which
	-- history; incomingNewest: how new the root was when it made the newest of them. revision: the newest shown.
	CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`
