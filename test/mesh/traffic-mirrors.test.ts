/** Mirrors of every bad sort beside real requests: they get their copies, and the requests notice nothing. */
import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Backend, startBackend, valuesOf } from './backend.ts'
import { type CallOptions, eventually, open } from './client.ts'
import { service } from './documents.ts'
import { type Mesh, startMesh } from './meshHarness.ts'
import { extension, extensionRef, mirror, requestHeaders, ruled, to } from './rules.ts'

interface Copy {
	/** Which mirror got it: the first segment of its path. */
	readonly mirror: string
	readonly url: string
	readonly method: string
	readonly rawHeaders: readonly string[]
	readonly body: Promise<Buffer>
	readonly response: ServerResponse
}
type Behaviour = (request: IncomingMessage, response: ServerResponse) => void

const MEGABYTE = randomBytes(1024 * 1024)
/** The longest body that is copied. */
const LONGEST = 262_144

/** Mirrors that answer nothing well, by what they do. */
const BAD: Record<string, Behaviour> = {
	'hangs before it answers': () => {},
	'hangs within its answer': (_, response) => void response.writeHead(200).write('part'),
	'resets its connection': ({ socket }) => socket.resetAndDestroy(),
	'answers what is no HTTP': ({ socket }) => socket.end('SSH-2.0-OpenSSH_9.9\r\n'),
	'answers an error': (_, response) => void response.writeHead(500).end('no'),
	'answers a megabyte': (_, response) => void response.end(MEGABYTE),
}

let mesh: Mesh
let main: Backend
let mirrors: Backend
let copies: Copy[] = []
const well: Behaviour = (request, response) => void request.on('end', () => response.end())
let behave = well
/** Copies come after their requests: one that is late belongs to the test before. */
let turn = 0
const TURN = 'x-turn'
const via = (host: string, path = '/', options: CallOptions = {}) =>
	mesh.via(host, path, { ...options, headers: { ...options.headers, [TURN]: String(turn) } })

async function bytesOf(request: IncomingMessage): Promise<Buffer> {
	const chunks: Buffer[] = []
	for await (const chunk of request) chunks.push(chunk as Buffer)
	return Buffer.concat(chunks)
}

beforeAll(async () => {
	let failures = 0
	main = await startBackend(async (request, response) => {
		if (request.url === '/hang') return
		const body = await bytesOf(request).catch(() => undefined)
		if (body === undefined) return
		if (request.url === '/again' && ++failures % 2 === 1) response.writeHead(503).end()
		else if (request.url === '/megabyte') response.end(MEGABYTE)
		else response.end(body)
	})
	mirrors = await startBackend((request, response) => {
		const { method = '', rawHeaders } = request
		const [, mirror = '', ...rest] = (request.url ?? '').split('/')
		const body = bytesOf(request)
		// A copy whose client left half-way ends half-way.
		body.catch(() => {})
		if (request.headers[TURN] !== String(turn)) return well(request, response)
		copies.push({ mirror, method, rawHeaders, url: `/${rest.join('/')}`, body, response })
		behave(request, response)
	})
	mesh = await startMesh({ regions: ['weur'] })
	await mesh.apply(
		service('main', main.url),
		service('refusing', 'http://127.0.0.1:1'),
		service('one', `${mirrors.url}/one`),
		service('two', `${mirrors.url}/two`),
		...ruled('mirrored', { filters: [mirror('one')], ...to('main') }),
		...ruled('to-two', { filters: [mirror('one')], ...to('main', { filters: [mirror('two')] }) }),
		...ruled('to-refusing', { filters: [mirror('refusing'), mirror('one')], ...to('main') }),
		...ruled('to-missing', { filters: [mirror('nowhere'), mirror('one')], ...to('main') }),
		...ruled('never', { filters: [mirror('one', { percent: 0 })], ...to('main') }),
		...ruled('always', { filters: [mirror('one', { percent: 100 })], ...to('main') }),
		...ruled('half', { filters: [mirror('one', { fraction: { numerator: 25, denominator: 50 } })], ...to('main') }),
		...ruled('failing', { filters: [mirror('one')], ...to('refusing') }),
		...ruled('again', {
			filters: [mirror('one')],
			retry: { codes: [503] },
			timeouts: { request: '9s' },
			...to('main'),
		}),
		...ruled('edited', {
			filters: [
				mirror('one'),
				requestHeaders({ set: [{ name: 'x-edited', value: 'by the rule' }] }),
				{
					type: 'URLRewrite',
					urlRewrite: { hostname: 'inner.test', path: { type: 'ReplaceFullPath', replaceFullPath: '/' } },
				},
			],
			...to('main', { filters: [requestHeaders({ set: [{ name: 'x-edited', value: 'by the backend' }] })] }),
		}),
		...ruled('aborting', { filters: [mirror('one'), extensionRef('FaultInjection', 'abort')], ...to('main') }),
		extension('FaultInjection', 'abort', { abort: { httpStatus: 500 } }),
	)
})
afterAll(async () => {
	await mesh?.stop()
	await main?.stop()
	await mirrors?.stop()
})
beforeEach(() => {
	copies = []
	turn++
	behave = well
})

