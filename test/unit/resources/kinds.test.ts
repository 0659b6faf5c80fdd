/** The list of kinds, and the schemas made from it. */
import { expect, test } from 'vitest'
import { findKind, jsonSchemas, kindByName, kinds } from '../../../src/resources/kinds.ts'
import { gateway, grant, namespace, route, service } from './fixtures.ts'

test('every kind is found by its version and name, and its smallest document parses', () => {
	for (const document of [service(), gateway(), route(), grant(), namespace()])
		expect(findKind(document.apiVersion, document.kind)?.schema.safeParse(document).success).toBe(true)
	expect(kinds.map(({ kind }) => kind)).toEqual(['Service', 'Gateway', 'HTTPRoute', 'ReferenceGrant', 'Namespace'])
})

test.each([
	['gateway.networking.k8s.io/v1beta1', 'HTTPRoute', 'HTTPRoute'],
	['gateway.networking.k8s.io/v1alpha2', 'HTTPRoute', undefined],
	['v1', 'Service', undefined],
	['v1', 'constructor', undefined],
])('finds %s %s as %s', (apiVersion, kind, found) => {
	expect(findKind(apiVersion, kind)?.kind).toBe(found)
})

test('a kind is found by name alone', () => {
	expect(kindByName('Namespace')?.clusterWide).toBe(true)
	expect(kindByName('namespace')).toBeUndefined()
})

test('the schema of every kind stands alone, forbids unknown fields and asks for what has no default', () => {
	const schemas = jsonSchemas()
	expect(Object.keys(schemas)).toEqual(kinds.map(({ kind }) => kind))
	expect(JSON.stringify(schemas)).not.toContain('$ref')
	for (const schema of Object.values(schemas))
		expect(schema).toMatchObject({ type: 'object', additionalProperties: false })
	expect(schemas.HTTPRoute).toMatchObject({
		required: ['apiVersion', 'kind', 'metadata', 'spec'],
		properties: {
			apiVersion: { enum: ['gateway.networking.k8s.io/v1', 'gateway.networking.k8s.io/v1beta1'] },
			metadata: { required: ['name'] },
			spec: { properties: { hostnames: { maxItems: 16 }, rules: { minItems: 1, maxItems: 16 } } },
		},
	})
})
