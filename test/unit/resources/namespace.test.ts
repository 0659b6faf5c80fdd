/** What a Namespace may say. */
import { expect, test } from 'vitest'
import { namespace, parsed, problems } from './fixtures.ts'

test('a Namespace is cluster-wide and carries its own name as a label, as in Kubernetes', () => {
	expect(parsed(namespace({ labels: { team: 'a' } }))).toEqual({
		apiVersion: 'v1',
		kind: 'Namespace',
		metadata: {
			name: 'shop',
			namespace: '-',
			labels: { team: 'a', 'kubernetes.io/metadata.name': 'shop' },
			annotations: {},
		},
	})
})

test('nobody can make a Namespace pass for another by that label', () => {
	const { metadata } = parsed(namespace({ labels: { 'kubernetes.io/metadata.name': 'bank' } }))
	expect(metadata).toMatchObject({ labels: { 'kubernetes.io/metadata.name': 'shop' } })
})

test('what the mesh answered for a Namespace can be sent back', () => {
	const answered = parsed(namespace())
	expect(parsed(answered)).toEqual(answered)
})

test.each([
	[{ ...namespace(), spec: { finalizers: ['kubernetes'] }, status: { phase: 'Active' } }, []],
	[{ ...namespace(), spec: { x: 1 } }, ['spec.x: is not a field here; must be one of finalizers']],
	[namespace({ namespace: 'default' }), ['metadata.namespace: must be left out: this kind is cluster-wide']],
	[
		namespace({ name: 'a--b' }),
		["metadata.name: must not contain '--', which joins service and namespace in mesh hosts"],
	],
	[namespace({ name: 'a'.repeat(64) }), ['metadata.name: must be at most 63 characters long']],
])('judges %j', (document, expected) => {
	expect(problems(document)).toEqual(expected)
})