const post = (body: Buffer): CallOptions => ({ method: 'POST', body, headers: { 'content-type': 'x/y;  z' } })
const arrived = (count: number) =>
	eventually(
		async () => copies.length,
		(arrived) => arrived >= count,
	)
/**
 * A copy that was sent after any that might have been sent before. A copy leaves at least 5 ms after its request and at most 20 ms after
 * the answer: five in a row, each asked for when the one before was there, outlast any other.
 */
async function oneMore(): Promise<void> {
	for (let i = 0; i < 5; i++) {
		copies = copies.filter(({ url }) => url !== '/one-more')
		await via('mirrored.test', '/one-more')
		await eventually(
			async () => copies.map(({ url }) => url),
			(urls) => urls.includes('/one-more'),
		)
	}
}

describe.each(Object.entries(BAD))('beside a mirror that %s', (_, badly) => {
	it.each([
		['a request', '/x?y=1', {}, Buffer.alloc(0)],
		['a request for a megabyte', '/megabyte', {}, MEGABYTE],
		['a request with a body', '/x?y=1', post(MEGABYTE.subarray(0, LONGEST)), MEGABYTE.subarray(0, LONGEST)],
	])('%s is answered whole, and waits for no mirror', async (_, path, options, expected) => {
		// Mirrors do what they do only when the request is over: it cannot have waited for them.
		const { promise: isOver, resolve: over } = Promise.withResolvers<void>()
		const done: string[] = []
		behave = async (request, response) => {
			await isOver
			done.push(request.url ?? '')
			badly(request, response)
		}
		const answer = await via('to-two.test', path, options)
		expect([answer.status, answer.body.equals(expected), done]).toEqual([200, true, []])
		over()
		await arrived(2)
		expect(copies.map(({ mirror }) => mirror).sort()).toEqual(['one', 'two'])
		behave = badly
		turn++
		for (let i = 0; i < 10; i++) expect((await via('to-two.test', path, options)).status).toBe(200)
		expect((await via('mirrored.test', '/megabyte')).body.equals(MEGABYTE)).toBe(true)
	})
})

