/** Key documents from outside the mesh, as last fetched: of issuers whose tokens let workloads join, and of other trust domains. */
import { readBundle } from '../src/keys/federatedBundle.ts'
import type { FetchedKeys } from '../src/ports.ts'
import type { TrustBundle } from '../src/snapshot/trust.ts'
import { readLongText, storeLongText } from './longTexts.ts'

interface FetchedRow extends Record<string, SqlStorageValue> {
	name: string
	kind: string
	url: string
	body: string | null
	fetched_at: number
	failure: string | null
}

export type FetchedKind = 'issuer' | 'trustDomain'

const rowOf = (sql: SqlStorage, name: string): FetchedRow | undefined =>
	sql.exec<FetchedRow>('SELECT * FROM fetched WHERE name = ?', name).toArray()[0]

export function readFetched(sql: SqlStorage, name: string): FetchedKeys | null {
	const row = rowOf(sql, name)
	if (row === undefined) return null
	const { url, fetched_at, failure } = row
	const body = readLongText(sql, 'fetched', name, row.body) ?? ''
	return { url, body, fetchedAt: fetched_at, ...(failure === null ? {} : { failure }) }
}

/** A document that cannot be read is a failure like any other: the good one before it stays. */
export function storeFetched(sql: SqlStorage, name: string, kind: FetchedKind, fetched: FetchedKeys): void {
	const { url, body, fetchedAt } = fetched
	const failure = fetched.failure ?? faultOf(name, kind, body)
	const before = rowOf(sql, name)
	if (failure !== undefined && before?.url === url && before.kind === kind) {
		sql.exec('UPDATE fetched SET failure = ? WHERE name = ?', failure, name)
		return
	}
	// From another URL nothing is kept: it is another's word.
	const good = failure === undefined
	sql.exec(
		'INSERT OR REPLACE INTO fetched (name, kind, url, body, fetched_at, failure) VALUES (?, ?, ?, ?, ?, ?)',
		name,
		kind,
		url,
		storeLongText(sql, 'fetched', name, good ? body : null),
		good ? fetchedAt : 0,
		failure ?? null,
	)
}

function faultOf(name: string, kind: FetchedKind, body: string): string | undefined {
	if (kind === 'issuer') return body.length > MAX_JWKS_LENGTH ? `more than ${MAX_JWKS_LENGTH} characters` : undefined
	const bundle = readBundle(name, body)
	return bundle.ok ? undefined : `the bundle ${bundle.error}`
}

const MAX_JWKS_LENGTH = 262_144

export function keepFetched(sql: SqlStorage, names: readonly string[]): void {
	const kept = new Set(names)
	for (const { name } of sql.exec<{ name: string }>('SELECT name FROM fetched').toArray()) {
		if (kept.has(name)) continue
		storeLongText(sql, 'fetched', name, null)
		sql.exec('DELETE FROM fetched WHERE name = ?', name)
	}
}

/** Of other trust domains, each by its own name; ours is never among them. */
export function readFederated(sql: SqlStorage, trustDomain: string): TrustBundle[] {
	const rows = sql.exec<FetchedRow>(
		"SELECT * FROM fetched WHERE kind = 'trustDomain' AND body IS NOT NULL AND name <> ? ORDER BY name",
		trustDomain,
	)
	return rows.toArray().flatMap(({ name, body }) => {
		const bundle = readBundle(name, readLongText(sql, 'fetched', name, body)!)
		return bundle.ok ? [bundle.value] : []
	})
}
