/** WebSockets through routes of the real mesh: whatever else a rule does, the handshake arrives and the conversation stays whole. */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, startBackend, valuesOf } from './backend.ts'
import { open } from './client.ts'
import { service } from './documents.ts'
import { type Mesh, startMesh } from './meshHarness.ts'
import { extension, extensionRef, mirror, prefix, requestHeaders, responseHeaders, ruled, to } from './rules.ts'
import { converse, echoWebSockets } from './webSocket.ts'

interface Handshake {
	readonly backend: string
	readonly url: string
	readonly rawHeaders: readonly string[]
}

let mesh: Mesh
const backends: Backend[] = []
/** Every handshake that a backend got, in order. */
const handshakes: Handshake[] = []

async function startSocketBackend(name: string): Promise<Backend> {
	const backend = await startBackend((_, response) => response.writeHead(426).end('speak WebSocket'))
	backend.server.on('upgrade', ({ url, rawHeaders }: IncomingMessage) =>
		handshakes.push({ backend: name, url: url!, rawHeaders }),
	)
	echoWebSockets(backend.server)
	backends.push(backend)
	return backend
}

/** Answers a handshake with a subprotocol and a cookie, or refuses it as a service without the right Origin does. */
async function startChoosyBackend(): Promise<Backend> {
	const backend = await startBackend((_, response) => response.end())
	backend.server.on('upgrade', (request: IncomingMessage, socket: Socket) => {
		handshakes.push({ backend: 'choosy', url: request.url!, rawHeaders: request.rawHeaders })
		socket.on('error', () => {})
		if (request.headers.origin !== 'https://app.example')
			return socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\nX-Why: origin\r\n\r\nforbidden')
		const accept = createHash('sha1')
			.update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
			.digest('base64')
		const fields = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`]
		const more = ['Sec-WebSocket-Protocol: chat.v2', 'Set-Cookie: a=1; Path=/']
		return socket.write(`HTTP/1.1 101 Switching Protocols\r\n${[...fields, ...more].join('\r\n')}\r\n\r\n`)
	})
	backends.push(backend)
	return backend
}

const SAID = ['one', 'two ü', 'x'.repeat(120)]
const HEARD = SAID.map((text) => `echo ${text}`)
const talk = (name: string, said: readonly string[] = SAID) => converse(mesh.port('weur'), `${name}.test`, said)

/** The answer to a handshake of our own, whose connection is given up. */
function shake(host: string, path: string, headers: Record<string, string>): Promise<IncomingMessage> {
	const handshake = {
		connection: 'Upgrade',
		upgrade: 'websocket',
		'sec-websocket-version': '13',
		'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
		...headers,
	}
	const sent = open({ port: mesh.port('weur'), host, path, headers: handshake })
	return new Promise((resolve, reject) => {
		sent.on('upgrade', (response, socket) => {
			socket.destroy()
			resolve(response)
		})
		sent.on('response', (response) => {
			response.resume()
			response.on('end', () => resolve(response))
		})
		sent.on('error', reject)
		sent.end()
	})
}

beforeAll(async () => {
	const [left, right, copy] = [
		await startSocketBackend('left'),
		await startSocketBackend('right'),
		await startSocketBackend('copy'),
	]
	const choosy = await startChoosyBackend()
	mesh = await startMesh({ regions: ['weur'] })
	const edits = {
		set: [{ name: 'X-Set', value: 'by the rule' }],
		add: [{ name: 'X-Add', value: 'by the rule' }],
		remove: ['X-Remove'],
	}
	const weighted = (first: number, second: number) => ({
		backendRefs: [
			{ name: 'left', port: 80, weight: first },
			{ name: 'right', port: 80, weight: second },
		],
	})
	const rewritten = {
		type: 'URLRewrite',
		urlRewrite: { hostname: 'inner.example', path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/inner' } },
	}
	const cors = { type: 'CORS', cors: { allowOrigins: ['https://app.example'] } }
	await mesh.apply(
		service('left', left.url),
		service('right', right.url),
		service('copy', copy.url),
		service('choosy', choosy.url),
		...ruled('half', weighted(1, 1)),
		...ruled('all-right', weighted(0, 1)),
		...ruled('edited', { filters: [requestHeaders(edits), responseHeaders(edits)], ...to('left') }),
		...ruled('rewritten', { ...prefix('/socket'), filters: [rewritten], ...to('left') }),
		...ruled('retried', { retry: { attempts: 2, codes: [503] }, timeouts: { request: '10s' }, ...to('left') }),
		...ruled('mirrored', { filters: [mirror('copy')], ...to('left') }),
		...ruled('sticky', { sessionPersistence: { sessionName: 'stay' }, ...to('left') }),
		...ruled('browser', { filters: [cors], ...to('choosy') }),
		...ruled('choosy', to('choosy')),
		...ruled('aborted', { filters: [extensionRef('FaultInjection', 'down')], ...to('left') }),
		extension('FaultInjection', 'down', { abort: { httpStatus: 503 } }),
	)
})
afterAll(async () => {
	await mesh?.stop()
	await Promise.all(backends.map((backend) => backend.stop()))
})

/** What the backends got since. */
const since = (count: number) => handshakes.slice(count)

describe('a conversation', () => {
	it('goes to one backend of a rule, whole; each gets its share of them', async () => {
		const before = handshakes.length
		const heard = await Promise.all(Array.from({ length: 40 }, () => talk('half')))
		expect(heard).toEqual(Array(40).fill(HEARD))
		// All forty at one of two: once in 2^39 runs.
		expect(new Set(since(before).map(({ backend }) => backend))).toEqual(new Set(['left', 'right']))
		expect(since(before).length).toBe(40)
	})

	it('never goes to a backend of weight 0', async () => {
		const before = handshakes.length
		await Promise.all(Array.from({ length: 10 }, () => talk('all-right')))
		expect(since(before).map(({ backend }) => backend)).toEqual(Array(10).fill('right'))
	})

	it.each(['edited', 'rewritten', 'retried', 'mirrored', 'sticky'])('is whole over the route "%s"', async (name) => {
		expect(await talk(name)).toEqual(HEARD)
	})

	it('is held once, mirror or not', async () => {
		const before = handshakes.length
		await talk('mirrored')
		// Whatever would be sent beside it is sent by the time that others were answered.
		await talk('edited')
		expect(since(before).map(({ backend }) => backend)).toEqual(['left', 'left'])
	})
})

describe('a handshake', () => {
	const CLIENT = {
		origin: 'https://app.example',
		cookie: 'sid=1',
		authorization: 'Bearer mine',
		'sec-websocket-protocol': 'chat.v1, chat.v2',
		'x-set': 'mine',
		'x-remove': 'mine',
	}

	it("carries the client's fields to the backend, Origin among them, and the backend's back", async () => {
		const before = handshakes.length
		const answer = await shake('choosy.test', '/chat?room=1', CLIENT)
		expect(answer.statusCode).toBe(101)
		expect(valuesOf(answer.rawHeaders, 'sec-websocket-protocol')).toEqual(['chat.v2'])
		expect(valuesOf(answer.rawHeaders, 'set-cookie')).toEqual(['a=1; Path=/'])
		const [{ url, rawHeaders } = { url: '', rawHeaders: [] }] = since(before)
		expect(url).toBe('/chat?room=1')
		for (const [name, value] of Object.entries(CLIENT)) expect(valuesOf(rawHeaders, name), name).toEqual([value])
		expect(valuesOf(rawHeaders, 'x-forwarded-host')).toEqual(['choosy.test'])
	})

	it.each(['choosy', 'browser'])('that the backend refuses over the route "%s" is refused', async (name) => {
		const answer = await shake(`${name}.test`, '/', { origin: 'https://evil.example' })
		expect([answer.statusCode, answer.headers['x-why']]).toEqual([403, 'origin'])
	})

	it('is no matter of CORS: the answer of an origin that may is the same', async () => {
		expect((await shake('browser.test', '/', CLIENT)).statusCode).toBe(101)
	})

	it('reaches the backend with the edits of the rule', async () => {
		const before = handshakes.length
		expect((await shake('edited.test', '/', CLIENT)).statusCode).toBe(101)
		const [{ rawHeaders } = { rawHeaders: [] }] = since(before)
		const got = (name: string) => valuesOf(rawHeaders, name)
		expect([got('x-set'), got('x-add'), got('x-remove')]).toEqual([['by the rule'], ['by the rule'], []])
		expect(got('origin')).toEqual(['https://app.example'])
	})

	it('reaches the backend under the path and authority that the rule rewrites to', async () => {
		const before = handshakes.length
		expect((await shake('rewritten.test', '/socket/a%2Fb?x=1', CLIENT)).statusCode).toBe(101)
		const [{ url, rawHeaders } = { url: '', rawHeaders: [] }] = since(before)
		expect(url).toBe('/inner/a%2Fb?x=1')
		expect(valuesOf(rawHeaders, 'x-forwarded-host')).toEqual(['inner.example'])
	})

	it('that a fault aborts reaches nobody', async () => {
		const before = handshakes.length
		expect((await shake('aborted.test', '/', CLIENT)).statusCode).toBe(503)
		expect(since(before)).toEqual([])
	})
})
