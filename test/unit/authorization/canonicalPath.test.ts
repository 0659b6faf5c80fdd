/** Which paths policies may look at, and in which spelling. */
import { describe, expect, it } from 'vitest'
import { canonicalPath, fold, spell } from '../../../src/authorization/canonicalPath.ts'
import { seeded } from '../../random.ts'

/** Paths that mean one thing, and how they are spelled. */
const CLEAR: readonly (readonly [path: string, spelled: string])[] = [
	['/', '/'],
	['/a', '/a'],
	['/a/', '/a/'],
	['/a/b/c', '/a/b/c'],
	['/A', '/A'],
	['/.well-known/jwks.json', '/.well-known/jwks.json'],
	['/.a', '/.a'],
	['/..a', '/..a'],
	['/a..b', '/a..b'],
	['/a.b.c/', '/a.b.c/'],
	["/!$&'()*+,=:@-_.~a", "/!$&'()*+,=:@-_.~a"],
	['/package.Service/Method', '/package.Service/Method'],
	['/%61dmin', '/admin'],
	['/%41', '/A'],
	['/%7Euser', '/~user'],
	['/%7euser', '/~user'],
	['/a%2Db', '/a-b'],
	['/a%5Fb', '/a_b'],
	['/a%2Ejs', '/a.js'],
	['/%2Ea', '/.a'],
	['/a%30', '/a0'],
	['/a%20b', '/a%20b'],
	['/a b', '/a%20b'],
	['/%20a', '/%20a'],
	['/x%40y', '/x%40y'],
	['/x@y', '/x@y'],
	['/a%2a', '/a%2A'],
	['/a%3a', '/a%3A'],
	['/100%25', '/100%25'],
	['/100%25/', '/100%25/'],
	['/100%25x', '/100%25x'],
	['/100%25%25', '/100%25%25'],
	['/%c3%a9', '/%C3%A9'],
	['/é', '/%C3%A9'],
	['/straße', '/stra%C3%9Fe'],
	['/%E2%82%AC', '/%E2%82%AC'],
	['/€', '/%E2%82%AC'],
	['/%F0%9F%98%80', '/%F0%9F%98%80'],
	['/😀', '/%F0%9F%98%80'],
	['/%D0%B6', '/%D0%B6'],
	['/日本', '/%E6%97%A5%E6%9C%AC'],
	['/a|b', '/a%7Cb'],
	['/a%7Cb', '/a%7Cb'],
	['/a[1]', '/a%5B1%5D'],
	['/a"b', '/a%22b'],
	['/{a}', '/%7Ba%7D'],
	['/a^b`c', '/a%5Eb%60c'],
	['/<a>', '/%3Ca%3E'],
]

/** Paths that may mean several things, and what they have that does. */
const AMBIGUOUS: readonly (readonly [words: string, paths: readonly string[]])[] = [
	['no slash at its beginning', ['', '*', 'admin', '%61', '.']],
	[
		'a percent sign that encodes nothing',
		['/%', '/a%', '/%2', '/%zz', '/%u002f', '/%U002F', '/%2/', '/%%32%66', '/%g0', '/100%/x', '/%-1', '/\ud800'],
	],
	['an encoded slash', ['/a%2Fb', '/a%2fb', '/%2F', '/%2f%2f', '/admin%2F', '/..%2fadmin', '/%2e%2e%2fadmin']],
	['a backslash', ['/a\\b', '/\\admin', '/a%5Cb', '/a%5cb', '/..%5cadmin', '/a\\..\\b']],
	[
		'a double encoding',
		[
			'/%252fadmin',
			'/%252Fadmin',
			'/%25%32%66',
			'/%2561dmin',
			'/%252e%252e/admin',
			'/%25252e',
			'/%25u002f',
			'/a%255cb',
			'/%2500',
			'/%25%61%61',
		],
	],
	['an encoded question mark', ['/admin%3F', '/admin%3fa=b', '/admin?x']],
	['an encoded number sign', ['/admin%23', '/admin%23/x', '/admin#x']],
	['a semicolon', ['/admin;', '/admin;a=b', '/admin/;/x', '/admin%3Bx', '/admin%3bx', '/..;/admin', '/;/admin']],
	[
		'a control character',
		[
			'/admin%00',
			'/admin%00.js',
			'/%09admin',
			'/admin%0a',
			'/admin%0D%0A',
			'/a%1Fb',
			'/a%7f',
			'/a\tb',
			'/a\nb',
			'/a%C2%85b',
		],
	],
	['an empty segment', ['//', '//admin', '/a//b', '/a//', '///']],
	[
		'a dot segment',
		[
			'/.',
			'/..',
			'/./admin',
			'/../admin',
			'/a/./b',
			'/a/../b',
			'/a/..',
			'/a/.',
			'/%2e/admin',
			'/%2E%2e/admin',
			'/.%2e/admin',
			'/a/%2e',
		],
	],
	[
		'a segment that ends in a dot',
		['/admin.', '/admin./', '/admin./x', '/admin...', '/...', '/admin%2e', '/admin%2E/x'],
	],
	['a segment that ends in a space', ['/admin%20', '/admin%20/', '/admin%20/x', '/admin ', '/%20', '/admin.%20']],
	[
		'bytes that are not UTF-8',
		[
			'/%c0%af',
			'/%C0%AE%C0%AE/admin',
			'/%e0%80%af',
			'/%F0%80%80%AF',
			'/%80',
			'/%ff',
			'/%C3',
			'/%C3x%A9',
			'/%ED%A0%80',
			'/%F5%80%80%80',
			'/%E9',
		],
	],
	[
		'a character that may become ASCII',
		[
			'/a／b',
			'/%EF%BC%8F',
			'/．．/admin',
			'/ａdmin',
			'/%EF%BC%BCadmin',
			'/\u212aey',
			'/\u017fecret',
			'/admin\u00a0',
			'/ﬁle',
			'/\u0131d',
			'/\u0130d',
			'/℀',
			'/…/admin',
			'/admin；x',
			'/²',
			'/ⓐdmin',
			'/𝐚dmin',
		],
	],
	['decomposed characters', ['/e\u0301', '/cafe%CC%81', '/\u1100\u1161', '/a/\u0041\u030a', '/\u2126']],
]

