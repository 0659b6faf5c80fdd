/** Documents in, resources or every mistake out. */
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { parseDocuments, parseRefs } from '../../../src/resources/documents.ts'
import { kinds } from '../../../src/resources/kinds.ts'
import { seeded } from '../../random.ts'
import {
	context,
	directResponse,
	faultInjection,
	gateway,
	gatewayApi,
	grant,
	namespace,
	ofAccess,
	ofIdentity,
	parsed,
	retryPolicy,
	route,
	service,
	times,
	trafficMatch,
} from './fixtures.ts'
import { mutated } from './mutations.ts'

/** A rule with every feature that a rule can have beside matches. */
const features = {
	filters: [
		{ type: 'RequestHeaderModifier', requestHeaderModifier: { set: [{ name: 'A', value: 'b' }], remove: ['C'] } },
		{ type: 'ResponseHeaderModifier', responseHeaderModifier: { add: [{ name: 'A', value: 'b' }] } },
		{ type: 'URLRewrite', urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '' } } },
		{ type: 'RequestMirror', requestMirror: { backendRef: { name: 'copy' }, fraction: { numerator: 1 } } },
		{ type: 'CORS', cors: { allowOrigins: ['HTTPS://*.example.net'], allowMethods: ['PUT'] } },
		{ type: 'ExtensionRef', extensionRef: { group: 'selvedge.dev', kind: 'FaultInjection', name: 'trouble' } },
	],
	backendRefs: [
		{ name: 'orders', filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https', port: 8443 } }] },
	],
	timeouts: { request: '10s', backendRequest: '2s500ms' },
	retry: { codes: [500, 503], backoff: '100ms' },
	sessionPersistence: { absoluteTimeout: '1h', cookieConfig: { lifetimeType: 'Permanent' } },
}

const all = [
	...[...ofIdentity, ...ofAccess],
	namespace({ labels: { team: 'a' } }),
	service({
		endpoints: [
			{ url: 'https://a.example.net', labels: { v: '1' } },
			{ url: 'http://127.0.0.1:1', weight: 0 },
		],
	}),
	gateway({ listeners: [{ name: 'web', port: 80, protocol: 'HTTP', hostname: '*.example.net' }] }),
	grant(),
	{ ...route({ rules: [features] }), metadata: { name: 'features' } },
	faultInjection({ matches: [{ method: 'GET' }], sources: [{}], delay: { fixedDelay: '1s', percent: 0.5 } }),
	directResponse({ statusCode: 418, headers: [{ name: 'A', value: 'b' }], body: 'short and stout' }),
	trafficMatch({ sources: [{ namespace: 'shop', workload: 'web' }], fraction: { numerator: 1, denominator: 3 } }),
	retryPolicy({ methods: ['POST'] }),
	route({
		parentRefs: [{ name: 'public', sectionName: 'web' }],
		hostnames: ['shop.example.net'],
		rules: [
			{
				name: 'first',
				matches: [
					{ path: { type: 'Exact', value: '/a' }, method: 'GET', headers: [{ name: 'x', value: '1' }] },
					{ path: { type: 'RegularExpression', value: '/v[0-9]+' }, queryParams: [{ name: 'q', value: '2' }] },
				],
				backendRefs: [{ name: 'orders', port: 80, weight: 9 }],
			},
		],
	}),
]
const yaml = (documents: readonly unknown[]) => documents.map((document) => `---\n${stringify(document)}`).join('')

test('YAML and JSON mean the same, and what was parsed parses to itself', () => {
	const json = parseDocuments(JSON.stringify(all), 'json', context)
	if (!json.ok) throw new Error(JSON.stringify(json.error))
	expect(json.value.map(({ kind }) => kind)).toEqual(all.map(({ kind }) => kind))
	expect(parseDocuments(yaml(all), 'yaml', context)).toEqual(json)
	const list = { apiVersion: 'v1', kind: 'List', items: all }
	expect(parseDocuments(yaml([list]), 'yaml', context)).toEqual(json)
	expect(parseDocuments(JSON.stringify(json.value), 'json', context)).toEqual(json)
})

