/** How clients may be kept at their endpoint. */
import { expect, test } from 'vitest'
import { parsedRule, ruleProblems } from './fixtures.ts'

const token = 'must be an HTTP field name (RFC 9110 token)'
const pathValue = "must begin with '/' and be printable US-ASCII without ';' (RFC 6265 path-value)"
test.each([
	[{}, []],
	[{ sessionName: 'a'.repeat(128), absoluteTimeout: '9600h', idleTimeout: '1s' }, []],
	[{ sessionName: 'a'.repeat(129) }, ['sessionName: must be at most 128 characters long']],
	[{ sessionName: 'a;b' }, [`sessionName: ${token}`]],
	[{ sessionName: 'a=b' }, [`sessionName: ${token}`]],
	[{ sessionName: 'a\r\nb' }, [`sessionName: ${token}`]],
	[{ sessionName: '' }, [`sessionName: ${token}`]],
	[{ sessionName: 'host' }, []],
	[
		{ sessionName: 'Host', type: 'Header' },
		[
			"sessionName: must not be 'Host': a Worker cannot choose it; URLRewrite's hostname reaches the backend as X-Forwarded-Host",
		],
	],
	[
		{ sessionName: 'Upgrade', type: 'Header' },
		["sessionName: must not be 'Upgrade': the platform writes it for each hop"],
	],
	[{ sessionName: 'x-session', type: 'Header' }, []],
	[{ type: 'Header' }, []],
	[{ type: 'IP' }, ['type: must be one of Cookie, Header [UnsupportedValue]']],
	[{ absoluteTimeout: '0s' }, ['absoluteTimeout: must be at least 1s']],
	[{ absoluteTimeout: '9601h' }, ['absoluteTimeout: must be at most 9600h']],
	[{ idleTimeout: '999ms' }, ['idleTimeout: must be at least 1s']],
	[{ cookieConfig: { lifetimeType: 'Session' } }, []],
	[{ cookieConfig: { lifetimeType: 'Permanent' }, absoluteTimeout: '1h' }, []],
	[
		{ cookieConfig: { lifetimeType: 'Permanent' } },
		['absoluteTimeout: is required for a cookie of lifetimeType Permanent'],
	],
	[
		{ cookieConfig: { lifetimeType: 'Forever' } },
		['cookieConfig.lifetimeType: must be one of Permanent, Session [UnsupportedValue]'],
	],
	[{ type: 'Header', cookieConfig: {} }, ['cookieConfig: must be left out for type Header']],
	[{ cookie: {} }, []],
	[{ cookie: { name: 'a'.repeat(256), path: '/a b', lifetimeType: 'Permanent' }, absoluteTimeout: '1h' }, []],
	[{ cookie: { name: 'a'.repeat(257) } }, ['cookie.name: must be at most 256 characters long']],
	[{ cookie: { name: 'a;b' } }, [`cookie.name: ${token}`]],
	[{ cookie: { path: 'a' } }, [`cookie.path: ${pathValue}`]],
	[{ cookie: { path: '/; Domain=example.com' } }, [`cookie.path: ${pathValue}`]],
	[{ cookie: { path: '/\r\nSet-Cookie: a=b' } }, [`cookie.path: ${pathValue}`]],
	[{ cookie: { lifetimeType: 'Permanent' } }, ['absoluteTimeout: is required for a cookie of lifetimeType Permanent']],
	[{ type: 'Header', cookie: {} }, ['cookie: must be left out for type Header']],
	[{ type: 'Header', header: { name: 'X-Session' } }, []],
	[{ type: 'Header', header: {} }, ['header.name: is required']],
	[
		{ type: 'Header', header: { name: 'Upgrade' } },
		["header.name: must not be 'Upgrade': the platform writes it for each hop"],
	],
	[{ header: { name: 'X-Session' } }, ['header: must be left out for type Cookie']],
	[
		{ cookie: {}, sessionName: 'a', cookieConfig: {} },
		[
			'sessionName: must be left out beside cookie, which says the same',
			'cookieConfig: must be left out beside cookie, which says the same',
		],
	],
	[
		{ type: 'Header', header: { name: 'x-a' }, sessionName: 'x-b' },
		['sessionName: must be left out beside header, which says the same'],
	],
])('judges %j', (sessionPersistence, expected) => {
	expect(ruleProblems({ sessionPersistence })).toEqual(expected.map((problem) => `sessionPersistence.${problem}`))
})

test('a session is a cookie that ends with the browser’s unless it says otherwise', () => {
	expect(parsedRule({ sessionPersistence: { cookieConfig: {} } }).sessionPersistence).toEqual({
		type: 'Cookie',
		cookieConfig: { lifetimeType: 'Session' },
	})
	expect(parsedRule({ sessionPersistence: { cookie: {} } }).sessionPersistence).toEqual({
		type: 'Cookie',
		cookie: { path: '/', lifetimeType: 'Session' },
	})
})
