/** What a match may ask of a request. */
import { expect, test } from 'vitest'
import { RouteMatch } from '../../../src/resources/routeMatch.ts'
import { problems, route, times } from './fixtures.ts'

const at = 'spec.rules[0].matches[0]'
const judge = (match: unknown) => problems(route({ rules: [{ matches: [match] }] }))
const characters = `${at}.path.value: must contain only the characters of a URL path; encode others as '%' and two hex digits`

test.each([
	['/', []],
	['/a/b.c/', []],
	['/a/..b/.c', []],
	['/%20ä', [characters]],
	['/a b', [characters]],
	['/a?b', [characters]],
	['/%zz', [characters]],
	['a', [`${at}.path.value: must begin with '/'`]],
	['', [`${at}.path.value: must begin with '/'`]],
	['/a//b', [`${at}.path.value: must not contain '//'`]],
	['/a/./b', [`${at}.path.value: must not contain '/./'`]],
	['/a/../b', [`${at}.path.value: must not contain '/../'`]],
	['/a%2fb', [`${at}.path.value: must not contain '%2f'`]],
	['/a%2Fb', [`${at}.path.value: must not contain '%2F'`]],
	['/a#b', [`${at}.path.value: must not contain '#'`]],
	['/a/..', [`${at}.path.value: must not end with '/..'`]],
	['/a/.', [`${at}.path.value: must not end with '/.'`]],
	[`/${'a'.repeat(1_023)}`, []],
	[`/${'a'.repeat(1_024)}`, [`${at}.path.value: must be at most 1,024 characters long`]],
])('holds exact and prefix paths to their normal spelling: %s', (value, expected) => {
	expect(judge({ path: { type: 'Exact', value } })).toEqual(expected)
	expect(judge({ path: { value } })).toEqual(expected)
})

test('a pattern is no path, and is held to RE2 instead', () => {
	expect(judge({ path: { type: 'RegularExpression', value: 'a//b|/./' } })).toEqual([])
	const backreference = {
		path: { type: 'RegularExpression', value: '(a)\\1' },
		headers: [{ name: 'a', type: 'RegularExpression', value: '[' }],
		queryParams: [{ name: 'a', type: 'RegularExpression', value: '(?=b)' }],
	}
	expect(judge(backreference)).toEqual([
		`${at}.path.value: must be a regular expression in RE2 syntax: error parsing regexp: invalid escape sequence: \`\\1\``,
		`${at}.headers[0].value: must be a regular expression in RE2 syntax: error parsing regexp: missing closing ]: \`[\``,
		`${at}.queryParams[0].value: must be a regular expression in RE2 syntax: error parsing regexp: invalid or unsupported Perl syntax: \`(?=\``,
	])
})

test('what a match leaves out is filled in', () => {
	const path = { type: 'PathPrefix', value: '/' }
	expect(RouteMatch.parse({})).toEqual({ path, headers: [], queryParams: [] })
	expect(RouteMatch.parse({ path: { type: 'Exact' }, headers: [{ name: 'A', value: 'b' }], method: 'GET' })).toEqual({
		path: { type: 'Exact', value: '/' },
		headers: [{ type: 'Exact', name: 'A', value: 'b' }],
		queryParams: [],
		method: 'GET',
	})
})

test('of several entries with an equivalent name only the first counts', () => {
	const entries = [
		{ name: 'Version', value: '1' },
		{ name: 'version', value: '2' },
		{ name: 'Version', value: '3' },
	]
	const { headers, queryParams } = RouteMatch.parse({ headers: entries, queryParams: entries })
	expect(headers.map(({ value }) => value)).toEqual(['1'])
	expect(queryParams.map(({ value }) => value)).toEqual(['1', '2'])
})

const fieldValue =
	'must be printable US-ASCII, with spaces and tabs only between other characters (RFC 9110 field value)'
const header = (i: number) => ({ name: `h${i}`, value: 'x' })
test.each([
	['16 headers and query parameters', { headers: times(16, header), queryParams: times(16, header) }, []],
	[
		'17 of them',
		{ headers: times(17, header), queryParams: times(17, header) },
		[`${at}.headers: must have at most 16 entries`, `${at}.queryParams: must have at most 16 entries`],
	],
	[
		'values that are too long or empty',
		{
			headers: [
				{ name: 'a', value: 'x'.repeat(4_097) },
				{ name: 'b', value: '' },
			],
			queryParams: [{ name: 'a', value: 'x'.repeat(1_025) }],
		},
		[
			`${at}.headers[0].value: must be at most 4,096 characters long`,
			`${at}.headers[1].value: must be at least 1 character long`,
			`${at}.queryParams[0].value: must be at most 1,024 characters long`,
		],
	],
	[
		'header values that no field can have',
		{
			headers: [
				{ name: 'a', value: 'x\r\ny: z' },
				{ name: 'b', value: ' x' },
				{ name: 'c', value: 'ü' },
				{ name: 'd', value: 'x y\tz' },
				{ name: 'e', type: 'RegularExpression', value: '\n' },
			],
			queryParams: [{ name: 'a', value: ' ü\n' }],
		},
		[0, 1, 2, 4].map((i) => `${at}.headers[${i}].value: ${fieldValue}`),
	],
	[
		'a pseudo header',
		{ headers: [{ name: ':method', value: 'GET' }] },
		[`${at}.headers[0].name: must be an HTTP field name (RFC 9110 token)`],
	],
	[
		'an unknown method',
		{ method: 'get' },
		[`${at}.method: must be one of GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, PATCH [UnsupportedValue]`],
	],
	[
		'an unknown type',
		{ path: { type: 'Prefix' } },
		[`${at}.path.type: must be one of Exact, PathPrefix, RegularExpression [UnsupportedValue]`],
	],
])('judges %s', (_, match, expected) => {
	expect(judge(match)).toEqual(expected)
})
