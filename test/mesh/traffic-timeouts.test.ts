/** Timeouts of rules against real backends: what they break off, what they say, and what they leave alone. */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { until } from '../until.ts'
import { type Backend, startBackend } from './backend.ts'
import { eventually, open, responseOf } from './client.ts'
import { service } from './documents.ts'
import { type Mesh, startMesh } from './meshHarness.ts'
import { responseHeaders, ruled, to } from './rules.ts'
import { echoWebSockets } from './webSocket.ts'

const edited = { filters: [responseHeaders({ set: [{ name: 'x-edited', value: 'yes' }] })] }
/** Which timeout comes first, with what it is called then. Longer than a machine stands still: what comes in time must not come too late. */
const RULES: Record<string, readonly [rule: object, reason: string, limitMs: number]> = {
	request: [{ timeouts: { request: '6600ms' } }, 'request_timeout', 6_600],
	attempt: [{ timeouts: { backendRequest: '6400ms' } }, 'upstream_timeout', 6_400],
	both: [{ timeouts: { request: '1m', backendRequest: '6200ms' }, ...edited }, 'upstream_timeout', 6_200],
	session: [{ timeouts: { request: '6800ms' }, sessionPersistence: {} }, 'request_timeout', 6_800],
}
const NAMES = Object.keys(RULES)
const PATHS = ['/never', '/small', '/sized', '/unsized']
/**
 * Of WebSockets, each the first request of its region: that one has work of the isolate to do for some seconds. Without, the runtime forgets
 * its timers when the handshake is over, and no timeout could do harm.
 */
const SOCKETS: Record<string, readonly [rule: object, region: string]> = {
	request: [{ timeouts: { request: '400ms' } }, 'weur'],
	both: [{ timeouts: { request: '10s', backendRequest: '300ms' }, ...edited }, 'enam'],
}

interface Outcome {
	readonly status: number
	readonly headers: IncomingMessage['headers']
	readonly chunks: readonly string[]
	/** How the body ended before its end. */
	readonly failure: string | undefined
	readonly tookMs: number
}

let mesh: Mesh
let backend: Backend
/** What the backend was asked: `<host><path>`. */
const asked = new Map<string, ServerResponse>()
/** Of it, what the mesh has left before it was answered. */
const left = new Set<string>()
/** What came of each request, once something has. */
const outcomes = new Map<string, Promise<Outcome>>()
const sockets = new Map<string, Socket | undefined>()

beforeAll(async () => {
	backend = await startBackend(({ url = '', headers }, response) => {
		const name = `${headers['x-forwarded-host']}${url}`
		asked.set(name, response)
		response.on('close', () => response.writableEnded || left.add(name))
		if (url === '/fast') response.end('fast')
		if (url === '/small') response.setHeader('content-length', 1_000)
		if (url === '/sized') response.setHeader('content-length', 100_000)
		if (['/small', '/sized', '/unsized'].includes(url)) response.write('part')
	})
	echoWebSockets(backend.server)
	mesh = await startMesh({ regions: ['weur', 'enam'] })
	await mesh.apply(
		service('slow', backend.url),
		...NAMES.flatMap((name) => ruled(name, { ...RULES[name]![0], ...to('slow') })),
		...Object.keys(SOCKETS).flatMap((name) => ruled(`socket-${name}`, { ...SOCKETS[name]![0], ...to('slow') })),
		...ruled('unlimited', { timeouts: { request: '0s', backendRequest: '0s' }, ...to('slow') }),
		...ruled('generous', { timeouts: { request: '59s', backendRequest: '58s' }, ...to('slow') }),
		...ruled('buffered', { timeouts: { request: '300ms' }, retry: {}, ...to('slow') }),
	)
	for (const [name, [, region]] of Object.entries(SOCKETS)) {
		const ask = () => upgraded(`socket-${name}.test`, region)
		sockets.set(name, await eventually(ask, (socket) => socket !== undefined))
	}
	// All at once: they take as long as their timeouts.
	for (const path of ['/held', '/unsized']) begin('unlimited.test', path)
	await until(() => asked.has('unlimited.test/held') && asked.has('unlimited.test/unsized'))
	for (const name of NAMES) for (const path of PATHS) begin(`${name}.test`, path)
	for (const name of ['request', 'attempt']) begin(`${name}.test`, '/slowly-sent', 'POST')
})
afterAll(async () => {
	await mesh?.stop()
	await backend?.stop()
})

