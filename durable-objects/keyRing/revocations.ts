/** Revocations: what is refused from now on, what is issued no more, and for how long. */
import { mayTake } from '../../src/keys/limits.ts'
import { refusesUntil } from '../../src/keys/revocations.ts'
import type {
	Page,
	Principal,
	Revocation,
	RevocationsInfo,
	RevocationTarget,
	RevokeRefusal,
	WorkloadName,
} from '../../src/ports.ts'
import { err, ok, type Result } from '../../src/result.ts'
import { storeEvent } from './events.ts'
import { pruneIssued, takeBackLeaves } from './issued.ts'
import { readNumber, writeMeta } from './tables.ts'

interface RevocationRow extends Record<string, SqlStorageValue> {
	id: number
	target: string
	reason: string
	revoked_at: number
	revoked_by: string
	lifted_at: number | null
}

/** What no longer refuses anything is shown for this long, and so much of it. */
const KEPT_MS = 90 * 86_400_000
const KEPT = 10_000
/**
 * At a time, of all operators; one alone may have half. They travel to every isolate in one part: with 256 characters for each they
 * fill five of the eight millions that it may have, of which bundles of others may fill two. In practice they are 40 long: an isolate
 * reads as many in 10 ms and holds them in 3 MB.
 */
const MAX_IN_FORCE = 20_000
const CHARACTERS_EACH = 256

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

/** Among those it counts as many times as it has 256 characters. */
const weightOf = (text: string): number => Math.ceil(text.length / CHARACTERS_EACH)

const OF_WORKLOADS = `target LIKE '{"kind":"workload"%'`

/** After this moment: what was revoked then refuses something yet. */
const refusingSince = (now: number): number => now - (refusesUntil(now) - now)

/** What must not be forgotten, by who revoked it. */
function heldBy(sql: SqlStorage, now: number): ReadonlyMap<string, number> {
	const rows = sql.exec<{ actor: string; held: number }>(
		// Numbers that are bound are floating: these divide as integers.
		`SELECT revoked_by AS actor, SUM((LENGTH(target) + ${CHARACTERS_EACH - 1}) / ${CHARACTERS_EACH}) AS held FROM revocations
			WHERE revoked_at > ? OR (lifted_at IS NULL AND ${OF_WORKLOADS}) GROUP BY revoked_by`,
		refusingSince(now),
	)
	return new Map(Array.from(rows, ({ actor, held }) => [actor, held]))
}

const sumOf = (held: ReadonlyMap<string, number>): number => [...held.values()].reduce((sum, each) => sum + each, 0)

export const revocationsInfo = (sql: SqlStorage, now: number): RevocationsInfo => ({
	inForce: sumOf(heldBy(sql, now)),
	limit: MAX_IN_FORCE,
	refused: readNumber(sql, 'revocationsRefused'),
})

function refusalFor(sql: SqlStorage, text: string, actor: Principal, now: number): RevokeRefusal | undefined {
	const all = heldBy(sql, now)
	const [held, inForce] = [all.get(actor.name) ?? 0, sumOf(all)]
	if (mayTake(weightOf(text), held, inForce, MAX_IN_FORCE)) return undefined
	writeMeta(sql, 'revocationsRefused', readNumber(sql, 'revocationsRefused') + 1)
	storeEvent(
		sql,
		{ action: 'revocation.refuse', actor: actor.name, detail: { target: text, held, inForce }, refused: true },
		now,
	)
	return { reason: 'too_many_revocations', held, inForce, limit: MAX_IN_FORCE }
}

/** The revocation that is in force already, or a new one. */
export function storeRevocation(
	sql: SqlStorage,
	target: RevocationTarget,
	reason: string,
	actor: Principal,
	now: number,
): Result<Revocation, RevokeRefusal> {
	const before = newest(sql, target)
	if (before !== undefined && isInForce(before, now)) return ok(shown(before))
	const text = textOf(target)
	const refusal = refusalFor(sql, text, actor, now)
	if (refusal !== undefined) return err(refusal)
	const row = sql
		.exec<RevocationRow>(
			'INSERT INTO revocations (target, reason, revoked_at, revoked_by) VALUES (?, ?, ?, ?) RETURNING *',
			text,
			reason,
			now,
			actor.name,
		)
		.one()
	takeBackLeaves(sql, target, now)
	storeEvent(sql, { action: 'revocation.create', actor: actor.name, detail: { target: text, reason } }, now)
	return ok(shown(row))
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
		sql.exec<RevocationRow>('SELECT * FROM revocations WHERE revoked_at > ? ORDER BY id', refusingSince(now)),
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

/** Forgets what refuses nothing since long, and certificates that ended. A workload that is revoked stays so. */
export function pruneRevocations(sql: SqlStorage, now: number): void {
	pruneIssued(sql, now)
	const ended = `revoked_at <= ?1 AND (lifted_at IS NOT NULL OR NOT ${OF_WORKLOADS})`
	sql.exec(`DELETE FROM revocations WHERE ${ended}`, now - KEPT_MS)
	sql.exec(
		`DELETE FROM revocations WHERE ${ended} AND id <=
			(SELECT id FROM revocations WHERE ${ended} ORDER BY id DESC LIMIT 1 OFFSET ?2)`,
		refusingSince(now),
		KEPT,
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
