/** How large things may be in the PolicyStore, so that no row, message or isolate is asked to hold more than it can. */
import type { ChangeRefusal } from '../../src/ports.ts'
import { keyOf, type Resource } from '../../src/resources/resource.ts'

/** A row of the history holds a document twice, before and after, and may have 2 MB. */
const MAX_DOCUMENT_BYTES = 900_000
/** Shares a row with its document. */
export const MAX_STATUS_CHARACTERS = 300_000
/**
 * Of one part. It must go through one RPC message (32 MiB) whatever its characters, and an object that works on one holds
 * some seven copies in its 128 MB.
 */
export const MAX_PART_CHARACTERS = 8_000_000
/** An answer or a push stops growing here, unless one item alone is larger. */
export const PAGE_CHARACTERS = 4_000_000

/** Rolls back what would not fit. Where users wrote it, they are told; where they did not, it is a bug. */
export class TooLarge extends Error {}

/** The first document that is too large to keep. */
export function documentTooLarge(documents: readonly Resource[]): ChangeRefusal | undefined {
	for (const document of documents) {
		const bytes = new TextEncoder().encode(JSON.stringify(document)).length
		if (bytes > MAX_DOCUMENT_BYTES)
			return {
				reason: 'too_large',
				detail: `${keyOf(document)} has ${bytes} bytes as JSON; a document may have ${MAX_DOCUMENT_BYTES}. Nothing was changed`,
			}
	}
	return undefined
}
