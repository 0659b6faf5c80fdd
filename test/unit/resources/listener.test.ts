/** What a listener may say. */
import { expect, test } from 'vitest'
import { Listener } from '../../../src/resources/listener.ts'
import { gateway, problems } from './fixtures.ts'

const at = 'spec.listeners[0]'
const judge = (fields: object) =>
	problems(gateway({ listeners: [{ name: 'web', port: 443, protocol: 'HTTPS', ...fields }] }))
const tls = { certificateRefs: [{ name: 'cert' }] }

test.each([
	['HTTPS that ends at the edge', { tls: { mode: 'Terminate', ...tls, options: { 'example.com/a': 'b' } } }, []],
	['HTTPS without tls', {}, []],
	['TCP', { protocol: 'TCP' }, []],
	['UDP', { protocol: 'UDP' }, []],
	['TLS', { protocol: 'TLS', tls: { mode: 'Passthrough' } }, []],
	['a protocol of its own', { protocol: 'example.com/bar' }, []],
	[
		'a protocol that is a domain only',
		{ protocol: 'example.com' },
		[`${at}.protocol: must be HTTP, HTTPS or another protocol's name, e.g. example.com/name`],
	],
	['HTTP with tls', { protocol: 'HTTP', tls }, [`${at}.tls: must be left out for protocol HTTP`]],
	['HTTPS passed through', { tls: { mode: 'Passthrough' } }, [`${at}.tls.mode: must be Terminate for protocol HTTPS`]],
	['TLS without tls', { protocol: 'TLS' }, [`${at}.tls: is required for protocol TLS`]],
	[
		'TCP with a hostname',
		{ protocol: 'TCP', hostname: 'a.net' },
		[`${at}.hostname: must be left out for protocol TCP`],
	],
	['no port', { port: undefined }, [`${at}.port: is required`]],
	['a port out of range', { port: 65_536 }, [`${at}.port: must be at most 65,535`]],
	[
		'client certificates of older documents',
		{ tls: { frontendValidation: {} } },
		[
			`${at}.tls.frontendValidation: this mesh does not support 'frontendValidation': client certificates are checked where TLS ends, at the platform`,
		],
	],
	['routes of every namespace', { allowedRoutes: { namespaces: { from: 'All' }, kinds: [{ kind: 'HTTPRoute' }] } }, []],
	['routes of no namespace', { allowedRoutes: { namespaces: { from: 'None' } } }, []],
	[
		'a selector that is missing',
		{ allowedRoutes: { namespaces: { from: 'Selector' } } },
		[`${at}.allowedRoutes.namespaces.selector: is required when 'from' is Selector`],
	],
	[
		'an unknown choice of namespaces',
		{ allowedRoutes: { namespaces: { from: 'Some' } } },
		[`${at}.allowedRoutes.namespaces.from: must be one of All, Selector, Same, None [UnsupportedValue]`],
	],
	[
		'too many kinds',
		{ allowedRoutes: { kinds: Array(9).fill({ kind: 'HTTPRoute' }) } },
		[`${at}.allowedRoutes.kinds: must have at most 8 entries`],
	],
])('judges %s', (_, fields, expected) => {
	expect(judge(fields)).toEqual(expected)
})

test('what tls and allowedRoutes leave out is filled in', () => {
	const allowedRoutes = { namespaces: { from: 'Selector', selector: {} }, kinds: [{ kind: 'HTTPRoute' }] }
	expect(Listener.parse({ name: 'web', port: 443, protocol: 'HTTPS', tls, allowedRoutes })).toMatchObject({
		tls: { mode: 'Terminate', certificateRefs: [{ group: '', kind: 'Secret', name: 'cert' }], options: {} },
		allowedRoutes: {
			namespaces: { from: 'Selector', selector: { matchLabels: {}, matchExpressions: [] } },
			kinds: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute' }],
		},
	})
})
