/** Names: which host means which service, however it is spelled, and what a part is called. */
import { describe, expect, it } from 'vitest'
import {
	canonicalMeshHost,
	isVirtualHostHead,
	meshHost,
	patternOf,
	resourceKey,
	routeSlicePart,
	serviceName,
	servicePart,
	virtualHostPart,
} from '../../src/names.ts'

const DOMAIN = 'mesh.example.com'

describe('meshHost', () => {
	it.each([
		['default/orders', 'orders.mesh.example.com'],
		['shop/orders', 'orders--shop.mesh.example.com'],
		['default/a-b', 'a-b.mesh.example.com'],
	])('of %s is %s', (service, host) => {
		expect(meshHost(service, DOMAIN)).toBe(host)
	})

	it('is its own canonical spelling, and differs from service to service', () => {
		const words = ['a', 'b', 'a-b', 'default', 'admin', 'x9']
		const services = words.flatMap((namespace) => words.map((name) => serviceName(namespace, name)))
		const hosts = services.map((service) => meshHost(service, DOMAIN))
		expect(new Set(hosts).size).toBe(services.length)
		for (const host of hosts) expect(canonicalMeshHost(host, DOMAIN)).toBe(host)
	})
})

describe('canonicalMeshHost', () => {
	it.each([
		['a service of the default namespace', 'orders.mesh.example.com', 'orders.mesh.example.com'],
		['service and namespace as two labels', 'orders.shop.mesh.example.com', 'orders--shop.mesh.example.com'],
		['service and namespace as one label', 'orders--shop.mesh.example.com', 'orders--shop.mesh.example.com'],
		['the default namespace spelled out in one label', 'orders--default.mesh.example.com', 'orders.mesh.example.com'],
		['the default namespace spelled out in two labels', 'orders.default.mesh.example.com', 'orders.mesh.example.com'],
		['single dashes', 'a-b.c-d.mesh.example.com', 'a-b--c-d.mesh.example.com'],
		['the apex', 'mesh.example.com', undefined],
		['the apex after a dot', '.mesh.example.com', undefined],
		['a name that ends alike', 'evilmesh.example.com', undefined],
		['a deeper name that ends alike', 'orders.evilmesh.example.com', undefined],
		['the domain in front of another', 'orders.mesh.example.com.evil.org', undefined],
		['a parent of the domain', 'example.com', undefined],
		['another domain of equal length', 'orders.mesh.example.org', undefined],
		['nothing', '', undefined],
	])('%s: %s is %s', (_, host, canonical) => {
		expect(canonicalMeshHost(host, DOMAIN)).toBe(canonical)
	})

	it.each(['a.b.c.mesh.example.com', 'a--b.c.mesh.example.com', '..mesh.example.com', '--.mesh.example.com'])(
		'gives %s a host that no service has',
		(host) => {
			const labels = ['a', 'b', 'c', 'default']
			const services = labels.flatMap((namespace) => labels.map((name) => meshHost(`${namespace}/${name}`, DOMAIN)))
			const canonical = canonicalMeshHost(host, DOMAIN)
			expect(canonical?.endsWith(`.${DOMAIN}`)).toBe(true)
			expect(services).not.toContain(canonical)
		},
	)
})

describe('parts', () => {
	it.each([
		[virtualHostPart('a.example.com'), 'a.example.com', true],
		[virtualHostPart('*.example.com'), '*.example.com', true],
		[virtualHostPart('*'), '*', true],
		[routeSlicePart('*', 'default', 'orders'), '*', false],
		[routeSlicePart('a.example.com', 'shop', 'orders.v2'), 'a.example.com', false],
		[servicePart('default/orders'), undefined, false],
		['service/virtualHost/x', undefined, false],
	])('%s belongs to the pattern %s; head: %s', (part, pattern, head) => {
		expect(patternOf(part)).toBe(pattern)
		expect(isVirtualHostHead(part)).toBe(head)
	})

	it('are called as the snapshot documents them', () => {
		expect(resourceKey('HTTPRoute', 'default', 'orders')).toBe('HTTPRoute/default/orders')
		expect(routeSlicePart('*.example.com', 'shop', 'orders')).toBe('virtualHost/*.example.com/shop/orders')
		expect(servicePart('shop/orders')).toBe('service/shop/orders')
	})
})
