/** Texts of policies: exact, `abc*`, `*abc`, or `*` for whatever is there (Istio's exact, prefix, suffix and presence match). */

export type TextMatcher = (text: string) => boolean

export interface TextPattern {
	readonly kind: 'any' | 'exact' | 'prefix' | 'suffix'
	readonly literal: string
}

/** Of a text with a `*` at both ends the first counts, as in Istio; others are letters. */
export function kindOf(text: string): TextPattern {
	if (text === '*') return { kind: 'any', literal: '' }
	if (text.startsWith('*')) return { kind: 'suffix', literal: text.slice(1) }
	if (text.endsWith('*')) return { kind: 'prefix', literal: text.slice(0, -1) }
	return { kind: 'exact', literal: text }
}

/** Matches what one of the texts matches. `exact` are those that stand for themselves. */
export function compileTexts(texts: readonly string[], exact = exactOf(texts)): TextMatcher {
	const set = new Set(exact)
	const [only] = exact
	if (texts.length === 1 && only !== undefined) return (text) => text === only
	const patterns = texts.filter((text) => !set.has(text)).map(kindOf)
	return (text) => set.has(text) || patterns.some((pattern) => textMatches(pattern, text))
}

/** The texts that match nothing but themselves. */
export const exactOf = (texts: readonly string[]): readonly string[] =>
	texts.filter((text) => kindOf(text).kind === 'exact')

export function textMatches({ kind, literal }: TextPattern, text: string): boolean {
	switch (kind) {
		case 'any':
			return true
		case 'exact':
			return text === literal
		case 'prefix':
			return text.startsWith(literal)
		case 'suffix':
			return text.endsWith(literal)
	}
}
