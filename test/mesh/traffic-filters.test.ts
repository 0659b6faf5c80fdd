/** Header modifiers, redirects, rewrites and direct responses on the real data path, and filters that name what is not there. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, type Echoed, echo, startBackend, valuesOf } from './backend.ts'
import { type CallOptions, eventually } from './client.ts'
import { service } from './documents.ts'
import { type Mesh, startMesh } from './meshHarness.ts'
import { extension, extensionRef, prefix, requestHeaders, responseHeaders, ruled, to } from './rules.ts'

let mesh: Mesh
let backend: Backend

const REDIRECT_STATUSES = [301, 302, 303, 307, 308]
const redirect = (requestRedirect: object) => ({ type: 'RequestRedirect', requestRedirect })
const rewrite = (urlRewrite: object) => ({ type: 'URLRewrite', urlRewrite })
const onPort = (port: number, documents: object[]) =>
	JSON.parse(JSON.stringify(documents).replaceAll('"port":80', `"port":${port}`)) as object[]
const edits = (name: string) => ({
	set: [{ name: 'X-Set', value: `set by ${name}` }],
	add: [{ name: 'X-Add', value: `added by ${name}` }],
	remove: ['X-Remove'],
})
const headersOfTheRule = [requestHeaders(edits('rule')), responseHeaders(edits('rule'))]
const headersOfTheBackend = [requestHeaders(edits('backend')), responseHeaders(edits('backend'))]
const oddType = 'Application/JSON;  Charset="UTF-8" ; x=1'

beforeAll(async () => {
	backend = await startBackend((request, response) => {
		response.setHeader('set-cookie', ['a=1; Path=/', 'b=2, with a comma'])
		response.setHeader('x-set', 'theirs').setHeader('x-add', ['theirs', 'theirs too']).setHeader('x-remove', 'theirs')
		response.setHeader('x-empty', '')
		if (request.url === '/odd-type') response.setHeader('content-type', oddType).end('{}')
		else echo(request, response)
	})
	mesh = await startMesh({ regions: ['weur'] })
	await mesh.apply(
		service('echo', backend.url),
		...ruled('rule', { filters: headersOfTheRule, ...to('echo') }),
		...ruled('backend', to('echo', { filters: headersOfTheBackend })),
		...ruled('both', { filters: headersOfTheRule, ...to('echo', { filters: headersOfTheBackend }) }),
		...ruled('again', { retry: { attempts: 1 }, ...to('echo') }),
		...REDIRECT_STATUSES.flatMap((statusCode) =>
			ruled(`status-${statusCode}`, { filters: [redirect({ statusCode })] }),
		),
		...ruled('to-host', { filters: [redirect({ hostname: 'other.test' })] }),
		...ruled('to-https', { filters: [redirect({ scheme: 'https' })] }),
		...ruled('to-port', { filters: [redirect({ port: 8443 })] }),
		...ruled('to-https-port', { filters: [redirect({ scheme: 'https', port: 443 })] }),
		...ruled('to-http-443', { filters: [redirect({ port: 443 })] }),
		...onPort(8080, ruled('on-8080', { filters: [redirect({ hostname: 'other.test' })] })),
		...onPort(8080, ruled('on-8080-to-https', { filters: [redirect({ scheme: 'https' })] })),
		...ruled('to-path', { filters: [redirect({ path: { type: 'ReplaceFullPath', replaceFullPath: '/new' } })] }),
		...ruled('to-prefix', {
			...prefix('/old'),
			filters: [redirect({ path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new/' } })],
		}),
		...ruled('rewritten', {
			...prefix('/old'),
			filters: [rewrite({ path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' } })],
			...to('echo'),
		}),
		...ruled('renamed', { filters: [rewrite({ hostname: 'inner.example' })], ...to('echo') }),
		...ruled('one-path', {
			filters: [rewrite({ hostname: 'inner.example', path: { type: 'ReplaceFullPath', replaceFullPath: '/only' } })],
			...to('echo', { filters: [rewrite({ hostname: 'innermost.example' })] }),
		}),
		...ruled('direct', { filters: [extensionRef('DirectResponse', 'teapot')] }),
		extension('DirectResponse', 'teapot', {
			statusCode: 418,
			headers: [{ name: 'X-Pot', value: 'tea' }],
			body: 'short and stöut',
		}),
		...ruled('waiting', { filters: [extensionRef('DirectResponse', 'late')], ...to('echo') }),
	)
})
afterAll(async () => {
	await mesh?.stop()
	await backend?.stop()
})

/** What the backend got, and what the client got. */
async function through(host: string, path = '/', options: CallOptions = {}) {
	const answer = await mesh.via(host, path, options)
	expect(answer.status, answer.text).toBe(200)
	const echoed = JSON.parse(answer.text) as Echoed
	return {
		url: echoed.url,
		sent: (name: string) => valuesOf(echoed.rawHeaders, name),
		received: (name: string) => valuesOf(answer.rawHeaders, name),
	}
}

