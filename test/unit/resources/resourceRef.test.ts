/** How a document names a resource. */
import { expect, test } from 'vitest'
import { parseRefs } from '../../../src/resources/documents.ts'

const gatewayApi = 'gateway.networking.k8s.io'
const refs = (text: string) => {
	const result = parseRefs(text, 'yaml')
	return result.ok ? result.value : result.error.map(({ document, path, message }) => `${document} ${path}: ${message}`)
}

test('a ref is read from a document however wrong the rest of it is', () => {
	expect(
		refs(`{apiVersion: ${gatewayApi}/v1beta1, kind: HTTPRoute, metadata: {name: a, x: 1}, spec: {rules: no}, y: 2}
---
{apiVersion: v1, kind: Namespace, metadata: {name: shop, namespace: whatever}}
---
{apiVersion: selvedge.dev/v1, kind: Service, metadata: {name: b, namespace: shop}}`),
	).toEqual([
		{ apiVersion: `${gatewayApi}/v1`, kind: 'HTTPRoute', namespace: 'default', name: 'a' },
		{ apiVersion: 'v1', kind: 'Namespace', namespace: '-', name: 'shop' },
		{ apiVersion: 'selvedge.dev/v1', kind: 'Service', namespace: 'shop', name: 'b' },
	])
})

test('a document that names nothing is refused', () => {
	expect(
		refs(`{apiVersion: v1, kind: Namespace, metadata: {}}
---
{apiVersion: selvedge.dev/v1, kind: Service}
---
{apiVersion: selvedge.dev/v1, kind: Service, metadata: {name: a, namespace: b/c}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}`),
	).toEqual([
		'1 metadata.name: is required',
		'2 metadata: is required',
		"3 metadata.namespace: must be lower-case letters, digits and '-', beginning and ending with a letter or digit (RFC 1123 label)",
		expect.stringMatching(/^4 kind: must be one of Service \(selvedge\.dev\/v1\), /),
	])
})

test('naming a resource twice is an error, also by two versions of its kind', () => {
	expect(
		refs(`{apiVersion: ${gatewayApi}/v1, kind: Gateway, metadata: {name: a}}
---
{apiVersion: ${gatewayApi}/v1beta1, kind: Gateway, metadata: {name: a, namespace: default}}`),
	).toEqual(['2 metadata.name: must be named once in a request: document 1 and document 2 name the same resource'])
})
