/** CUSTOM policies end to end: a real authorizer that allows, refuses, is slow, fails, or is gone. */
import type { IncomingMessage, RequestListener } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Backend, type Echoed, echo, startBackend, valuesOf } from './backend.ts'
import { type Answer, type CallOptions, eventually } from './client.ts'
import { service } from './documents.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'
import { OF_MESH, ofService, policy } from './policies.ts'
import { extension } from './rules.ts'

let mesh: Mesh
let backend: Backend
let opa: Backend
/** What the authorizer was asked, and what it answers. */
const asked: { request: IncomingMessage; body: string }[] = []
let answer: RequestListener

const ALLOW: RequestListener = (_, response) => response.end()
const custom = (name: string, target: object, provider: string) =>
	policy(name, target, 'CUSTOM', [{}], { provider: { name: provider } })
/** None but those that ask a slow one runs out of time, however long the machine stands still. */
const provider = (name: string, more: object = {}) => ({
	name,
	envoyExtAuthzHttp: { service: 'opa.default.svc.cluster.local', port: 9_191, timeout: '20s', ...more },
})
const impatient = { timeout: '500ms' }

beforeAll(async () => {
	backend = await startBackend(echo)
	opa = await startBackend((request, response) => {
		const chunks: Buffer[] = []
		request.on('data', (chunk: Buffer) => chunks.push(chunk))
		request.on('end', () => {
			asked.push({ request, body: Buffer.concat(chunks).toString() })
			answer(request, response)
		})
	})
	mesh = await startMesh({ regions: ['weur'] })
	const fields = {
		includeRequestHeadersInCheck: ['cookie', 'x-tell-*'],
		includeAdditionalHeadersInCheck: { 'x-from': 'the mesh' },
		headersToUpstreamOnAllow: ['x-user', 'x-auth-*'],
		headersToDownstreamOnAllow: ['set-cookie'],
		headersToDownstreamOnDeny: ['x-why', 'set-cookie'],
	}
	const whole = { maxRequestBytes: 1_024, allowPartialMessage: false }
	await mesh.apply(
		extension('Mesh', 'default', {
			extensionProviders: [
				provider('opa', { pathPrefix: '/check', ...fields }),
				provider('lenient', { failOpen: true, headersToUpstreamOnAllow: ['x-user'], ...impatient }),
				provider('strict', { statusOnError: '503', ...impatient }),
				provider('partial', { includeRequestBodyInCheck: { maxRequestBytes: 1_024, allowPartialMessage: true } }),
				provider('whole', { includeRequestBodyInCheck: whole }),
				provider('absent', { service: 'default/gone' }),
			],
		}),
		service('opa', opa.url),
		service('dead', 'http://127.0.0.1:9/'),
		...['plain', 'opa', 'lenient', 'strict', 'partial', 'whole', 'absent', 'unnamed'].flatMap((name) =>
			name === 'opa' ? [] : [service(name, backend.url)],
		),
		service('guarded', backend.url),
		custom('guarded', ofService('guarded'), 'opa'),
		custom('opa', ofService('opa'), 'opa'),
		...['lenient', 'strict', 'partial', 'whole', 'absent'].map((name) => custom(name, ofService(name), name)),
		custom('unnamed', ofService('unnamed'), 'nobody'),
	)
	answer = ALLOW
	await eventually(
		() => ask('guarded'),
		({ status }) => status === 200,
	)
})
afterAll(async () => {
	await mesh?.stop()
	await Promise.all([backend?.stop(), opa?.stop()])
})
beforeEach(() => {
	asked.length = 0
	answer = ALLOW
})

const ask = (name: string, path = '/', options: CallOptions = {}): Promise<Answer> =>
	mesh.via(`${name}.${DOMAIN}`, path, options)
const echoed = ({ text }: Answer): Echoed => JSON.parse(text) as Echoed
const reason = ({ text }: Answer) => (JSON.parse(text) as { reason: string }).reason
const field = ({ rawHeaders }: Echoed, name: string) => valuesOf(rawHeaders, name)

