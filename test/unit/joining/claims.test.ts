/** Which claims fit which rules. */
import { describe, expect, it } from 'vitest'
import { type ClaimRules, type Claims, isMeantFor, matchesClaims, unmetClaim } from '../../../src/joining/claims.ts'
import { seeded } from '../../random.ts'

const claims: Claims = {
	sub: 'repo:example/shop:ref:refs/heads/main',
	verified: true,
	id: 42,
	ratio: 0.5,
	huge: 2 ** 53,
	nothing: null,
	groups: ['admins', 7, ['nested'], { name: 'x' }],
	'a.b': 'dotted',
	'https://example.com/team': 'blue',
	'/odd': 'slash',
	'kubernetes.io': { namespace: 'shop', serviceaccount: { name: 'orders' } },
	'a/b': { 'c~d': 'escaped', '~1': 'twice' },
}

describe('claims fit', () => {
	it.each<[ClaimRules]>([
		[{ sub: 'repo:example/shop:ref:refs/heads/main' }],
		[{ sub: { prefix: 'repo:example/shop:' } }],
		[{ sub: { anyOf: ['x', 'repo:example/shop:ref:refs/heads/main'] } }],
		[{ verified: 'true', id: '42' }],
		[{ groups: 'admins' }],
		[{ groups: { prefix: 'admin' } }],
		[{ groups: '7' }],
		[{ 'a.b': 'dotted', 'https://example.com/team': 'blue', '/~1odd': 'slash' }],
		[{ '/kubernetes.io/namespace': 'shop', '/kubernetes.io/serviceaccount/name': { anyOf: ['orders'] } }],
		[{ '/a~1b/c~0d': 'escaped', '/a~1b/~01': 'twice' }],
		[{ '/sub': { prefix: 'repo:' } }],
	])('%j', (rules) => {
		expect(matchesClaims(rules, claims)).toBe(true)
	})
})

describe('claims do not fit', () => {
	it.each<[string, ClaimRules, string | undefined]>([
		['no rule at all', {}, undefined],
		['another value', { sub: 'repo:example/shop' }, 'sub'],
		['another case', { 'a.b': 'Dotted' }, 'a.b'],
		['a prefix that is longer than the value', { 'a.b': { prefix: 'dotted/' } }, 'a.b'],
		['a prefix that stands inside', { sub: { prefix: 'example/' } }, 'sub'],
		['none of several', { sub: { anyOf: ['a', 'b'] } }, 'sub'],
		['one of two rules', { 'a.b': 'dotted', sub: 'x' }, 'sub'],
		['a claim that is not there', { email: 'x' }, 'email'],
		['the word for what is not there', { email: 'undefined' }, 'email'],
		['the word for null', { nothing: 'null' }, 'nothing'],
		['a number that is not whole', { ratio: '0.5' }, 'ratio'],
		['a number beyond what JSON readers agree on', { huge: '9007199254740992' }, 'huge'],
		['a list inside a list', { groups: 'nested' }, 'groups'],
		['a field of a member of a list', { '/groups/3/name': 'x' }, '/groups/3/name'],
		['a place in a list', { '/groups/0': 'admins' }, '/groups/0'],
		['the length of a list', { '/groups/length': '4' }, '/groups/length'],
		['a character of a string', { '/sub/0': 'r' }, '/sub/0'],
		['an object as a whole', { 'kubernetes.io': '[object Object]' }, 'kubernetes.io'],
		['a path with dots', { 'kubernetes.io.namespace': 'shop' }, 'kubernetes.io.namespace'],
		['a name with a slash that is not escaped', { '/a/b/c~0d': 'escaped' }, '/a/b/c~0d'],
		['what every object has', { constructor: 'x', toString: 'x' }, 'constructor'],
		['what every object has, by pointer', { '/__proto__/constructor/name': 'Object' }, '/__proto__/constructor/name'],
	])('%s', (_, rules, unmet) => {
		expect(matchesClaims(rules, claims)).toBe(false)
		expect(unmetClaim(rules, claims)).toBe(unmet)
	})
})

it('only what a token itself says fits', () => {
	const inherited = Object.create({ role: 'admin' }) as Claims
	expect(inherited.role).toBe('admin')
	for (const name of ['role', '/role']) expect(matchesClaims({ [name]: 'admin' }, inherited)).toBe(false)
})

it.each<[unknown, boolean]>([
	['mesh', true],
	[['other', 'mesh'], true],
	['MESH', false],
	['mesh ', false],
	[[['mesh']], false],
	[{ mesh: true }, false],
	[[], false],
	[undefined, false],
	[null, false],
])('a token for %j is for the mesh: %j', (aud, expected) => {
	expect(isMeantFor(['mesh', 'mesh2'], { aud })).toBe(expected)
})

it('a token without audience is for nobody, and one for nobody in particular too', () => {
	expect(isMeantFor(['undefined', 'null', ''], {})).toBe(false)
	expect(isMeantFor([], { aud: 'mesh' })).toBe(false)
})

const seed = 20_261_123
it(`claims fit what was read from them, and not what one of them no longer says (seed ${seed})`, () => {
	const random = seeded(seed)
	const word = () =>
		Array.from({ length: 1 + Math.floor(random() * 6) }, () => 'aB/~.:-_1'[Math.floor(random() * 9)]).join('')
	for (let round = 0; round < 500; round++) {
		const path = Array.from({ length: 1 + Math.floor(random() * 4) }, word)
		const value = word()
		const nested = (text: string): Claims =>
			path.reduceRight<unknown>((inner, step) => ({ [step]: inner }), text) as Claims
		const pointer = `/${path.map((step) => step.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`
		const evidence = JSON.stringify({ round, pointer, value })
		for (const expected of [value, { anyOf: [word(), value] }, { prefix: value.slice(0, 1) }])
			expect(matchesClaims({ [pointer]: expected }, nested(value)), evidence).toBe(true)
		for (const expected of [value, { anyOf: [value] }, { prefix: value }])
			expect(matchesClaims({ [pointer]: expected }, nested(`x${value}`)), evidence).toBe(false)
		expect(matchesClaims({ [`${pointer}/more`]: value }, nested(value)), evidence).toBe(false)
	}
})
