/** What every document may say about itself. */
import { expect, test } from 'vitest'
import { Metadata, withoutStatus } from '../../../src/resources/metadata.ts'
import { problems, route } from './fixtures.ts'

const judge = (metadata: unknown) => problems({ ...route(), metadata })
const key =
	"the key must be a name of letters, digits, '-', '_' and '.', at most 63 characters, optionally after a DNS prefix and '/'"

test('what only a Kubernetes API server knows is accepted and dropped', () => {
	const metadata = Metadata.parse({
		name: 'a',
		uid: 'x',
		resourceVersion: '1',
		generation: 2,
		creationTimestamp: null,
		managedFields: [{ manager: 'kubectl', fieldsV1: { 'f:spec': {} } }],
		ownerReferences: [],
		finalizers: ['x'],
		selfLink: '/x',
	})
	expect(metadata).toEqual({ name: 'a', namespace: 'default', labels: {}, annotations: {} })
})

test.each([
	[{ name: 'a.b-c.d', namespace: 'shop', labels: { 'example.com/a_b.c': 'D-1_x.y', b: '' } }, []],
	[undefined, ['metadata: is required']],
	[{}, ['metadata.name: is required']],
	[{ name: 'a'.repeat(254) }, ['metadata.name: must be at most 253 characters long']],
	[{ name: 7 }, ['metadata.name: must be a string, in quotes']],
	[{ name: 'a', namespace: 'a'.repeat(64) }, ['metadata.namespace: must be at most 63 characters long']],
	[
		{ name: 'a', generateName: 'b' },
		[
			'metadata.generateName: is not a field here; must be one of name, namespace, labels, annotations, uid, resourceVersion, generation, creationTimestamp, managedFields, ownerReferences, finalizers, selfLink',
		],
	],
	[{ name: 'a', labels: { a: true } }, ['metadata.labels.a: must be a string, in quotes']],
	[{ name: 'a', labels: { '-a': '' } }, [`metadata.labels["-a"]: ${key}`]],
	[{ name: 'a', labels: { ['a'.repeat(64)]: '' } }, [`metadata.labels.${'a'.repeat(64)}: ${key}`]],
	[{ name: 'a', labels: { a: 'a'.repeat(64) } }, ['metadata.labels.a: must be at most 63 characters long']],
	[{ name: 'a', annotations: { a: 'any text, of any length\n' } }, []],
	[
		{ name: 'a', annotations: { a: 'x'.repeat(262_144) } },
		['metadata.annotations: must have at most 262,144 characters in all'],
	],
	[
		{ name: 'a', labels: Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`l${i}`, ''])) },
		['metadata.labels: must have at most 256 labels'],
	],
])('judges metadata (case %#)', (metadata, expected) => {
	expect(judge(metadata)).toEqual(expected)
})

test('a document loses its status and nothing else', () => {
	expect(withoutStatus({ kind: 'x', status: {} })).toEqual({ kind: 'x' })
})
