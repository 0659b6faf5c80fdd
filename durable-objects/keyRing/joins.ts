/** Join tokens: each gives its workload one credential, and is used up in the transaction that puts this on record. */
import type { JoinTokenInfo, Principal, WorkloadName } from '../../src/ports.ts'
import { storeEvent } from './events.ts'

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

/** Whom it is for, if it is good yet. Looking up a SHA-256 by index leaks nothing useful: who cannot choose a hash cannot approach one. */
export function findJoinToken(
	sql: SqlStorage,
	hash: string,
	now: number,
): { workload: WorkloadName; trust: string } | null {
	const [row] = sql.exec<TokenRow>(
		'SELECT * FROM join_tokens WHERE hash = ? AND used_at IS NULL AND expires_at > ?',
		hash,
		now,
	)
	if (row === undefined) return null
	return { workload: { namespace: row.namespace, workload: row.workload }, trust: row.trust }
}

/** One that has just been found, in the transaction of what is issued for it. */
export function useJoinToken(sql: SqlStorage, hash: string, now: number): void {
	sql.exec('UPDATE join_tokens SET used_at = ? WHERE hash = ?', now, hash)
}

export function pruneJoinTokens(sql: SqlStorage, now: number): void {
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