describe('a path that means one thing', () => {
	it.each(CLEAR)('%s is spelled %s', (path, spelled) => {
		expect(canonicalPath(path)).toEqual({ path: spelled })
	})

	it('keeps its spelling when it is spelled again', () => {
		for (const [, spelled] of CLEAR) expect(canonicalPath(spelled), spelled).toEqual({ path: spelled })
	})
})

describe.each(AMBIGUOUS)('a path with %s', (words, paths) => {
	it.each(paths)('is named: %j', (path) => {
		expect(canonicalPath(path)).toEqual({ ambiguous: words })
	})
})

describe('the quick way', () => {
	it('takes no path that the slow way would spell otherwise or name', () => {
		const parts = [
			'/',
			'/',
			'a',
			'B',
			'.',
			'..',
			'~',
			'%2e',
			'%41',
			'%2F',
			';',
			'@',
			' ',
			'%',
			'\\',
			'é',
			'\u212a',
			'//',
			'*',
		]
		for (let seed = 1; seed <= 20_000; seed++) {
			const random = seeded(seed)
			const length = 1 + Math.floor(random() * 6)
			const path = `/${Array.from({ length }, () => parts[Math.floor(random() * parts.length)]).join('')}`
			// Of one more segment, which is not plain, only the slow way can tell.
			const found = canonicalPath(path)
			const longer = canonicalPath(`/%7E/x${path}`)
			const expected = 'path' in found ? { path: `/~/x${found.path}` } : found
			expect(longer, `seed ${seed}: ${path}`).toEqual(expected)
		}
	})

	it('takes time in proportion to the path, also where it fails at the end', () => {
		const path = `${'/a.'.repeat(5_000)}${'a'.repeat(5_000)};`
		const long = `${'/ab.c'.repeat(100_000)};`
		expect(canonicalPath(path)).toHaveProperty('ambiguous')
		expect(canonicalPath(long)).toEqual({ ambiguous: 'a semicolon' })
	})
})

describe('text beyond ASCII', () => {
	it('that is let through becomes no ASCII by any normal form and case, one after the other', () => {
		const steps = [
			(text: string) => text.normalize('NFKC'),
			(text: string) => text.normalize('NFC'),
			(text: string) => text.toLowerCase(),
			// One for one. That ß is SS in capitals makes it the same as SS where doubt refuses, see fold.
			(text: string) =>
				Array.from(text, (one) => (one.toUpperCase().length > one.length ? one : one.toUpperCase())).join(''),
		]
		let passed = 0
		for (let code = 0x80; code <= 0x10ffff; code++) {
			const character = String.fromCodePoint(code)
			// What no step changes stays what it is.
			if (steps.every((step) => step(character) === character)) continue
			if (!('path' in canonicalPath(`/x${character}`))) continue
			passed++
			for (const first of steps)
				for (const second of steps)
					if (/[\0-\x7f]/.test(second(first(character)))) expect.fail(`U+${code.toString(16)}`)
		}
		expect(passed).toBeGreaterThan(1_000)
	})
})

describe('fold', () => {
	it('makes one of what differs in case or in what is encoded only', () => {
		expect(fold('/Admin')).toBe(fold('/aDMIN'))
		expect(fold('/x%40y')).toBe(fold('/x@Y'))
		expect(fold('/%C3%A9')).toBe(fold('/%C3%89'))
		expect(fold('/%CF%83')).toBe(fold('/%CF%82'))
		expect(fold('/stra%C3%9Fe')).toBe(fold('/strasse'))
		expect(fold('/a')).not.toBe(fold('/b'))
	})

	it('of a beginning is the beginning of the fold', () => {
		const path = spell('/ΑΣΑ')!
		for (let end = 0; end <= path.length; end++) {
			const start = fold(path.slice(0, end))
			if (start !== undefined) expect(fold(path)).toSatisfy((whole: string) => whole.startsWith(start))
		}
	})

	it('knows what encodes no text', () => {
		expect(fold('/%C3')).toBeUndefined()
	})
})