describe('header modifiers', () => {
	const headers = {
		'X-SET': 'mine',
		'x-add': ['mine', 'mine too'],
		'X-remove': ['mine', 'mine too'],
		'x-empty': '',
		'x-untouched': ['b', 'a'],
	}

	it.each([
		['rule', 'set by rule', ['added by rule']],
		['backend', 'set by backend', ['added by backend']],
		['both', 'set by backend', ['added by rule', 'added by backend']],
	])('of the %s set, add and remove, whatever the case of the names', async (name, set, added) => {
		const { sent, received } = await through(`${name}.test`, '/', { headers })
		expect(sent('x-set')).toEqual([set])
		expect(sent('x-add')).toEqual(['mine', 'mine too', ...added])
		expect(sent('x-remove')).toEqual([])
		expect(received('x-set')).toEqual([set])
		expect(received('x-add')).toEqual(['theirs', 'theirs too', ...added])
		expect(received('x-remove')).toEqual([])
	})

	it('leave every other field as it is: empty ones, several lines, Content-Type to the byte', async () => {
		const asked = { method: 'POST', body: '{}', headers: { ...headers, 'content-type': oddType } }
		for (const host of ['rule.test', 'both.test', 'again.test']) {
			const { sent } = await through(host, '/', asked)
			expect(sent('x-untouched'), host).toEqual(['b', 'a'])
			expect(sent('x-empty'), host).toEqual([''])
			expect(sent('content-type'), host).toEqual([oddType])
		}
		const { rawHeaders } = await mesh.via('rule.test', '/odd-type', { headers })
		expect(valuesOf(rawHeaders, 'content-type')).toEqual([oddType])
		expect(valuesOf(rawHeaders, 'x-empty')).toEqual([''])
	})

	it('leave each Set-Cookie a line of its own', async () => {
		for (const host of ['rule.test', 'backend.test', 'both.test'])
			expect((await through(host)).received('set-cookie'), host).toEqual(['a=1; Path=/', 'b=2, with a comma'])
	})
})

describe('a redirect', () => {
	const ASKED = '/old/a%2Fb/%C3%BC?x=%20&y=1&x=2'

	it.each(REDIRECT_STATUSES)('of status %i leads to the same URL, and has no body', async (status) => {
		for (const method of ['GET', 'POST', 'HEAD']) {
			const answer = await mesh.via(`status-${status}.test`, ASKED, { method })
			expect([answer.status, answer.body.length]).toEqual([status, 0])
			expect(answer.headers.location).toBe(`http://status-${status}.test${ASKED}`)
		}
	})

	it.each([
		['another host', 'to-host', `http://other.test${ASKED}`],
		['another scheme, at its usual port', 'to-https', `https://to-https.test${ASKED}`],
		['another port', 'to-port', `http://to-port.test:8443${ASKED}`],
		['the usual port of its scheme, which goes unsaid', 'to-https-port', `https://to-https-port.test${ASKED}`],
		['the usual port of another scheme, which is said', 'to-http-443', `http://to-http-443.test:443${ASKED}`],
		["its listener's port, where that is none of the usual ones", 'on-8080', `http://other.test:8080${ASKED}`],
		['the usual port of the scheme that it names', 'on-8080-to-https', `https://on-8080-to-https.test${ASKED}`],
		['another path, with the query', 'to-path', 'http://to-path.test/new?x=%20&y=1&x=2'],
		['another prefix, with the rest as it was', 'to-prefix', `http://to-prefix.test/new${ASKED.slice('/old'.length)}`],
	])('leads to %s', async (_, name, location) => {
		expect((await mesh.via(`${name}.test`, ASKED)).headers.location).toBe(location)
		const { port } = new URL(backend.url)
		expect((await mesh.via(`${name}.test:${port}`, ASKED)).headers.location).toBe(location)
	})
})

describe('a rewrite', () => {
	it.each([
		['/old', '/new'],
		['/old/', '/new/'],
		['/old?x=1', '/new?x=1'],
		['/old/a%2Fb/%C3%BC//c?x=%20&y=1&x=2', '/new/a%2Fb/%C3%BC//c?x=%20&y=1&x=2'],
	])('of a prefix makes %s %s', async (asked, expected) => {
		expect((await through('rewritten.test', asked)).url).toBe(expected)
	})

	it('of the host is told to the backend, beside the name that the client used', async () => {
		const { sent, url } = await through('renamed.test', '/a%2Fb?x=1')
		expect(url).toBe('/a%2Fb?x=1')
		expect(sent('x-forwarded-host')).toEqual(['inner.example'])
		expect(sent('forwarded')).toEqual(['host=renamed.test;proto=http'])
	})

	it("of a rule's path goes with one of its backend's host, which is the more specific", async () => {
		const { sent, url } = await through('one-path.test', '/any/where?x=1')
		expect(url).toBe('/only?x=1')
		expect(sent('x-forwarded-host')).toEqual(['innermost.example'])
	})
})

it('a direct response is whole, for HEAD without its body', async () => {
	const answer = await mesh.via('direct.test', '/', { method: 'POST', body: 'unread' })
	expect(answer).toMatchObject({ status: 418, text: 'short and stöut' })
	expect(answer.headers).toMatchObject({ 'x-pot': 'tea', 'content-type': 'text/plain; charset=utf-8' })
	const head = await mesh.via('direct.test', '/', { method: 'HEAD' })
	expect([head.status, head.body.length]).toEqual([418, 0])
	expect(head.headers['content-length']).toBe(String(answer.body.length))
})

it('a filter that is not there refuses its requests and says which; it comes and goes while the mesh runs', async () => {
	const late = extension('DirectResponse', 'late', { statusCode: 200, body: 'here' })
	const ask = () => mesh.via('waiting.test')
	const refused = await ask()
	expect(refused.status).toBe(500)
	expect(JSON.parse(refused.text)).toMatchObject({
		reason: 'invalid_filter',
		rule: 'default/waiting/all',
		detail: 'spec.rules[0].filters[0].extensionRef: DirectResponse default/late not found',
	})
	await mesh.apply(late)
	await eventually(ask, ({ status, text }) => status === 200 && text === 'here')
	await mesh.remove(late)
	await eventually(ask, ({ status }) => status === 500)
})