test('a document as kubectl exports it is taken, and what the API server added is dropped', () => {
	const exported = `
apiVersion: gateway.networking.k8s.io/v1beta1
kind: HTTPRoute
metadata:
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {"apiVersion":"gateway.networking.k8s.io/v1beta1","kind":"HTTPRoute"}
  creationTimestamp: "2025-03-04T05:06:07Z"
  generation: 2
  managedFields:
  - apiVersion: gateway.networking.k8s.io/v1beta1
    fieldsV1: {"f:spec": {".": {}, "f:rules": {}}}
    manager: kubectl
  name: orders
  namespace: shop
  resourceVersion: "123"
  uid: 0a1b2c3d-0000-0000-0000-000000000000
spec:
  parentRefs:
  - {group: gateway.networking.k8s.io, kind: Gateway, name: public}
  rules:
  - backendRefs:
    - {group: "", kind: Service, name: orders, port: 8080, weight: 1}
    matches:
    - path: {type: PathPrefix, value: /}
status:
  parents: []
`
	const result = parseDocuments(exported, 'yaml', context)
	expect(result.ok && result.value).toEqual([
		{
			apiVersion: gatewayApi,
			kind: 'HTTPRoute',
			metadata: {
				name: 'orders',
				namespace: 'shop',
				labels: {},
				annotations: { 'kubectl.kubernetes.io/last-applied-configuration': expect.stringContaining('HTTPRoute') },
			},
			spec: {
				parentRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'public' }],
				hostnames: [],
				rules: [
					{
						matches: [{ path: { type: 'PathPrefix', value: '/' }, headers: [], queryParams: [] }],
						filters: [],
						backendRefs: [{ group: '', kind: 'Service', name: 'orders', port: 8080, weight: 1, filters: [] }],
					},
				],
			},
		},
	])
})

