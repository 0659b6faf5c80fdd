/** The part that says whom to believe: what the KeyRing told, as far as the documents agree. */
import { TRUST_PART } from '../../src/names.ts'
import type { ResourceIndex } from '../../src/snapshot/resourceIndex.ts'
import { believed } from '../../src/snapshot/services/federation.ts'
import type { Trust } from '../../src/snapshot/trust.ts'
import { readLongText, storeLongText } from '../longTexts.ts'
import { MAX_PART_CHARACTERS, TooLarge } from './limits.ts'
import { currentRevision, currentSequence, readMeta, writeMeta } from './meta.ts'
import { storedBody, storePart } from './parts.ts'

/** 0: none yet. */
export const trustVersion = (sql: SqlStorage): number => Number(readMeta(sql, 'trust') ?? 0)

/** Stores what the KeyRing tells, unless something as new is stored, in the caller's transaction. Whether the part changed. */
export function storeTrust(sql: SqlStorage, index: ResourceIndex, version: number, trust: Trust): boolean {
	if (version <= trustVersion(sql)) return false
	const told = JSON.stringify(trust)
	if (told.length > MAX_PART_CHARACTERS)
		throw new TooLarge(
			`the trust part would have ${told.length} characters; at most ${MAX_PART_CHARACTERS} are carried`,
		)
	writeMeta(sql, 'trust', version)
	writeMeta(sql, 'trustTold', storeLongText(sql, 'meta', 'trustTold', told)!)
	return storeBelieved(sql, index)
}

/** Makes the part anew of what was told last, in the caller's transaction. Whether it changed. */
export function storeBelieved(sql: SqlStorage, index: ResourceIndex): boolean {
	const told = readLongText(sql, 'meta', 'trustTold', readMeta(sql, 'trustTold') ?? null)
	if (told === null) return false
	const body = JSON.stringify(believed(JSON.parse(told) as Trust, index))
	if (body === storedBody(sql, TRUST_PART)) return false
	const sequence = currentSequence(sql) + 1
	storePart(sql, TRUST_PART, body, sequence, currentRevision(sql))
	writeMeta(sql, 'sequence', sequence)
	return true
}
