/** What an HTTPRoute may say. */
import { expect, test } from 'vitest'
import { parsed, problems, route, times } from './fixtures.ts'

const always = { path: { type: 'PathPrefix', value: '/' }, headers: [], queryParams: [] }

test('a route that says nothing attaches to nothing and has one rule for every request', () => {
	expect(parsed(route())).toEqual({
		apiVersion: 'gateway.networking.k8s.io/v1',
		kind: 'HTTPRoute',
		metadata: { name: 'orders', namespace: 'default', labels: {}, annotations: {} },
		spec: { parentRefs: [], hostnames: [], rules: [{ matches: [always], backendRefs: [] }] },
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

test.each(['filters', 'timeouts', 'retry', 'sessionPersistence'])(
	'a rule with %s is told that the mesh does not offer it, not that the field is unknown',
	(field) => {
		expect(problems(route({ rules: [{ [field]: {} }] }))).toEqual([
			`spec.rules[0].${field}: this mesh does not support '${field}' yet`,
		])
	},
)

test('filters of a backendRef and default Gateways are not offered either', () => {
	const rules = [{ backendRefs: [{ name: 'a', filters: [] }] }]
	expect(problems(route({ rules, useDefaultGateways: 'All' }))).toEqual([
		"spec.rules[0].backendRefs[0].filters: this mesh does not support 'filters' yet",
		"spec.useDefaultGateways: this mesh does not support 'useDefaultGateways' yet",
	])
})

test('a field that is not offered where it stands is only unknown elsewhere', () => {
	expect(problems(route({ filters: [] }))).toEqual([
		'spec.filters: is not a field here; must be one of parentRefs, hostnames, rules',
	])
})
