/** The tables of the PolicyStore, one object per mesh. */
import { longTextsTable } from '../longTexts.ts'

/** Also brings tables of earlier versions up to date. */
export function createPolicyTables(sql: SqlStorage): void {
	sql.exec(policyTables)
	for (const [table, added] of Object.entries(ADDED_COLUMNS)) {
		const has = sql.exec<{ name: string }>('SELECT name FROM pragma_table_info(?)', table).toArray()
		for (const column of added)
			if (!has.some(({ name }) => column.startsWith(`${name} `))) sql.exec(`ALTER TABLE ${table} ADD COLUMN ${column}`)
	}
	sql.exec('CREATE UNIQUE INDEX IF NOT EXISTS tokens_by_old_hash ON tokens (old_hash)')
}

/** What tables have got since they were first made. */
const ADDED_COLUMNS = {
	// The chain. changes_hash, changes_count: null in rows that are older than it.
	audit: ['changes_count INTEGER', 'changes_hash TEXT', 'previous_hash TEXT', 'hash TEXT'],
	// namespaces: as JSON; null: all. old_hash is good until old_until. last_used_day: days since the epoch.
	tokens: [
		'namespaces TEXT',
		'expires_at INTEGER',
		'rotated_at INTEGER',
		'old_hash TEXT',
		'old_until INTEGER',
		'last_used_day INTEGER',
	],
} as const

const policyTables = `
	${longTextsTable}
	-- What users wrote, as parsed; key is <kind>/<namespace>/<name>. Times are ms since the epoch.
	CREATE TABLE IF NOT EXISTS resources (
		key TEXT PRIMARY KEY, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
		document TEXT NOT NULL, generation INTEGER NOT NULL, created_at INTEGER NOT NULL,
		revision INTEGER NOT NULL, status TEXT
	) WITHOUT ROWID;
	CREATE INDEX IF NOT EXISTS resources_by_kind ON resources (kind, namespace, name);

	-- Which resource mentions which target: what to rebuild when the target changes.
	CREATE TABLE IF NOT EXISTS refs (target TEXT, source TEXT, PRIMARY KEY (target, source)) WITHOUT ROWID;
	CREATE INDEX IF NOT EXISTS refs_by_source ON refs (source);
	-- Which resource made which part, and which listeners it is attached to.
	CREATE TABLE IF NOT EXISTS produced (source TEXT, part TEXT, PRIMARY KEY (source, part)) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS attached (listener TEXT, source TEXT, PRIMARY KEY (listener, source)) WITHOUT ROWID;
	CREATE INDEX IF NOT EXISTS attached_by_source ON attached (source);

	-- The snapshot. Each part once, at the sequence of its last change; a null body remembers that it went.
	-- Ordered by sequence this is the outbox: what a replica lacks is what lies after its cursor.
	-- A body goes on in long_texts, as leased endpoints do.
	CREATE TABLE IF NOT EXISTS parts (
		name TEXT PRIMARY KEY, sequence INTEGER NOT NULL, revision INTEGER NOT NULL, hash TEXT NOT NULL, body TEXT
	) WITHOUT ROWID;
	CREATE UNIQUE INDEX IF NOT EXISTS parts_by_sequence ON parts (sequence);
	CREATE TABLE IF NOT EXISTS replicas (region TEXT PRIMARY KEY, sequence INTEGER NOT NULL) WITHOUT ROWID;

	-- Leased endpoints as the registries told them. emptied_at: since when there are none.
	CREATE TABLE IF NOT EXISTS leased (
		service TEXT PRIMARY KEY, version INTEGER NOT NULL, endpoints TEXT NOT NULL, emptied_at INTEGER
	) WITHOUT ROWID;

	-- Ids of the endpoints whose checks fail, fixed ones too, as the registries told them. One without leased endpoints keeps the
	-- version here: health alone makes no service. emptied_at: since when all are healthy.
	CREATE TABLE IF NOT EXISTS unhealthy (
		service TEXT PRIMARY KEY, version INTEGER NOT NULL, ids TEXT NOT NULL, emptied_at INTEGER
	) WITHOUT ROWID;
	-- What each registry is to check; told: the version that it acknowledged. A null check stays until all is forgotten there.
	CREATE TABLE IF NOT EXISTS watches (
		service TEXT PRIMARY KEY, version INTEGER NOT NULL, told INTEGER NOT NULL, health_check TEXT, fixed TEXT NOT NULL
	) WITHOUT ROWID;
	CREATE INDEX IF NOT EXISTS watches_untold ON watches (version) WHERE told < version;

	-- History. before/after are documents; null where there was or is none. created_at: when the one before was created.
	CREATE TABLE IF NOT EXISTS revisions (
		revision INTEGER PRIMARY KEY, at INTEGER NOT NULL, actor TEXT NOT NULL, cause TEXT NOT NULL
	);
	CREATE TABLE IF NOT EXISTS changes (
		revision INTEGER, key TEXT, action TEXT NOT NULL, before TEXT, after TEXT, created_at INTEGER,
		PRIMARY KEY (revision, key)
	) WITHOUT ROWID;
	CREATE TABLE IF NOT EXISTS audit (
		id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, actor TEXT NOT NULL, role TEXT NOT NULL,
		action TEXT NOT NULL, revision INTEGER, subject TEXT
	);

	-- API tokens, by the SHA-256 of their secret. The secret itself is nowhere.
	CREATE TABLE IF NOT EXISTS tokens (
		id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, name TEXT NOT NULL, role TEXT NOT NULL,
		created_at INTEGER NOT NULL, created_by TEXT NOT NULL
	) WITHOUT ROWID;

	-- What was refused in minutes (since the epoch) that the audit log does not have yet.
	CREATE TABLE IF NOT EXISTS refused (
		minute INTEGER, what TEXT, network TEXT, actor TEXT, count INTEGER NOT NULL,
		PRIMARY KEY (minute, what, network, actor)
	) WITHOUT ROWID;

	-- epoch: names this history. sequence, revision: the newest of each. trust: the newest version of the KeyRing's part.
	CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
`
