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
			spec: { egress: 'registryOnly', defaultAccess: 'open' },
		})
	},
)

test('can let everything be called, and be sent back as answered', () => {
	const answered = parsed(mesh({ egress: 'allowAny' }))
	expect(answered.spec).toEqual({ egress: 'allowAny', defaultAccess: 'open' })
	expect(parsed(answered)).toEqual(answered)
})

test('can say how keys rotate, as long as each is published for less time than it signs', () => {
	const said = [
		{ rotationInterval: '1m', publicationLead: '59s999ms' },
		{ rotationInterval: '2160h', publicationLead: '168h' },
		{ rotationInterval: '1h1ms' },
		{ publicationLead: '5s' },
		{},
	]
	for (const keys of said) expect(parsed(mesh({ keys })).spec).toMatchObject({ egress: 'registryOnly', keys })
})

test.each<[object, string[]]>([
	[{ rotationInterval: '59s', publicationLead: '5s' }, ['spec.keys.rotationInterval: must be at least 1m']],
	[{ rotationInterval: '2160h1ms' }, ['spec.keys.rotationInterval: must be at most 2160h']],
	[
		{ rotationInterval: '30d' },
		['spec.keys.rotationInterval: must be a duration: one to four whole numbers, each with h, m, s or ms, e.g. 1m30s'],
	],
	[{ rotationInterval: '2h', publicationLead: '4s999ms' }, ['spec.keys.publicationLead: must be at least 5s']],
	[{ rotationInterval: '200h', publicationLead: '168h1s' }, ['spec.keys.publicationLead: must be at most 168h']],
	[
		{ rotationInterval: '1h', publicationLead: '1h' },
		['spec.keys.publicationLead: must be shorter than rotationInterval, which is 1h'],
	],
	[
		{ publicationLead: '168h' },
		['spec.keys.publicationLead: must be shorter than rotationInterval, which is 168h when left out'],
	],
	[
		{ rotationInterval: '1h' },
		['spec.keys.rotationInterval: must be longer than publicationLead, which is 1h when left out'],
	],
	[{ interval: '1h' }, ['spec.keys.interval: is not a field here; must be one of rotationInterval, publicationLead']],
])('judges %j for keys', (keys, expected) => {
	expect(problems(mesh({ keys }))).toEqual(expected)
})

test.each([
	[mesh({ samples: { share: 1.1 } }), [expect.stringContaining('spec.samples.share')]],
	[mesh({ samples: {} }), [expect.stringContaining('spec.samples.share')]],
	[mesh({ trustDomainAliases: ['old-td', 'older.example'] }), []],
	[mesh({ trustDomainAliases: [] }), [expect.stringContaining('spec.trustDomainAliases: must have at least 1')]],
	[
		mesh({ trustDomainAliases: ['spiffe://old-td'] }),
		[expect.stringContaining('spec.trustDomainAliases[0]: must be a SPIFFE trust domain')],
	],
	[mesh({ trustDomainAliases: ['a', 'b', 'a'] }), ['spec.trustDomainAliases: must not name a trust domain twice']],
	[mesh({ egress: 'ALLOW_ANY' }), ['spec.egress: must be one of registryOnly, allowAny [UnsupportedValue]']],
	[
		mesh({ ingress: 'x' }),
		[
			'spec.ingress: is not a field here; must be one of egress, defaultAccess, trustDomainAliases, extensionProviders, samples, keys',
		],
	],
	[mesh({}, 'other'), ["metadata.name: must be 'default': there is one Mesh"]],
	[
		{ ...mesh({}), metadata: { name: 'default', namespace: 'shop' } },
		['metadata.namespace: must be left out: this kind is cluster-wide'],
	],
])('judges %j', (document, expected) => {
	expect(problems(document)).toEqual(expected)
})
