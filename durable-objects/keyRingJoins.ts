/** Join tokens, and the memory of what may be shown to the mesh only once. */
import { createHash } from 'node:crypto'
import type { JoinTokenInfo, Principal, WorkloadName } from '../src/ports.ts'
import { storeEvent } from './keyRingEvents.ts'

interface TokenRow extends Record<string, SqlStorageValue> {
	id: string
	namespace: string
	workload: string
	trust: string
	created_at: number
	created_by: string
	expires_at: number
	used_at: number | null
}

export interface JoinTokenRequest {
	readonly workload: WorkloadName
	readonly trust: string
	/** SHA-256, hex. */
	readonly hash: string
	readonly ttlSeconds: number
}

/** A token that is no good any more is shown for this long after it would have expired. */
const KEPT_MS = 7 * 86_400_000
/**
 * Some 10 MB. Proofs live for five minutes, and all addresses together may try 200 times a second: 60,000 in that time, and as many
 * again by workloads that renew.
 */
const MAX_SEEN = 120_000

export function createJoinToken(
	sql: SqlStorage,
	{ workload: { namespace, workload }, trust, hash, ttlSeconds }: JoinTokenRequest,
	actor: Principal,
	now: number,
): JoinTokenInfo {
	const row = sql
		.exec<TokenRow>(
			`INSERT INTO join_tokens (id, hash, namespace, workload, trust, created_at, created_by, expires_at)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING *`,
			crypto.randomUUID(),
			hash,
			namespace,
			workload,
			trust,
			now,
			actor.name,
			now + ttlSeconds * 1000,
		)
		.one()
	const detail = { token: row.id, workload: `${namespace}/${workload}`, trust, ttlSeconds }
	storeEvent(sql, { action: 'joinToken.create', actor: actor.name, detail }, now)
	return shown(row)
}

/** Newest first; used and expired ones for a week. */
export const listJoinTokens = (sql: SqlStorage): JoinTokenInfo[] =>
	sql.exec<TokenRow>('SELECT * FROM join_tokens ORDER BY created_at DESC, id').toArray().map(shown)

export function deleteJoinToken(sql: SqlStorage, id: string, actor: Principal, now: number): boolean {
	if (sql.exec('DELETE FROM join_tokens WHERE id = ? RETURNING id', id).toArray().length === 0) return false
	storeEvent(sql, { action: 'joinToken.delete', actor: actor.name, detail: { token: id } }, now)
	return true
}

/** Looking up a SHA-256 by index leaks nothing useful: who cannot choose a hash cannot approach one. */
export function redeemJoinToken(
	sql: SqlStorage,
	hash: string,
	now: number,
): { workload: WorkloadName; trust: string } | null {
	const [row] = sql.exec<TokenRow>(
		'UPDATE join_tokens SET used_at = ?1 WHERE hash = ?2 AND used_at IS NULL AND expires_at > ?1 RETURNING *',
		now,
		hash,
	)
	if (row === undefined) return null
	return { workload: { namespace: row.namespace, workload: row.workload }, trust: row.trust }
}

/** Counted here, because counting them in the table takes as long as there are many. */
export interface Seen {
	count: number
}

export const openSeen = (sql: SqlStorage): Seen => ({
	count: sql.exec<{ n: number }>('SELECT COUNT(*) AS n FROM seen').one().n,
})

/** True once per value. False too for what has expired, and when too many are remembered: nothing is shown twice. */
export function firstTime(sql: SqlStorage, seen: Seen, value: string, expiresAt: number, now: number): boolean {
	if (!(expiresAt > now)) return false
	if (seen.count >= MAX_SEEN) forgetSeen(sql, seen, now)
	if (seen.count >= MAX_SEEN) return false
	const hash = createHash('sha256').update(value).digest('hex')
	// One that has expired is new again: whoever checks the value refuses it for its age.
	const isNew =
		sql
			.exec(
				`INSERT INTO seen (hash, expires_at) VALUES (?1, ?2) ON CONFLICT (hash) DO
					UPDATE SET expires_at = excluded.expires_at WHERE expires_at <= ?3 RETURNING hash`,
				hash,
				Math.ceil(expiresAt),
				now,
			)
			.toArray().length > 0
	if (isNew) seen.count++
	return isNew
}

function forgetSeen(sql: SqlStorage, seen: Seen, now: number): void {
	sql.exec('DELETE FROM seen WHERE expires_at <= ?', now)
	seen.count = openSeen(sql).count
}

export function pruneJoins(sql: SqlStorage, seen: Seen, now: number): void {
	forgetSeen(sql, seen, now)
	sql.exec('DELETE FROM join_tokens WHERE expires_at < ?', now - KEPT_MS)
}

const shown = ({ id, namespace, workload, trust, created_at, created_by, expires_at, used_at }: TokenRow) => ({
	id,
	workload: { namespace, workload },
	trust,
	createdAt: new Date(created_at).toISOString(),
	createdBy: created_by,
	expiresAt: new Date(expires_at).toISOString(),
	...(used_at === null ? {} : { usedAt: new Date(used_at).toISOString() }),
})
