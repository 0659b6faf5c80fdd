/** Which secret a Service may have added to its requests, and where. */
import { expect, test } from 'vitest'
import { parsed, problems, service } from './fixtures.ts'

const secretRef = { name: 'stripe', key: 'token' }
const url = 'https://api.example.net'
const withCredential = (credential: unknown, ...urls: string[]) =>
	service({ endpoints: (urls.length === 0 ? [url] : urls).map((one) => ({ url: one })), credential })

test.each([
	{ bearer: { secretRef } },
	{ basic: { username: 'Aladdin', secretRef } },
	{ apiKey: { in: 'header', name: 'X-Api-Key', secretRef } },
	{ apiKey: { in: 'query', name: 'api_key', secretRef } },
	{ apiKey: { in: 'header', name: 'Authorization', secretRef } },
])('takes %j as it is', (credential) => {
	expect(parsed(withCredential(credential)).spec).toMatchObject({ credential })
})

test('an API key goes into a header unless told', () => {
	expect(parsed(withCredential({ apiKey: { name: 'X-Api-Key', secretRef } })).spec).toMatchObject({
		credential: { apiKey: { in: 'header' } },
	})
})

test('external is kept where it is said', () => {
	expect(parsed(service({ external: true })).spec).toEqual({ external: true })
	expect(parsed(service({})).spec).toEqual({})
})

const TOKEN = 'must be an HTTP field name (RFC 9110 token)'
test.each([
	[{}, ['spec.credential: must have one of bearer, basic, apiKey']],
	[
		{ bearer: { secretRef }, apiKey: { name: 'k', secretRef } },
		['spec.credential: must have one of bearer, basic, apiKey'],
	],
	[{ bearer: {} }, ['spec.credential.bearer.secretRef: is required']],
	[{ bearer: { secretRef: { name: 'stripe' } } }, ['spec.credential.bearer.secretRef.key: is required']],
	[
		{ bearer: { secretRef: { ...secretRef, namespace: 'other' } } },
		['spec.credential.bearer.secretRef.namespace: is not a field here; must be one of name, key'],
	],
	[
		{ bearer: { secretRef, token: 'x' } },
		['spec.credential.bearer.token: is not a field here; must be one of secretRef'],
	],
	[
		{ basic: { username: 'a:b', secretRef } },
		["spec.credential.basic.username: must not contain ':' or control characters (RFC 7617)"],
	],
	[{ basic: { username: '', secretRef } }, ['spec.credential.basic.username: must be at least 1 character long']],
	[{ apiKey: { name: 'a b', secretRef } }, [`spec.credential.apiKey.name: ${TOKEN}`]],
	[{ apiKey: { name: 'a\r\nb', in: 'query', secretRef } }, [`spec.credential.apiKey.name: ${TOKEN}`]],
	[
		{ apiKey: { name: 'k', in: 'cookie', secretRef } },
		['spec.credential.apiKey.in: must be one of header, query [UnsupportedValue]'],
	],
])('judges %j', (credential, expected) => {
	expect(problems(withCredential(credential))).toEqual(expected)
})

test.each(['Host', 'content-length', 'CONNECTION', 'Transfer-Encoding', 'selvedge-caller', 'proxy-authorization'])(
	'%s is not free to carry a secret, but a query parameter of that name is',
	(name) => {
		expect(problems(withCredential({ apiKey: { name, secretRef } }))[0]).toMatch(
			`spec.credential.apiKey.name: must not be '${name}': `,
		)
		expect(problems(withCredential({ apiKey: { in: 'query', name, secretRef } }))).toEqual([])
	},
)

test.each(['Forwarded', 'x-forwarded-for', 'traceparent', 'CF-Ray', 'cdn-loop', 'via'])(
	'%s would be written over',
	(name) => {
		expect(problems(withCredential({ apiKey: { name, secretRef } }))).toEqual([
			`spec.credential.apiKey.name: must not be '${name}': the mesh or the platform writes it`,
		])
	},
)

test('endpoints that would get the secret in clear text are refused; those on this machine are not', () => {
	const urls = ['https://a.example.net', 'http://b.example.net', 'http://localhost:9000', 'http://127.0.0.1:9000']
	expect(problems(withCredential({ bearer: { secretRef } }, ...urls, 'HTTP://[::1]:9/', 'http://10.0.0.1'))).toEqual([
		'spec.endpoints[1].url: must be https:// in a service with a credential: http would carry the secret in clear text',
		'spec.endpoints[5].url: must be https:// in a service with a credential: http would carry the secret in clear text',
	])
	expect(problems(service({ endpoints: [{ url: 'http://b.example.net' }] }))).toEqual([])
})
