/** The ring in its tables: its keys, what was asked for, and how far it is published. */

import { heldKeys } from '../../src/keys/publication.ts'
import type { KeySettings, Ring, RingKey } from '../../src/keys/ring.ts'
import { settingsOf } from '../../src/keys/schedule.ts'
import type { KeyPurpose } from '../../src/ports.ts'
import { recordAuthority } from './issued.ts'
import { readMeta, readNumber, writeMeta } from './tables.ts'

export function loadRing(sql: SqlStorage): Ring {
	return {
		keys: Array.from(
			sql.exec<{ key: string }>('SELECT key FROM keys ORDER BY position'),
			({ key }) => JSON.parse(key) as RingKey,
		),
		requested: Array.from(
			sql.exec<{ purpose: string }>('SELECT purpose FROM rotations WHERE requested = 1'),
			({ purpose }) => purpose as KeyPurpose,
		),
		version: readNumber(sql, 'version'),
		publishedVersion: readNumber(sql, 'publishedVersion'),
		copiesUntil: readNumber(sql, 'copiesUntil'),
	}
}

/**
 * Writes what differs, in the caller's transaction. The private keys of those that sign no more are destroyed with it, and what
 * certificates there were of authorities stays on record.
 */
export function storeRing(sql: SqlStorage, before: Ring, after: Ring, sealed: ReadonlyMap<string, string>): void {
	const known = new Map(before.keys.map((key) => [key.kid, key]))
	for (const key of after.keys) {
		if (known.get(key.kid) !== key) {
			storeKey(sql, key)
			recordAuthority(sql, key)
		}
		known.delete(key.kid)
	}
	for (const kid of known.keys()) sql.exec('DELETE FROM keys WHERE kid = ?', kid)
	const held = heldKeys(after)
	for (const kid of heldKeys(before)) if (!held.has(kid)) sql.exec('DELETE FROM private_keys WHERE kid = ?', kid)
	for (const [kid, text] of sealed)
		sql.exec('INSERT OR REPLACE INTO private_keys (kid, sealed) VALUES (?, ?)', kid, text)
	if (after.requested !== before.requested) storeRequested(sql, after.requested)
	for (const counter of ['version', 'publishedVersion', 'copiesUntil'] as const)
		if (after[counter] !== before[counter]) writeMeta(sql, counter, after[counter])
}

export function storeKey(sql: SqlStorage, key: RingKey): void {
	sql.exec(
		'INSERT INTO keys (kid, key) VALUES (?, ?) ON CONFLICT (kid) DO UPDATE SET key = excluded.key',
		key.kid,
		JSON.stringify(key),
	)
}

function storeRequested(sql: SqlStorage, requested: readonly KeyPurpose[]): void {
	sql.exec('UPDATE rotations SET requested = 0')
	for (const purpose of requested)
		sql.exec(
			'INSERT INTO rotations (purpose, requested, failures) VALUES (?, 1, 0) ON CONFLICT (purpose) DO UPDATE SET requested = 1',
			purpose,
		)
}

/** Those of the `Mesh`, as last heard. */
export function readSettings(sql: SqlStorage): KeySettings {
	const [interval, lead] = [readMeta(sql, 'rotationIntervalMs'), readMeta(sql, 'publicationLeadMs')]
	return settingsOf({
		rotationIntervalMs: interval === undefined ? undefined : Number(interval),
		publicationLeadMs: lead === undefined ? undefined : Number(lead),
	})
}

export function storeSettings(sql: SqlStorage, { rotationIntervalMs, publicationLeadMs }: KeySettings): void {
	writeMeta(sql, 'rotationIntervalMs', rotationIntervalMs)
	writeMeta(sql, 'publicationLeadMs', publicationLeadMs)
}

export interface Failures {
	readonly failures: number
	readonly lastFailure?: string
}

export function readFailures(sql: SqlStorage, purpose: KeyPurpose): Failures {
	const [row] = sql.exec<{ failures: number; last_failure: string | null }>(
		'SELECT failures, last_failure FROM rotations WHERE purpose = ?',
		purpose,
	)
	if (row === undefined) return { failures: 0 }
	return { failures: row.failures, ...(row.last_failure === null ? {} : { lastFailure: row.last_failure }) }
}

/** One more rotation failed. Undefined: none is overdue any more. */
export function storeFailure(sql: SqlStorage, purpose: KeyPurpose, failure: string | undefined): void {
	if (failure === undefined)
		sql.exec('UPDATE rotations SET failures = 0, last_failure = NULL WHERE purpose = ? AND failures > 0', purpose)
	else
		sql.exec(
			`INSERT INTO rotations (purpose, requested, failures, last_failure) VALUES (?, 0, 1, ?) ON CONFLICT (purpose) DO UPDATE SET
				failures = failures + 1, last_failure = excluded.last_failure`,
			purpose,
			failure,
		)
}
