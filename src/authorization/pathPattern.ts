/**
 * What policies say of paths: exact, `/a*`, `*.html`, `*`, and Istio's templates.
 *
 * `{*}` is one segment that is not empty. `{**}` is any text, slashes and nothing included (Envoy's uri_template, which Istio hands
 * templates to): `/a/{**}` matches `/a/` and `/a/b/c`, but not `/a`, which has no second slash.
 */
import { fold, spell } from './canonicalPath.ts'
import { type SearchKey, searchKeys } from './searchKey.ts'
import { kindOf, type TextMatcher, textMatches } from './textPattern.ts'

export interface PathPattern {
	readonly matches: TextMatcher
	/** Every path that matches has each of them. */
	readonly keys: readonly SearchKey[]
}

const OPERATORS = /\{\*{1,2}\}/g
/** Of a template, rules are found by one of so many: each place where rules have them costs a look-up. */
const MAX_SEGMENTS = 16
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
		keys: searchKeys(pattern),
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
	const keys = [
		...searchKeys({ kind: 'prefix', literal: literals[0]! }),
		...searchKeys({ kind: 'suffix', literal: literals.at(-1)! }),
		...segmentKeys(text, spellLiteral),
	]
	return { matches: (path) => expression.test(path), keys }
}

/** Segments in front of what may be several: of `{**}`, and of an encoded slash, which divides folded paths. */
function segmentKeys(text: string, spellLiteral: (literal: string) => string | undefined): readonly SearchKey[] {
	const keys: SearchKey[] = []
	for (const [at, segment] of text.split('/', MAX_SEGMENTS).entries()) {
		if (segment === '{*}') continue
		const spelled = segment.includes('{') ? undefined : spellLiteral(segment)
		if (spelled === undefined || spelled.includes('/')) break
		if (spelled !== '') keys.push({ kind: 'segment', at, text: spelled })
	}
	return keys
}

/** Whether the end begins inside of what encodes a byte: `*0b` says nothing of `/a%20b`, which ends in a space and `b`. */
const cutsCharacter = (path: string, end: string): boolean => /%.?$/.test(path.slice(0, -end.length))

/** The same path to services that do not mind a final `/`: with it, or without. */
export function otherEnding(path: string): string {
	if (path.length < 2) return path
	return path.endsWith('/') ? path.slice(0, -1) : `${path}/`
}

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
