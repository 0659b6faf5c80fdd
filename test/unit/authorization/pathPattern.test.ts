/** Which paths a pattern matches: where it admits to the letter, where it refuses also what a service may take for the same. */
import { describe, expect, it } from 'vitest'
import { checkPathPattern } from '../../../src/authorization/pathPattern.ts'
import { ask, custom, matches, policy } from './asked.ts'

const asked = (pattern: string, path: string) => matches({ to: [{ paths: [pattern] }] }, { path })
const askedNot = (pattern: string, path: string) => matches({ to: [{ notPaths: [pattern] }] }, { path })

interface Row {
	readonly pattern: string
	/** Matched to the letter. */
	readonly same: readonly string[]
	/** Taken for the same by some services. */
	readonly like?: readonly string[]
	readonly other: readonly string[]
}

const ROWS: readonly Row[] = [
	{ pattern: '/', same: ['/'], other: ['/a'] },
	{ pattern: '/a', same: ['/a'], like: ['/a/', '/A', '/A/'], other: ['/', '/ab', '/a/b', '/b/a'] },
	{ pattern: '/a/', same: ['/a/'], like: ['/a', '/A'], other: ['/a/b', '/'] },
	{ pattern: '/Info', same: ['/Info'], like: ['/info', '/INFO/'], other: ['/inf'] },
	{ pattern: '/a*', same: ['/a', '/ab', '/a/b', '/a/'], like: ['/Ab'], other: ['/', '/b'] },
	{ pattern: '/a/*', same: ['/a/', '/a/b', '/a/b/c'], like: ['/a', '/A/b'], other: ['/ab', '/'] },
	{ pattern: '/*', same: ['/', '/a'], other: [] },
	{ pattern: '*', same: ['/', '/a/b'], other: [] },
	{ pattern: '*.js', same: ['/app.js', '/a/b.js'], like: ['/app.JS', '/app.js/'], other: ['/app.jsx'] },
	{ pattern: '*/info', same: ['/info', '/a/info'], like: ['/a/info/', '/INFO'], other: ['/info/a', '/ainfo'] },
	{ pattern: '*0b', same: ['/0b', '/a0b'], like: ['/0B'], other: ['/a%20b', '/a%E2%80%8B'] },
	{ pattern: '/~u', same: ['/~u'], like: ['/~U'], other: ['/u'] },
	{ pattern: '/%7eu', same: ['/~u'], like: ['/~u/'], other: ['/%7eu-'] },
	{ pattern: '/a b', same: ['/a%20b'], like: ['/A%20b'], other: ['/a+b'] },
	{ pattern: '/é', same: ['/%C3%A9'], like: ['/%C3%89'], other: ['/e'] },
	{ pattern: '/e\u0301/*', same: ['/%C3%A9/x'], like: ['/%C3%A9'], other: ['/e/x'] },
	{ pattern: '/x@y', same: ['/x@y'], like: ['/x%40y'], other: ['/xy'] },
	{ pattern: '/x%40y', same: ['/x%40y'], like: ['/x@y', '/X@Y/'], other: ['/xy'] },
	{ pattern: '/a.b+c|(d)', same: ['/a.b+c%7C(d)'], like: ['/A.b+c%7C(d)'], other: ['/aXb+c%7C(d)', '/a.bbc'] },
	{ pattern: '/{*}', same: ['/a'], like: ['/a/'], other: ['/', '/a/b'] },
	{
		pattern: '/foo/{*}',
		same: ['/foo/bar'],
		like: ['/foo/bar/', '/FOO/bar'],
		other: ['/foo/bar/baz', '/foo/', '/foo'],
	},
	{ pattern: '/a/{*}/c', same: ['/a/b/c'], like: ['/a/b/C/'], other: ['/a/c', '/a/b/b/c', '/a/b/cd'] },
	{ pattern: '/{*}/{*}', same: ['/a/b'], like: ['/a/b/'], other: ['/a', '/a/b/c'] },
	{ pattern: '/a.b/{*}', same: ['/a.b/c'], like: ['/A.b/c'], other: ['/aXb/c'] },
	// Envoy's `**` is any text, that of no length included; what is before it must be there.
	{ pattern: '/foo/{**}', same: ['/foo/', '/foo/a', '/foo/a/b/'], like: ['/foo', '/Foo/a'], other: ['/fooa', '/'] },
	{ pattern: '/foo/{**}/', same: ['/foo/bar/'], like: ['/foo/bar', '/foo/bar/baz.txt'], other: ['/foo/', '/foo'] },
	{
		pattern: '/foo/{**}/bar',
		same: ['/foo/a/bar', '/foo/a/b/bar'],
		like: ['/foo/a/bar/'],
		other: ['/foo/bar', '/foo/a/b'],
	},
	{
		pattern: '/foo/{*}/bar/{**}',
		same: ['/foo/buzz/bar/', '/foo/buzz/bar/baz'],
		like: ['/foo/buzz/bar'],
		other: ['/foo/bar/x'],
	},
	{ pattern: '/{**}', same: ['/', '/a/b'], other: [] },
]

