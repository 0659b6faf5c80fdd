/** A replica's copy of the snapshot: takes batches in, shows them whole, and answers what isolates ask. */

import { addToFilter, type BloomFilter, createFilter } from '../../src/matching/bloomFilter.ts'
import { patternsFor } from '../../src/matching/host.ts'
import {
	canonicalMeshHost,
	isVirtualHostHead,
	MESH_PART,
	namespacePart,
	type PartName,
	patternOf,
	servicePart,
	virtualHostPart,
} from '../../src/names.ts'
import type { Delta, PartBatch } from '../../src/ports.ts'
import type { Cursor, Part } from '../../src/snapshot/snapshot.ts'
import { readLongText, storeLongText } from '../longTexts.ts'

type MetaKey = 'epoch' | 'sequence' | 'incomingEpoch' | 'incoming' | 'incomingNewest' | 'revision'
const COLUMNS = 'name, sequence, revision, hash, body'
/** An answer stops growing here, unless one part alone is larger; what is left comes with `next`. RPC carries 32 MiB. */
export const ANSWER_CHARACTERS = 4_000_000
/** A delta that names more parts than this tells the isolate to reload what it holds instead. */
const DELTA_PARTS = 5_000

const read = (sql: SqlStorage, key: MetaKey): string | undefined =>
	sql.exec<{ value: string }>('SELECT value FROM meta WHERE key = ?', key).toArray()[0]?.value

const write = (sql: SqlStorage, key: MetaKey, value: string | number): void => {
	sql.exec('INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)', key, String(value))
}

export const shownCursor = (sql: SqlStorage): Cursor | undefined => {
	const epoch = read(sql, 'epoch')
	const sequence = read(sql, 'sequence')
	return epoch === undefined || sequence === undefined ? undefined : { epoch, sequence: Number(sequence) }
}

export const shownRevision = (sql: SqlStorage): number => Number(read(sql, 'revision') ?? 0)

/** How far the replica is, counting batches it does not show yet: where the next batch has to start. */
export const takenCursor = (sql: SqlStorage): Cursor | undefined => {
	const epoch = read(sql, 'incomingEpoch')
	return epoch === undefined ? shownCursor(sql) : { epoch, sequence: Number(read(sql, 'incoming')) }
}

/** Takes a batch if it follows what is there; in the caller's transaction. False when it does not fit. */
export function takeBatch(sql: SqlStorage, batch: PartBatch): boolean {
	const taken = takenCursor(sql)
	const follows = taken?.epoch === batch.epoch
	const held = follows ? taken.sequence : 0
	if (batch.from > held) return false
	// Said again, or overtaken: what it holds is here already, some of it in a newer state.
	if (batch.to < held) return true
	// Made before a half that is here, and not whole without it: that half lacks what has moved on since this one was made.
	const newest = follows ? Number(read(sql, 'incomingNewest') ?? 0) : 0
	if (batch.complete && batch.newest < newest && batch.from > shownIn(sql, batch.epoch)) return true
	// Of another history: what is shown stays until all of the new one is here.
	if (!follows) forgetIncoming(sql)
	for (const part of batch.parts) storeIncoming(sql, part)
	write(sql, 'incomingEpoch', batch.epoch)
	write(sql, 'incoming', batch.to)
	write(sql, 'incomingNewest', Math.max(newest, batch.newest))
	if (batch.complete) showIncoming(sql, batch)
	return true
}

/** How far the shown state is in a history; 0 when it is of another. */
function shownIn(sql: SqlStorage, epoch: string): number {
	const shown = shownCursor(sql)
	return shown?.epoch === epoch ? shown.sequence : 0
}

function storeIncoming(sql: SqlStorage, { name, sequence, revision, hash, body }: Part): void {
	sql.exec(
		`INSERT OR REPLACE INTO incoming (${COLUMNS}) VALUES (?, ?, ?, ?, ?)`,
		name,
		sequence,
		revision,
		hash,
		storeLongText(sql, 'incoming', name, body),
	)
}

