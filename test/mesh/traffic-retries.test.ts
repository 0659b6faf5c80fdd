/** Retries against real backends that fail in every way there is: what is tried again, where, and what never is. */
import { randomBytes } from 'node:crypto'
import type { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { until } from '../until.ts'
import { type Backend, startBackend } from './backend.ts'
import type { CallOptions } from './client.ts'
import { service } from './documents.ts'
import { type Mesh, startMesh } from './meshHarness.ts'
import { extension, extensionRef, responseHeaders, ruled, to } from './rules.ts'

interface Tried {
	/** The first segment of its path: every endpoint of the service has its own. */
	readonly endpoint: string
	readonly method: string
	readonly type: string | undefined
	readonly body: Buffer
	readonly at: number
}
type Behaviour = (request: IncomingMessage, response: ServerResponse) => void

/** Unlike `once`, takes the error before it as well. */
const closeOf = (emitter: EventEmitter) => new Promise<void>((resolve) => emitter.on('close', () => resolve()))

const answer: Behaviour = (_, response) => void response.end('answered')
const hang: Behaviour = () => {}
const status = (code: number, body: string | Buffer = ''): Behaviour => {
	return (_, response) => void response.writeHead(code).end(body)
}
const FAILURES: Record<string, Behaviour> = {
	'a connection that is reset before the response': ({ socket }) => socket.resetAndDestroy(),
	'a connection that is closed before the response': ({ socket }) => socket.end(),
	'a connection that is reset within the header section': ({ socket }) =>
		socket.write('HTTP/1.1 200 OK\r\nContent-Len', () => socket.resetAndDestroy()),
	'an answer that is no HTTP': ({ socket }) => socket.end('SSH-2.0-OpenSSH_9.9\r\n'),
	'a status that the rule names': status(503, 'busy'),
}
const CODES = [500, 503]

let mesh: Mesh
let backend: Backend
/** What was tried since the test began, in order. */
let tried: Tried[] = []
/** What the backend does with each try, the last for all that follow. */
let behaviours: readonly Behaviour[] = []

beforeAll(async () => {
	backend = await startBackend(async (request, response) => {
		const { method = '', url = '', headers } = request
		const behave = behaviours[Math.min(tried.length, behaviours.length - 1)]!
		const chunks: Buffer[] = []
		const entry = { endpoint: url.split('/')[1]!, method, type: headers['content-type'], at: performance.now() }
		tried.push({
			...entry,
			get body() {
				return Buffer.concat(chunks)
			},
		})
		for await (const chunk of request) chunks.push(chunk as Buffer)
		behave(request, response)
	})
	const endpoints = ['a', 'b', 'c'].map((path) => `${backend.url}/${path}`)
	const policy = (name: string, spec: object) => [
		extension('RetryPolicy', name, spec),
		...ruled(name, {
			filters: [extensionRef('RetryPolicy', name)],
			retry: { codes: CODES, backoff: '1ms' },
			...to('three'),
		}),
	]
	const retry = { codes: CODES, attempts: 2, backoff: '1ms' }
	mesh = await startMesh({ regions: ['weur'] })
	await mesh.apply(
		// In turns, so that it is known who is tried next; without ejections and within a wide budget, since everything fails on purpose.
		extension('TrafficPolicy', 'in-turn', {
			targetRefs: [{ kind: 'Mesh', name: 'default' }],
			loadBalancer: { type: 'RoundRobin' },
			outlierDetection: { consecutive5xxErrors: 0, consecutiveLocalOriginFailures: 0 },
			retryBudget: { percent: 100, minRetryRate: { count: 1_000, interval: '1s' } },
		}),
		service('three', endpoints),
		service('half', ['http://127.0.0.1:1', endpoints[0]!]),
		...ruled('retrying', { retry, ...to('three') }),
		...ruled('edited', {
			retry,
			filters: [responseHeaders({ remove: ['x-y'] })],
			sessionPersistence: {},
			...to('three'),
		}),
		...ruled('often', { retry: { ...retry, attempts: 5 }, ...to('three') }),
		...ruled('half', { retry: { attempts: 1, backoff: '1ms' }, ...to('half') }),
		...ruled('half-once', { timeouts: { request: '10s' }, ...to('half') }),
		...ruled('slowly', { retry: { attempts: 1, backoff: '200ms' }, ...to('three') }),
		...ruled('timed', { retry, timeouts: { backendRequest: '200ms' }, ...to('three') }),
		// Outlasts a backend that stands still for a while.
		...ruled('at-length', { retry: { ...retry, attempts: 10 }, timeouts: { backendRequest: '700ms' }, ...to('three') }),
		...ruled('timed-at-last', { retry, timeouts: { request: '20s' }, ...to('three') }),
		...ruled('out-of-time', {
			retry: { ...retry, attempts: 10 },
			timeouts: { request: '500ms', backendRequest: '200ms' },
			...to('three'),
		}),
		...policy('posting', { methods: ['POST'] }),
		...policy('bounded', { methods: ['POST', 'PATCH'], maxBodyBytes: 1_000 }),
	)
})
afterAll(async () => {
	await mesh?.stop()
	await backend?.stop()
})
beforeEach(() => {
	tried = []
	behaviours = [answer]
})

const endpointsTried = () => tried.map(({ endpoint }) => endpoint)
const reasonIn = (text: string) => (JSON.parse(text) as { reason: string }).reason

describe.each(Object.entries(FAILURES))('%s', (_, failure) => {
	const body = randomBytes(10_000)
	const type = 'application/x-odd;  a="b"'

	it.each(['GET', 'PUT', 'DELETE'])('is tried again elsewhere: %s, with the very same request', async (method) => {
		behaviours = [failure, answer]
		const sent = method === 'GET' ? {} : { body, headers: { 'content-type': type } }
		const got = await mesh.via('retrying.test', '/', { method, ...sent })
		expect([got.status, got.text]).toEqual([200, 'answered'])
		expect(tried).toHaveLength(2)
		expect(new Set(endpointsTried()).size).toBe(2)
		for (const one of tried) {
			expect(one).toMatchObject({ method, type: method === 'GET' ? undefined : type })
			expect(one.body.equals(method === 'GET' ? Buffer.alloc(0) : body)).toBe(true)
		}
	})

	it.each(['GET', 'DELETE'])('is tried again elsewhere: %s that says it has no body', async (method) => {
		behaviours = [failure, answer]
		const got = await mesh.via('retrying.test', '/', { method, headers: { 'content-length': '0' } })
		expect([got.status, tried.length]).toEqual([200, 2])
	})

	it('is tried on every endpoint before any of them twice', async () => {
		behaviours = [failure]
		const got = await mesh.via('often.test')
		expect(got.status).toBe(503)
		expect(tried).toHaveLength(6)
		expect(new Set(endpointsTried().slice(0, 3)).size).toBe(3)
	})

	it('is not tried again for POST, but where a RetryPolicy says so', async () => {
		behaviours = [failure, answer]
		const post = { method: 'POST', body, headers: { 'content-type': type } }
		expect((await mesh.via('retrying.test', '/', post)).status).toBe(503)
		expect(tried).toHaveLength(1)
		tried = []
		expect((await mesh.via('posting.test', '/', post)).status).toBe(200)
		expect(tried.map((one) => one.body.equals(body))).toEqual([true, true])
	})

	it('is tried again under a timeout, with a session and with edits as well', async () => {
		for (const host of ['timed-at-last.test', 'edited.test']) {
			tried = []
			behaviours = [failure, failure, answer]
			expect((await mesh.via(host)).text, host).toBe('answered')
			expect(new Set(endpointsTried()).size).toBe(3)
		}
	})
})

it('a port that refuses is tried once, and another endpoint then', async () => {
	const statusesOf = async (host: string, options?: CallOptions) => {
		const answers = await Promise.all(Array.from({ length: 10 }, () => mesh.via(host, '/', options)))
		return new Set(answers.map(({ status }) => status))
	}
	// What may not be repeated is sent once. What may is tried elsewhere, also where no rule says so.
	expect(await statusesOf('half-once.test', { method: 'POST', body: Buffer.from('x') })).toEqual(new Set([200, 503]))
	expect(await statusesOf('half-once.test')).toEqual(new Set([200]))
	expect(await statusesOf('half.test')).toEqual(new Set([200]))
})

describe('what is not tried again:', () => {
	it('a status that the rule does not name, with its body', async () => {
		behaviours = [status(502, 'theirs'), answer]
		expect(await mesh.via('retrying.test')).toMatchObject({ status: 502, text: 'theirs' })
		expect(tried).toHaveLength(1)
	})

	it('a response whose body has begun: the client sees it break off', async () => {
		for (const headers of [{ 'content-length': '1000' }, {}]) {
			tried = []
			behaviours = [
				(request, response) => {
					response.writeHead(200, headers)
					response.write('part', () => setImmediate(() => request.socket.resetAndDestroy()))
				},
				answer,
			]
			await expect(mesh.via('retrying.test')).rejects.toThrow(/aborted|reset/)
			expect(tried).toHaveLength(1)
		}
	})

	it.each([
		['retrying', 65_536, 'sized', 2],
		['retrying', 65_537, 'sized', 1],
		['retrying', 100, 'chunked', 1],
		['bounded', 1_000, 'sized', 2],
		['bounded', 1_001, 'sized', 1],
		['bounded', 0, 'sized', 2],
	])('by %s, a body of %i bytes, %s: sent %i times, whole', async (name, bytes, framing, times) => {
		behaviours = [status(503), answer]
		const body = randomBytes(bytes)
		const headers: Record<string, string> = framing === 'chunked' ? { 'transfer-encoding': 'chunked' } : {}
		const got = await mesh.via(`${name}.test`, '/', { method: 'PUT', body, headers })
		expect(got.status).toBe(times === 1 ? 503 : 200)
		expect(tried).toHaveLength(times)
		for (const one of tried) expect(one.body.equals(body)).toBe(true)
	})

	it('a GET that has a body, which nobody can make twice', async () => {
		behaviours = [status(503), answer]
		expect((await mesh.via('retrying.test', '/', { method: 'GET', body: 'odd' })).status).toBe(503)
		expect(tried.map(({ body }) => String(body))).toEqual(['odd'])
	})
})

describe('when every try fails', () => {
	it("the last endpoint's own answer is passed on", async () => {
		behaviours = [status(500, 'first'), status(503, 'second'), status(500, 'third')]
		expect(await mesh.via('retrying.test')).toMatchObject({ status: 500, text: 'third' })
	})

	it('and none answered, the refusal names the endpoint that was tried last', async () => {
		behaviours = [({ socket }) => socket.resetAndDestroy()]
		const { status, text } = await mesh.via('retrying.test')
		expect([status, reasonIn(text)]).toEqual([503, 'upstream_failed'])
		const last = ['a', 'b', 'c'].indexOf(endpointsTried()[2]!)
		expect(JSON.parse(text).detail).toContain(`endpoint e${last}:`)
	})

	it('the log says how often it was tried', async () => {
		behaviours = [status(503)]
		await mesh.via('retrying.test', '/how-often')
		const line = () => mesh.log.find(({ path }) => path === '/how-often')
		await until(line)
		expect(line()).toMatchObject({ attempts: 3, status: 503, rule: 'default/retrying/all' })
	})
})

it('between two tries there is at least the backoff', async () => {
	behaviours = [({ socket }) => socket.resetAndDestroy(), answer]
	await mesh.via('slowly.test')
	expect(tried[1]!.at - tried[0]!.at).toBeGreaterThan(190)
})

describe('with timeouts', () => {
	it('an attempt that hangs is given up, its connection closed, and another endpoint is tried', async () => {
		const closed: Promise<unknown>[] = []
		behaviours = [(_, response) => void closed.push(closeOf(response)), answer]
		expect((await mesh.via('at-length.test')).text).toBe('answered')
		expect(endpointsTried()[1]).not.toBe(endpointsTried()[0])
		expect(closed).toHaveLength(1)
		await Promise.all(closed)
	})

	it('all attempts that hang are as many as the rule allows, and as its whole time allows', async () => {
		behaviours = [hang]
		const timed = await mesh.via('timed.test')
		expect([timed.status, reasonIn(timed.text)]).toEqual([504, 'upstream_timeout'])
		await until(() => tried.length >= 3)
		expect(endpointsTried().sort()).toEqual(['a', 'b', 'c'])
		tried = []
		const outOfTime = await mesh.via('out-of-time.test')
		expect(outOfTime.status).toBe(504)
		expect(reasonIn(outOfTime.text)).toMatch(/^(request|upstream)_timeout$/)
		expect(tried.length).toBeLessThanOrEqual(3)
	})
})

it.each([
	['that never ends', (response: ServerResponse) => void response.write('a beginning')],
	['of 4 MB', (response: ServerResponse) => void response.end(Buffer.alloc(4 * 1024 * 1024))],
])(
	'an answer %s, which nobody reads, is left before the next one comes: its backend sees it close',
	async (_, respond) => {
		for (const host of ['retrying.test', 'timed-at-last.test']) {
			const { promise: closed, resolve: close } = Promise.withResolvers<void>()
			tried = []
			behaviours = [
				({ socket }, response) => {
					closeOf(socket).then(close)
					respond(response.writeHead(503))
				},
				(_, response) => void closed.then(() => response.end('answered')),
			]
			expect((await mesh.via(host)).text).toBe('answered')
		}
	},
)
