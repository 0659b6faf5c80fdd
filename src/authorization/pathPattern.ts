/**
 * What policies say of paths: exact, `/a*`, `*.html`, `*`, and Istio's templates.
 *
 * `{*}` is one segment that is not empty. `{**}` is any text, slashes and nothing included (Envoy's uri_template, which Istio hands
 * templates to): `/a/{**}` matches `/a/` and `/a/b/c`, but not `/a`, which has no second slash.
 */
import { fold, spell } from './canonicalPath.ts'
import { kindOf, type TextMatcher, textMatches } from './textPattern.ts'

export interface PathPattern {
	readonly matches: TextMatcher
	/** The whole segments with which every path begins that matches; '' when nothing is known of them. Without a final `/`. */
	readonly root: string
}

const OPERATORS = /\{\*{1,2}\}/g
const SPECIAL = /[\\^$.*+?()[\]{}|/-]/g

/** Undefined: no pattern. `folds`: to be compared with folded paths, see `fold`. */
export function parsePathPattern(text: string, folds: boolean): PathPattern | undefined {
	const spellLiteral = (literal: string) => {
		const spelled = spell(literal.normalize())
		return folds && spelled !== undefined ? fold(spelled) : spelled
	}
	if (text.includes('{')) return templateOf(text, spellLiteral)
	const { kind, literal } = kindOf(text)
	const spelled = spellLiteral(literal)
	if (spelled === undefined) return undefined
	const pattern = { kind, literal: spelled }
	const mayCut = kind === 'suffix' && !folds
	return {
		matches: (path) => textMatches(pattern, path) && !(mayCut && cutsCharacter(path, spelled)),
		root: kind === 'exact' ? withoutFinalSlash(spelled) : kind === 'prefix' ? spelled.replace(/\/?[^/]*$/, '') : '',
	}
}

function templateOf(text: string, spellLiteral: (literal: string) => string | undefined): PathPattern | undefined {
	const literals = text.split(OPERATORS).map(spellLiteral)
	const operators = text.match(OPERATORS) ?? []
	let source = ''
	for (const [i, literal] of literals.entries()) {
		if (literal === undefined) return undefined
		source += literal.replace(SPECIAL, '\\$&')
		const operator = operators[i]
		if (operator !== undefined) source += operator === '{*}' ? '[^/]+' : '.*'
	}
	const expression = new RegExp(`^${source}$`, 's')
	return { matches: (path) => expression.test(path), root: withoutFinalSlash(literals[0] ?? '') }
}

/** Whether the end begins inside of what encodes a byte: `*0b` says nothing of `/a%20b`, which ends in a space and `b`. */
const cutsCharacter = (path: string, end: string): boolean => /%.?$/.test(path.slice(0, -end.length))

/** The same path to services that do not mind a final `/`: with it, or without. */
export function otherEnding(path: string): string {
	if (path.length < 2) return path
	return path.endsWith('/') ? path.slice(0, -1) : `${path}/`
}

const withoutFinalSlash = (path: string): string => (path.endsWith('/') ? path.slice(0, -1) : path)

/** What is wrong with a pattern, as a sentence that says what would be right; undefined when it may be used. */
export function checkPathPattern(text: string): string | undefined {
	if (!/^[/*]/.test(text)) return "must begin with '/' or '*'"
	if (/[?#]/.test(text)) return "must be a path without a query: '?' and '#' are no part of it"
	const isTemplate = text.includes('{') || text.includes('}')
	const rest = isTemplate ? text.replace(/(?<=\/)\{\*{1,2}\}(?=\/|$)/g, '') : kindOf(text).literal
	if (isTemplate && /[{}*]/.test(rest))
		return "must have each '{*}' and '{**}' as a whole segment, and no other '{', '}' or '*'"
	if (isTemplate && /\{\*\*\}.*\{/s.test(text)) return "must have '{**}' as its last operator"
	if (rest.includes('*')) return "must have '*' at its beginning or at its end only; '{*}' stands for a segment"
	return parsePathPattern(text, true) === undefined
		? "must have '%' only before two hexadecimal digits, and encode UTF-8"
		: undefined
}
