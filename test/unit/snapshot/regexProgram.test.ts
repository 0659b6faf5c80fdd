/** The translation of re2js' programs: what the data plane runs says what RE2 says. */
import { RE2JS } from 're2js'
import { describe, expect, it } from 'vitest'
import { at, op, type RegexProgram, regexMatcher } from '../../../src/matching/regex.ts'
import { MAX_INSTRUCTIONS, regexProgram } from '../../../src/snapshot/routes/regexProgram.ts'
import { seeded } from '../../random.ts'
import { randomPattern, randomText } from './randomPatterns.ts'

const PATTERNS = 1_500
const TEXTS = 20

function programOf(pattern: string): RegexProgram {
	const program = regexProgram(pattern)
	if (!program.ok) throw new Error(`${pattern}: ${program.error}`)
	return program.value
}

describe('the translated program', () => {
	it('matches what RE2 matches, for random patterns and texts', () => {
		const counts = { matched: 0, unmatched: 0, refused: 0 }
		for (let seed = 1; seed <= PATTERNS; seed++) {
			const random = seeded(seed)
			const pattern = (random() < 0.3 ? '(?i)' : '') + randomPattern(random)
			const program = regexProgram(pattern)
			if (!program.ok) {
				counts.refused++
				continue
			}
			const matches = regexMatcher(program.value)
			const expected = RE2JS.compile(pattern)
			for (let i = 0; i < TEXTS; i++) {
				const text = randomText(random)
				const wanted = expected.matcher(text).matches()
				counts[wanted ? 'matched' : 'unmatched']++
				expect(matches(text), `seed ${seed}: /${pattern}/ on ${JSON.stringify(text)}`).toBe(wanted)
			}
		}
		expect(counts.matched).toBeGreaterThan(2_000)
		expect(counts.unmatched).toBeGreaterThan(2_000)
		expect(counts.refused).toBeLessThan(PATTERNS / 20)
	})

	it.each(['a', 'k', 's', '\u017f', '\u212a', 'θ', 'ß', 'µ', '\u01c6', 'å', 'i', 'ı', 'İ', 'я', '\u{10428}', '-'])(
		'ignores the case of %s exactly as RE2 does, for every character',
		(letter) => {
			const matches = regexMatcher(programOf(`(?i)${letter}`))
			const expected = RE2JS.compile(`(?i)${letter}`)
			const wrong: string[] = []
			for (let rune = 0; rune < 0x20000; rune++) {
				const text = String.fromCodePoint(rune)
				if (matches(text) !== expected.matcher(text).matches()) wrong.push(rune.toString(16))
			}
			expect(wrong).toEqual([])
		},
	)

	it.each<[string, readonly (readonly number[])[]]>([
		['a', [[op.fail], [op.range, 2, 97, 97], [op.match]]],
		['(?i)a', [[op.fail], [op.range, 2, 65, 65, 97, 97], [op.match]]],
		['[ax]', [[op.fail], [op.range, 2, 97, 97, 120, 120], [op.match]]],
		['.', [[op.fail], [op.range, 2, 0, 9, 11, 0x10ffff], [op.match]]],
		['(?s).', [[op.fail], [op.range, 2, 0, 0x10ffff], [op.match]]],
		['(a)', [[op.fail], [op.jump, 2], [op.range, 3, 97, 97], [op.jump, 4], [op.match]]],
		['a*', [[op.fail], [op.range, 2, 97, 97], [op.alt, 1, 3], [op.match]]],
		['', [[op.fail], [op.jump, 2], [op.match]]],
		['(?m)^', [[op.fail], [op.empty, 2, at.lineStart], [op.match]]],
		['(?m)$', [[op.fail], [op.empty, 2, at.lineEnd], [op.match]]],
		['^', [[op.fail], [op.empty, 2, at.textStart], [op.match]]],
		['$', [[op.fail], [op.empty, 2, at.textEnd], [op.match]]],
		['\\b', [[op.fail], [op.empty, 2, at.wordBoundary], [op.match]]],
		['\\B', [[op.fail], [op.empty, 2, at.noWordBoundary], [op.match]]],
	])('of %j holds re2js to its instruction numbers', (pattern, instructions) => {
		expect(programOf(pattern).instructions).toEqual(instructions)
	})
})

describe('refused patterns', () => {
	it.each([
		['(?<=a)b', /capture/],
		['(?<!a)b', /syntax|capture/],
		['(?=a)b', /syntax/],
		['(?!a)b', /syntax/],
		['(a)\\1', /invalid escape sequence/],
		['(?>a)', /syntax/],
		['(a', /missing closing \)/],
		['[b-a]', /range/],
		['a**', /repetition/],
		['a{1001}', /repeat/],
		['[ab]{1000}[ab]{1000}', /needs \d+ instructions; at most 2000/],
	])('%s says why', (pattern, sentence) => {
		const program = regexProgram(pattern)
		expect(program.ok).toBe(false)
		expect(program.ok || program.error).toMatch(sentence)
	})

	it('begin one instruction above the longest program', () => {
		const longest = (extra: number) => regexProgram(`${'[ab]'.repeat(MAX_INSTRUCTIONS - 2 + extra)}`)
		expect(longest(0).ok).toBe(true)
		expect(longest(1).ok).toBe(false)
	})
})
