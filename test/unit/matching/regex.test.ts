/** The matcher's bounds: linear in the text whatever the pattern, and bounded in memory whatever the text. */
import { describe, expect, it } from 'vitest'
import { op, type RegexProgram, regexMatcher } from '../../../src/matching/regex.ts'
import { regexProgram } from '../../../src/snapshot/routes/regexProgram.ts'
import { seeded } from '../../random.ts'

function programOf(pattern: string): RegexProgram {
	const program = regexProgram(pattern)
	if (!program.ok) throw new Error(program.error)
	return program.value
}

/** A program that counts how often the matcher looks at an instruction. */
function counted(pattern: string): { program: RegexProgram; looks: () => number } {
	const { start, instructions } = programOf(pattern)
	let looks = 0
	const watched = new Proxy(instructions, {
		get: (target, property, receiver) => {
			looks++
			return Reflect.get(target, property, receiver)
		},
	})
	return { program: { start, instructions: watched }, looks: () => looks }
}

const LONG = 100_000

describe('patterns that hang backtracking matchers', () => {
	it.each([
		['(a+)+$', 'a', '!', false],
		['(a+)+$', 'a', '', true],
		['(a|a)*b', 'a', '', false],
		['(a|aa)+$', 'a', 'b', false],
		['(.*)*x', 'y', '', false],
		['(.*.*=.*)*', 'x', '=', true],
		['([a-zA-Z]+)*\\d', 'Z', '-', false],
		['(é+)+$', 'é', '!', false],
		['(\\b.\\B.?)*!', 'ab ', '?', false],
		['(?i)(k|K|\u212a)*$', '\u212ak', 'x', false],
	])('%s answers on a hundred thousand characters', (pattern, unit, end, expected) => {
		expect(regexMatcher(programOf(pattern))(unit.repeat(LONG / unit.length) + end)).toBe(expected)
	})

	it.each(['(a+)+$', '(a|a)*b', '(é+)+$', '(é|é)*b', '((a|é)*)*c'])(
		'%s costs twice as much on twice the text',
		(pattern) => {
			const cost = (length: number) => {
				const { program, looks } = counted(pattern)
				regexMatcher(program)('éa'.repeat(length / 2))
				return looks()
			}
			expect(cost(20_000)).toBeLessThanOrEqual(2 * cost(10_000) + 100)
		},
	)
})

describe('the cache of states', () => {
	/** Needs 2^11 states: which of the last eleven characters were an `a`. */
	const PATTERN = '[ab]*a[ab]{10}'
	const randomText = (random: () => number, length: number) =>
		Array.from({ length }, () => (random() < 0.5 ? 'a' : 'b')).join('')

	it('answers right when there are more states than it holds', () => {
		const matches = regexMatcher(programOf(PATTERN))
		for (let seed = 1; seed <= 200; seed++) {
			const text = randomText(seeded(seed), 500)
			expect(matches(text), `seed ${seed}`).toBe(text.at(-11) === 'a')
		}
	})

	it('saves the work of a text that needs few states', () => {
		const { program, looks } = counted('(?:/[a-z]+)*')
		const matches = regexMatcher(program)
		matches('/some/path/of/letters')
		const first = looks()
		matches('/some/path/of/letters')
		expect(looks()).toBe(first)
	})

	it('forgets states rather than keep them all', () => {
		const { program, looks } = counted(PATTERN)
		const matches = regexMatcher(program)
		const text = randomText(seeded(1), 20_000)
		matches(text)
		const first = looks()
		matches(text)
		expect(looks()).toBeGreaterThan(1.5 * first)
	})
})

describe('a program', () => {
	it('matches nothing where it fails, and the whole text or nothing', () => {
		const fails = regexMatcher({ start: 0, instructions: [[op.fail]] })
		const justA = regexMatcher({ start: 0, instructions: [[op.range, 1, 97, 97], [op.match]] })
		expect([fails(''), fails('a'), justA('a'), justA('aa'), justA(''), justA('b')]).toEqual([
			false,
			false,
			true,
			false,
			false,
			false,
		])
	})

	it('sees a character outside the Basic Multilingual Plane as one', () => {
		const matches = regexMatcher(programOf('^.$'))
		expect([matches('\u{1f600}'), matches('\u{1f600}\u{1f600}'), matches('\ud83d')]).toEqual([true, false, true])
	})

	it('answers alike every time, whatever was asked before', () => {
		const matches = regexMatcher(programOf('\\Ba+\\b|^b?$'))
		const texts = ['', 'a', 'b', 'aa', 'ab', '\n', 'bb']
		const once = texts.map((text) => matches(text))
		expect(texts.map((text) => matches(text))).toEqual(once)
	})
})
