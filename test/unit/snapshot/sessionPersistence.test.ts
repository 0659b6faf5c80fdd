/** Where a session's cookie goes, and what it is called where the document does not say. */
import { describe, expect, it } from 'vitest'
import type { Match } from '../../../src/snapshot/match.ts'
import { sessionOf } from '../../../src/snapshot/routes/sessionPersistence.ts'

const at = (type: 'Exact' | 'PathPrefix', value: string): Match => ({ path: { type, value } })
const expression: Match = { path: { type: 'RegularExpression', value: '/a', program: { start: 0, instructions: [] } } }

describe("the cookie's Path", () => {
	it.each<[path: string, when: string, matches: Match[]]>([
		['/a', 'one prefix', [at('PathPrefix', '/a')]],
		['/a/', 'one exact path', [at('Exact', '/a/')]],
		['/a', 'a prefix and an exact path of the same text', [at('PathPrefix', '/a'), at('Exact', '/a')]],
		['/', 'the root prefix', [at('PathPrefix', '')]],
		['/', 'two paths', [at('PathPrefix', '/a'), at('PathPrefix', '/b')]],
		['/', 'a path below another', [at('PathPrefix', '/a'), at('Exact', '/a/b')]],
		['/', 'an expression', [expression]],
		['/', 'an expression beside a path of the same text', [at('Exact', '/a'), expression]],
		['/', 'a path that would end the attribute', [at('Exact', '/a;Secure')]],
	])('is %s for %s', (path, _, matches) => {
		expect(sessionOf({ type: 'Cookie' }, 'default/r/0', matches).path).toBe(path)
	})
})

describe('both spellings of a session', () => {
	const matches = [at('PathPrefix', '/a')]

	it('mean the same cookie, but for its Path, which the newer one says', () => {
		const older = sessionOf(
			{ type: 'Cookie', sessionName: 'Cart', absoluteTimeout: '1h', cookieConfig: { lifetimeType: 'Permanent' } },
			'default/r/0',
			matches,
		)
		const cookie = { name: 'Cart', path: '/b', lifetimeType: 'Permanent' } as const
		const newer = sessionOf({ type: 'Cookie', absoluteTimeout: '1h', cookie }, 'default/r/0', matches)
		expect(older).toEqual({ type: 'Cookie', name: 'Cart', absoluteTimeoutSeconds: 3_600, permanent: true, path: '/a' })
		expect(newer).toEqual({ ...older, path: '/b' })
	})

	it('mean the same header', () => {
		const older = sessionOf({ type: 'Header', sessionName: 'X-Cart' }, 'default/r/0', matches)
		expect(older).toEqual({ type: 'Header', name: 'x-cart', permanent: false, path: '/' })
		expect(sessionOf({ type: 'Header', header: { name: 'X-Cart' } }, 'default/r/0', matches)).toEqual(older)
	})

	it('leave the name to the mesh', () => {
		const cookie = { path: '/', lifetimeType: 'Session' } as const
		const { name } = sessionOf({ type: 'Cookie', cookie }, 'foobar', matches)
		expect(name).toBe('selvedge-session-bf9cf968')
	})
})

describe('a session without a name', () => {
	const nameOf = (type: 'Cookie' | 'Header', ruleName: string) => sessionOf({ type }, ruleName, []).name

	it('has the same one in every build, and another for every rule', () => {
		// FNV-1a of 'foobar' is a published test vector (draft-eastlake-fnv, appendix).
		expect(nameOf('Cookie', 'foobar')).toBe('selvedge-session-bf9cf968')
		expect(nameOf('Header', 'foobar')).toBe('x-selvedge-session-bf9cf968')
		const names = Array.from({ length: 1_000 }, (_, i) => nameOf('Cookie', `default/r/${i}`))
		expect(new Set(names).size).toBe(1_000)
	})
})

describe("a session's times", () => {
	it.each([
		['1h30m', 5_400],
		['1500ms', 2],
		['1ms', 1],
	])('of %s are %d whole seconds', (text, seconds) => {
		const session = sessionOf({ type: 'Header', absoluteTimeout: text, idleTimeout: text }, 'default/r/0', [])
		expect(session).toMatchObject({ absoluteTimeoutSeconds: seconds, idleTimeoutSeconds: seconds })
	})
})
