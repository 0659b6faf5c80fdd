/** CORS: every expectation of the conformance suite's HTTPRouteCORS, and what the Fetch standard asks beside it. */
import { describe, expect, it } from 'vitest'
import { compileCors, isPreflight } from '../../../src/filters/cors.ts'
import type { Cors, Field } from '../../../src/snapshot/filters.ts'

const cors = (changes: Partial<Cors>): Cors => ({
	allowOrigins: [],
	allowCredentials: false,
	allowMethods: [],
	allowHeaders: [],
	exposeHeaders: [],
	maxAgeSeconds: 5,
	...changes,
})

/** The rules of HTTPRouteCORS, by path. */
const rules = {
	'/cors-1': cors({
		allowOrigins: ['https://www.foo.com', 'https://*.bar.com'],
		allowMethods: ['GET', 'OPTIONS'],
		allowHeaders: ['x-header-1', 'x-header-2'],
		exposeHeaders: ['x-header-3', 'x-header-4'],
		allowCredentials: true,
		maxAgeSeconds: 3_600,
	}),
	'/cors-2': cors({ allowOrigins: ['https://www.foo.com'], allowMethods: ['*'] }),
	'/any-origin': cors({ allowOrigins: ['*'], allowMethods: ['PUT'] }),
	'/any': cors({ allowOrigins: ['*'], allowMethods: ['*'], allowHeaders: ['*'] }),
	'/any-credentials': cors({ allowOrigins: ['*'], allowMethods: ['*'], allowHeaders: ['*'], allowCredentials: true }),
} as const
type Path = keyof typeof rules

/** Names must not repeat: what is set by name would lose one. */
function byName(fields: readonly Field[]): Record<string, string> {
	const names = fields.map(([name]) => name)
	expect(new Set(names).size).toBe(names.length)
	return Object.fromEntries(fields)
}

const ORIGIN = 'access-control-allow-origin'
const METHODS = 'access-control-allow-methods'
const HEADERS = 'access-control-allow-headers'
const EXPOSE = 'access-control-expose-headers'
const AGE = 'access-control-max-age'
const CREDENTIALS = 'access-control-allow-credentials'
const vary = 'Origin'
const cors1 = {
	[METHODS]: 'GET, OPTIONS',
	[HEADERS]: 'x-header-1, x-header-2',
	[EXPOSE]: 'x-header-3, x-header-4',
	[AGE]: '3600',
	[CREDENTIALS]: 'true',
	vary,
}
const BOTH = 'x-header-1, x-header-2'

describe('a preflight', () => {
	it.each<[Path, string, string, string | null, Record<string, string>]>([
		['/cors-1', 'https://www.foo.com', 'GET', BOTH, { [ORIGIN]: 'https://www.foo.com', ...cors1 }],
		['/cors-1', 'https://www.bar.com', 'GET', BOTH, { [ORIGIN]: 'https://www.bar.com', ...cors1 }],
		['/cors-1', 'https://xpto.www.bar.com', 'GET', BOTH, { [ORIGIN]: 'https://xpto.www.bar.com', ...cors1 }],
		['/cors-1', 'https://foobar.com', 'GET', null, { vary }],
		[
			'/cors-2',
			'https://www.foo.com',
			'POST',
			null,
			{ [ORIGIN]: 'https://www.foo.com', [METHODS]: '*', [AGE]: '5', vary },
		],
		['/any-origin', 'https://foobar.com', 'PUT', null, { [ORIGIN]: '*', [METHODS]: 'PUT', [AGE]: '5' }],
		['/any-origin', 'https://foobar.com:12345', 'PUT', null, { [ORIGIN]: '*', [METHODS]: 'PUT', [AGE]: '5' }],
		['/any', 'https://other.foo.com', 'PUT', BOTH, { [ORIGIN]: '*', [METHODS]: '*', [HEADERS]: '*', [AGE]: '5' }],
		[
			'/any-credentials',
			'https://other.foo.com',
			'PUT',
			BOTH,
			{ [ORIGIN]: 'https://other.foo.com', [METHODS]: 'PUT', [HEADERS]: BOTH, [CREDENTIALS]: 'true', [AGE]: '5', vary },
		],
	])('to %s from %s for %s with %s', (path, origin, method, headers, expected) => {
		expect(byName(compileCors(rules[path]).preflight(origin, method, headers))).toEqual(expected)
	})

	it('that does not say which headers is not told of any when all are allowed, with credentials', () => {
		const fields = byName(compileCors(rules['/any-credentials']).preflight('https://a.test', 'PUT', null))
		expect(fields).toEqual({ [ORIGIN]: 'https://a.test', [METHODS]: 'PUT', [CREDENTIALS]: 'true', [AGE]: '5', vary })
		expect(byName(compileCors(rules['/any-credentials']).preflight('https://a.test', null, ''))).not.toHaveProperty(
			METHODS,
		)
	})

	it.each([
		['OPTIONS', 'https://a.test', 'PUT', true],
		['OPTIONS', 'null', 'PUT', true],
		['OPTIONS', null, 'PUT', false],
		['OPTIONS', 'https://a.test', null, false],
		['GET', 'https://a.test', 'PUT', false],
		['options', 'https://a.test', 'PUT', false],
	])('%s, Origin %s, Access-Control-Request-Method %s: %s', (method, origin, requestMethod, expected) => {
		expect(isPreflight(method, origin, requestMethod)).toBe(expected)
	})
})

