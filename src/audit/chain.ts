/** The audit log as a chain: every entry carries the hash of the one before, so that none can be changed, moved or taken out unseen. */
import { err, ok, type Result } from '../result.ts'
import { canonicalJson } from './canonicalJson.ts'

/** SHA-256 of a text's UTF-8, in lower-case hex. */
export type Sha256 = (text: string) => string

/** What the first entry has in place of a hash before it. */
export const CHAIN_START = '0'.repeat(64)

/** One resource, or token, on its way from what it was to what it is. */
interface Change {
	readonly key: string
	readonly before: unknown
	readonly after: unknown
}

/** An entry as far as it is chained. Of what it changed the chain holds the hash, since documents are not kept for ever. */
export interface ChainedEntry {
	readonly id: number
	/** RFC 3339. */
	readonly at: string
	readonly actor: string
	readonly role: string
	readonly action: string
	readonly revision?: number
	/** How many changes the entry had when it was made, and their hash. Absent in entries that are older than the chain. */
	readonly changesCount?: number
	readonly changesHash?: string
	readonly previousHash: string
}

/** SHA-256 of the entry's canonical JSON, `previousHash` included. Members that are not part of the chain do not count. */
export function entryHash(entry: ChainedEntry, sha256: Sha256): string {
	const { id, at, actor, role, action, revision, changesCount, changesHash, previousHash } = entry
	return sha256(canonicalJson({ id, at, actor, role, action, revision, changesCount, changesHash, previousHash }))
}

/** Hash of the hashes, one after the other, of each change's canonical JSON. No more than one of them is held as text. */
export const hashOfChanges = (changes: Iterable<Change>, sha256: Sha256): string =>
	sha256(Array.from(changes, ({ key, before, after }) => sha256(canonicalJson({ key, before, after }))).join(''))

/** An entry as it is answered. One without hash was not shown whole. */
export interface AnsweredEntry extends Omit<ChainedEntry, 'previousHash'> {
	readonly previousHash?: string
	readonly hash?: string
	/** May be fewer than there were: long entries are cut short, and the documents of old revisions are dropped. */
	readonly changes?: readonly Change[]
}

/** What is left to know of an entry once it was looked at by itself. */
export interface Link {
	readonly id: number
	readonly previousHash: string
	readonly hash: string
	/** Whether all that it changed was there to be compared. */
	readonly whole: boolean
	readonly fault?: 'no_hash' | 'altered' | 'changes_altered'
}

export function linkOf(entry: AnsweredEntry, sha256: Sha256): Link {
	const { id, previousHash, hash, changes = [], changesCount, changesHash } = entry
	if (previousHash === undefined || hash === undefined)
		return { id, previousHash: '', hash: '', whole: false, fault: 'no_hash' }
	const whole = changesCount !== undefined && changes.length === changesCount
	const link = { id, previousHash, hash, whole }
	if (entryHash({ ...entry, previousHash }, sha256) !== hash) return { ...link, fault: 'altered' }
	const tooMany = changesCount !== undefined && changes.length > changesCount
	if (tooMany || (whole && hashOfChanges(changes, sha256) !== changesHash)) return { ...link, fault: 'changes_altered' }
	return link
}

export interface CheckedChain {
	readonly checked: number
	/** Entries of which not all changes were there to be compared with their hash. */
	readonly notWhole: number
	/** Hash of the newest entry: to be noted elsewhere, as the anchor of the next check. */
	readonly head: string
}

/** `id`: the first entry, in the order of the log, that does not fit. */
export type ChainFault =
	| {
			/** `not_chained`: what came before it is not what it was made after: entries are missing, moved or put in. */
			readonly reason: NonNullable<Link['fault']> | 'not_chained'
			readonly id: number
	  }
	/** No entry has the anchor's hash: the log was cut short, or made anew. */
	| { readonly reason: 'anchor_missing' }

/**
 * Checks links in the order of the log, oldest first. Without an anchor it cannot be seen that the newest entries are missing: what
 * is left is a chain too. `anchor`: hash of an entry that is known to have been there.
 */
export function checkChain(links: readonly Link[], anchor?: string): Result<CheckedChain, ChainFault> {
	let head = CHAIN_START
	let anchored = anchor === undefined || anchor === CHAIN_START
	for (const { id, previousHash, hash, fault } of links) {
		if (fault !== undefined) return err({ reason: fault, id })
		if (previousHash !== head) return err({ reason: 'not_chained', id })
		head = hash
		anchored ||= hash === anchor
	}
	if (!anchored) return err({ reason: 'anchor_missing' })
	return ok({ checked: links.length, notWhole: links.filter(({ whole }) => !whole).length, head })
}
