/** Bodies, statuses and sockets through the real data path: as they came, and as they come. */
import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, echo, startBackend, valuesOf } from './backend.ts'
import { open, responseOf } from './client.ts'
import { service } from './documents.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'
import { converse, echoWebSockets } from './webSocket.ts'

const HOST = `shop.${DOMAIN}`
const TEN_MEGABYTES = randomBytes(10 * 1024 * 1024)
const digest = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

let mesh: Mesh
let backend: Backend
/** What the backend does for a path, set by the test that uses it. */
const pages = new Map<string, (request: IncomingMessage, response: ServerResponse) => void>()

beforeAll(async () => {
	backend = await startBackend((request, response) => (pages.get(request.url ?? '') ?? echo)(request, response))
	echoWebSockets(backend.server)
	mesh = await startMesh({ regions: ['weur'] })
	await mesh.apply(service('shop', backend.url))
})
afterAll(async () => {
	await mesh?.stop()
	await backend?.stop()
})

/** A signal from one side to the other. */
function signal<T = void>() {
	let give = (_: T) => {}
	const given = new Promise<T>((resolve) => (give = resolve))
	return { give: (value: T) => give(value), given }
}

describe('a body streams', () => {
	it('down: the client has the first part while the backend holds back the second', async () => {
		const release = signal()
		pages.set('/down', async (_, response) => {
			response.write('first')
			await release.given
			response.end('second')
		})
		const sent = open({ port: mesh.port('weur'), host: HOST, path: '/down' })
		const arriving = responseOf(sent)
		sent.end()
		const parts: string[] = []
		for await (const chunk of await arriving) {
			parts.push(String(chunk))
			release.give()
		}
		expect(parts).toEqual(['first', 'second'])
	})

	it('up: the backend has the first part while the client holds back the second', async () => {
		const first = signal<string>()
		pages.set('/up', async (request, response) => {
			let all = ''
			for await (const chunk of request) {
				all += String(chunk)
				first.give(String(chunk))
			}
			response.end(all)
		})
		const sent = open({ port: mesh.port('weur'), host: HOST, path: '/up', method: 'POST' })
		const arriving = responseOf(sent)
		sent.write('first')
		expect(await first.given).toBe('first')
		sent.end('second')
		let all = ''
		for await (const chunk of await arriving) all += String(chunk)
		expect(all).toBe('firstsecond')
	})

	it.each([
		['of declared length', { 'content-length': String(TEN_MEGABYTES.length) }],
		['in chunks', { 'transfer-encoding': 'chunked' }],
	])('of ten megabytes %s both ways, every byte', async (_, headers) => {
		pages.set('/big', (request, response) => {
			response.writeHead(200, headers)
			request.pipe(response)
		})
		const answer = await mesh.via(HOST, '/big', { method: 'PUT', body: TEN_MEGABYTES, headers })
		expect(digest(answer.body)).toBe(digest(TEN_MEGABYTES))
		expect(answer.headers['content-length']).toBe(headers['content-length' as keyof typeof headers])
	})

	it('that the backend breaks off breaks off at the client too', async () => {
		pages.set('/broken', (_, response) => {
			response.writeHead(200, { 'content-length': '100' })
			response.write('part')
			setImmediate(() => response.destroy())
		})
		await expect(mesh.via(HOST, '/broken')).rejects.toThrow()
	})
})

describe('passed on as it is:', () => {
	const answering = (status: number, headers: Record<string, string | string[]> = {}, body?: string | Buffer) => {
		const path = `/status/${status}/${pages.size}`
		pages.set(path, (_, response) => {
			response.writeHead(status, headers)
			response.end(body)
		})
		return path
	}

	it.each([200, 201, 299, 400, 401, 404, 418, 429, 451, 499, 500, 502, 503, 520, 599])('status %i', async (status) => {
		const answer = await mesh.via(HOST, answering(status, { 'x-from': 'backend' }, 'body'))
		expect([answer.status, answer.text, answer.headers['x-from']]).toEqual([status, 'body', 'backend'])
		expect(answer.headers).not.toHaveProperty('proxy-status')
	})

	it.each([301, 302, 303, 307, 308])('redirect %i, not followed', async (status) => {
		const answer = await mesh.via(HOST, answering(status, { location: 'http://elsewhere.test/x?y=1' }))
		expect([answer.status, answer.headers.location]).toEqual([status, 'http://elsewhere.test/x?y=1'])
	})

	it.each([204, 205, 304])('status %i without a body', async (status) => {
		const answer = await mesh.via(HOST, answering(status, { etag: '"v1"' }))
		expect([answer.status, answer.body.length, answer.headers.etag]).toEqual([status, 0, '"v1"'])
	})

	it('the answer to HEAD: fields and no body', async () => {
		const path = answering(200, { 'content-length': '12345', etag: '"v1"' })
		const answer = await mesh.via(HOST, path, { method: 'HEAD' })
		expect([answer.status, answer.body.length, answer.headers.etag]).toEqual([200, 0, '"v1"'])
		expect(answer.headers['content-length']).toBe('12345')
	})

	it('compressed bytes, neither decoded nor encoded', async () => {
		const zipped = gzipSync('hello '.repeat(1_000))
		const path = answering(200, { 'content-encoding': 'gzip', 'content-length': String(zipped.length) }, zipped)
		const answer = await mesh.via(HOST, path, { headers: { 'accept-encoding': 'gzip' } })
		expect(answer.body.equals(zipped)).toBe(true)
		expect(answer.headers['content-encoding']).toBe('gzip')
	})

	it('several Set-Cookie lines, each a line of its own', async () => {
		const cookies = ['a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT', 'b=2; HttpOnly', 'c=3']
		const answer = await mesh.via(HOST, answering(200, { 'set-cookie': cookies }))
		expect(valuesOf(answer.rawHeaders, 'set-cookie')).toEqual(cookies)
	})

	it('the final answer after 103 Early Hints', async () => {
		pages.set('/hints', (_, response) => {
			response.writeEarlyHints({ link: '</style.css>; rel=preload' }, () => response.end('final'))
		})
		expect(await mesh.via(HOST, '/hints')).toMatchObject({ status: 200, text: 'final' })
	})

	it.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])(
		'method %s, with its path, query and body',
		async (method) => {
			const body = 'the body'
			const path = `/a//b/%2F%41?x=%20&y=1&x=2&odd=~!$'()*;:@`
			const { text } = await mesh.via(HOST, path, { method, body })
			const sentOn = path.replace("'", '%27')
			expect(JSON.parse(text)).toMatchObject({ method, url: sentOn, body })
		},
	)

	it('a WebSocket, frame by frame', async () => {
		const said = ['one', 'two ü', '']
		expect(await converse(mesh.port('weur'), HOST, said)).toEqual(['echo one', 'echo two ü', 'echo '])
	})
})
