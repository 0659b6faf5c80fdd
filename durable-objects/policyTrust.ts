/** The part that says whom to believe, as the KeyRing told it. */
import { TRUST_PART } from '../src/names.ts'
import type { Trust } from '../src/snapshot/trust.ts'
import { MAX_PART_CHARACTERS, TooLarge } from './policyLimits.ts'
import { currentRevision, currentSequence, readMeta, writeMeta } from './policyMeta.ts'
import { storedBody, storePart } from './policyParts.ts'

/** 0: none yet. */
export const trustVersion = (sql: SqlStorage): number => Number(readMeta(sql, 'trust') ?? 0)

/** Stores what the KeyRing tells, unless something as new is stored, in the caller's transaction. Whether the part changed. */
export function storeTrust(sql: SqlStorage, version: number, trust: Trust): boolean {
	if (version <= trustVersion(sql)) return false
	const body = JSON.stringify(trust)
	if (body.length > MAX_PART_CHARACTERS)
		throw new TooLarge(
			`the trust part would have ${body.length} characters; at most ${MAX_PART_CHARACTERS} are carried`,
		)
	writeMeta(sql, 'trust', version)
	if (body === storedBody(sql, TRUST_PART)) return false
	const sequence = currentSequence(sql) + 1
	storePart(sql, TRUST_PART, body, sequence, currentRevision(sql))
	writeMeta(sql, 'sequence', sequence)
	return true
}
