/** Where redirects lead: which scheme, host, port and path they name, and that the query comes along. */
import { describe, expect, it } from 'vitest'
import { redirectLocation } from '../../../src/filters/redirect.ts'
import type { Redirect } from '../../../src/snapshot/filters.ts'

const location = (
	redirect: Omit<Redirect, 'statusCode'>,
	request: Partial<Parameters<typeof redirectLocation>[1]> = {},
	ports?: Parameters<typeof redirectLocation>[2],
) =>
	redirectLocation(
		{ statusCode: 302, ...redirect },
		{ scheme: 'http', host: 'shop.test', path: '/p', query: '', ...request },
		ports,
	)

const hostname = 'example.org'

/** HTTPRouteRedirectPortAndScheme of Gateway API's conformance suite, and all that it leaves out. */
describe('the port of a redirect', () => {
	it.each<[string, Omit<Redirect, 'statusCode'>, string]>([
		['http', { hostname }, 'http://example.org/p'],
		['http', { hostname, port: 80 }, 'http://example.org/p'],
		['http', { hostname, port: 8080 }, 'http://example.org:8080/p'],
		['http', { hostname, port: 443 }, 'http://example.org:443/p'],
		['http', { hostname, scheme: 'https' }, 'https://example.org/p'],
		['http', { hostname, scheme: 'https', port: 443 }, 'https://example.org/p'],
		['http', { hostname, scheme: 'https', port: 8443 }, 'https://example.org:8443/p'],
		['http', { hostname, scheme: 'https', port: 80 }, 'https://example.org:80/p'],
		['https', { hostname }, 'https://example.org/p'],
		['https', { hostname, port: 443 }, 'https://example.org/p'],
		['https', { hostname, port: 8443 }, 'https://example.org:8443/p'],
		['https', { hostname, scheme: 'http' }, 'http://example.org/p'],
		['https', { hostname, scheme: 'http', port: 80 }, 'http://example.org/p'],
		['https', { hostname, scheme: 'http', port: 8080 }, 'http://example.org:8080/p'],
	])('from %s on the usual port, by %j: %s', (scheme, redirect, expected) => {
		expect(location(redirect, { scheme })).toBe(expected)
		expect(location(redirect, { scheme }, {})).toBe(expected)
	})

	it.each<[string, Omit<Redirect, 'statusCode'>, string]>([
		['http', { hostname }, 'http://example.org:8080/p'],
		['http', { hostname, port: 80 }, 'http://example.org/p'],
		['http', { hostname, scheme: 'https' }, 'https://example.org/p'],
		['http', { hostname, scheme: 'http' }, 'http://example.org/p'],
		['https', { hostname }, 'https://example.org:8443/p'],
		['https', { hostname, port: 443 }, 'https://example.org/p'],
		['https', { hostname, scheme: 'http' }, 'http://example.org/p'],
	])('from %s on listeners of other ports, by %j: %s', (scheme, redirect, expected) => {
		expect(location(redirect, { scheme }, { http: 8080, https: 8443 })).toBe(expected)
	})

	it('is the usual one of a scheme whose listener says nothing else', () => {
		expect(location({}, { scheme: 'https' }, { http: 8080 })).toBe('https://shop.test/p')
	})
})

/** MeshHTTPRouteRedirectPort, HTTPRouteRedirectHostAndStatus, HTTPRoute303Redirect, HTTPRouteRedirectPath. */
describe('a redirect', () => {
	it.each<[Omit<Redirect, 'statusCode'>, string, string]>([
		[{}, '/see-other', 'http://shop.test/see-other'],
		[{ port: 8083 }, '/port', 'http://shop.test:8083/port'],
		[{ hostname, port: 8083 }, '/port-and-host', 'http://example.org:8083/port-and-host'],
		[{ hostname }, '/hostname-redirect', 'http://example.org/hostname-redirect'],
		[{ scheme: 'https' }, '/', 'https://shop.test/'],
		[
			{ path: { type: 'prefix', prefix: '/original-prefix', value: '/replacement-prefix' } },
			'/original-prefix/lemon',
			'http://shop.test/replacement-prefix/lemon',
		],
		[
			{ path: { type: 'full', value: '/full-path-replacement' } },
			'/full/path/original',
			'http://shop.test/full-path-replacement',
		],
		[
			{ hostname, path: { type: 'prefix', prefix: '/path-and-host', value: '/replacement-prefix' } },
			'/path-and-host',
			'http://example.org/replacement-prefix',
		],
		[{ path: { type: 'prefix', prefix: '/a', value: '/' } }, '/a//evil.test/', 'http://shop.test//evil.test/'],
	])('%j of %s leads to %s', (redirect, path, expected) => {
		expect(location(redirect, { path })).toBe(expected)
	})

	it.each<[Omit<Redirect, 'statusCode'>]>([
		[{}],
		[{ hostname, scheme: 'https' }],
		[{ path: { type: 'full', value: '/new' } }],
	])('%j keeps the query as it came', (redirect) => {
		const query = '?a=1&b=%20x&c=?/#'.slice(0, -1)
		expect(location(redirect, { query }).endsWith(query)).toBe(true)
		expect(location(redirect, { query: '?' }).endsWith('?')).toBe(true)
	})

	it('keeps an address as host', () => {
		expect(location({ port: 81 }, { host: '[::1]' })).toBe('http://[::1]:81/p')
	})

	it.each([
		['/a b', '/a%20b'],
		['/ü/€/😀', '/%C3%BC/%E2%82%AC/%F0%9F%98%80'],
		['/a?b#c', '/a%3Fb%23c'],
		['/a%20b', '/a%20b'],
		['/\ud800', '/%EF%BF%BD'],
	])('to %s names a path that a header can carry: %s', (value, expected) => {
		const url = location({ path: { type: 'full', value } })
		expect(url).toBe(`http://shop.test${expected}`)
		expect(() => new Headers({ location: url })).not.toThrow()
	})
})
