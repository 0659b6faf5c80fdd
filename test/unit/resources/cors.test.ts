/** Which origins, methods and fields a rule may share with. */
import { expect, test } from 'vitest'
import { parsedRule, ruleProblems, times } from './fixtures.ts'

const judge = (cors: unknown) =>
	ruleProblems({ filters: [{ type: 'CORS', cors }] }).map((problem) => problem.replace('filters[0].cors.', ''))

test('what a filter leaves out is filled in', () => {
	expect(parsedRule({ filters: [{ type: 'CORS', cors: {} }] })).toMatchObject({
		filters: [
			{
				cors: {
					allowOrigins: [],
					allowCredentials: false,
					allowMethods: [],
					allowHeaders: [],
					exposeHeaders: [],
					maxAge: 5,
				},
			},
		],
	})
})

test.each(['*', 'https://a.example', 'http://localhost:8080', 'https://*.a.example:1', 'https://*', 'http://*:65535'])(
	'%s is an origin',
	(origin) => {
		expect(judge({ allowOrigins: [origin] })).toEqual([])
	},
)

const shape = "must be '*' or http(s)://<host>[:<port>], whose host may be '*' or begin with '*.'"
test.each([
	['', shape],
	['null', shape],
	['a.example', shape],
	['https://', shape],
	['https://a/', shape],
	['https://a/b', shape],
	['https://a?b', shape],
	['https://u@a', shape],
	['https://a*', shape],
	['https://a.*.b', shape],
	['https://*a', shape],
	['https://a:', shape],
	['https://a:123456', shape],
	['https://a\r\nx: y', shape],
	['https://a b', shape],
	['spiffe://a', shape],
	['xhttps://a', shape],
	['https://a:0', 'must have a port from 1 to 65535'],
	['https://a:65536', 'must have a port from 1 to 65535'],
])('%j is no origin', (origin, message) => {
	expect(judge({ allowOrigins: ['https://a.example', origin] })).toEqual([`allowOrigins[1]: ${message}`])
})

const alone = "must have no other entry beside '*'"
test.each([
	[{ allowOrigins: ['*', 'https://a'] }, [`allowOrigins: ${alone}`]],
	[{ allowMethods: ['GET', '*'] }, [`allowMethods: ${alone}`]],
	[{ allowHeaders: ['*', 'x-a'] }, [`allowHeaders: ${alone}`]],
	[{ exposeHeaders: ['*', 'x-a'] }, []],
	[{ allowMethods: ['*'], allowHeaders: ['*'], exposeHeaders: ['*'], allowCredentials: true }, []],
	[
		{ allowMethods: ['get'] },
		[
			'allowMethods[0]: must be one of GET, HEAD, POST, PUT, DELETE, CONNECT, OPTIONS, TRACE, PATCH, * [UnsupportedValue]',
		],
	],
	[{ allowHeaders: ['a b'] }, ['allowHeaders[0]: must be an HTTP field name (RFC 9110 token)']],
	[{ exposeHeaders: ['a\r\n'] }, ['exposeHeaders[0]: must be an HTTP field name (RFC 9110 token)']],
	[{ maxAge: 0 }, ['maxAge: must be at least 1']],
	[{ maxAge: 1.5 }, ['maxAge: must be a whole number']],
	[{ maxAge: 2_147_483_648 }, ['maxAge: must be at most 2,147,483,647']],
	[{ allowCredentials: 'yes' }, ['allowCredentials: must be true or false']],
	[{ allowOrigins: times(65, (i) => `https://a${i}`) }, ['allowOrigins: must have at most 64 entries']],
	[{ allowHeaders: times(65, (i) => `a${i}`) }, ['allowHeaders: must have at most 64 entries']],
	[{ exposeHeaders: times(65, (i) => `a${i}`) }, ['exposeHeaders: must have at most 64 entries']],
])('judges %j', (cors, expected) => {
	expect(judge(cors)).toEqual(expected)
})

test('origins are lower case as browsers send them, and of equivalent entries the first counts', () => {
	const cors = {
		allowOrigins: ['HTTPS://A.example', 'https://a.example'],
		allowMethods: ['PUT', 'PUT'],
		allowHeaders: ['X-A', 'x-a'],
	}
	expect(parsedRule({ filters: [{ type: 'CORS', cors }] })).toMatchObject({
		filters: [{ cors: { allowOrigins: ['https://a.example'], allowMethods: ['PUT'], allowHeaders: ['X-A'] } }],
	})
})
