/** What may be said of the whole mesh. */
import { expect, test } from 'vitest'
import { parsed, problems } from './fixtures.ts'

const mesh = (spec: unknown, name = 'default') => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'Mesh',
	metadata: { name },
	spec,
})

test.each([undefined, {}, { egress: 'registryOnly' }])(
	'lets only what is registered be called, unless told: %j',
	(spec) => {
		expect(parsed(mesh(spec))).toEqual({
			apiVersion: 'selvedge.dev/v1',
			kind: 'Mesh',
			metadata: { name: 'default', namespace: '-', labels: {}, annotations: {} },
			spec: { egress: 'registryOnly' },
		})
	},
)

test('can let everything be called, and be sent back as answered', () => {
	const answered = parsed(mesh({ egress: 'allowAny' }))
	expect(answered.spec).toEqual({ egress: 'allowAny' })
	expect(parsed(answered)).toEqual(answered)
})

test.each([
	[mesh({ egress: 'ALLOW_ANY' }), ['spec.egress: must be one of registryOnly, allowAny [UnsupportedValue]']],
	[mesh({ ingress: 'x' }), ['spec.ingress: is not a field here; must be one of egress']],
	[mesh({}, 'other'), ["metadata.name: must be 'default': there is one Mesh"]],
	[
		{ ...mesh({}), metadata: { name: 'default', namespace: 'shop' } },
		['metadata.namespace: must be left out: this kind is cluster-wide'],
	],
])('judges %j', (document, expected) => {
	expect(problems(document)).toEqual(expected)
})
