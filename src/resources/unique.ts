/** Lists in which no two entries may say the same. */
import type { z } from 'zod'

/** Index of each entry whose key an earlier entry has, with that entry's index. Entries without a key repeat nothing. */
export function repeats<T>(
	entries: readonly T[],
	keyOf: (entry: T) => string | undefined,
): { readonly index: number; readonly first: number }[] {
	const seen = new Map<string, number>()
	return entries.flatMap((entry, index) => {
		const key = keyOf(entry)
		if (key === undefined) return []
		const first = seen.get(key)
		if (first !== undefined) return [{ index, first }]
		seen.set(key, index)
		return []
	})
}

/** Gateway API: of entries that are equivalent only the first is considered. */
export function firstOfEach<T>(keyOf: (entry: T) => string) {
	return (entries: T[]): T[] => {
		const later = new Set(repeats(entries, keyOf).map(({ index }) => index))
		return entries.filter((_, index) => !later.has(index))
	}
}

/** A check that refuses every repeated entry, at its `field` when given. `message` gets the index of the first one. */
export function unique<T>(keyOf: (entry: T) => string | undefined, message: (first: number) => string, field?: string) {
	return (entries: readonly T[], context: z.RefinementCtx): void => {
		for (const { index, first } of repeats(entries, keyOf))
			context.addIssue({
				code: 'custom',
				path: field === undefined ? [index] : [index, field],
				message: message(first),
			})
	}
}

/** The same for words, each of which says all: `what` is what one of them is. */
export const distinct = (what: string) =>
	unique<string>(
		(word) => word,
		(first) => `must be unique: entry ${first} is this ${what}`,
	)
