/** What was refused, as the audit log has it: one entry a minute for logins and one for changes, however many there were. */
import type { RefusalCount } from '../../src/ports.ts'
import { appendAudit } from './audit.ts'

const MINUTE_MS = 60_000
/** Of one minute; what others are refused is counted without saying to whom. */
const MAX_COUNTED = 500
/** In one entry, those who were refused most. */
const MAX_NAMED = 20
/** In characters: of whatever a client may have said. */
const MAX_NAME = 320
/** Stands for who is not counted by himself. No network and no name is this. */
const OTHERS = '*'

interface CountRow extends Record<string, SqlStorageValue> {
	minute: number
	what: RefusalCount['what']
	network: string
	actor: string
	count: number
}

export function countRefused(sql: SqlStorage, counts: readonly RefusalCount[], now: number): void {
	const minute = Math.floor(now / MINUTE_MS)
	for (const { what, network, actor, count } of counts.slice(0, MAX_COUNTED)) {
		const names = [network.slice(0, MAX_NAME), actor.slice(0, MAX_NAME)] as const
		const { known, own } = sql
			.exec<{ known: number; own: number }>(
				'SELECT COUNT(*) AS known, COALESCE(SUM(network = ? AND actor = ?), 0) AS own FROM refused WHERE minute = ? AND what = ?',
				...names,
				minute,
				what,
			)
			.one()
		const [whose, who] = own > 0 || known < MAX_COUNTED ? names : [OTHERS, OTHERS]
		sql.exec(
			`INSERT INTO refused (minute, what, network, actor, count) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT (minute, what, network, actor) DO UPDATE SET count = count + excluded.count`,
			minute,
			what,
			whose,
			who,
			count,
		)
	}
}

/** Makes entries of the minutes that are over, in the caller's transaction. */
export function auditRefused(sql: SqlStorage, now: number): void {
	const thisMinute = Math.floor(now / MINUTE_MS)
	const over = sql
		.exec<Pick<CountRow, 'minute' | 'what'>>(
			'SELECT DISTINCT minute, what FROM refused WHERE minute < ? ORDER BY minute, what',
			thisMinute,
		)
		.toArray()
	for (const { minute, what } of over) {
		const rows = sql.exec<CountRow>('SELECT * FROM refused WHERE minute = ? AND what = ?', minute, what).toArray()
		const since = new Date(minute * MINUTE_MS).toISOString()
		const subject = { key: `Refusals/-/${what}`, before: null, after: { since, ...summed(rows) } }
		appendAudit(sql, { at: now, actor: { name: 'nobody', role: 'viewer' }, action: `${what}.refused`, subject })
	}
	sql.exec('DELETE FROM refused WHERE minute < ?', thisMinute)
}

function summed(rows: readonly CountRow[]) {
	const ordered = rows.filter(({ network }) => network !== OTHERS).sort((a, b) => b.count - a.count)
	const named = ordered.slice(0, MAX_NAMED)
	const sum = (some: readonly CountRow[]) => some.reduce((total, { count }) => total + count, 0)
	return {
		count: sum(rows),
		to: named.map(({ network, actor, count }) => ({ network, ...(actor !== '' && { actor }), count })),
		others: sum(rows) - sum(named),
	}
}