/** A POST never comes to its end. */
function begin(host: string, path: string, method = 'GET'): void {
	const startedAt = performance.now()
	const sent = open({ port: mesh.port('weur'), host, path, method })
	const answer = responseOf(sent)
	if (method === 'POST') sent.write('part')
	else sent.end()
	const finish = async (): Promise<Outcome> => {
		const response = await answer
		const tookMs = performance.now() - startedAt
		const { statusCode: status = 0, headers } = response
		const chunks: string[] = []
		let failure: string | undefined
		try {
			for await (const chunk of response) chunks.push(String(chunk))
		} catch (error) {
			failure = String(error)
		}
		sent.destroy()
		return { status, headers, chunks, failure, tookMs }
	}
	const outcome = finish()
	// Whoever looks at it hears of it.
	outcome.catch(() => {})
	outcomes.set(host + path, outcome)
}

/** Undefined when the handshake was not answered in time. */
async function upgraded(host: string, region: string): Promise<Socket | undefined> {
	const headers = {
		connection: 'Upgrade',
		upgrade: 'websocket',
		'sec-websocket-version': '13',
		'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
	}
	const sent = open({ port: mesh.port(region), host, path: '/socket', headers })
	sent.end()
	return new Promise((resolve, reject) => {
		sent.on('upgrade', (_, socket) => resolve(socket as Socket))
		sent.on('response', (response) => resolve(response.resume() && undefined))
		sent.on('error', reject)
	})
}

/** Goes by once every timeout of requests sent before has: a later one's has. */
async function timeoutsHavePassed(): Promise<void> {
	const { status } = (await outcomes.get('session.test/never'))!
	expect(status).toBe(504)
}

describe.each(NAMES)('a rule with its timeout on %s', (name) => {
	const [, reason, limitMs] = RULES[name]!
	const host = `${name}.test`

	it('answers 504 when no response begins, says which timeout it was, and leaves the backend', async () => {
		const { status, chunks, headers, tookMs } = (await outcomes.get(`${host}/never`))!
		expect(tookMs).toBeGreaterThan(limitMs - 10)
		expect(status).toBe(504)
		expect(JSON.parse(chunks.join(''))).toMatchObject({
			reason,
			rule: `default/${name}/all`,
			detail: expect.stringContaining(`${limitMs} ms`),
		})
		expect(headers['proxy-status']).toContain('error=http_response_timeout')
		await until(() => left.has(`${host}/never`))
	})

	it('refuses a small body that does not come to its end, and leaves the backend', async () => {
		expect(await outcomes.get(`${host}/small`)).toMatchObject({ status: 504, failure: undefined })
		await until(() => left.has(`${host}/small`))
	})

	it.each(['/sized', '/unsized'])(
		'breaks a body off that goes on for too long, and leaves the backend: %s',
		async (path) => {
			expect(await outcomes.get(host + path)).toMatchObject({
				...{ status: 200, chunks: ['part'] },
				failure: expect.stringMatching(/aborted|reset/),
			})
			await until(() => left.has(host + path))
		},
	)
})

it.each(['request', 'attempt'])('a client that is slow to send does not hold off a timeout on %s', async (name) => {
	expect((await outcomes.get(`${name}.test/slowly-sent`))!.status).toBe(504)
})

it('fast requests are left alone, one after the other', async () => {
	for (let i = 0; i < 20; i++) expect((await mesh.via('generous.test', '/fast')).text).toBe('fast')
})

it.each([
	['/held', 'begun and ended'],
	['/unsized', 'part and ended'],
])('a timeout of 0s is none, neither before a response begins nor after: %s', async (path, text) => {
	const response = asked.get(`unlimited.test${path}`)!
	await timeoutsHavePassed()
	if (path === '/held') response.write('begun')
	response.end(' and ended')
	const { status, chunks, failure } = (await outcomes.get(`unlimited.test${path}`))!
	expect([status, chunks.join(''), failure]).toEqual([200, text, undefined])
})

it.each(Object.keys(SOCKETS))(
	'a WebSocket outlives a timeout on %s: it is no response that could end',
	async (name) => {
		const socket = sockets.get(name)!
		await timeoutsHavePassed()
		// A masked text frame with "hi", and its echo (RFC 6455 §5.2).
		socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]))
		const [echoed] = (await once(socket, 'data')) as [Buffer]
		expect(echoed.subarray(2).toString()).toBe('echo hi')
		socket.destroy()
	},
)

it('a client that is slow to send a body that may have to be sent again runs out of time, and no backend is asked', async () => {
	const headers = { 'content-length': '100' }
	const sent = open({ port: mesh.port('weur'), host: 'buffered.test', method: 'PUT', headers })
	const arriving = responseOf(sent)
	sent.write('part')
	expect((await arriving).statusCode).toBe(504)
	expect([...asked.keys()]).not.toContain('buffered.test/')
	sent.destroy()
	expect((await mesh.via('generous.test', '/fast')).text).toBe('fast')
})

it('none of all this is a mistake of the mesh itself', () => {
	expect(mesh.log.filter(({ event }) => event === 'bug')).toEqual([])
})
