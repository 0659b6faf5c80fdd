/** What a ReferenceGrant may say. */
import { expect, test } from 'vitest'
import { grant, grantFrom, parsed, problems, times } from './fixtures.ts'

const to = { group: '', kind: 'Service' }

test('a grant written for v1beta1 is read as v1, unchanged otherwise', () => {
	const document = { ...grant(), apiVersion: 'gateway.networking.k8s.io/v1beta1' }
	expect(parsed(document)).toEqual({
		apiVersion: 'gateway.networking.k8s.io/v1',
		kind: 'ReferenceGrant',
		metadata: { name: 'from-shop', namespace: 'default', labels: {}, annotations: {} },
		spec: { from: [grantFrom], to: [to] },
	})
})

test.each([
	[{ from: [grantFrom], to: [{ ...to, name: 'orders' }] }, []],
	[{ from: [], to: [] }, ['spec.from: must have at least 1 entry', 'spec.to: must have at least 1 entry']],
	[
		{ from: times(17, () => grantFrom), to: times(17, () => to) },
		['spec.from: must have at most 16 entries', 'spec.to: must have at most 16 entries'],
	],
	[
		{ from: [{ kind: 'HTTPRoute' }], to: [{ kind: 'Service' }] },
		['spec.from[0].group: is required', 'spec.from[0].namespace: is required', 'spec.to[0].group: is required'],
	],
	[{ from: [grantFrom] }, ['spec.to: is required']],
])('judges %j', (spec, expected) => {
	expect(problems(grant(spec))).toEqual(expected)
})
