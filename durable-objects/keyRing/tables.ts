/** The tables of the KeyRing, one object per mesh, and its counters. */
import { longTextsTable } from '../longTexts.ts'

const keyRingTables = `
	${longTextsTable}
	-- Every key that there is or was, as JSON, oldest first. Times are ms since the epoch, here and below.
	CREATE TABLE IF NOT EXISTS keys (position INTEGER PRIMARY KEY AUTOINCREMENT, kid TEXT NOT NULL UNIQUE, key TEXT NOT NULL);
	-- Private keys that sign or will sign, be it revocation lists, sealed under a master key. A key that signs no more has none.
	CREATE TABLE IF NOT EXISTS private_keys (kid TEXT PRIMARY KEY, sealed TEXT NOT NULL) WITHOUT ROWID;
	-- Rotations that somebody asked for, and rotations in a row that failed.
	CREATE TABLE IF NOT EXISTS rotations (
		purpose TEXT PRIMARY KEY, requested INTEGER NOT NULL, failures INTEGER NOT NULL, last_failure TEXT
	) WITHOUT ROWID;

	-- target: JSON; equal targets have equal texts.
	CREATE TABLE IF NOT EXISTS revocations (
		id INTEGER PRIMARY KEY AUTOINCREMENT, target TEXT NOT NULL, reason TEXT NOT NULL, revoked_at INTEGER NOT NULL,
		revoked_by TEXT NOT NULL, lifted_at INTEGER
	);
	CREATE INDEX IF NOT EXISTS revocations_by_target ON revocations (target, id);
	CREATE INDEX IF NOT EXISTS revocations_by_time ON revocations (revoked_at);

	-- Certificates that count yet, for revocation lists. issuer: key id of the authority that signed it; holder: namespace/workload, ''
	-- for an authority; key: RFC 7638 thumbprint of the key that it is for; reason: as the list gives it.
	CREATE TABLE IF NOT EXISTS certificates (
		serial_number TEXT PRIMARY KEY, issuer TEXT NOT NULL, holder TEXT NOT NULL, key TEXT NOT NULL, not_after INTEGER NOT NULL,
		revoked_at INTEGER, reason TEXT
	) WITHOUT ROWID;
	CREATE INDEX IF NOT EXISTS certificates_by_holder ON certificates (holder, not_after);
	CREATE INDEX IF NOT EXISTS certificates_by_end ON certificates (not_after);
	CREATE INDEX IF NOT EXISTS certificates_revoked ON certificates (issuer) WHERE revoked_at IS NOT NULL;

	-- Join tokens, by the SHA-256 of their secret. The secret itself is nowhere.
	CREATE TABLE IF NOT EXISTS join_tokens (
		id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, namespace TEXT NOT NULL, workload TEXT NOT NULL, trust TEXT NOT NULL,
		created_at INTEGER NOT NULL, created_by TEXT NOT NULL, expires_at INTEGER NOT NULL, used_at INTEGER
	) WITHOUT ROWID;
	-- What may be shown only once, by its SHA-256. subject: who has proven it, and in whose share it counts.
	CREATE TABLE IF NOT EXISTS seen (
		hash TEXT PRIMARY KEY, expires_at INTEGER NOT NULL, subject TEXT NOT NULL DEFAULT ''
	) WITHOUT ROWID;
	CREATE INDEX IF NOT EXISTS seen_by_time ON seen (expires_at);

	-- How often isolates had their keys certified. last_at: when one had, 0 for never.
	CREATE TABLE IF NOT EXISTS delegations (
		region TEXT PRIMARY KEY, certified INTEGER NOT NULL, refused INTEGER NOT NULL, last_at INTEGER NOT NULL
	) WITHOUT ROWID;

	-- refused: whether it tells of a stranger who got nothing. detail: JSON.
	CREATE TABLE IF NOT EXISTS events (
		id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, action TEXT NOT NULL, actor TEXT NOT NULL,
		detail TEXT NOT NULL, refused INTEGER NOT NULL
	);

	-- Documents of issuers and trust domains outside. A body goes on in long_texts; null before the first good one. bundle: what of a
	-- trust domain's, or a users' issuer's, becomes part of what is published, as JSON; sequence and refresh_seconds: what it says of itself.
	CREATE TABLE IF NOT EXISTS fetched (
		name TEXT PRIMARY KEY, kind TEXT NOT NULL, url TEXT NOT NULL, body TEXT, fetched_at INTEGER NOT NULL,
		tried_at INTEGER NOT NULL, failure TEXT, bundle TEXT, sequence TEXT, refresh_seconds INTEGER
	) WITHOUT ROWID;

	CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`

/**
 * `published`: hash of what `version` stands for. `servedUntil`: nobody got a copy of the key set later. The two settings in ms are
 * those of the `Mesh`, as last heard. `certificates`: how many of workloads are on record; `takenBack`:
 * grows whenever some of any are; `listNumber`: that of the revocation list that was made last; `revocationsRefused`:
 * how many revocations found no room.
 */
type MetaKey =
	| 'version'
	| 'publishedVersion'
	| 'copiesUntil'
	| 'published'
	| 'servedUntil'
	| 'rotationIntervalMs'
	| 'publicationLeadMs'
	| 'certificates'
	| 'takenBack'
	| 'listNumber'
	| 'revocationsRefused'

export function createTables(sql: SqlStorage): void {
	sql.exec(keyRingTables)
	// The table that an earlier version made has no such column.
	const columns = sql.exec<{ name: string }>("SELECT name FROM pragma_table_info('seen')").toArray()
	if (!columns.some(({ name }) => name === 'subject'))
		sql.exec("ALTER TABLE seen ADD COLUMN subject TEXT NOT NULL DEFAULT ''")
}

export function readMeta(sql: SqlStorage, key: MetaKey): string | undefined {
	const [row] = sql.exec<{ value: string }>('SELECT value FROM meta WHERE key = ?', key)
	return row?.value
}

export function writeMeta(sql: SqlStorage, key: MetaKey, value: string | number): void {
	sql.exec('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)', key, String(value))
}

export const readNumber = (sql: SqlStorage, key: MetaKey): number => Number(readMeta(sql, key) ?? 0)
