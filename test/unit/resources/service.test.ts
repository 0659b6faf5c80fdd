/** What a Service may say. */
import { expect, test } from 'vitest'
import { parsed, problems, service, times } from './fixtures.ts'

const url = 'https://orders.example.net'

test('a Service without a spec has no fixed endpoints', () => {
	const { spec: _, ...bare } = service()
	expect(parsed(bare)).toEqual({
		apiVersion: 'selvedge.dev/v1',
		kind: 'Service',
		metadata: { name: 'orders', namespace: 'default', labels: {}, annotations: {} },
		spec: {},
	})
})

test('a fixed endpoint gets an id by its place, weight 1 and no labels', () => {
	expect(parsed(service({ endpoints: [{ url, id: 'a', locality: 'weur' }, { url }] })).spec).toEqual({
		endpoints: [
			{ id: 'a', url, weight: 1, labels: {}, locality: 'weur' },
			{ id: 'fixed-1', url, weight: 1, labels: {} },
		],
	})
})

test.each([
	['at most 1,000 endpoints', { endpoints: times(1_000, () => ({ url })) }, []],
	['more endpoints', { endpoints: times(1_001, () => ({ url })) }, ['spec.endpoints: must have at most 1,000 entries']],
	[
		'an id twice, one of them by default',
		{ endpoints: [{ url, id: 'fixed-1' }, { url }] },
		['spec.endpoints[1].id: must be unique: endpoint 0 has this id'],
	],
	[
		'an id that is no path segment',
		{ endpoints: [{ url, id: 'a/b' }] },
		[
			"spec.endpoints[0].id: must be letters, digits, '-', '_', '.' and ':', beginning and ending with a letter or digit",
		],
	],
	['an endpoint without a URL', { endpoints: [{}] }, ['spec.endpoints[0].url: is required']],
	[
		'weights out of range',
		{
			endpoints: [
				{ url, weight: -1 },
				{ url, weight: 1_000_001 },
				{ url, weight: 0.5 },
				{ url, weight: 0 },
			],
		},
		[
			'spec.endpoints[0].weight: must be at least 0',
			'spec.endpoints[1].weight: must be at most 1,000,000',
			'spec.endpoints[2].weight: must be a whole number',
		],
	],
	[
		'an unknown field',
		{ endpoints: [{ url, wieght: 2 }] },
		['spec.endpoints[0].wieght: is not a field here; must be one of id, url, weight, labels, locality'],
	],
	[
		'a URL that may not be an endpoint, beside another mistake',
		{ endpoints: [{ url: 'http://orders.mesh.example.com', weight: 'x' }, { url: 'ftp://a.b' }] },
		[
			'spec.endpoints[0].weight: must be a number',
			'spec.endpoints[0].url: must not be below mesh.example.com: requests would loop back into the mesh',
			'spec.endpoints[1].url: must be an absolute http:// or https:// URL',
		],
	],
])('judges %s', (_, spec, expected) => {
	expect(problems(service(spec))).toEqual(expected)
})

test.each([
	[{ name: 'admin' }, ["metadata.name: must not be 'admin' in namespace default: that host is the control plane's"]],
	[{ name: 'admin', namespace: 'shop' }, []],
	[{ name: 'a'.repeat(63) }, []],
	[{ name: 'a'.repeat(64) }, ['metadata.name: must be at most 63 characters long']],
	[{ name: 'a'.repeat(57), namespace: 'shop' }, []],
	[
		{ name: 'a'.repeat(58), namespace: 'shop' },
		["metadata.name: must be shorter: '<name>--<namespace>' is one DNS label of at most 63 characters"],
	],
	[{ name: 'a--b' }, ["metadata.name: must not contain '--', which joins service and namespace in mesh hosts"]],
	[
		{ name: 'a.b' },
		[
			"metadata.name: must be lower-case letters, digits and '-', beginning and ending with a letter or digit (RFC 1123 label)",
		],
	],
])('a Service name must make a mesh host that is one DNS label: %j', (metadata, expected) => {
	expect(problems({ ...service(), metadata })).toEqual(expected)
})
