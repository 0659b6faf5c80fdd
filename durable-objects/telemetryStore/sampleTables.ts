/**
 * The table of a region's samples: of each kind of request (service, rule, caller and verdict) the newest of the last day, so that who
 * calls all the time does not push out who calls once, nor strangers with made-up tokens anybody.
 *
 * The first hundred of a kind are kept as they come, and then one in some minutes: that is enough to try out policies with, covers the
 * day, and is written so seldom that a busy region pays as much for it as a quiet one.
 */
import type { AccessSample, SampleBatch, SampleRequest } from '../../src/ports.ts'

/** What memory holds of the table, to know without reading what is worth writing. */
export interface SampleRing {
	readonly kinds: Map<string, { count: number; lastAt: number }>
	total: number
	/** Of these, how many were refused for their token. */
	refusedUsers: number
}

const KEEP_MS = 86_400_000
const MAX_SAMPLES = 20_000
const MAX_PER_KIND = 200
const AT_ONCE = 100
/** Beyond those, so far apart that a kind's newest cover the day. */
const APART_MS = KEEP_MS / (MAX_PER_KIND - AT_ONCE)
/** Of what is refused for its token, which anybody can make up: a fifth of each. */
const REFUSED_USERS = { atOnce: AT_ONCE / 5, apartMs: APART_MS * 5, inAll: MAX_SAMPLES / 5 }
/** When the table is full, it is cut back to this, so that it is not full again at once. */
const CUT_BACK_TO = 18_000
/** What goes through one RPC message. */
const MAX_CHARACTERS = 16_000_000

const SCHEMA = `
	CREATE TABLE IF NOT EXISTS sample_keys (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
	CREATE TABLE IF NOT EXISTS samples (
		id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL,
		key_id INTEGER NOT NULL, sample TEXT NOT NULL
	);`

export const createSampleTables = (sql: SqlStorage): void => void sql.exec(SCHEMA)

export function loadSampleRing(sql: SqlStorage): SampleRing {
	const rows = sql
		.exec<{ kind: string; count: number; lastAt: number }>(
			'SELECT kind, COUNT(*) AS count, MAX(at_ms) AS lastAt FROM samples GROUP BY kind',
		)
		.toArray()
	return {
		kinds: new Map(rows.map(({ kind, count, lastAt }) => [kind, { count, lastAt }])),
		total: sumOf(rows),
		refusedUsers: sumOf(rows.filter(({ kind }) => isRefusedUsers(kind))),
	}
}

const sumOf = (rows: readonly { readonly count: number }[]): number => rows.reduce((sum, { count }) => sum + count, 0)

/** Writes those that are worth it. */
export function storeSamples(sql: SqlStorage, ring: SampleRing, { key, samples }: SampleBatch, nowMs: number): void {
	let keyId: number | undefined
	for (const sample of samples) {
		// An isolate's clock is not believed.
		const at = Math.min(sample.at, nowMs)
		const kind = kindOf(sample)
		const known = ring.kinds.get(kind) ?? { count: 0, lastAt: 0 }
		if (at < nowMs - KEEP_MS || !isWorthIt(ring, kind, known, at)) continue
		keyId ??= keyIdOf(sql, key)
		const namespace = sample.service.split('/', 1)[0]!
		sql.exec(
			'INSERT INTO samples (at_ms, kind, namespace, key_id, sample) VALUES (?, ?, ?, ?, ?)',
			...[at, kind, namespace, keyId, JSON.stringify(sample)],
		)
		ring.kinds.set(kind, { count: known.count + 1, lastAt: Math.max(known.lastAt, at) })
		ring.total++
		if (isRefusedUsers(kind)) ring.refusedUsers++
	}
	if (ring.total > MAX_SAMPLES) cutBack(sql, ring)
}

function isWorthIt(
	{ refusedUsers }: SampleRing,
	kind: string,
	{ count, lastAt }: { readonly count: number; readonly lastAt: number },
	at: number,
): boolean {
	if (!isRefusedUsers(kind)) return count < AT_ONCE || at - lastAt >= APART_MS
	const { atOnce, apartMs, inAll } = REFUSED_USERS
	return refusedUsers < inAll && (count < atOnce || at - lastAt >= apartMs)
}

const kindOf = ({ service, rule, caller, allowed, refusedUser }: AccessSample): string =>
	JSON.stringify([service, rule, caller?.spiffeId ?? '', refusedUser === undefined ? allowed : 'refusedUser'])

const isRefusedUsers = (kind: string): boolean => kind.endsWith(',"refusedUser"]')

function keyIdOf(sql: SqlStorage, key: string): number {
	sql.exec('INSERT OR IGNORE INTO sample_keys (key) VALUES (?)', key)
	return sql.exec<{ id: number }>('SELECT id FROM sample_keys WHERE key = ?', key).one().id
}

/** As many of each kind as there is room for, the newest. Where there are more kinds than rows, the oldest of all go. */
function cutBack(sql: SqlStorage, ring: SampleRing): void {
	for (let perKind = MAX_PER_KIND; ; perKind = Math.floor(perKind / 2)) {
		dropBeyond(sql, Math.max(1, perKind))
		const { total } = sql.exec<{ total: number }>('SELECT COUNT(*) AS total FROM samples').one()
		if (total <= CUT_BACK_TO || perKind <= 1) break
	}
	sql.exec('DELETE FROM samples WHERE id IN (SELECT id FROM samples ORDER BY id DESC LIMIT -1 OFFSET ?)', CUT_BACK_TO)
	Object.assign(ring, loadSampleRing(sql))
}

const dropBeyond = (sql: SqlStorage, perKind: number) =>
	sql.exec(
		`DELETE FROM samples WHERE id IN (
			SELECT id FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY kind ORDER BY id DESC) AS place FROM samples)
			WHERE place > ?
		)`,
		perKind,
	)

/** Forgets what is older than a day, what a kind has too much of, and keys that nothing was digested with. */
export function pruneSamples(sql: SqlStorage, ring: SampleRing, nowMs: number): void {
	if (ring.total === 0) return
	sql.exec('DELETE FROM samples WHERE at_ms < ?', nowMs - KEEP_MS)
	dropBeyond(sql, MAX_PER_KIND)
	sql.exec('DELETE FROM sample_keys WHERE id NOT IN (SELECT key_id FROM samples)')
	Object.assign(ring, loadSampleRing(sql))
}

/** The newest, by key, in order of time. */
export function loadSamples(
	sql: SqlStorage,
	{ since, limit, namespaces }: SampleRequest,
	nowMs: number,
): readonly SampleBatch[] {
	const from = Math.max(since, nowMs - KEEP_MS)
	const found = sql.exec<{ key: string; sample: string }>(
		`SELECT key, sample FROM samples JOIN sample_keys ON sample_keys.id = key_id
				WHERE at_ms >= ? AND (? IS NULL OR namespace IN (SELECT value FROM json_each(?)))
				ORDER BY samples.id DESC LIMIT ?`,
		from,
		...[namespaces, namespaces].map((each) => (each === undefined ? null : JSON.stringify(each))),
		limit,
	)
	const rows: { key: string; sample: string }[] = []
	let charactersLeft = MAX_CHARACTERS
	for (const row of found) {
		charactersLeft -= row.sample.length
		if (charactersLeft < 0) break
		rows.push(row)
	}
	const batches = Map.groupBy(rows.reverse(), ({ key }) => key)
	return Array.from(batches, ([key, samples]) => ({
		key,
		samples: samples.map(({ sample }) => JSON.parse(sample) as AccessSample),
	}))
}
