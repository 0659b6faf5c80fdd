/** Random paths, patterns and values, as routes ask for them; and texts that satisfy what a route asks. */
import { pick, type Random, some, upTo } from './chance.ts'
import type { MatchDocument, ValueMatch } from './documents.ts'

const SEGMENTS = ['a', 'b', 'ab', 'c', 'A', 'v1', 'v2', 'x.y', 'a%20b', '%41', 'a;b', '~z']
export const VALUES = ['red', 'Red', 'blue', '1', 'v12', 'a b', 'é'] as const
export const HEADER_NAMES = ['x-team', 'X-Team', 'x-user', 'Version', 'x-flag']
export const PARAM_NAMES = ['q', 'Q', 'page', 'colour']
export const METHODS = ['GET', 'GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH']

/** Pieces of path patterns that RE2 and JavaScript read alike, with texts that match them. */
const PATH_PIECES: readonly (readonly [pattern: string, texts: readonly string[]])[] = [
	['/[a-c]+', ['/a', '/ab', '/c']],
	['/v[0-9]', ['/v1', '/v2']],
	['/(a|ab)', ['/a', '/ab']],
	['(/b)?', ['', '/b']],
	['/[^/]+', ['/a', '/x.y', '/A']],
	['/.*', ['/', '/a/b', '/c']],
	['/a', ['/a']],
]
const VALUE_PATTERNS: readonly (readonly [pattern: string, texts: readonly string[]])[] = [
	['v[0-9]+', ['v12', 'v1']],
	['(red|blue)', ['red', 'blue']],
	['.*', ['', 'red', 'a b']],
	['[Rr]e.', ['red', 'Red']],
]

const randomPath = (random: Random, most = 4): string =>
	some(random, 0, most, () => `/${pick(random, SEGMENTS)}`).join('')

export function randomPathMatch(random: Random): NonNullable<MatchDocument['path']> {
	const kind = random()
	if (kind < 0.2) {
		const pieces = some(random, 1, 3, () => pick(random, PATH_PIECES)[0])
		return { type: 'RegularExpression', value: pieces.join('') }
	}
	// Paths of no segment would catch all of a host's requests, and little could be told of it then.
	const path = randomPath(random) || (random() < 0.9 ? `/${pick(random, SEGMENTS)}` : '')
	if (kind < 0.45) return { type: 'Exact', value: `${path}${random() < 0.2 ? '/' : ''}` || '/' }
	const value = path + (random() < 0.2 ? '/' : '') || '/'
	return random() < 0.5 ? { value } : { type: 'PathPrefix', value }
}

export function randomValueMatch(random: Random, names: readonly string[]): ValueMatch {
	const name = pick(random, names)
	if (random() < 0.3) return { type: 'RegularExpression', name, value: pick(random, VALUE_PATTERNS)[0] }
	// The last of them no header field can have.
	const values = names === HEADER_NAMES ? VALUES.slice(0, -1) : VALUES
	return { ...(random() < 0.3 ? { type: 'Exact' as const } : {}), name, value: pick(random, values) }
}

/** A path that a match wants, as far as that can be told without being a matcher. */
export function pathFor(random: Random, { path = {} }: MatchDocument): string {
	const { type = 'PathPrefix', value = '/' } = path
	if (type === 'Exact') return value
	if (type === 'RegularExpression') return textFor(random, value, PATH_PIECES) || '/'
	return random() < 0.5 ? value : value.replace(/\/$/, '') + randomPath(random, 2) || '/'
}

export const valueFor = (random: Random, { type, value }: ValueMatch): string =>
	type === 'RegularExpression' ? textFor(random, value, VALUE_PATTERNS) : value

/** Takes the pattern apart into the pieces it was made of. */
function textFor(random: Random, pattern: string, pieces: typeof PATH_PIECES): string {
	const piece = pieces.find(([known]) => pattern.startsWith(known))
	if (piece === undefined) return ''
	const [known, texts] = piece
	return pick(random, texts) + textFor(random, pattern.slice(known.length), pieces)
}

/** Small changes that a wrong matcher may overlook. */
const PATH_SLIPS: readonly ((path: string, random: Random) => string)[] = [
	(path) => `${path}/`,
	(path) => path.slice(0, -1) || '/',
	(path, random) => path + pick(random, ['b', 'x', '%2F', '.', '//']),
	(path, random) => `${path}/${pick(random, SEGMENTS)}`,
	(path) => path.replace('/', '//'),
	(path) => path.toUpperCase(),
	(path) => path.slice(0, path.lastIndexOf('/')) || '/',
	(path, random) => path.replace(pick(random, SEGMENTS), () => pick(random, SEGMENTS)),
	(path) => path.replace('/a', '/x/../a'),
]

export const nearPath = (random: Random, path: string): string => pick(random, PATH_SLIPS)(path, random)

const VALUE_SLIPS: readonly ((value: string) => string)[] = [
	(value) => value.toUpperCase(),
	(value) => value.toLowerCase(),
	(value) => `${value}x`,
	(value) => value.slice(1),
	() => '',
	() => 'other',
]

export const nearValue = (random: Random, value: string): string => pick(random, VALUE_SLIPS)(value)

/** The name in some mixture of cases. */
export const anyCase = (random: Random, name: string): string =>
	[...name].map((letter) => (upTo(random, 1) === 1 ? letter.toUpperCase() : letter.toLowerCase())).join('')
