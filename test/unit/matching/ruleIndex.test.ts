/** Gateway API's precedence, step by step: in each pair the better match wins, in whichever order they arrive. */
import { describe, expect, it } from 'vitest'
import {
	addCandidate,
	type Candidate,
	createRuleIndex,
	findCandidate,
	indexesFor,
	type RequestFacts,
	removeCandidate,
} from '../../../src/matching/ruleIndex.ts'

type Fields = Partial<Candidate<string>> & { hostname?: string }

const prefix = (value: string) => ({ type: 'PathPrefix', value }) as const
const exact = (value: string) => ({ type: 'Exact', value }) as const
const regex = (value: string): Fields => ({
	path: { type: 'RegularExpression', value },
	pathMatches: (path) => new RegExp(`^(?:${value})$`).test(path),
})

const candidate = ({ hostname: _, ...fields }: Fields, value: string): Candidate<string> => ({
	path: prefix(''),
	headerCount: 0,
	queryParamCount: 0,
	createdAt: 0,
	route: 'default/route',
	rule: 0,
	match: 0,
	...fields,
	value,
})

const request = (path: string, method = 'GET'): RequestFacts => ({
	method,
	path,
	header: () => null,
	queryParam: () => null,
	caller: undefined,
	random: () => 0,
})

function winner(entries: readonly (readonly [string, Fields])[], path: string, host = 'a.example.com') {
	const index = createRuleIndex<string>()
	for (const [name, fields] of entries) addCandidate(index, fields.hostname ?? '', candidate(fields, name))
	return findCandidate(indexesFor(index, host), request(path))?.value
}

const steps: readonly { step: string; better: Fields; worse: Fields }[] = [
	{
		step: 'an exact hostname before a wildcard',
		better: { hostname: 'a.example.com' },
		worse: { hostname: '*.example.com', path: exact('/a/b') },
	},
	{
		step: 'a longer wildcard before a shorter one',
		better: { hostname: '*.example.com' },
		worse: { hostname: '*.com', path: exact('/a/b') },
	},
	{ step: 'any hostname before none', better: { hostname: '*.com' }, worse: { path: exact('/a/b') } },
	{
		step: 'an exact path before a prefix',
		better: { path: exact('/a/b') },
		worse: { path: prefix('/a/b'), method: 'GET' },
	},
	{
		step: 'an exact path before an expression',
		better: { path: exact('/a/b') },
		worse: { ...regex('/a/.*'), method: 'GET' },
	},
	{ step: 'an expression before a prefix', better: regex('/.*'), worse: { path: prefix('/a/b'), method: 'GET' } },
	{ step: 'the longer of two expressions', better: regex('/a/[b]'), worse: { ...regex('/a/.'), method: 'GET' } },
	{
		step: 'the longer of two prefixes',
		better: { path: prefix('/a/b') },
		worse: { path: prefix('/a'), method: 'GET' },
	},
	{ step: 'any prefix before the root', better: { path: prefix('/a') }, worse: { path: prefix(''), method: 'GET' } },
	{ step: 'a method before none', better: { method: 'GET' }, worse: { headerCount: 3 } },
	{ step: 'more headers before fewer', better: { headerCount: 2 }, worse: { headerCount: 1, queryParamCount: 3 } },
	{ step: 'more query parameters before fewer', better: { queryParamCount: 1 }, worse: { createdAt: -5 } },
	{ step: 'the older route', better: { createdAt: 1, route: 'z/z' }, worse: { createdAt: 2, route: 'a/a' } },
	{ step: 'the route first by namespace', better: { route: 'a/z', rule: 9 }, worse: { route: 'b/a' } },
	{ step: 'the route first by name', better: { route: 'a/a', rule: 9 }, worse: { route: 'a/b' } },
	{ step: 'the earlier rule of a route', better: { rule: 0, match: 9 }, worse: { rule: 1 } },
	{ step: 'the earlier match of a rule', better: { match: 0 }, worse: { match: 1 } },
]

describe('precedence', () => {
	it.each(steps)('prefers $step', ({ better, worse }) => {
		expect(
			winner(
				[
					['better', better],
					['worse', worse],
				],
				'/a/b',
			),
		).toBe('better')
		expect(
			winner(
				[
					['worse', worse],
					['better', better],
				],
				'/a/b',
			),
		).toBe('better')
	})

	it('falls through to a less specific hostname when nothing of the more specific one matches', () => {
		const entries = [
			['specific', { hostname: 'a.example.com', path: prefix('/only') }],
			['general', { hostname: '*.example.com' }],
		] as const
		expect(winner(entries, '/else')).toBe('general')
		expect(winner(entries, '/only/this')).toBe('specific')
	})

	it('falls through to a shorter prefix when the longer one does not accept the request', () => {
		const refusing: Fields = { path: prefix('/a/b'), headerCount: 1, accepts: () => false }
		expect(
			winner(
				[
					['refusing', refusing],
					['shorter', { path: prefix('/a') }],
				],
				'/a/b/c',
			),
		).toBe('shorter')
	})
})

describe('prefixes', () => {
	it.each([
		['/match', '/match', true],
		['/match', '/match/', true],
		['/match', '/match/more', true],
		['/match', '/matchmore', false],
		['/match', '/Match', false],
		['/match', '//match', false],
		['/match', '/', false],
		['/a/b', '/a/b//c', true],
		['/a/b', '/a//b', false],
		['/a/b', '/a', false],
		['', '/', true],
		['', '//', true],
		['', `/${'deep/'.repeat(500)}`, true],
		['/a/b/c/d', `/a/b/c/d${'/x'.repeat(500)}`, true],
		['/a', '', false],
		['', 'no-slash', true],
		['/a', 'a/b', false],
	])('%j and the path %j: %s', (value, path, matches) => {
		const others: [string, Fields][] = [['other', { path: prefix('/q/w/e'), method: 'PUT' }]]
		expect(winner([['prefix', { path: prefix(value) }], ...others], path)).toBe(matches ? 'prefix' : undefined)
	})
})

describe('removal', () => {
	it('takes out one candidate and leaves its equals', () => {
		const index = createRuleIndex<string>()
		const [first, second] = [candidate({ match: 0 }, 'first'), candidate({ match: 1 }, 'second')]
		for (const each of [second, first]) addCandidate(index, '', each)
		removeCandidate(index, '', first)
		expect(findCandidate(indexesFor(index, 'any'), request('/'))?.value).toBe('second')
	})

	it('ignores what was never added', () => {
		const index = createRuleIndex<string>()
		addCandidate(index, '', candidate({}, 'kept'))
		removeCandidate(index, '', candidate({}, 'stranger'))
		removeCandidate(index, 'unknown.example.com', candidate({}, 'stranger'))
		expect(findCandidate(indexesFor(index, 'any'), request('/'))?.value).toBe('kept')
	})
})
