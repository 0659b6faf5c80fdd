/** gRPC-Web through routes of the real mesh: a protocol whose trailers are its body's last frame, and which passes for that reason. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, startBackend } from './backend.ts'
import { type Answer, open, responseOf } from './client.ts'
import { gateway, service } from './documents.ts'
import { type Mesh, startMesh } from './meshHarness.ts'
import { requestHeaders, responseHeaders, ruled, to } from './rules.ts'

const ORIGIN = 'https://app.example'
const PROTO = 'application/grpc-web+proto'
const TEXT = 'application/grpc-web-text'
/** Every byte there is, among them those that begin frames. */
const PAYLOAD = Buffer.from(Array.from({ length: 512 }, (_, i) => i % 256))

let mesh: Mesh
const backends: Backend[] = []
/** The fields of each call that a backend got. */
const calls: IncomingMessage['headers'][] = []

/** A frame: a byte of flags, the length in four bytes, and the bytes (gRPC over HTTP2, Length-Prefixed-Message). */
function frame(bytes: Buffer, flags = 0): Buffer {
	const head = Buffer.alloc(5)
	head.writeUInt8(flags)
	head.writeUInt32BE(bytes.length, 1)
	return Buffer.concat([head, bytes])
}

/** The last frame of a body: fields as HTTP/1 writes them (gRPC-Web, "Trailers"). */
const trailers = (status: number, message = '') =>
	frame(Buffer.from(`grpc-status:${status}\r\ngrpc-message:${message}\r\n`), 0x80)

interface Frame {
	readonly isTrailers: boolean
	readonly bytes: Buffer
}

/** The whole frames of a body, and what is left of it. */
function framesIn(body: Buffer): { frames: Frame[]; rest: Buffer } {
	const frames: Frame[] = []
	let at = 0
	while (body.length >= at + 5 && body.length >= at + 5 + body.readUInt32BE(at + 1)) {
		const end = at + 5 + body.readUInt32BE(at + 1)
		frames.push({ isTrailers: body[at] === 0x80, bytes: body.subarray(at + 5, end) })
		at = end
	}
	return { frames, rest: body.subarray(at) }
}

const encoded = (type: string, bytes: Buffer) => (type === TEXT ? Buffer.from(bytes.toString('base64')) : bytes)

/** Each frame of the text form may be padded by itself: four letters at a time are decoded. */
function decoded(type: string, body: Buffer): Buffer {
	if (type !== TEXT) return body
	const letters = body.toString().match(/.{4}/gs) ?? []
	return Buffer.concat(letters.map((four) => Buffer.from(four, 'base64')))
}

/** Lets the second message of a stream go. */
let release = () => {}

/** What a service generated from a .proto file does, by method. */
async function serve(name: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
	const type = request.headers['content-type']!
	const chunks: Buffer[] = []
	for await (const chunk of request) chunks.push(chunk as Buffer)
	calls.push(request.headers)
	const { frames } = framesIn(decoded(type, Buffer.concat(chunks)))
	const message = frames[0]!.bytes
	response.setHeader('content-type', type).setHeader('x-served-by', name)
	const write = (bytes: Buffer) => response.write(encoded(type, bytes))
	switch (request.url?.split('/').at(-1)) {
		case 'Reverse':
			write(frame(Buffer.from(message).reverse()))
			return void response.end(encoded(type, trailers(0)))
		case 'Stream': {
			const held = new Promise<void>((resolve) => (release = resolve))
			write(frame(message))
			await held
			write(frame(Buffer.from('second')))
			return void response.end(encoded(type, trailers(0)))
		}
		case 'Fail':
			write(frame(message))
			return void response.end(encoded(type, trailers(13, 'half%20done')))
		default:
			// Without a message, the status may stand among the fields ("Trailers-Only").
			response.setHeader('grpc-status', '5').setHeader('grpc-message', 'no such method')
			response.end()
	}
}

beforeAll(async () => {
	for (const name of ['blue', 'green']) backends.push(await startBackend((...both) => void serve(name, ...both)))
	mesh = await startMesh({ regions: ['weur'] })
	const cors = {
		type: 'CORS',
		cors: {
			allowOrigins: [ORIGIN],
			allowMethods: ['POST'],
			allowHeaders: ['content-type', 'x-grpc-web', 'x-user-agent', 'grpc-timeout'],
			exposeHeaders: ['grpc-status', 'grpc-message'],
			maxAge: 600,
		},
	}
	const edits = [
		requestHeaders({ set: [{ name: 'x-added', value: 'by the rule' }] }),
		responseHeaders({ set: [{ name: 'x-added', value: 'by the rule' }] }),
	]
	await mesh.apply(
		service('blue', backends[0]!.url),
		service('green', backends[1]!.url),
		...ruled('plain', to('blue')),
		...ruled('edited', { filters: edits, ...to('blue') }),
		...ruled('browser', { filters: [cors], ...to('blue') }),
		...ruled('timed', { timeouts: { request: '20s' }, retry: { attempts: 2, codes: [503] }, ...to('blue') }),
		...ruled('shared', {
			backendRefs: [
				{ name: 'blue', port: 80, weight: 1 },
				{ name: 'green', port: 80, weight: 1 },
			],
		}),
	)
})
afterAll(async () => {
	await mesh?.stop()
	await Promise.all(backends.map((backend) => backend.stop()))
})

const grpcFields = (type: string) => ({
	'content-type': type,
	accept: type,
	'x-grpc-web': '1',
	'x-user-agent': 'grpc-web-javascript/0.1',
	'grpc-timeout': '5S',
})

