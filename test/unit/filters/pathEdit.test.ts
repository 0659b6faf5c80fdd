/** Path modifiers: Gateway API's table, the corners beside it, and what holds for any path. */
import { describe, expect, it } from 'vitest'
import { editPath } from '../../../src/filters/pathEdit.ts'
import { seeded } from '../../random.ts'

describe('a path whose prefix is replaced', () => {
	/** The table of HTTPPathModifier.replacePrefixMatch; prefixes travel without their final `/`. */
	it.each([
		['/foo/bar', '/foo', '/xyz', '/xyz/bar'],
		['/foo/bar', '/foo', '/xyz/', '/xyz/bar'],
		['/foo', '/foo', '/xyz', '/xyz'],
		['/foo/', '/foo', '/xyz', '/xyz/'],
		['/foo/bar', '/foo', '', '/bar'],
		['/foo/', '/foo', '', '/'],
		['/foo', '/foo', '', '/'],
		['/foo/', '/foo', '/', '/'],
		['/foo', '/foo', '/', '/'],
	])('%s, %s → %j, is %s, as Gateway API says', (path, prefix, value, expected) => {
		expect(editPath(path, { type: 'prefix', prefix, value })).toBe(expected)
	})

	it.each([
		['/foo/bar', '/foo', '/', '/bar'],
		['/foo', '/foo', '/xyz/', '/xyz'],
		['/a', '', '/xyz', '/xyz/a'],
		['/', '', '/xyz', '/xyz/'],
		['/', '', '/', '/'],
		['/a/b', '', '', '/a/b'],
		['/foo/bar', '/foo', 'xyz', '/xyz/bar'],
		['/foo//bar', '/foo', '/xyz', '/xyz//bar'],
		['/foo/foo', '/foo', '/xyz', '/xyz/foo'],
		['/foo/%2F', '/foo', '/xyz', '/xyz/%2F'],
	])('%s, %j → %j, is %s', (path, prefix, value, expected) => {
		expect(editPath(path, { type: 'prefix', prefix, value })).toBe(expected)
	})

	it.each(['/foobar', '/fo', '/', '/bar/foo', '/Foo/bar', '/foo%2Fbar'])(
		'is as it was without the prefix: %s',
		(path) => {
			expect(editPath(path, { type: 'prefix', prefix: '/foo', value: '/xyz' })).toBe(path)
		},
	)
})

describe('a path that is replaced', () => {
	it.each([
		['/one', '/one'],
		['/one/', '/one/'],
		['one', '/one'],
		['', '/'],
		['/', '/'],
	])('by %j is %s, whatever it was', (value, expected) => {
		for (const path of ['/', '/foo', '/foo/bar/']) expect(editPath(path, { type: 'full', value })).toBe(expected)
	})
})

describe('any edit', () => {
	const draw = (random: () => number, choices: readonly string[]) => choices[Math.floor(random() * choices.length)]!
	const word = (random: () => number) =>
		Array.from({ length: Math.floor(random() * 6) }, () => draw(random, ['/', 'a', 'b', '%2F', '.'])).join('')

	it('gives a path that begins with a slash, and keeps what follows the prefix', () => {
		let replaced = 0
		for (let seed = 1; seed <= 20_000; seed++) {
			const random = seeded(seed)
			const [prefix, value, rest] = [`/${word(random)}`.replace(/\/+$/, ''), word(random), word(random)]
			const path = random() < 0.7 ? `${prefix}${rest}` || '/' : `/${rest}`
			const edited = editPath(path, { type: 'prefix', prefix, value })
			const where = `seed ${seed}: ${path}, ${prefix} → ${value}: ${edited}`
			expect(edited.startsWith('/'), where).toBe(true)
			expect(editPath(path, { type: 'full', value }).startsWith('/'), where).toBe(true)
			if (!path.startsWith('/') || (path !== prefix && !path.startsWith(`${prefix}/`))) continue
			replaced++
			expect(edited.endsWith(path.slice(prefix.length)), where).toBe(true)
		}
		expect(replaced).toBeGreaterThan(5_000)
	})
})
