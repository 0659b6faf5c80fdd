/** Which filters a rule or a backend may have, and which together. */
import { describe, expect, test } from 'vitest'
import { parsedRule, ruleProblems, times } from './fixtures.ts'

const mirror = (backendRef: object = {}) => ({
	type: 'RequestMirror',
	requestMirror: { backendRef: { name: 'a', ...backendRef } },
})
const extension = (ref: object = {}) => ({
	type: 'ExtensionRef',
	extensionRef: { group: 'selvedge.dev', kind: 'FaultInjection', name: 'a', ...ref },
})
const redirect = (fields: object = {}) => ({ type: 'RequestRedirect', requestRedirect: fields })
const rewrite = (fields: object = {}) => ({ type: 'URLRewrite', urlRewrite: fields })
const requestHeaders = { type: 'RequestHeaderModifier', requestHeaderModifier: {} }
const responseHeaders = { type: 'ResponseHeaderModifier', responseHeaderModifier: {} }
const cors = { type: 'CORS', cors: {} }
const types = [
	'RequestHeaderModifier, ResponseHeaderModifier, RequestRedirect, URLRewrite, RequestMirror, CORS, ExtensionRef',
]

describe.each([
	['a rule', (filters: unknown[]) => ruleProblems({ filters })],
	[
		'a backend',
		(filters: unknown[]) =>
			ruleProblems({ backendRefs: [{ name: 'a', filters }] }).map((problem) => problem.replace('backendRefs[0].', '')),
	],
])('of %s', (_, judge) => {
	test.each([
		['RequestHeaderModifier', 'requestHeaderModifier'],
		['ResponseHeaderModifier', 'responseHeaderModifier'],
		['RequestRedirect', 'requestRedirect'],
		['URLRewrite', 'urlRewrite'],
		['RequestMirror', 'requestMirror'],
		['CORS', 'cors'],
		['ExtensionRef', 'extensionRef'],
	])('a filter of type %s has %s and no other field', (type, field) => {
		expect(judge([{ type }])).toEqual([`filters[0].${field}: is required`])
		expect(judge([{ type, [field]: null }])).toEqual([`filters[0].${field}: is required`])
		const other = field === 'urlRewrite' ? 'cors' : 'urlRewrite'
		expect(judge([{ type, [other]: {} }])).toEqual([
			`filters[0].${field}: is required`,
			`filters[0].${other}: is not a field here; must be one of type, ${field}`,
		])
	})

	test('a type that is not offered is refused as such', () => {
		expect(judge([{ type: 'ExternalAuth', externalAuth: { protocol: 'HTTP' } }])).toEqual([
			"filters[0].type: this mesh does not support 'ExternalAuth' yet [UnsupportedValue]",
		])
		expect(judge([{ type: 'Compress' }])).toEqual([`filters[0].type: must be one of ${types} [UnsupportedValue]`])
		expect(judge([{ cors: {} }])).toEqual(['filters[0].type: is required'])
		expect(judge(['CORS'])).toEqual(['filters[0]: must be a mapping'])
	})

	test('redirect and rewrite exclude each other', () => {
		const problem = (index: number, redirect: number) => [
			`filters[${index}]: must not be URLRewrite beside the RequestRedirect of filter ${redirect}: nothing is forwarded [IncompatibleFilters]`,
		]
		expect(judge([redirect(), rewrite()])).toEqual(problem(1, 0))
		expect(judge([rewrite(), requestHeaders, redirect()])).toEqual(problem(0, 2))
	})

	test.each([
		['RequestHeaderModifier', requestHeaders],
		['ResponseHeaderModifier', responseHeaders],
		['RequestRedirect', redirect()],
		['URLRewrite', rewrite()],
	])('%s stands once', (type, filter) => {
		expect(judge([filter, mirror(), filter])).toEqual([
			`filters[2]: must be the only ${type} filter: filter 0 is one [IncompatibleFilters]`,
		])
	})

	test('mirrors and extensions may be several, filters at most 16', () => {
		expect(judge([...times(8, () => mirror()), ...times(8, () => extension())])).toEqual([])
		expect(judge(times(17, () => mirror()))).toEqual(['filters: must have at most 16 entries'])
	})

	test.each([
		[redirect({ scheme: 'https', hostname: 'a.example', port: 1, statusCode: 308 }), []],
		[redirect({ scheme: 'ftp' }), ['filters[0].requestRedirect.scheme: must be one of http, https [UnsupportedValue]']],
		[
			redirect({ statusCode: 304 }),
			['filters[0].requestRedirect.statusCode: must be one of 301, 302, 303, 307, 308 [UnsupportedValue]'],
		],
		[redirect({ hostname: '*.a.example' }), ["filters[0].requestRedirect.hostname: must name one host, without '*'"]],
		[
			redirect({ hostname: 'a.example\r\nx: y' }),
			[
				"filters[0].requestRedirect.hostname: must be a lower-case DNS name, optionally with '*' as its whole first label",
			],
		],
		[
			redirect({ hostname: '127.0.0.1' }),
			['filters[0].requestRedirect.hostname: must be a DNS name, not an IP address'],
		],
		[redirect({ port: 65_536 }), ['filters[0].requestRedirect.port: must be at most 65,535']],
		[rewrite({ hostname: 'a.example' }), []],
		[rewrite({ hostname: '*.a' }), ["filters[0].urlRewrite.hostname: must name one host, without '*'"]],
		[
			mirror({ weight: 1 }),
			[
				'filters[0].requestMirror.backendRef.weight: is not a field here; must be one of group, kind, namespace, name, port',
			],
		],
		[extension({ group: 'example.net', kind: 'Anything' }), []],
		[
			extension({ namespace: 'shop' }),
			['filters[0].extensionRef.namespace: is not a field here; must be one of group, kind, name'],
		],
		[extension({ name: '' }), ['filters[0].extensionRef.name: must be at least 1 character long']],
	])('judges %j', (filter, expected) => {
		expect(judge([filter])).toEqual(expected)
	})
})

test('CORS stands once, and in no backend', () => {
	expect(ruleProblems({ filters: [cors, cors] })).toEqual([
		'filters[1]: must be the only CORS filter: filter 0 is one [IncompatibleFilters]',
	])
	expect(ruleProblems({ backendRefs: [{ name: 'a', filters: [requestHeaders, cors] }] })).toEqual([
		'backendRefs[0].filters[1]: must be a filter of the rule: a preflight has no backend [UnsupportedValue]',
	])
})

test('what filters leave out is filled in', () => {
	expect(parsedRule({ filters: [redirect(), mirror(), responseHeaders] }).filters).toEqual([
		{ type: 'RequestRedirect', requestRedirect: { statusCode: 302 } },
		{ type: 'RequestMirror', requestMirror: { backendRef: { group: '', kind: 'Service', name: 'a' } } },
		{ type: 'ResponseHeaderModifier', responseHeaderModifier: { set: [], add: [], remove: [] } },
	])
})
