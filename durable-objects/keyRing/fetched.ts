/** Key documents from outside the mesh, as last fetched: of issuers of tokens, be they workloads' or users', and of other trust domains. */
import { type BundleDocument, goesBack, readBundle } from '../../src/keys/federatedBundle.ts'
import type { FetchedInfo, FetchedKeys } from '../../src/ports.ts'
import { err, ok, type Result } from '../../src/result.ts'
import type { FederatedBundle } from '../../src/snapshot/trust.ts'
import { readLongText, storeLongText } from '../longTexts.ts'
import { PUBLISHED, readIssuerKeys } from './issuers.ts'

interface FetchedRow extends Record<string, SqlStorageValue> {
	name: string
	kind: string
	url: string
	body: string | null
	fetched_at: number
	tried_at: number
	failure: string | null
	bundle: string | null
	sequence: string | null
	refresh_seconds: number | null
}

export type FetchedKind = FetchedInfo['kind']

const MAX_JWKS_LENGTH = 262_144
/** Of what is passed on of all bundles together: they share the part `trust` with what the mesh itself has to say. */
const MAX_FEDERATED_LENGTH = 2_000_000
const MAX_FAILURE_LENGTH = 500

const rowOf = (sql: SqlStorage, name: string): FetchedRow | undefined =>
	sql.exec<FetchedRow>('SELECT * FROM fetched WHERE name = ?', name).toArray()[0]

export function readFetched(sql: SqlStorage, name: string): FetchedKeys | null {
	const row = rowOf(sql, name)
	if (row === undefined) return null
	const { url, fetched_at, failure } = row
	const body = readLongText(sql, 'fetched', name, row.body) ?? ''
	return { url, body, fetchedAt: fetched_at, ...(failure === null ? {} : { failure }) }
}

export const listFetched = (sql: SqlStorage): FetchedInfo[] =>
	Array.from(
		sql.exec<FetchedRow>(
			`SELECT name, kind, url, NULL AS body, fetched_at, tried_at, failure, NULL AS bundle, sequence, refresh_seconds
				FROM fetched ORDER BY name`,
		),
		({ name, kind, url, fetched_at, tried_at, failure, sequence, refresh_seconds }) => ({
			...{ name, kind: kind as FetchedKind, url, fetchedAt: fetched_at, triedAt: tried_at },
			...(failure === null ? {} : { failure }),
			...(sequence === null ? {} : { sequence }),
			...(refresh_seconds === null ? {} : { refreshHintSeconds: refresh_seconds }),
		}),
	)

/** A document that cannot be read is a failure like any other: the good one before it stays. */
export function storeFetched(sql: SqlStorage, name: string, kind: FetchedKind, fetched: FetchedKeys): void {
	const { url, fetchedAt } = fetched
	const row = rowOf(sql, name)
	// From another URL nothing is kept: it is another's word, unless the issuer itself has said where its keys are.
	const before = row?.kind === kind && (row.url === url || kind === 'userIssuer') ? row : undefined
	const read = fetched.failure === undefined ? readDocument(sql, name, kind, fetched, before) : err(fetched.failure)
	if (!read.ok && before !== undefined) {
		const failure = read.error.slice(0, MAX_FAILURE_LENGTH)
		sql.exec('UPDATE fetched SET failure = ?, tried_at = ? WHERE name = ?', failure, fetchedAt, name)
		return
	}
	const published = read.ok ? read.value : {}
	sql.exec(
		`INSERT OR REPLACE INTO fetched (name, kind, url, body, fetched_at, tried_at, failure, bundle, sequence, refresh_seconds)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		name,
		kind,
		url,
		storeLongText(sql, 'fetched', name, read.ok ? fetched.body : null),
		read.ok ? fetchedAt : 0,
		fetchedAt,
		read.ok ? null : read.error.slice(0, MAX_FAILURE_LENGTH),
		storeLongText(sql, PUBLISHED, name, published.text ?? null),
		published.sequence ?? null,
		published.refreshHintSeconds ?? null,
	)
}

/** What a document becomes in `trust`, as JSON, and what it says of itself. */
interface Read extends Partial<Omit<BundleDocument, 'keys'>> {
	readonly text?: string
}

/** Of an issuer for joining, nothing that is of use here. The error says why it is none that may be taken. */
function readDocument(
	sql: SqlStorage,
	name: string,
	kind: FetchedKind,
	{ url, body }: FetchedKeys,
	before: FetchedRow | undefined,
): Result<Read, string> {
	if (kind !== 'trustDomain' && body.length > MAX_JWKS_LENGTH) return err(`more than ${MAX_JWKS_LENGTH} characters`)
	if (kind === 'issuer') return ok({})
	if (kind === 'userIssuer') {
		const issuer = readIssuerKeys(sql, name, body)
		return issuer.ok ? ok({ text: JSON.stringify(issuer.value) }) : issuer
	}
	const read = readBundle(body)
	if (!read.ok) return err(`the bundle ${read.error}`)
	const [was, is] = [before?.sequence ?? undefined, read.value.sequence]
	if (goesBack(was, is)) return err(`the bundle's spiffe_sequence went back from ${was} to ${is}`)
	const { keys: _, ...said } = read.value
	const text = bundleText(name, url, read.value)
	const others = bundleTexts(sql).filter((other) => other.name !== name)
	const length = others.reduce((sum, other) => sum + other.text.length, text.length)
	return length > MAX_FEDERATED_LENGTH
		? err(`the bundles of other trust domains have together more than ${MAX_FEDERATED_LENGTH} characters with this one`)
		: ok({ text, ...said })
}

const bundleText = (trustDomain: string, endpoint: string, { keys }: BundleDocument): string =>
	JSON.stringify({ trustDomain, keys, authorities: [], endpoint } satisfies FederatedBundle)

const bundleTexts = (sql: SqlStorage): { name: string; text: string }[] =>
	Array.from(
		sql.exec<{ name: string; bundle: string }>(
			"SELECT name, bundle FROM fetched WHERE kind = 'trustDomain' AND bundle IS NOT NULL ORDER BY name",
		),
		({ name, bundle }) => ({ name, text: readLongText(sql, PUBLISHED, name, bundle)! }),
	)

export function keepFetched(sql: SqlStorage, names: readonly string[]): void {
	const kept = new Set(names)
	for (const { name } of sql.exec<{ name: string }>('SELECT name FROM fetched').toArray()) {
		if (kept.has(name)) continue
		storeLongText(sql, 'fetched', name, null)
		storeLongText(sql, PUBLISHED, name, null)
		sql.exec('DELETE FROM fetched WHERE name = ?', name)
	}
}

/** Of other trust domains, each by its own name; ours is never among them. */
export const readFederated = (sql: SqlStorage, trustDomain: string): FederatedBundle[] =>
	bundleTexts(sql)
		.filter(({ name }) => name !== trustDomain)
		.map(({ text }) => JSON.parse(text) as FederatedBundle)
