/** Timeouts of rules against real backends: what they break off, what they say, and what they leave alone. */
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, startBackend } from './backend.ts'
import { open, responseOf } from './client.ts'
import { service } from './documents.ts'
import { type Mesh, startMesh } from './meshHarness.ts'
import { responseHeaders, ruled, to } from './rules.ts'
import { echoWebSockets } from './webSocket.ts'

const edited = { filters: [responseHeaders({ set: [{ name: 'x-edited', value: 'yes' }] })] }
/** Which timeout comes first, with what it is called then. */
const RULES: Record<string, readonly [rule: object, reason: string, limitMs: number]> = {
	request: [{ timeouts: { request: '400ms' } }, 'request_timeout', 400],
	attempt: [{ timeouts: { backendRequest: '350ms' } }, 'upstream_timeout', 350],
	both: [{ timeouts: { request: '10s', backendRequest: '300ms' }, ...edited }, 'upstream_timeout', 300],
	session: [{ timeouts: { request: '450ms' }, sessionPersistence: {} }, 'request_timeout', 450],
}
const NAMES = Object.keys(RULES)

let mesh: Mesh
let backend: Backend
/** Requests that the backend has begun to serve, in order. */
let arrived: { request: IncomingMessage; response: ServerResponse }[] = []
/** Whoever waits for the next one. */
let announce = () => {}

beforeAll(async () => {
	backend = await startBackend((request, response) => {
		arrived.push({ request, response })
		announce()
		if (request.url === '/fast') response.end('fast')
		if (request.url === '/small') response.setHeader('content-length', 1_000)
		if (request.url === '/sized') response.setHeader('content-length', 100_000)
		if (['/small', '/sized', '/unsized'].includes(request.url ?? '')) response.write('part')
	})
	echoWebSockets(backend.server)
	mesh = await startMesh({ regions: ['weur'] })
	await mesh.apply(
		service('slow', backend.url),
		...NAMES.flatMap((name) => ruled(name, { ...RULES[name]![0], ...to('slow') })),
		...ruled('unlimited', { timeouts: { request: '0s', backendRequest: '0s' }, ...to('slow') }),
		...ruled('generous', { timeouts: { request: '9s', backendRequest: '8s' }, ...to('slow') }),
		...ruled('buffered', { timeouts: { request: '300ms' }, retry: {}, ...to('slow') }),
	)
})
afterAll(async () => {
	await mesh?.stop()
	await backend?.stop()
})

/** The next request that the backend is asked. */
async function nextAsked() {
	const before = arrived.length
	await new Promise<void>((resolve) => (announce = resolve))
	return arrived[before]!
}

/** Goes by once every timeout of requests sent before has: a later one's has. */
async function timeoutsHavePassed(): Promise<void> {
	const { status } = await mesh.via('session.test', '/never')
	expect(status).toBe(504)
}

describe.each(NAMES)('a rule with its timeout on %s', (name) => {
	const [, reason, limitMs] = RULES[name]!
	const host = `${name}.test`

	it('answers 504 when no response begins, says which timeout it was, and leaves the backend', async () => {
		const asked = nextAsked()
		const started = performance.now()
		const answering = mesh.via(host, '/never')
		const closed = once((await asked).response, 'close')
		const { status, text, headers } = await answering
		expect(performance.now() - started).toBeGreaterThan(limitMs - 10)
		expect([status, JSON.parse(text).reason]).toEqual([504, reason])
		expect(JSON.parse(text)).toMatchObject({
			rule: `default/${name}/all`,
			detail: expect.stringContaining(`${limitMs} ms`),
		})
		expect(headers['proxy-status']).toContain('error=http_response_timeout')
		await closed
	})

	it('refuses a small body that does not come to its end, and leaves the backend', async () => {
		const asked = nextAsked()
		const answer = mesh.via(host, '/small')
		const closed = once((await asked).response, 'close')
		expect(await answer).toMatchObject({ status: 504 })
		await closed
	})

	it.each(['/sized', '/unsized'])(
		'breaks a body off that goes on for too long, and leaves the backend: %s',
		async (path) => {
			const asked = nextAsked()
			const sent = open({ port: mesh.port('weur'), host, path })
			const arriving = responseOf(sent)
			sent.end()
			const closed = once((await asked).response, 'close')
			const response = await arriving
			expect(response.statusCode).toBe(200)
			const chunks: string[] = []
			const whole = (async () => {
				for await (const chunk of response) chunks.push(String(chunk))
			})()
			await expect(whole).rejects.toThrow(/aborted|reset/)
			expect(chunks).toEqual(['part'])
			await closed
		},
	)
})

it.each(['request', 'attempt'])('a client that is slow to send does not hold off a timeout on %s', async (name) => {
	const sent = open({ port: mesh.port('weur'), host: `${name}.test`, path: '/never', method: 'POST' })
	const arriving = responseOf(sent)
	sent.write('part')
	const response = await arriving
	expect(response.statusCode).toBe(504)
	sent.destroy()
})

it('fast requests are left alone, one after the other', async () => {
	for (let i = 0; i < 20; i++) expect((await mesh.via('generous.test', '/fast')).text).toBe('fast')
})

it.each(['request', 'both'])('a WebSocket outlives a timeout on %s: it is no response that could end', async (name) => {
	const handshake = {
		connection: 'Upgrade',
		upgrade: 'websocket',
		'sec-websocket-version': '13',
		'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
	}
	const sent = open({ port: mesh.port('weur'), host: `${name}.test`, path: '/socket', headers: handshake })
	sent.end()
	const [, socket] = (await once(sent, 'upgrade')) as [IncomingMessage, Socket]
	await timeoutsHavePassed()
	// A masked text frame with "hi", and its echo (RFC 6455 §5.2).
	socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x68, 0x69]))
	const [echoed] = (await once(socket, 'data')) as [Buffer]
	expect(echoed.subarray(2).toString()).toBe('echo hi')
	socket.destroy()
})

it('a timeout of 0s is none', async () => {
	const asked = nextAsked()
	const answering = mesh.via('unlimited.test', '/held')
	const { response } = await asked
	await timeoutsHavePassed()
	response.write('begun, ')
	await timeoutsHavePassed()
	response.end('ended')
	expect(await answering).toMatchObject({ status: 200, text: 'begun, ended' })
})

it('a client that is slow to send a body that may have to be sent again runs out of time, and no backend is asked', async () => {
	arrived = []
	const headers = { 'content-length': '100' }
	const sent = open({ port: mesh.port('weur'), host: 'buffered.test', method: 'PUT', headers })
	const arriving = responseOf(sent)
	sent.write('part')
	expect((await arriving).statusCode).toBe(504)
	expect(arrived).toEqual([])
	sent.destroy()
	expect((await mesh.via('generous.test', '/fast')).text).toBe('fast')
})

it('none of all this is a mistake of the mesh itself', () => {
	expect(mesh.log.filter(({ event }) => event === 'bug')).toEqual([])
})