const invoke = (host: string, method: string, type = PROTO, more: Record<string, string> = {}): Promise<Answer> =>
	mesh.via(host, `/shop.v1.Orders/${method}`, {
		method: 'POST',
		headers: { ...grpcFields(type), ...more },
		body: encoded(type, frame(PAYLOAD)),
	})

describe.each(['plain', 'edited', 'browser', 'timed'])('a call over the route "%s"', (name) => {
	it.each([PROTO, TEXT])('of %s brings its message and its answer over, byte for byte', async (type) => {
		const answer = await invoke(`${name}.test`, 'Reverse', type)
		expect([answer.status, answer.headers['content-type']]).toEqual([200, type])
		const expected = [frame(Buffer.from(PAYLOAD).reverse()), trailers(0)]
		expect(answer.body.equals(Buffer.concat(expected.map((bytes) => encoded(type, bytes))))).toBe(true)
		expect(answer.headers['x-added']).toBe(name === 'edited' ? 'by the rule' : undefined)
		expect(calls.at(-1)).toMatchObject(grpcFields(type))
		expect(calls.at(-1)!['x-added']).toBe(name === 'edited' ? 'by the rule' : undefined)
	})

	it.each([PROTO, TEXT])('of %s gets the first message of a stream while the second is held back', async (type) => {
		const headers = grpcFields(type)
		const path = '/shop.v1.Orders/Stream'
		const sent = open({ port: mesh.port('weur'), host: `${name}.test`, path, method: 'POST', headers })
		const arriving = responseOf(sent)
		sent.end(encoded(type, frame(PAYLOAD)))
		let body = Buffer.alloc(0)
		const counts: number[] = []
		for await (const chunk of await arriving) {
			body = Buffer.concat([body, chunk as Buffer])
			const { length } = framesIn(decoded(type, body)).frames
			if (length > 0 && length !== counts.at(-1)) counts.push(length)
			if (length === 1) release()
		}
		expect(counts[0]).toBe(1)
		const { frames, rest } = framesIn(decoded(type, body))
		expect(frames.map(({ bytes }) => bytes.toString('latin1'))).toEqual([
			PAYLOAD.toString('latin1'),
			'second',
			trailers(0).subarray(5).toString(),
		])
		expect([frames.map(({ isTrailers }) => isTrailers), rest.length]).toEqual([[false, false, true], 0])
	})

	it('fails in the last frame, or in the fields of an empty answer, as its service says', async () => {
		const late = await invoke(`${name}.test`, 'Fail')
		expect(late.status).toBe(200)
		expect(framesIn(late.body).frames.at(-1)).toEqual({
			isTrailers: true,
			bytes: trailers(13, 'half%20done').subarray(5),
		})
		const early = await invoke(`${name}.test`, 'Unheard')
		expect([early.status, early.body.length]).toEqual([200, 0])
		expect(early.headers).toMatchObject({ 'grpc-status': '5', 'grpc-message': 'no such method' })
	})
})

it('calls are spread over the backends of a rule, each of them whole', async () => {
	const answers = await Promise.all(Array.from({ length: 40 }, () => invoke('shared.test', 'Reverse')))
	// All forty at one of two: once in 2^39 runs.
	expect(new Set(answers.map(({ headers }) => headers['x-served-by']))).toEqual(new Set(['blue', 'green']))
	const whole = Buffer.concat([frame(Buffer.from(PAYLOAD).reverse()), trailers(0)])
	expect(answers.filter(({ body }) => !body.equals(whole))).toEqual([])
})

describe('a page of another origin', () => {
	it('may call with the fields of gRPC-Web, and the service does not hear it ask', async () => {
		const before = calls.length
		const answer = await mesh.via('browser.test', '/shop.v1.Orders/Reverse', {
			method: 'OPTIONS',
			headers: {
				origin: ORIGIN,
				'access-control-request-method': 'POST',
				'access-control-request-headers': 'content-type,grpc-timeout,x-grpc-web,x-user-agent',
			},
		})
		expect([answer.status, calls.length]).toEqual([204, before])
		expect(answer.headers['access-control-allow-origin']).toBe(ORIGIN)
		expect(answer.headers['access-control-allow-methods']).toContain('POST')
		const allowed = String(answer.headers['access-control-allow-headers']).toLowerCase()
		for (const field of ['content-type', 'grpc-timeout', 'x-grpc-web', 'x-user-agent']) expect(allowed).toContain(field)
	})

	it('may read the status of its call; one of an origin that is not named may not', async () => {
		const known = await invoke('browser.test', 'Unheard', PROTO, { origin: ORIGIN })
		expect(known.headers['access-control-allow-origin']).toBe(ORIGIN)
		const exposed = String(known.headers['access-control-expose-headers']).toLowerCase()
		for (const field of ['grpc-status', 'grpc-message']) expect(exposed).toContain(field)
		const unknown = await invoke('browser.test', 'Unheard', PROTO, { origin: 'https://evil.example' })
		expect(unknown.headers).not.toHaveProperty('access-control-allow-origin')
	})
})

it('a GRPCRoute is refused with its reason, and nothing that was applied with it stays', async () => {
	const grpcRoute = {
		apiVersion: 'gateway.networking.k8s.io/v1',
		kind: 'GRPCRoute',
		metadata: { name: 'orders' },
		spec: { parentRefs: [{ name: 'native' }], rules: [{ backendRefs: [{ name: 'blue', port: 80 }] }] },
	}
	const applying = mesh.apply(gateway('native', 'native.test'), grpcRoute)
	await expect(applying).rejects.toThrow(/400 .*"path":"kind".*native gRPC needs HTTP\/2 trailers/s)
	expect((await mesh.via('native.test')).status).toBe(404)
	await expect(mesh.api('GET', '/v1/resources/Gateway/default/native')).rejects.toThrow('404')
})
