/** The memory of what may be shown to the mesh only once: bounded, and shared, so that whoever fills a share is refused alone. */
import { createHash } from 'node:crypto'
import { mayTake } from '../../src/keys/limits.ts'
import type { ShownOnce } from '../../src/ports.ts'

/**
 * Some 75 MB of storage. Everything that the ring issues, at the rate that it allows for all, leaves some 200,000 behind: proofs of
 * keys live for two minutes, and proofs of who renews for five. As long as all others remember no more than half of this, nobody is
 * refused for what one does.
 */
const MAX_SEEN = 250_000

/** Counted here, because counting them in the table takes as long as there are many. */
export interface Seen {
	readonly capacity: number
	/** By subject; not more of them than there is remembered. */
	readonly held: Map<string, number>
	total: number
}

export function openSeen(sql: SqlStorage, capacity = MAX_SEEN): Seen {
	const seen: Seen = { capacity, held: new Map(), total: 0 }
	const counted = sql.exec<{ subject: string; n: number }>('SELECT subject, COUNT(*) AS n FROM seen GROUP BY subject')
	for (const { subject, n } of counted) countSeen(seen, subject, n)
	return seen
}

type SeenRefusal =
	/** Shown before, or expired. */
	{ readonly reason: 'again'; readonly value: string } | { readonly reason: 'full' }

/** Why not all of this may be shown now. Nothing is remembered by it. */
export function seenRefusal(
	sql: SqlStorage,
	seen: Seen,
	subject: string,
	shown: readonly ShownOnce[],
	now: number,
): SeenRefusal | undefined {
	if (shown.length === 0) return undefined
	forgetSeen(sql, seen, now)
	for (const { value, expiresAt } of shown) {
		const isNew = expiresAt > now && sql.exec('SELECT 1 FROM seen WHERE hash = ?', hashOf(value)).toArray().length === 0
		if (!isNew) return { reason: 'again', value }
	}
	const hasRoom = mayTake(shown.length, seen.held.get(subject) ?? 0, seen.total, seen.capacity)
	return hasRoom ? undefined : { reason: 'full' }
}

/** Where nothing speaks against it. When it is committed, `countSeen` has to follow. */
export function storeSeen(sql: SqlStorage, subject: string, shown: readonly ShownOnce[]): void {
	for (const { value, expiresAt } of shown)
		sql.exec(
			'INSERT INTO seen (hash, expires_at, subject) VALUES (?, ?, ?)',
			hashOf(value),
			Math.ceil(expiresAt),
			subject,
		)
}

export function countSeen(seen: Seen, subject: string, more: number): void {
	const held = (seen.held.get(subject) ?? 0) + more
	if (held > 0) seen.held.set(subject, held)
	else seen.held.delete(subject)
	seen.total += more
}

/** `first` once per value. `full`: it cannot be remembered, and so must not be taken. */
export function firstTime(
	sql: SqlStorage,
	seen: Seen,
	subject: string,
	shown: ShownOnce,
	now: number,
): 'first' | 'again' | 'full' {
	const refusal = seenRefusal(sql, seen, subject, [shown], now)
	if (refusal !== undefined) return refusal.reason
	storeSeen(sql, subject, [shown])
	countSeen(seen, subject, 1)
	return 'first'
}

/** What has expired is new again: whoever checks the value refuses it for its age. */
export function forgetSeen(sql: SqlStorage, seen: Seen, now: number): void {
	const gone = sql.exec<{ subject: string }>('DELETE FROM seen WHERE expires_at <= ? RETURNING subject', now)
	for (const { subject } of gone) countSeen(seen, subject, -1)
}

const hashOf = (value: string): string => createHash('sha256').update(value).digest('hex')
