/** Random RE2 patterns from a small grammar, and random texts that they may match. */

type Random = () => number
const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)]!

/** With case variants that JavaScript's own case mapping misses, both kinds of surrogate pair, and line ends. */
const LETTERS = [
	'a',
	'b',
	'k',
	's',
	'A',
	'K',
	'\u212a',
	'\u017f',
	'é',
	'É',
	'θ',
	'\u03d1',
	'\u03f4',
	'ß',
	'\u1e9e',
	'\u01c5',
]
const CHARACTERS = [...LETTERS, '\u01c4', '1', '_', ' ', '-', '\n', '\u{1f600}', '\u{10428}', '\ud83d']

const ATOMS = [
	'\\d',
	'\\w',
	'\\s',
	'\\D',
	'\\W',
	'\\pL',
	'\\PL',
	'\\p{Greek}',
	'[[:alpha:]]',
	'.',
	'(?s:.)',
	'\\n',
	'\\.',
	'',
]
const ANCHORS = ['^', '$', '\\A', '\\z', '\\b', '\\B', '(?m:^)', '(?m:$)']
const REPEATS = ['*', '+', '?', '*?', '+?', '??', '{2}', '{0,2}', '{1,}', '{0}']
const GROUPS = ['(', '(?:', '(?i:', '(?P<name>', '(?s:', '(?U:']

const quoted = (letter: string) => letter.replace(/[\n.-]/, (c) => (c === '\n' ? '\\n' : `\\${c}`))

function randomClass(random: Random): string {
	const members = Array.from({ length: 1 + Math.floor(random() * 3) }, () =>
		pick(random, [
			() => quoted(pick(random, CHARACTERS.slice(0, -1))),
			() => 'a-c',
			() => '\\d',
			() => 'α-ω',
			() => '\\W',
		]),
	)
	return `[${random() < 0.3 ? '^' : ''}${members.map((member) => member()).join('')}]`
}

function randomAtom(random: Random, depth: number): string {
	const kind = random()
	if (kind < 0.45) return quoted(pick(random, CHARACTERS.slice(0, -1)))
	if (kind < 0.6) return pick(random, ATOMS)
	if (kind < 0.7) return randomClass(random)
	if (kind < 0.8 || depth === 0) return pick(random, ANCHORS)
	return `${pick(random, GROUPS)}${randomPattern(random, depth - 1)})`
}

export function randomPattern(random: Random, depth = 2): string {
	const terms = Array.from({ length: 1 + Math.floor(random() * 3) }, () => {
		const atom = randomAtom(random, depth)
		return atom !== '' && random() < 0.35 ? atom + pick(random, REPEATS) : atom
	})
	const sequence = terms.join('')
	return random() < 0.25 ? `${sequence}|${randomPattern(random, Math.max(0, depth - 1))}` : sequence
}

export const randomText = (random: Random): string =>
	Array.from({ length: Math.floor(random() ** 2 * 8) }, () => pick(random, CHARACTERS)).join('')
