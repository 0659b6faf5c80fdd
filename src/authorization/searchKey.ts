/** By what rules are found: a piece of a text, cut out where many rules look, so that one look-up asks for all of them. */
import type { TextPattern } from './textPattern.ts'

export interface Cut {
	readonly kind: 'exact' | 'prefix' | 'suffix' | 'segment'
	/** The length of a prefix or suffix; of a segment its place in a path, 1 after the first slash; else 0. */
	readonly at: number
}

/** Texts have it when `text` is what is cut out of them. */
export interface SearchKey extends Cut {
	readonly text: string
}

/** As long as an address of IPv6. Of longer prefixes and suffixes so much is looked up: each length that rules have costs a look-up. */
const MAX_LENGTH = 128

/** Keys that all texts have which match. None: the pattern says nothing of them. */
export function searchKeys({ kind, literal }: TextPattern): readonly SearchKey[] {
	if (kind === 'exact') return [{ kind, at: 0, text: literal }]
	if (kind === 'any' || literal === '') return []
	const cut = { kind, at: Math.min(literal.length, MAX_LENGTH) }
	return [{ ...cut, text: cutOut(literal, cut) }]
}

/** Of a text that is too short, nothing, or less than any key has. */
export function cutOut(text: string, { kind, at }: Cut): string {
	switch (kind) {
		case 'exact':
			return text
		case 'prefix':
			return text.slice(0, at)
		case 'suffix':
			return text.slice(-at)
		case 'segment':
			return text.split('/', at + 1)[at] ?? ''
	}
}
