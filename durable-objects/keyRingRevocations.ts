/** Revocations: what is refused from now on, what is issued no more, and for how long. */
import { refusesUntil } from '../src/keys/revocations.ts'
import type { Page, Principal, Revocation, RevocationTarget, WorkloadName } from '../src/ports.ts'
import { storeEvent } from './keyRingEvents.ts'

interface RevocationRow extends Record<string, SqlStorageValue> {
	id: number
	target: string
	reason: string
	revoked_at: number
	revoked_by: string
	lifted_at: number | null
}

/** What no longer refuses anything is shown for this long. */
const KEPT_MS = 90 * 86_400_000

/** One text for each target, in which it is found. */
function textOf(target: RevocationTarget): string {
	if (target.kind === 'token') return JSON.stringify({ kind: 'token', jti: target.jti })
	if (target.kind === 'key') return JSON.stringify({ kind: 'key', thumbprint: target.thumbprint })
	if (target.kind === 'certificate')
		return JSON.stringify({ kind: 'certificate', serialNumber: target.serialNumber.toLowerCase().replace(/^0+/, '') })
	const { namespace, workload } = target.workload
	return JSON.stringify({ kind: 'workload', workload: { namespace, workload } })
}

const newest = (sql: SqlStorage, target: RevocationTarget): RevocationRow | undefined =>
	sql
		.exec<RevocationRow>('SELECT * FROM revocations WHERE target = ? ORDER BY id DESC LIMIT 1', textOf(target))
		.toArray()[0]

const isInForce = ({ target, revoked_at, lifted_at }: RevocationRow, now: number): boolean =>
	lifted_at === null && (isOfWorkload(target) || refusesUntil(revoked_at) > now)

const isOfWorkload = (target: string): boolean => target.startsWith('{"kind":"workload"')

/** The revocation that is in force already, or a new one. */
export function storeRevocation(
	sql: SqlStorage,
	target: RevocationTarget,
	reason: string,
	actor: Principal,
	now: number,
): Revocation {
	const before = newest(sql, target)
	if (before !== undefined && isInForce(before, now)) return shown(before)
	const text = textOf(target)
	const row = sql
		.exec<RevocationRow>(
			'INSERT INTO revocations (target, reason, revoked_at, revoked_by) VALUES (?, ?, ?, ?) RETURNING *',
			text,
			reason,
			now,
			actor.name,
		)
		.one()
	storeEvent(sql, { action: 'revocation.create', actor: actor.name, detail: { target: text, reason } }, now)
	return shown(row)
}

/** False: it is not there, not of a workload, or lifted already. What was issued before stays refused. */
export function liftRevocation(sql: SqlStorage, id: string, actor: Principal, now: number): boolean {
	const [row] = sql.exec<RevocationRow>('SELECT * FROM revocations WHERE id = ? AND lifted_at IS NULL', Number(id))
	if (row === undefined || !isOfWorkload(row.target)) return false
	sql.exec('UPDATE revocations SET lifted_at = ? WHERE id = ?', now, row.id)
	storeEvent(sql, { action: 'revocation.lift', actor: actor.name, detail: { target: row.target } }, now)
	return true
}

/** Of a workload: whether it may be issued anything, and when it was last revoked. */
export function banOf(sql: SqlStorage, workload: WorkloadName): { isBanned: boolean; revokedAt?: number } {
	const row = newest(sql, { kind: 'workload', workload })
	return row === undefined ? { isBanned: false } : { isBanned: row.lifted_at === null, revokedAt: row.revoked_at }
}

export function isKeyRevoked(sql: SqlStorage, thumbprint: string, now: number): boolean {
	const row = newest(sql, { kind: 'key', thumbprint })
	return row !== undefined && isInForce(row, now)
}

/** Whatever may refuse something yet, oldest first. */
export const readRefusing = (sql: SqlStorage, now: number): { target: RevocationTarget; revokedAt: number }[] =>
	Array.from(
		sql.exec<RevocationRow>(
			'SELECT * FROM revocations WHERE revoked_at > ? ORDER BY id',
			now - (refusesUntil(now) - now),
		),
		({ target, revoked_at }) => ({ target: JSON.parse(target) as RevocationTarget, revokedAt: revoked_at }),
	)

/** Newest first. */
export function listRevocations(sql: SqlStorage, limit: number, after: string | undefined): Page<Revocation> {
	const items = sql
		.exec<RevocationRow>(
			'SELECT * FROM revocations WHERE id < ? ORDER BY id DESC LIMIT ?',
			after === undefined ? Number.MAX_SAFE_INTEGER : Number(after),
			limit,
		)
		.toArray()
		.map(shown)
	const last = items.at(-1)
	return { items, ...(items.length === limit && last !== undefined ? { next: last.id } : {}) }
}

/** Forgets what refuses nothing since long. A workload that is revoked stays so. */
export function pruneRevocations(sql: SqlStorage, now: number): void {
	sql.exec(
		`DELETE FROM revocations WHERE revoked_at < ? AND (lifted_at IS NOT NULL OR target NOT LIKE '{"kind":"workload"%')`,
		now - KEPT_MS,
	)
}

function shown({ id, target, reason, revoked_at, revoked_by, lifted_at }: RevocationRow): Revocation {
	const ends = !isOfWorkload(target) || lifted_at !== null
	return {
		id: String(id),
		target: JSON.parse(target) as RevocationTarget,
		reason,
		revokedAt: new Date(revoked_at).toISOString(),
		revokedBy: revoked_by,
		...(ends ? { expiresAt: new Date(refusesUntil(revoked_at)).toISOString() } : {}),
		...(lifted_at === null ? {} : { liftedAt: new Date(lifted_at).toISOString() }),
	}
}