describe('an actual response', () => {
	const exposed = { [EXPOSE]: 'x-header-3, x-header-4', [CREDENTIALS]: 'true', vary }
	it.each<[Path, string | null, Record<string, string>]>([
		['/cors-1', 'https://www.foo.com', { [ORIGIN]: 'https://www.foo.com', ...exposed }],
		['/cors-1', 'https://www.bar.com', { [ORIGIN]: 'https://www.bar.com', ...exposed }],
		['/cors-1', 'https://foobar.com', { vary }],
		['/cors-1', null, { vary }],
		['/cors-2', 'https://www.foo.com', { [ORIGIN]: 'https://www.foo.com', vary }],
		['/any-origin', 'https://foobar.com', { [ORIGIN]: '*' }],
		['/any-origin', 'https://foobar.com:12345', { [ORIGIN]: '*' }],
		['/any', 'https://other.foo.com', { [ORIGIN]: '*' }],
		['/any', null, { [ORIGIN]: '*' }],
		['/any-credentials', 'https://other.foo.com', { [ORIGIN]: 'https://other.foo.com', [CREDENTIALS]: 'true', vary }],
		['/any-credentials', null, { vary }],
	])('of %s to %s', (path, origin, expected) => {
		expect(byName(compileCors(rules[path]).actual(origin))).toEqual(expected)
	})

	it.each<[readonly string[], boolean, string | undefined]>([
		[[], false, undefined],
		[['*'], false, '*'],
		[['*'], true, undefined],
		[['x-a', '*'], true, 'x-a'],
		[['x-a', 'x-b'], true, 'x-a, x-b'],
	])('exposes %j, credentials %s, as %s', (exposeHeaders, allowCredentials, expected) => {
		const compiled = compileCors(cors({ allowOrigins: ['https://a.test'], exposeHeaders, allowCredentials }))
		expect(byName(compiled.actual('https://a.test'))[EXPOSE]).toBe(expected)
	})

	it('is the same for the next request, whoever asked before', () => {
		const compiled = compileCors(rules['/cors-1'])
		const first = byName(compiled.actual('https://www.foo.com'))
		compiled.preflight('https://www.bar.com', 'GET', BOTH)
		compiled.actual('https://evil.test')
		expect(byName(compiled.actual('https://www.foo.com'))).toEqual(first)
	})

	it('never names * beside credentials', () => {
		for (const rule of Object.values(rules).filter(({ allowCredentials }) => allowCredentials))
			for (const origin of ['https://www.foo.com', 'null', null])
				for (const requested of ['PUT', null]) {
					const { actual, preflight } = compileCors(rule)
					const values = [...actual(origin), ...preflight(origin, requested, requested)].map(([, value]) => value)
					expect(values).not.toContain('*')
				}
	})
})