describe('errors', () => {
	const errors = (text: string, addresses: 'any' | 'names' = 'any') => {
		const result = parseDocuments(text, 'yaml', { ...context, addresses })
		return result.ok ? [] : result.error
	}

	test('name every mistake of every document, with the resource, the field and the line', () => {
		const text = `apiVersion: selvedge.dev/v1
kind: Service
metadata:
  name: orders
  namespace: shop
spec:
  endpoints:
    - url: http://10.0.0.1
      wait: 1
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {}
spec:
  rules:
    - matches:
        - method: FETCH
`
		expect(errors(text, 'names')).toEqual([
			{
				document: 1,
				kind: 'Service',
				namespace: 'shop',
				name: 'orders',
				path: 'spec.endpoints[0].wait',
				message: 'is not a field here; must be one of id, url, weight, labels, locality',
				line: 9,
			},
			{
				document: 1,
				kind: 'Service',
				namespace: 'shop',
				name: 'orders',
				path: 'spec.endpoints[0].url',
				message: 'must have a DNS name: the platform refuses bare IP addresses (error 1003)',
				line: 8,
			},
			{ document: 2, kind: 'HTTPRoute', path: 'metadata.name', message: 'is required', line: 13 },
			{
				document: 2,
				kind: 'HTTPRoute',
				path: 'spec.rules[0].matches[0].method',
				message: 'must be one of GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, PATCH',
				reason: 'UnsupportedValue',
				line: 17,
			},
		])
	})

	const accepted = kinds.map(({ kind, apiVersion }) => `${kind} (${apiVersion})`)
	const kindsAccepted = `must be one of ${accepted.join(', ')}`
	test.each([
		['{}', ['apiVersion: is required', 'kind: is required']],
		['{apiVersion: 1, kind: HTTPRoute}', ['apiVersion: must be a string']],
		['{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}', [`kind: ${kindsAccepted}`]],
		['{apiVersion: v1, kind: toString}', [`kind: ${kindsAccepted}`]],
		['{apiVersion: v1, kind: Service, metadata: {name: a}}', ['apiVersion: must be selvedge.dev/v1 for Service']],
		[
			`{apiVersion: ${gatewayApi}alpha2, kind: Gateway}`,
			[`apiVersion: must be ${gatewayApi} or ${gatewayApi}beta1 for Gateway`],
		],
		[
			`{apiVersion: ${gatewayApi}, kind: GRPCRoute, metadata: {name: a}}`,
			[
				'kind: must not be GRPCRoute: native gRPC needs HTTP/2 trailers, which a Worker cannot pass on; use an HTTPRoute and gRPC-Web, whose trailers are part of the body',
			],
		],
	])('say which kinds are accepted: %s', (text, expected) => {
		expect(errors(text).map(({ path, message }) => `${path}: ${message}`)).toEqual(expected)
	})

	test('name both documents that are the same resource', () => {
		const named = (name: string) => ({ ...service(), metadata: { name } })
		const list = { kind: 'List', apiVersion: 'v1', items: [named('b'), named('a')] }
		expect(errors(yaml([named('a'), list, named('b')]))).toMatchObject([
			{
				document: 2,
				path: 'items[1].metadata.name',
				message: 'must be named once in a request: document 1 and document 2, items[1] name the same resource',
			},
			{
				document: 3,
				path: 'metadata.name',
				message: 'must be named once in a request: document 2, items[0] and document 3 name the same resource',
			},
		])
	})

	test('are at most a hundred', () => {
		expect(errors(yaml(times(150, () => ({ kind: 'x' }))))).toHaveLength(100)
	})

	test('come in the order of the documents, also those of syntax', () => {
		expect(errors('kind: x\n---\na: [\n---\nkind: y').map(({ document }) => document)).toEqual([1, 2, 3])
	})
})

test('no text is no document', () => {
	expect(parseDocuments('', 'yaml', context)).toEqual({ ok: true, value: [] })
	expect(parseDocuments('[]', 'json', context)).toEqual({ ok: true, value: [] })
})

describe('whatever arrives', () => {
	const seed = 20_261_122

	test(`a mutated document is parsed to something stable, or refused at a path that it names (seed ${seed})`, () => {
		const random = seeded(seed)
		let refused = 0
		for (let i = 0; i < 3_000; i++) {
			const document = mutated(all[i % all.length], random)
			const result = parseDocuments(JSON.stringify([document]), 'json', context)
			const evidence = `round ${i}: ${JSON.stringify(document)}`
			if (result.ok) expect(parsed(result.value[0]), evidence).toEqual(result.value[0])
			else {
				refused++
				for (const { path, message } of result.error) {
					expect(message, evidence).toMatch(/must|is required|is not a field|does not support/)
					if (!/^must (be a mapping|not have a key)/.test(message)) expect(path, evidence).not.toBe('')
				}
			}
		}
		expect(refused).toBeGreaterThan(1_000)
		expect(refused).toBeLessThan(3_000)
	})

	test(`no text makes the reader throw (seed ${seed})`, () => {
		const random = seeded(seed)
		const text = yaml(all)
		const noise = '{}[]:-&*!|>\'"%@`,?#\n\t \u0000é~0<'
		for (let i = 0; i < 200; i++) {
			let broken = text
			for (let n = 1 + random() * 4; n > 0; n--) {
				const at = Math.floor(random() * broken.length)
				const inserted = noise[Math.floor(random() * noise.length)]
				broken = broken.slice(0, at) + inserted + broken.slice(at + Math.floor(random() * 3))
			}
			for (const format of ['yaml', 'json'] as const) {
				expect(() => parseDocuments(broken, format, context), broken).not.toThrow()
				expect(() => parseRefs(broken, format), broken).not.toThrow()
			}
		}
	})
})
