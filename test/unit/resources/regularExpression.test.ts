/** Which patterns the mesh takes. */
import { expect, test } from 'vitest'
import { checkRegularExpression } from '../../../src/resources/regularExpression.ts'
import { regexProgram } from '../../../src/snapshot/routes/regexProgram.ts'

const patterns = [
	'/v[0-9]+/.*',
	'(?i)curl.*',
	'[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
	'(?:[0-9]{1,3}\\.){3}[0-9]{1,3}',
	'.{0,900}',
	'\\p{Greek}|\\pN',
	'(((((a*)*)*)*)*)*',
	'(?P<name>a)',
	'a'.repeat(1_024),
	'',
]
const refused: [string, string][] = [
	['(', 'must be a regular expression in RE2 syntax: error parsing regexp: missing closing ): `(`'],
	['(a)\\1', 'must be a regular expression in RE2 syntax: error parsing regexp: invalid escape sequence: `\\1`'],
	['a{1001}', 'must be a regular expression in RE2 syntax: error parsing regexp: invalid repeat count: `{1001}`'],
	['(?:a{1,10}){1,100}', 'must be simpler: it compiles to 2001 instructions, at most 2000 are allowed'],
	['a'.repeat(1_025), 'must be a pattern of at most 1024 characters'],
]

test.each(patterns)('takes %s', (pattern) => {
	expect(checkRegularExpression(pattern)).toBeUndefined()
})

test.each(refused)('refuses %s', (pattern, problem) => {
	expect(checkRegularExpression(pattern)).toBe(problem)
})

test.each(['(?=a)b', '(?!a)b', '(?<=a)b', '(?<!a)b', '\\C', '[a', '*', 'a**'])(
	'refuses %s, which is not RE2',
	(pattern) => {
		expect(checkRegularExpression(pattern)).toContain('must be a regular expression in RE2 syntax')
	},
)

test.each([`(?:${'ab'.repeat(400)}){1000}`, `(${'ab'.repeat(400)})\\Q\\E{1000}`, `(?:(?:${'a'.repeat(300)}){30}){30}`])(
	'refuses %s before compiling writes its repeats out',
	(pattern) => {
		expect(checkRegularExpression(pattern)).toBe('must repeat less: its counted repeats multiply to too long a program')
	},
)

test('whatever passes here can be built into the snapshot', () => {
	const passing = [...patterns, ...refused.map(([pattern]) => pattern)].filter(
		(p) => checkRegularExpression(p) === undefined,
	)
	expect(passing.map(regexProgram).filter(({ ok }) => !ok)).toEqual([])
})