describe('an authorizer', () => {
	it('is asked with method, path, host, Authorization and what it wants, and not with the body', async () => {
		const headers = {
			authorization: 'Basic YTpi',
			cookie: 'a=b',
			'x-tell-me': '1',
			'x-other': '2',
			'cf-connecting-ip': '198.51.100.7',
		}
		const { status } = await ask('guarded', '/a/b?c=d', { method: 'PUT', headers, body: 'secret' })
		expect([status, asked.length]).toEqual([200, 1])
		const [{ request, body }] = asked as [(typeof asked)[number]]
		expect([request.method, request.url, body]).toEqual(['PUT', '/check/a/b?c=d', ''])
		expect(request.headers).toMatchObject({
			...{ authorization: 'Basic YTpi', cookie: 'a=b', 'x-tell-me': '1', 'x-from': 'the mesh' },
			...{ 'x-forwarded-for': '198.51.100.7', 'x-forwarded-host': `guarded.${DOMAIN}` },
		})
		expect(request.headers).not.toHaveProperty('x-other')
	})

	it('that allows speaks to the service in place of the client, and to the client', async () => {
		answer = (_, response) => {
			response.writeHead(200, { 'x-user': 'alice', 'x-own': 'no', 'set-cookie': ['a=1', 'b=2'] }).end('ignored')
		}
		const got = await ask('guarded', '/', { headers: { 'x-user': 'root', 'x-auth-role': 'admin' } })
		expect([field(echoed(got), 'x-user'), field(echoed(got), 'x-auth-role'), field(echoed(got), 'x-own')]).toEqual([
			['alice'],
			[],
			[],
		])
		expect(got.headers['set-cookie']).toEqual(['a=1', 'b=2'])
	})

	it('that refuses is heard: its status, its body, the fields that are let through', async () => {
		answer = (_, response) => {
			response.writeHead(401, {
				'content-type': 'text/html',
				'x-why': 'no login',
				'x-own': 'no',
				'www-authenticate': 'Basic',
			})
			response.end('<h1>log in</h1>')
		}
		const { status, text, headers } = await ask('guarded')
		expect([status, text]).toEqual([401, '<h1>log in</h1>'])
		expect(headers).toMatchObject({ 'content-type': 'text/html', 'x-why': 'no login', 'www-authenticate': 'Basic' })
		expect(headers).not.toHaveProperty('x-own')
		expect(headers['proxy-status']).toContain('details="authorizer_denied"')
	})

	it('that refuses with a redirect, compressed, or with a long body is heard as far as it should be', async () => {
		answer = (_, response) => response.writeHead(302, { location: 'https://login.test/' }).end()
		expect(await ask('guarded')).toMatchObject({ status: 302, headers: { location: 'https://login.test/' } })
		answer = (_, response) => response.writeHead(403, { 'content-encoding': 'gzip' }).end(gzipSync('no'))
		const packed = await ask('guarded', '/', { headers: { 'accept-encoding': 'gzip' } })
		expect([packed.headers['content-encoding'], packed.body]).toEqual(['gzip', gzipSync('no')])
		answer = (_, response) => response.writeHead(403).end('x'.repeat(200_000))
		expect((await ask('guarded')).body.length).toBe(65_536)
	})

	it('that guards itself is not asked about its own questions', async () => {
		expect((await ask('opa', '/x')).status).toBe(200)
		// Once about the request, and once by the request itself.
		expect(asked.map(({ request }) => request.url)).toEqual(['/check/x', '/x'])
	})
})

describe('an authorizer that', () => {
	/** Slower than anything. */
	const slow: RequestListener = () => {}
	const failing: RequestListener = (_, response) => response.writeHead(500).end()
	const broken: RequestListener = (request) => request.socket.destroy()

	it.each([
		['is slow', slow],
		['fails', failing],
		['loses its connection', broken],
	])('%s refuses with the status that is said, or lets pass where it fails open', async (_, misbehaving) => {
		answer = misbehaving
		const refused = await ask('strict')
		expect([refused.status, reason(refused)]).toEqual([503, 'authorizer_unavailable'])
		const passed = await ask('lenient', '/', { headers: { 'x-user': 'root' } })
		expect([passed.status, field(echoed(passed), 'x-user')]).toEqual([200, []])
	})

	it('is nowhere refuses everything', async () => {
		for (const name of ['absent', 'unnamed']) {
			const refused = await ask(name)
			expect([refused.status, reason(refused)]).toEqual([403, 'authorizer_unavailable'])
		}
	})

	it('is down answers for nobody, and as soon as it is back for all', async () => {
		await mesh.apply(service('opa', 'http://127.0.0.1:9/'))
		await eventually(
			() => ask('strict'),
			({ status }) => status === 503,
		)
		await mesh.apply(service('opa', opa.url))
		await eventually(
			() => ask('strict'),
			({ status }) => status === 200,
		)
	})
})

describe('a body', () => {
	const long = 'abcdefgh'.repeat(40_000)
	const chunked = { 'transfer-encoding': 'chunked' }

	it.each([
		['short', 'hello', {}],
		['short, of unknown length', 'hello', chunked],
		['long', long, {}],
		['long, of unknown length', long, chunked],
	])('that is %s is shown as far as is asked for, and sent as a whole', async (_, body, headers) => {
		const got = await ask('partial', '/', { method: 'POST', headers, body })
		expect([got.status, asked[0]!.body, echoed(got).body === body]).toEqual([200, body.slice(0, 1_024), true])
		const framing = 'transfer-encoding' in headers ? [] : [String(body.length)]
		expect(field(echoed(got), 'content-length')).toEqual(framing)
	})

	it('of a GET, which nobody can be shown, gets past no authorizer that looks at bodies', async () => {
		for (const name of ['partial', 'whole']) {
			const refused = await ask(name, '/', { body: 'hello' })
			expect([refused.status, reason(refused)]).toEqual([403, 'authorizer_unavailable'])
		}
		expect(asked).toEqual([])
		expect((await ask('partial', '/', { headers: { 'content-length': '0' } })).status).toBe(200)
		expect(echoed(await ask('guarded', '/', { body: 'hello' })).body).toBe('hello')
	})

	it('that is too long for who wants all of it is refused, and asks nobody', async () => {
		for (const headers of [{}, chunked]) {
			const refused = await ask('whole', '/', { method: 'POST', headers, body: 'x'.repeat(1_025) })
			expect([refused.status, reason(refused)]).toEqual([413, 'content_too_large'])
			expect((await ask('whole', '/', { method: 'POST', headers, body: 'x'.repeat(1_024) })).status).toBe(200)
		}
		expect(asked).toHaveLength(2)
	})
})

it('an authorizer of the whole mesh is asked about every Service, once', async () => {
	const everywhere = custom('everywhere', OF_MESH, 'partial')
	await mesh.apply(everywhere)
	await eventually(
		() => ask('plain'),
		() => asked.length > 0,
	)
	asked.length = 0
	expect([(await ask('plain')).status, asked.length]).toEqual([200, 1])
	asked.length = 0
	// By its own policy too, of the same provider.
	expect([(await ask('partial')).status, asked.length]).toEqual([200, 1])
	await mesh.remove(everywhere)
	await eventually(
		async () => {
			asked.length = 0
			return ask('plain')
		},
		() => asked.length === 0,
	)
})
