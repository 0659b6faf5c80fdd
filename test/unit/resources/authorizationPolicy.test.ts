/** What an AuthorizationPolicy may say, and where it may say it. */
import { describe, expect, it } from 'vitest'
import { authorizationPolicy, parsed, problems, times } from './fixtures.ts'

const cart = { kind: 'Service', name: 'cart' }
const inNamespace = (namespace: string, document: object) => ({ ...document, metadata: { name: 'p', namespace } })
const annotated = (value: string, spec: object) => ({
	...authorizationPolicy(spec),
	metadata: { name: 'p', annotations: { 'istio.io/dry-run': value } },
})
/** Paths begin inside the spec. */
const told = (document: unknown) => problems(document).map((problem) => problem.replace(/^spec\./, ''))

describe('an AuthorizationPolicy', () => {
	it('without anything is an ALLOW for its whole namespace that lets nobody in', () => {
		const everything = { ...authorizationPolicy(undefined), apiVersion: 'security.istio.io/v1beta1' }
		for (const document of [everything, authorizationPolicy({}), authorizationPolicy({ selector: {} })])
			expect(parsed(document)).toEqual({
				apiVersion: 'selvedge.dev/v1',
				kind: 'AuthorizationPolicy',
				metadata: { name: 'callers', namespace: 'default', labels: {}, annotations: {} },
				spec: { targetRefs: [{ group: '', kind: 'Namespace', name: 'default' }], action: 'ALLOW' },
			})
	})

	it('in Istio’s root namespace, for nothing else, is for the whole mesh', () => {
		for (const spec of [undefined, {}, { selector: {} }]) {
			const answered = parsed(inNamespace('istio-system', authorizationPolicy(spec)))
			const targetRefs = [{ group: 'selvedge.dev', kind: 'Mesh', name: 'default' }]
			expect(answered.spec).toEqual({ targetRefs, action: 'ALLOW' })
			expect(parsed(answered)).toEqual(answered)
		}
		const { spec } = parsed(inNamespace('istio-system', authorizationPolicy({ targetRefs: [cart] })))
		expect(spec).toMatchObject({ targetRefs: [{ kind: 'Service', name: 'cart' }] })
	})

	it('can be sent back as answered, whatever it is attached to', () => {
		for (const spec of [{}, { selector: { matchLabels: { app: 'a' } } }, { targetRefs: [cart], mode: 'enforce' }]) {
			const answered = parsed(authorizationPolicy({ ...spec, rules: [{}] }))
			expect(parsed({ ...answered, status: {} })).toEqual(answered)
		}
	})

	it('speaks for the mesh, its namespace, Services, routes and rules, and for what labels choose', () => {
		const route = { kind: 'HTTPRoute', name: 'shop' }
		const refs = [{ kind: 'Mesh', name: 'default' }, { kind: 'Namespace', name: 'default' }, cart, route]
		expect(told(authorizationPolicy({ targetRefs: [...refs, { ...route, sectionName: 'pay' }] }))).toEqual([])
		const selector = { matchLabels: { app: 'web' } }
		expect(parsed(authorizationPolicy({ selector })).spec).toEqual({ selector, action: 'ALLOW' })
	})

	it.each(['DENY', 'ALLOW'])('of %s is tried, as this mesh says it and as Istio does', (action) => {
		const spec = { action, rules: [{}] }
		expect(told(authorizationPolicy({ ...spec, mode: 'dryRun' }))).toEqual([])
		expect(told(annotated('true', spec))).toEqual([])
		expect(told(annotated('false', { ...spec, mode: 'enforce' }))).toEqual([])
	})
})

const provider = { name: 'p' }
const annotation = 'metadata.annotations["istio.io/dry-run"]'
const actions = 'must be one of ALLOW, DENY, AUDIT, CUSTOM [UnsupportedValue]'
const neverMatches = 'without one it never matches; [{}] matches every request'
it.each<[object, string[]]>([
	[
		authorizationPolicy({ targetRefs: [cart], selector: { matchLabels: { a: 'b' } } }),
		['selector: must be left out beside targetRefs: a policy is attached in one way'],
	],
	[
		inNamespace('istio-system', authorizationPolicy({ selector: { matchLabels: { a: 'b' } } })),
		["selector: must be left out in istio-system: labels choose among the Services of the policy's own namespace"],
	],
	[authorizationPolicy({ targetRefs: [] }), ['targetRefs: must have at least 1 entry']],
	[authorizationPolicy({ targetRefs: [cart, cart] }), ['targetRefs[1]: must be unique: targetRef 0 names this target']],
	[
		authorizationPolicy({ targetRefs: [{ kind: 'Gateway', name: 'g' }] }),
		['targetRefs[0].kind: must be one of Mesh, Namespace, Service, HTTPRoute [UnsupportedValue]'],
	],
	[
		inNamespace('shop', authorizationPolicy({ targetRefs: [{ kind: 'Mesh', name: 'default' }] })),
		[
			'targetRefs[0].kind: must not be Mesh outside namespace default or istio-system: others may not speak for the mesh',
		],
	],
	[
		authorizationPolicy({ targetRefs: [{ kind: 'Namespace', name: 'shop' }] }),
		["targetRefs[0].name: must be 'default': a policy speaks for no namespace but its own"],
	],
	[
		authorizationPolicy({ selector: { matchLabels: { a: '*' } } }),
		[
			"selector.matchLabels.a: must be letters, digits, '-', '_' and '.', beginning and ending with a letter or digit, or empty",
		],
	],
	[authorizationPolicy({ action: 'allow' }), [`action: ${actions}`]],
	[authorizationPolicy({ action: 'CUSTOM', rules: [{}] }), ['provider: is required for CUSTOM']],
	[authorizationPolicy({ provider }), ['provider: must be left out for ALLOW: only CUSTOM asks a provider']],
	[authorizationPolicy({ action: 'CUSTOM', provider: {}, rules: [{}] }), ['provider.name: is required']],
	[authorizationPolicy({ action: 'DENY' }), [`rules: must have a rule for DENY: ${neverMatches}`]],
	[
		authorizationPolicy({ action: 'CUSTOM', provider, rules: [] }),
		[`rules: must have a rule for CUSTOM: ${neverMatches}`],
	],
	[authorizationPolicy({ rules: times(513, () => ({})) }), ['rules: must have at most 512 entries']],
	[authorizationPolicy({ mode: 'dryrun' }), ['mode: must be one of enforce, dryRun [UnsupportedValue]']],
	[
		authorizationPolicy({ action: 'CUSTOM', provider, rules: [{}], mode: 'dryRun' }),
		['mode: must not be dryRun for CUSTOM: what the provider would say is known by asking it'],
	],
	[
		authorizationPolicy({ action: 'AUDIT', mode: 'dryRun' }),
		['mode: must not be dryRun for AUDIT, which refuses nobody'],
	],
	[annotated('yes', {}), [`${annotation}: must be 'true' or 'false'`]],
	[
		annotated('true', { mode: 'enforce' }),
		[`${annotation}: must be left out, or say what spec.mode says, which is enforce`],
	],
	[
		annotated('false', { mode: 'dryRun' }),
		[`${annotation}: must be left out, or say what spec.mode says, which is dryRun`],
	],
	[annotated('true', { action: 'AUDIT' }), [`${annotation}: must not be 'true' for AUDIT, which refuses nobody`]],
	[
		authorizationPolicy({ targetRef: cart }),
		['targetRef: is not a field here; must be one of targetRefs, selector, action, mode, provider, rules'],
	],
])('judges %j', (document, expected) => {
	expect(told(document)).toEqual(expected)
})