function forgetIncoming(sql: SqlStorage): void {
	sql.exec('DELETE FROM incoming')
	sql.exec("DELETE FROM long_texts WHERE kind = 'incoming'")
	sql.exec("DELETE FROM meta WHERE key IN ('incomingEpoch', 'incoming', 'incomingNewest')")
}

function showIncoming(sql: SqlStorage, batch: PartBatch): void {
	const which = read(sql, 'epoch') === batch.epoch ? 'name IN (SELECT name FROM incoming)' : 'TRUE'
	sql.exec(`DELETE FROM long_texts WHERE kind = 'parts' AND ${which}`)
	sql.exec(`DELETE FROM parts WHERE ${which}`)
	sql.exec(`INSERT INTO parts (${COLUMNS}) SELECT ${COLUMNS} FROM incoming`)
	sql.exec("UPDATE long_texts SET kind = 'parts' WHERE kind = 'incoming'")
	forgetIncoming(sql)
	write(sql, 'epoch', batch.epoch)
	write(sql, 'sequence', batch.to)
	write(sql, 'revision', batch.revision)
}

export function deltaAfter(sql: SqlStorage, cursor: Cursor): Delta {
	const shown = shownCursor(sql)!
	const revision = shownRevision(sql)
	const reset = { cursor: shown, revision, changed: [], reset: true }
	if (cursor.epoch !== shown.epoch || cursor.sequence > shown.sequence) return reset
	if (cursor.sequence === shown.sequence) return { ...reset, reset: false }
	const changed = Array.from(
		sql.exec<{ name: string }>('SELECT name FROM parts WHERE sequence > ? LIMIT ?', cursor.sequence, DELTA_PARTS + 1),
		({ name }) => name,
	)
	return changed.length > DELTA_PARTS ? reset : { ...reset, changed, reset: false }
}

export function readPart(sql: SqlStorage, name: PartName): Part | undefined {
	const [row] = sql.exec<Record<string, SqlStorageValue>>(`SELECT ${COLUMNS} FROM parts WHERE name = ?`, name)
	return row && wholePart(sql, row as unknown as Part)
}

export const wholePart = (sql: SqlStorage, stored: Part): Part => ({
	...stored,
	body: readLongText(sql, 'parts', stored.name, stored.body),
})

/**
 * The named parts in the order of the names, read as they are asked for; one never heard of is gone, like one that was taken away. One
 * query for many of them: a host with 1,000 rules has 63 slices, and a query costs more than what it reads.
 */
export function* readParts(sql: SqlStorage, names: readonly PartName[]): Generator<Part> {
	for (let first = 0; first < names.length; first += NAMES_AT_ONCE) {
		const rows = sql.exec<Record<string, SqlStorageValue>>(
			`SELECT value AS name, IFNULL(sequence, 0) AS sequence, IFNULL(revision, 0) AS revision, IFNULL(hash, '') AS hash, body
				FROM json_each(?) LEFT JOIN parts ON parts.name = value`,
			JSON.stringify(names.slice(first, first + NAMES_AT_ONCE)),
		)
		for (const row of rows) yield wholePart(sql, row as unknown as Part)
	}
}

/** The names of one query are one text, which may have 2 MB. */
const NAMES_AT_ONCE = 1_000

/** The part's hash, which changes when the part does; '' while there is none. */
export const hashOf = (sql: SqlStorage, name: PartName): string =>
	sql.exec<{ hash: string }>('SELECT hash FROM parts WHERE name = ? AND body IS NOT NULL', name).toArray()[0]?.hash ??
	''

/** The pattern of the virtual host that serves a host: the service's own below the mesh domain, else the most specific. */
export function resolveHost(sql: SqlStorage, host: string, meshDomain: string): string | null {
	const meshHost = canonicalMeshHost(host, meshDomain)
	const patterns = meshHost === undefined ? patternsFor(host) : [meshHost]
	return patterns.find((pattern) => readPart(sql, virtualHostPart(pattern))?.body != null) ?? null
}

