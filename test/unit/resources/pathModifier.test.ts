/** New paths for redirects and rewrites. */
import { expect, test } from 'vitest'
import { ruleProblems } from './fixtures.ts'

const judge = (path: unknown) =>
	['requestRedirect', 'urlRewrite'].map((field) => {
		const type = field === 'urlRewrite' ? 'URLRewrite' : 'RequestRedirect'
		return ruleProblems({ filters: [{ type, [field]: { path } }] }).map((problem) =>
			problem.replace(`filters[0].${field}.path.`, ''),
		)
	})
const full = (replaceFullPath: unknown) => ({ type: 'ReplaceFullPath', replaceFullPath })
const prefix = (replacePrefixMatch: unknown) => ({ type: 'ReplacePrefixMatch', replacePrefixMatch })
const characters = "must contain only the characters of a URL path; encode others as '%' and two hex digits"

test.each([
	[full('/'), []],
	[full('/a%20b/'), []],
	[full(''), ["replaceFullPath: must begin with '/'"]],
	[full('a'), ["replaceFullPath: must begin with '/'"]],
	[full('//evil.example'), ["replaceFullPath: must not contain '//'"]],
	[full('/a/../b'), ["replaceFullPath: must not contain '/../'"]],
	[full('/a?b'), [`replaceFullPath: ${characters}`]],
	[full('/a\r\nset-cookie: b'), [`replaceFullPath: ${characters}`]],
	[full('/ä'), [`replaceFullPath: ${characters}`]],
	[prefix(''), []],
	[prefix('/'), []],
	[prefix('/a/'), []],
	[prefix('a'), ["replacePrefixMatch: must begin with '/'"]],
	[prefix('/a//b'), ["replacePrefixMatch: must not contain '//'"]],
	[prefix('/\n'), [`replacePrefixMatch: ${characters}`]],
	[{ type: 'ReplaceFullPath' }, ['replaceFullPath: is required']],
	[{ type: 'ReplacePrefixMatch' }, ['replacePrefixMatch: is required']],
	[
		{ ...prefix('/a'), replaceFullPath: '/a' },
		['replaceFullPath: is not a field here; must be one of type, replacePrefixMatch'],
	],
	[{ replaceFullPath: '/a' }, ['type: is required']],
	[{ type: 'Regex' }, ['type: must be one of ReplaceFullPath, ReplacePrefixMatch [UnsupportedValue]']],
])('judges %j', (path, expected) => {
	expect(judge(path)).toEqual([expected, expected])
})

test('a path has at most 1,024 characters', () => {
	const path = `/${'a'.repeat(1_023)}`
	expect(judge(full(path))).toEqual([[], []])
	const tooLong = ['replaceFullPath: must be at most 1,024 characters long']
	expect(judge(full(`${path}a`))).toEqual([tooLong, tooLong])
})
