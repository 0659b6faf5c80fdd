/** Which URLs may be endpoints. */
import { describe, expect, test } from 'vitest'
import { checkEndpointUrl, isInClear } from '../../../src/resources/endpointUrl.ts'

const meshDomain = 'mesh.example.com'
const any = (url: string) => checkEndpointUrl(url, { addresses: 'any', meshDomain })
const names = (url: string) => checkEndpointUrl(url, { addresses: 'names', meshDomain })

test.each([
	'https://a.example.net',
	'HTTPS://A.example.net/base/path/',
	'http://a.example.net:8080',
	'https://mesh.example.com.evil.net',
	'https://notmesh.example.com',
	'https://a.example.net/@user',
	`https://a.example.net/${'a'.repeat(2_026)}`,
])('takes %s under either policy', (url) => {
	expect([any(url), names(url)]).toEqual([undefined, undefined])
})

test.each([
	['ftp://a.example.net', 'must be an absolute http:// or https:// URL'],
	['a.example.net', 'must be an absolute http:// or https:// URL'],
	['/path', 'must be an absolute http:// or https:// URL'],
	['http:a.example.net', 'must be an absolute http:// or https:// URL'],
	['http:///a.example.net', 'must be an absolute http:// or https:// URL'],
	['http://a.example.net:99999', 'must be an absolute http:// or https:// URL'],
	['', 'must be an absolute http:// or https:// URL'],
	['http://a.example.net:0', 'must have a port from 1 to 65535'],
	['http://user:secret@a.example.net', 'must not carry credentials'],
	['http://@a.example.net', 'must not carry credentials'],
	['http://a.example.net/?q', 'must not have a query'],
	['http://a.example.net?', 'must not have a query'],
	['http://a.example.net/#', 'must not have a fragment'],
	['http://a.exa\nmple.net', 'must not contain spaces, control characters or backslashes'],
	[' http://a.example.net', 'must not contain spaces, control characters or backslashes'],
	['http:\\\\a.example.net', 'must not contain spaces, control characters or backslashes'],
	[`https://a.example.net/${'a'.repeat(2_027)}`, 'must be at most 2,048 characters long'],
	[`https://${'a.'.repeat(127)}`, undefined],
	[`https://${'a.'.repeat(127)}b`, 'must have a host of 1 to 253 characters'],
])('judges %j', (url, problem) => {
	expect(any(url)).toBe(problem)
})

test.each([
	'http://localhost..',
	'http://127.0.0.1..:8080/a',
	'http://x.internal..',
	'http://.localhost',
	'https://.a.example.net',
	'https://a..example.net',
	'https://a.example.net..',
	'https://a.example.net%2e%2e',
	'https://a.example.net。.',
	'https://mesh.example.com..',
	'https://orders..mesh.example.com',
	'https://.mesh.example.com',
	'https://..',
])('refuses %s, whose dots some resolver may leave out', (url) => {
	const problem = 'must have a host whose labels have at least one character each, e.g. a.example.com'
	expect([any(url), names(url)]).toEqual([problem, problem])
})

test.each([
	['http://localhost', false],
	['http://LOCALHOST.:8080', false],
	['http://a.b.localhost', false],
	['http://127.0.0.1', false],
	['http://0x7f.1.', false],
	['http://[::1]', false],
	['https://a.example.net', false],
	['http://a.example.net', true],
	['http://.localhost', true],
	['http://a..localhost', true],
	['http://localhost..', true],
	['http://127.0.0.1..', true],
	['http://notlocalhost', true],
	['http://localhost.example.net', true],
	['http://127.0.0.1.example.net', true],
	['nothing', true],
])('a secret sent to %s could be read on its way: %s', (url, expected) => {
	expect(isInClear(url)).toBe(expected)
})

test.each([
	'https://mesh.example.com',
	'https://orders.mesh.example.com/x',
	'https://ORDERS.Mesh.Example.Com:8443',
	'https://orders.mesh.example.com.',
	'https://orders%2emesh.example.com',
	'https://a.b.mesh.example.com',
])('refuses %s, which would loop back into the mesh', (url) => {
	expect(any(url)).toBe('must not be below mesh.example.com: requests would loop back into the mesh')
})

describe('where the platform resolves names only', () => {
	const address = 'must have a DNS name: the platform refuses bare IP addresses (error 1003)'
	const localhost = 'must have a public DNS name: localhost is the machine that asks, and the platform has none'
	const label = 'must have a public DNS name: a single label means nothing outside its own network'
	const network = 'must have a public DNS name: .internal and .local exist only inside private networks'

	test.each([
		['http://127.0.0.1:8080', address],
		['http://2130706433', address],
		['http://0x7f.1', address],
		['http://0177.0.0.1', address],
		['http://127.1.', address],
		['http://127.0.0.1', address],
		['http://[::1]', address],
		['http://[::ffff:10.0.0.1]:80', address],
		['http://localhost:3000', localhost],
		['http://LOCALHOST.', localhost],
		['http://a.localhost', localhost],
		['http://orders', label],
		['http://metadata.google.internal', network],
		['http://printer.local.', network],
	])('refuses %s', (url, problem) => {
		expect(names(url)).toBe(problem)
		expect(any(url)).toBeUndefined()
	})
})
