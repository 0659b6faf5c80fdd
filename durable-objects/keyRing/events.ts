/** What happened to identities and keys, for audit: bounded, and what strangers cause never crowds out the rest. */
import type { IdentityEvent, JoinEvidence, Page } from '../../src/ports.ts'

export type Detail = Readonly<Record<string, string | number>>

/** Kept of what was done, and of what was refused. */
const KEPT = { done: 10_000, refused: 2_000 }
/** How many more than those may lie there until somebody clears up. */
const SLACK = 100
const MAX_DETAIL_CHARACTERS = 256

/** `refused`: it tells of a stranger who got nothing. */
export function storeEvent(
	sql: SqlStorage,
	event: { readonly action: string; readonly actor: string; readonly detail: Detail; readonly refused?: boolean },
	now: number,
): void {
	const detail = Object.fromEntries(
		Object.entries(event.detail).map(([name, value]) => [
			name,
			typeof value === 'string' ? value.slice(0, MAX_DETAIL_CHARACTERS) : value,
		]),
	)
	const { id } = sql
		.exec<{ id: number }>(
			'INSERT INTO events (at, action, actor, detail, refused) VALUES (?, ?, ?, ?, ?) RETURNING id',
			now,
			event.action,
			event.actor.slice(0, MAX_DETAIL_CHARACTERS),
			JSON.stringify(detail),
			event.refused === true ? 1 : 0,
		)
		.one()
	if (id % SLACK === 0) prune(sql)
}

function prune(sql: SqlStorage): void {
	for (const [refused, kept] of [
		[0, KEPT.done],
		[1, KEPT.refused],
	])
		sql.exec(
			`DELETE FROM events WHERE refused = ?1 AND id <=
				(SELECT id FROM events WHERE refused = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2)`,
			refused,
			kept,
		)
}

/** Newest first. */
export function listEvents(sql: SqlStorage, limit: number, after: string | undefined): Page<IdentityEvent> {
	const items = sql
		.exec<{ id: number; at: number; action: string; actor: string; detail: string }>(
			'SELECT id, at, action, actor, detail FROM events WHERE id < ? ORDER BY id DESC LIMIT ?',
			after === undefined ? Number.MAX_SAFE_INTEGER : Number(after),
			limit,
		)
		.toArray()
		.map(({ id, at, action, actor, detail }) => ({
			id,
			at: new Date(at).toISOString(),
			action,
			actor,
			detail: JSON.parse(detail) as Detail,
		}))
	const last = items.at(-1)
	return { items, ...(items.length === limit && last !== undefined ? { next: String(last.id) } : {}) }
}

/** How a workload came to what it was issued. */
export const detailOf = ({ method, trust, subject, clientAddress }: JoinEvidence): Detail => ({
	method,
	trust,
	subject,
	clientAddress,
})