describe('a copy', () => {
	it.each([0, 1, 70_000, LONGEST])('of a body of %i bytes is whole, for each mirror', async (length) => {
		const body = randomBytes(length)
		expect((await via('to-two.test', '/a%2Fb//c?x=%20', post(body))).body.equals(body)).toBe(true)
		await arrived(2)
		for (const copy of copies) {
			expect(copy).toMatchObject({ method: 'POST', url: '/a%2Fb//c?x=%20' })
			expect((await copy.body).equals(body)).toBe(true)
			expect(valuesOf(copy.rawHeaders, 'content-type')).toEqual(['x/y;  z'])
		}
	})

	it("has the client's own URL and the rule's fields, whatever the backend gets", async () => {
		await via('edited.test', '/asked?x=1')
		await arrived(1)
		const [{ url, rawHeaders }] = copies as [Copy]
		expect(url).toBe('/asked?x=1')
		expect(valuesOf(rawHeaders, 'x-forwarded-host')).toEqual(['edited.test'])
		expect(valuesOf(rawHeaders, 'x-edited')).toEqual(['by the rule'])
	})

	it.each([
		['longer than the bound', LONGEST + 1, {}],
		['of unknown length', 10, { 'transfer-encoding': 'chunked' }],
	])('of a body %s is not made; the request itself is whole', async (_, length, headers) => {
		const body = MEGABYTE.subarray(0, length)
		const answer = await via('mirrored.test', '/x', { method: 'POST', body, headers })
		expect(answer.body.equals(body)).toBe(true)
		await oneMore()
		expect(copies).toHaveLength(1)
	})

	it.each(['to-refusing', 'to-missing'])('is made also where another mirror cannot be reached: %s', async (name) => {
		expect((await via(`${name}.test`, '/', post(Buffer.from('x')))).text).toBe('x')
		await arrived(1)
		expect(String(await copies[0]!.body)).toBe('x')
	})

	it('is made of every request at 100 percent, of none at 0, and of about half at 25/50', async () => {
		for (let i = 0; i < 20; i++) expect((await via('never.test')).status).toBe(200)
		await oneMore()
		expect(copies).toHaveLength(1)
		copies = []
		turn++
		for (let i = 0; i < 20; i++) await via('always.test')
		await arrived(20)
		expect(copies).toHaveLength(20)
		copies = []
		turn++
		const n = 400
		for (let i = 0; i < n / 20; i++) await Promise.all(Array.from({ length: 20 }, () => via('half.test')))
		await oneMore()
		// But for one run in ten billion.
		expect(Math.abs(copies.length - 1 - n / 2)).toBeLessThan(6.5 * Math.sqrt(n / 4))
	})
})

describe('a copy is made, and made once,', () => {
	it('when the request itself fails', async () => {
		expect((await via('failing.test', '/x')).status).toBe(503)
		await oneMore()
		expect(copies.map(({ url }) => url)).toEqual(['/x', '/one-more'])
	})

	it('when the request fails before its body is read: no copy ends as if it were whole', async () => {
		const body = MEGABYTE.subarray(0, LONGEST)
		expect((await via('failing.test', '/x', post(body))).status).toBe(503)
		await oneMore()
		for (const copy of copies.slice(0, -1))
			expect(await copy.body.then((bytes) => bytes.equals(body)).catch(() => 'broken off')).not.toBe(false)
	})

	it('when the request is sent again', async () => {
		expect((await via('again.test', '/again', { ...post(Buffer.from('again')), method: 'PUT' })).text).toBe('again')
		await oneMore()
		expect(await Promise.all(copies.map(({ body }) => body.then(String)))).toEqual(['again', ''])
	})

	it('when the client leaves before its answer', async () => {
		const headers = { [TURN]: String(turn) }
		const sent = open({ port: mesh.port('weur'), host: 'mirrored.test', path: '/hang', headers })
		sent.on('error', () => {})
		sent.end()
		await arrived(1)
		sent.destroy()
		await oneMore()
		expect(copies).toHaveLength(2)
	})
})

it('a client that leaves half-way through its body harms nobody else', async () => {
	const headers = { 'content-length': '100000', [TURN]: String(turn) }
	const sent = open({ port: mesh.port('weur'), host: 'mirrored.test', path: '/x', method: 'POST', headers })
	sent.on('error', () => {})
	sent.write('part', () => sent.destroy())
	await oneMore()
	expect((await via('mirrored.test', '/x', post(Buffer.from('whole')))).text).toBe('whole')
})

it('a request that a fault refuses is not copied', async () => {
	expect((await via('aborting.test')).status).toBe(500)
	await oneMore()
	expect(copies).toHaveLength(1)
})

it('none of all this is a mistake of the mesh itself', () => {
	expect(mesh.log.filter(({ event }) => event === 'bug')).toEqual([])
})