describe.each(ROWS)('$pattern', ({ pattern, same, like = [], other }) => {
	it('as `paths` admits what it matches to the letter, and refuses what may be taken for it', () => {
		for (const path of same) expect(asked(pattern, path), path).toEqual({ admits: true, refuses: true })
		for (const path of like) expect(asked(pattern, path), path).toEqual({ admits: false, refuses: true })
		for (const path of other) expect(asked(pattern, path), path).toEqual({ admits: false, refuses: false })
	})

	it('as `notPaths` keeps an ALLOW from what may be taken for it, and a DENY from what it matches to the letter', () => {
		for (const path of same) expect(askedNot(pattern, path), path).toEqual({ admits: false, refuses: false })
		for (const path of like) expect(askedNot(pattern, path), path).toEqual({ admits: false, refuses: true })
		for (const path of other) expect(askedNot(pattern, path), path).toEqual({ admits: true, refuses: true })
	})

	it('may be written in a document', () => {
		expect(checkPathPattern(pattern)).toBeUndefined()
	})
})

describe('a pattern in a document', () => {
	it.each([
		['', "must begin with '/' or '*'"],
		['admin', "must begin with '/' or '*'"],
		['{**}', "must begin with '/' or '*'"],
		['/a?b', 'must be a path without a query'],
		['/a#b', 'must be a path without a query'],
		['/a/*/b', "must have '*' at its beginning or at its end only"],
		['*a*', "must have '*' at its beginning or at its end only"],
		['/a**', "must have '*' at its beginning or at its end only"],
		['/*/baz/{*}', "must have each '{*}' and '{**}' as a whole segment"],
		['/**/baz/{*}', "must have each '{*}' and '{**}' as a whole segment"],
		['/foo/{*}.txt', "must have each '{*}' and '{**}' as a whole segment"],
		['/foo/{**}buzz/bar', "must have each '{*}' and '{**}' as a whole segment"],
		['/foo/a{*}', "must have each '{*}' and '{**}' as a whole segment"],
		['/{*}/foo/{}/bar', "must have each '{*}' and '{**}' as a whole segment"],
		['/foo/{buzz}/bar', "must have each '{*}' and '{**}' as a whole segment"],
		['/foo/{*}/bar/*', "must have each '{*}' and '{**}' as a whole segment"],
		['/{***}', "must have each '{*}' and '{**}' as a whole segment"],
		['/foo}', "must have each '{*}' and '{**}' as a whole segment"],
		['/{**}/foo/{*}', "must have '{**}' as its last operator"],
		['/{**}/foo/{**}', "must have '{**}' as its last operator"],
		['/100%', "must have '%' only before two hexadecimal digits"],
		['/a%2*', "must have '%' only before two hexadecimal digits"],
		['/a%C3*', 'and encode UTF-8'],
	])('is not %j', (pattern, problem) => {
		expect(checkPathPattern(pattern)).toContain(problem)
	})

	it('that is none admits nobody and refuses everybody', () => {
		expect(asked('/100%', '/')).toEqual({ admits: false, refuses: true })
		expect(askedNot('/100%', '/')).toEqual({ admits: false, refuses: true })
	})
})

describe('CUSTOM and AUDIT', () => {
	it('match what may be taken for the path, as DENY does: asking and noting once more does no harm', () => {
		const rules = [{ to: [{ paths: ['/admin'] }] }]
		const { authorizers, audited } = ask([[custom('opa', rules), policy('AUDIT', rules)]], { path: '/Admin/' })
		expect(authorizers.map(({ name }) => name)).toEqual(['opa'])
		expect(audited).toEqual(['default/AUDIT'])
	})
})

describe('a path that is ambiguous, where only dry runs and AUDIT look at it', () => {
	it('is compared as it came', () => {
		const rules = [{ to: [{ paths: ['/admin*'] }] }]
		expect(ask([[policy('AUDIT', rules)]], { path: '/ADMIN%zz' }).audited).toEqual(['default/AUDIT'])
		expect(ask([[policy('AUDIT', rules)]], { path: '/%ff' }).audited).toEqual([])
	})
})
