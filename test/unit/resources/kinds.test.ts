/** The list of kinds, and the schemas made from it. */
import { expect, test } from 'vitest'
import { findKind, jsonSchemas, kindByName, kinds } from '../../../src/resources/kinds.ts'
import {
	authorizationPolicy,
	directResponse,
	faultInjection,
	federatedTrustDomain,
	gateway,
	grant,
	namespace,
	peerAuthentication,
	requestAuthentication,
	retryPolicy,
	route,
	service,
	trafficMatch,
	workloadTrust,
} from './fixtures.ts'

test('every kind is found by its version and name, and its smallest document parses', () => {
	const extensions = [
		faultInjection({ abort: { httpStatus: 503 } }),
		directResponse({ statusCode: 204 }),
		trafficMatch({ percent: 50 }),
		retryPolicy({}),
		{
			apiVersion: 'selvedge.dev/v1',
			kind: 'TrafficPolicy',
			metadata: { name: 'p' },
			spec: { targetRefs: [{ kind: 'Service', name: 's' }], retry: {} },
		},
	]
	const ofGatewayApi = [service(), gateway(), route(), grant(), namespace()]
	const ofEgress = [
		{ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'key' } },
		{ apiVersion: 'selvedge.dev/v1', kind: 'Mesh', metadata: { name: 'default' } },
	]
	const ofIdentity = [
		peerAuthentication({ targetRefs: [{ kind: 'Service', name: 's' }], mode: 'STRICT' }),
		requestAuthentication({ jwtRules: [{ issuer: 'https://a.example' }] }),
		authorizationPolicy({}),
		workloadTrust({ workload: 'w', joinToken: {} }),
		federatedTrustDomain({
			trustDomain: 'a',
			bundleEndpoint: { url: 'https://a.example', profile: { type: 'https_web' } },
		}),
		{
			apiVersion: 'selvedge.dev/v1',
			kind: 'AdminAccess',
			metadata: { name: 'a' },
			spec: { subjects: [{ email: 'ana@example.com' }], role: 'viewer' },
		},
	]
	const smallest = [...ofGatewayApi, ...ofEgress, ...extensions, ...ofIdentity]
	for (const document of smallest)
		expect(findKind(document.apiVersion, document.kind)?.schema.safeParse(document).success, document.kind).toBe(true)
	expect(kinds.map(({ kind }) => kind)).toEqual(smallest.map(({ kind }) => kind))
})

test.each([
	['gateway.networking.k8s.io/v1beta1', 'HTTPRoute', 'HTTPRoute'],
	['gateway.networking.k8s.io/v1alpha2', 'HTTPRoute', undefined],
	['security.istio.io/v1beta1', 'AuthorizationPolicy', 'AuthorizationPolicy'],
	['security.istio.io/v1', 'RequestAuthentication', 'RequestAuthentication'],
	['security.istio.io/v1', 'PeerAuthentication', undefined],
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

test('the schema of a filter says for each type which field it must have', () => {
	const { HTTPRoute } = jsonSchemas() as { HTTPRoute: { properties: { spec: { properties: { rules: never } } } } }
	const rules = HTTPRoute.properties.spec.properties.rules as { items: { properties: { filters: never } } }
	const filters = rules.items.properties.filters as {
		maxItems: number
		items: { oneOf: { required: string[]; additionalProperties: boolean }[] }
	}
	expect(filters.maxItems).toBe(16)
	expect(filters.items.oneOf.map(({ required }) => required)).toEqual([
		['type', 'requestHeaderModifier'],
		['type', 'responseHeaderModifier'],
		['type', 'requestRedirect'],
		['type', 'urlRewrite'],
		['type', 'requestMirror'],
		['type', 'cors'],
		['type', 'extensionRef'],
	])
	expect(filters.items.oneOf.every(({ additionalProperties }) => !additionalProperties)).toBe(true)
})