/** Names of the parts of one virtual host: its head, then its slices. */
export function partsOfHost(sql: SqlStorage, pattern: string): PartName[] {
	const head = virtualHostPart(pattern)
	// '0' follows '/' in ASCII: the range holds exactly the names that begin with `<head>/`.
	const slices = sql.exec<{ name: string }>(
		'SELECT name FROM parts WHERE name > ? AND name < ? AND body IS NOT NULL ORDER BY name',
		`${head}/`,
		`${head}0`,
	)
	return [head, ...Array.from(slices, ({ name }) => name)]
}

/**
 * The service parts that a virtual host's rules send to, at most `limit`: what a cold isolate would ask for next.
 *
 * Searched for in the text, since to parse the bodies of 1,000 rules costs more than all else of an answer. Quotation marks within a
 * string are escaped, so what is found is a field of that name; where one says something else, a look-up is in vain.
 */
export function servicesOf(parts: readonly Part[], limit: number): PartName[] {
	const services = new Set<PartName>()
	for (const { name, body } of parts) {
		if (body === null || patternOf(name) === undefined) continue
		const field = isVirtualHostHead(name) ? '"defaultService":"' : '"service":"'
		for (let at = body.indexOf(field); at >= 0 && services.size < limit; at = body.indexOf(field, at)) {
			at += field.length
			services.add(servicePart(body.slice(at, body.indexOf('"', at))))
		}
	}
	return [...services]
}

/** What bears on the services among the parts: the part of each one's namespace, and the mesh's, unless they are there already. */
export function defaultsOf(parts: readonly Part[]): PartName[] {
	const names = new Set<PartName>()
	for (const { name } of parts) {
		if (!name.startsWith('service/')) continue
		names.add(MESH_PART)
		names.add(namespacePart(name.slice('service/'.length, name.lastIndexOf('/'))))
	}
	for (const { name } of parts) names.delete(name)
	return [...names]
}

/** A filter of every pattern that the mesh answers for, at a cursor, and how many more it can take. */
export interface PatternFilter {
	readonly at: Cursor
	readonly filter: BloomFilter
	readonly room: number
}

/**
 * The filter at the shown cursor. A former one takes in what came since, for reading a hundred thousand patterns after every
 * change would cost each cold isolate; patterns that went stay in it, as false positives, until it is full and made anew.
 */
export function patternFilter(sql: SqlStorage, at: Cursor, former: PatternFilter | undefined): PatternFilter {
	if (former?.at.epoch === at.epoch && former.at.sequence === at.sequence) return former
	const known = former?.at.epoch === at.epoch && former.at.sequence < at.sequence ? former : undefined
	const patterns = patternsAfter(sql, known?.at.sequence ?? 0)
	if (known !== undefined && patterns.length <= known.room) {
		for (const pattern of patterns) addToFilter(known.filter, pattern)
		return { at, filter: known.filter, room: known.room - patterns.length }
	}
	const all = known === undefined ? patterns : patternsAfter(sql, 0)
	const room = Math.max(MIN_ROOM, all.length)
	const filter = createFilter(all.length + room)
	for (const pattern of all) addToFilter(filter, pattern)
	return { at, filter, room }
}

const MIN_ROOM = 256

/** Patterns whose virtual hosts came, or changed, after a sequence; by name where that is all of them. */
function patternsAfter(sql: SqlStorage, sequence: number): string[] {
	const parts =
		sequence === 0
			? sql.exec<{ name: string }>(
					"SELECT name FROM parts WHERE name >= 'virtualHost/' AND name < 'virtualHost0' AND body IS NOT NULL",
				)
			: sql.exec<{ name: string }>('SELECT name FROM parts WHERE sequence > ? AND body IS NOT NULL', sequence)
	return Array.from(parts, ({ name }) => name)
		.filter(isVirtualHostHead)
		.map((name) => name.slice('virtualHost/'.length))
}
