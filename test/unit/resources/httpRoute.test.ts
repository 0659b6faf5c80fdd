/** What an HTTPRoute may say. */
import { describe, expect, test } from 'vitest'
import { parsed, problems, route, ruleProblems, times } from './fixtures.ts'

const always = { path: { type: 'PathPrefix', value: '/' }, headers: [], queryParams: [] }

test('a route that says nothing attaches to nothing and has one rule for every request', () => {
	expect(parsed(route())).toEqual({
		apiVersion: 'gateway.networking.k8s.io/v1',
		kind: 'HTTPRoute',
		metadata: { name: 'orders', namespace: 'default', labels: {}, annotations: {} },
		spec: { parentRefs: [], hostnames: [], rules: [{ matches: [always], filters: [], backendRefs: [] }] },
	})
})

test.each([undefined, [], null])('a rule with matches %j holds always', (matches) => {
	expect(parsed(route({ rules: [{ matches }] })).spec).toMatchObject({ rules: [{ matches: [always] }] })
})

const rulesOf = (...sizes: number[]) => sizes.map((size) => ({ matches: times(size, () => ({})) }))
test.each([
	['no rule', { rules: [] }, ['spec.rules: must have at least 1 entry']],
	['16 rules', { rules: times(16, () => ({})) }, []],
	['17 rules', { rules: times(17, () => ({})) }, ['spec.rules: must have at most 16 entries']],
	['128 matches', { rules: rulesOf(64, 64) }, []],
	['129 matches', { rules: rulesOf(64, 64, 1) }, ['spec.rules: must have at most 128 matches in all rules together']],
	['65 matches in a rule', { rules: rulesOf(65) }, ['spec.rules[0].matches: must have at most 64 entries']],
	[
		'17 backendRefs',
		{ rules: [{ backendRefs: times(17, () => ({ name: 'a' })) }] },
		['spec.rules[0].backendRefs: must have at most 16 entries'],
	],
	[
		'a rule name twice',
		{ rules: [{ name: 'a' }, {}, { name: 'a' }, {}] },
		['spec.rules[2].name: must be unique: rule 0 has this name'],
	],
	['17 hostnames', { hostnames: times(17, (i) => `h${i}.net`) }, ['spec.hostnames: must have at most 16 entries']],
	[
		'33 parentRefs',
		{ parentRefs: times(33, (i) => ({ name: `g${i}` })) },
		['spec.parentRefs: must have at most 32 entries'],
	],
	[
		'a misspelt field',
		{ hostname: 'a' },
		['spec.hostname: is not a field here; must be one of parentRefs, hostnames, rules'],
	],
])('judges %s', (_, spec, expected) => {
	expect(problems(route(spec))).toEqual(expected)
})

test('a route without a spec is refused', () => {
	const { spec: _, ...bare } = route()
	expect(problems(bare)).toEqual(['spec: is required'])
})

test('default Gateways are not offered', () => {
	expect(problems(route({ useDefaultGateways: 'All' }))).toEqual([
		"spec.useDefaultGateways: this mesh does not support 'useDefaultGateways' yet",
	])
})

test('filters belong to rules, not to routes', () => {
	expect(problems(route({ filters: [] }))).toEqual([
		'spec.filters: is not a field here; must be one of parentRefs, hostnames, rules',
	])
})

const redirect = (path?: unknown) => ({ type: 'RequestRedirect', requestRedirect: path === undefined ? {} : { path } })
const rewrite = (path: unknown) => ({ type: 'URLRewrite', urlRewrite: { path } })

test('a rule that redirects has no backends, but one of its backends may redirect', () => {
	expect(ruleProblems({ filters: [redirect()] })).toEqual([])
	expect(ruleProblems({ backendRefs: [{ name: 'a', filters: [redirect()] }] })).toEqual([])
	expect(ruleProblems({ filters: [redirect()], backendRefs: [{ name: 'a' }] })).toEqual([
		'backendRefs: must be left out beside the RequestRedirect of filter 0: nothing is forwarded',
	])
})

const newPrefix = { type: 'ReplacePrefixMatch', replacePrefixMatch: '/b' }
const mustBeFull = 'must be ReplaceFullPath unless the rule has exactly one match, of path type PathPrefix'
describe.each([
	['the only prefix', undefined, true],
	['the only prefix, spelled out', [{ path: { value: '/a' }, method: 'GET' }], true],
	['an exact path', [{ path: { type: 'Exact', value: '/a' } }], false],
	['a pattern', [{ path: { type: 'RegularExpression', value: '/a.*' } }], false],
	['one of two prefixes', [{ path: { value: '/a' } }, { path: { value: '/c' } }], false],
])('a new prefix for %s', (_, matches, isFine) => {
	test.each([
		['filters[0].requestRedirect', { filters: [redirect(newPrefix)] }],
		['filters[0].urlRewrite', { filters: [rewrite(newPrefix)] }],
		[
			'backendRefs[1].filters[0].requestRedirect',
			{ backendRefs: [{ name: 'a' }, { name: 'b', filters: [redirect(newPrefix)] }] },
		],
		['backendRefs[0].filters[0].urlRewrite', { backendRefs: [{ name: 'a', filters: [rewrite(newPrefix)] }] }],
	])(isFine ? 'is fine in %s' : 'is refused in %s', (field, rule) => {
		expect(ruleProblems({ ...rule, matches })).toEqual(isFine ? [] : [`${field}.path.type: ${mustBeFull}`])
	})

	test('does not bear upon a new full path', () => {
		const full = rewrite({ type: 'ReplaceFullPath', replaceFullPath: '/b' })
		expect(ruleProblems({ filters: [full], matches })).toEqual([])
	})
})
