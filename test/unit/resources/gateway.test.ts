/** What a Gateway may say. */
import { expect, test } from 'vitest'
import { gateway, parsed, problems, times } from './fixtures.ts'

const listener = { name: 'web', port: 80, protocol: 'HTTP' }

test('a listener takes all hosts, and routes of its own namespace, unless it says otherwise', () => {
	expect(parsed(gateway())).toEqual({
		apiVersion: 'gateway.networking.k8s.io/v1',
		kind: 'Gateway',
		metadata: { name: 'public', namespace: 'default', labels: {}, annotations: {} },
		spec: {
			gatewayClassName: 'mesh',
			listeners: [{ ...listener, allowedRoutes: { namespaces: { from: 'Same' }, kinds: [] } }],
		},
	})
})

const numbered = (i: number) => ({ name: `l${i}`, port: i + 1, protocol: 'HTTP' })
test.each([
	['64 listeners', { listeners: times(64, numbered) }, []],
	['65 listeners', { listeners: times(65, numbered) }, ['spec.listeners: must have at most 64 entries']],
	['no listener', { listeners: [] }, ['spec.listeners: must have at least 1 entry']],
	['listeners left out', { listeners: undefined }, ['spec.listeners: is required']],
	['no class', { gatewayClassName: undefined }, ['spec.gatewayClassName: is required']],
	[
		'a long class',
		{ gatewayClassName: 'a'.repeat(254) },
		['spec.gatewayClassName: must be at most 253 characters long'],
	],
	[
		'a listener name twice',
		{ listeners: [listener, { ...listener, port: 81 }] },
		['spec.listeners[1].name: must be unique: listener 0 has this name'],
	],
	[
		'two listeners that are one',
		{ listeners: [listener, { ...listener, name: 'other' }] },
		['spec.listeners[1]: must differ from listener 0 in port, protocol or hostname'],
	],
	[
		'listeners that differ in one of port, protocol and hostname',
		{
			listeners: [
				listener,
				{ ...listener, name: 'b', port: 81 },
				{ ...listener, name: 'c', protocol: 'HTTPS' },
				{ ...listener, name: 'd', hostname: 'a.net' },
			],
		},
		[],
	],
	['metadata for infrastructure', { infrastructure: { labels: { a: 'b' }, annotations: { 'c/d': 'e' } } }, []],
	[
		'a field of the experimental channel',
		{ defaultScope: 'All' },
		["spec.defaultScope: this mesh does not support 'defaultScope' yet"],
	],
	[
		'addresses',
		{ addresses: [{ value: '10.0.0.1' }] },
		["spec.addresses: this mesh does not support 'addresses': the platform's edge decides the addresses of a Gateway"],
	],
	[
		'client certificates',
		{ tls: { frontend: {} } },
		["spec.tls: this mesh does not support 'tls': TLS ends at the platform's edge"],
	],
	[
		'parameters for infrastructure',
		{ infrastructure: { parametersRef: {} } },
		[
			"spec.infrastructure.parametersRef: this mesh does not support 'parametersRef': a Gateway runs on no infrastructure of its own",
		],
	],
])('judges %s', (_, spec, expected) => {
	expect(problems(gateway(spec))).toEqual(expected)
})
