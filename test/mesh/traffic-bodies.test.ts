/** Bodies through rules that touch the response: byte for byte what the backend sent, as soon as it sends it. */
import { randomBytes } from 'node:crypto'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, startBackend, valuesOf } from './backend.ts'
import { open, responseOf } from './client.ts'
import { service } from './documents.ts'
import { type Mesh, startMesh } from './meshHarness.ts'
import { extension, extensionRef, responseHeaders, ruled, to } from './rules.ts'
import { converse, echoWebSockets } from './webSocket.ts'

const PLAIN = Buffer.from('the same words again, and again. '.repeat(2_000))
const ENCODED: Record<string, Buffer> = {
	identity: PLAIN,
	gzip: gzipSync(PLAIN),
	br: brotliCompressSync(PLAIN),
	zstd: zstdCompressSync(PLAIN),
}
const BIG = randomBytes(8 * 1024 * 1024)

const edited = { filters: [responseHeaders({ add: [{ name: 'x-edited', value: 'yes' }] })] }
const timed = { timeouts: { request: '10s' } }
const session = { sessionPersistence: { sessionName: 'stay' } }
const slowed = { filters: [extensionRef('FaultInjection', 'slow')] }
const retried = { retry: { codes: [500], attempts: 2 } }
/** Every rule, by what it makes the data path do to a response. */
const RULES: Record<string, object> = {
	plain: {},
	edited,
	timed,
	'timed-and-edited': { ...timed, ...edited },
	session,
	slowed,
	everything: { ...timed, ...session, ...retried, filters: [...edited.filters, ...slowed.filters] },
}
const NAMES = Object.keys(RULES)

let mesh: Mesh
let backend: Backend
/** Lets the second half of a body go that the backend holds back. */
let release = () => {}

beforeAll(async () => {
	backend = await startBackend(async (request, response) => {
		const url = new URL(request.url ?? '/', 'http://any')
		const [, what = '', detail = ''] = url.pathname.split('/')
		response.setHeader('set-cookie', ['a=1', 'b=2']).setHeader('etag', '"v1"')
		if (what === 'status')
			response
				.writeHead(Number(detail), Object.fromEntries(url.searchParams))
				.end(url.search.endsWith('=4') ? 'body' : '')
		else if (what === 'halves') {
			const { promise, resolve } = Promise.withResolvers<void>()
			release = resolve
			if (detail === 'sized') response.setHeader('content-length', BIG.length)
			response.write(BIG.subarray(0, 1_000))
			await promise
			response.end(BIG.subarray(1_000))
		} else {
			const body = ENCODED[what] ?? PLAIN
			if (what !== 'identity') response.setHeader('content-encoding', what)
			if (detail === 'sized') response.setHeader('content-length', body.length)
			response.write(body.subarray(0, 100))
			response.end(body.subarray(100))
		}
	})
	echoWebSockets(backend.server)
	mesh = await startMesh({ regions: ['weur'] })
	await mesh.apply(
		service('bodies', backend.url),
		extension('FaultInjection', 'slow', { bandwidth: { limit: '1Gbps' } }),
		...NAMES.flatMap((name) => ruled(name, { ...RULES[name], ...to('bodies') })),
	)
})
afterAll(async () => {
	await mesh?.stop()
	await backend?.stop()
})

describe.each(NAMES)('through a rule that is %s', (name) => {
	const host = `${name}.test`
	const isSlowed = name === 'slowed' || name === 'everything'

	it.each(Object.keys(ENCODED).flatMap((coding) => [[coding, 'sized'] as const, [coding, 'unsized'] as const]))(
		'%s, %s, comes as it was sent',
		async (coding, length) => {
			for (const headers of [{}, { 'accept-encoding': 'gzip, br, zstd' }]) {
				const answer = await mesh.via(host, `/${coding}/${length}`, { headers })
				expect([answer.status, answer.headers['content-encoding'] ?? 'identity']).toEqual([200, coding])
				expect(answer.body.equals(ENCODED[coding]!)).toBe(true)
				// A body that is slowed down goes through our hands: its length is not promised.
				const sized = length === 'sized' && !isSlowed
				expect(answer.headers['content-length']).toBe(sized ? String(ENCODED[coding]!.length) : undefined)
				expect(valuesOf(answer.rawHeaders, 'set-cookie').slice(0, 2)).toEqual(['a=1', 'b=2'])
			}
		},
	)

	it.each(['identity', 'gzip'])('the answer to HEAD for %s has its fields and no body', async (coding) => {
		const answer = await mesh.via(host, `/${coding}/sized`, { method: 'HEAD' })
		expect([answer.status, answer.body.length, answer.headers.etag]).toEqual([200, 0, '"v1"'])
		expect(answer.headers['content-length']).toBe(String(ENCODED[coding]!.length))
	})

	it.each([
		[204, ''],
		[204, '?content-length=0'],
		[205, ''],
		[205, '?content-length=0'],
		[205, '?transfer-encoding=chunked'],
		[205, '?content-length=4'],
		[304, ''],
		[304, '?content-length=100'],
	])('status %i%s has no body', async (status, fields) => {
		const answer = await mesh.via(host, `/status/${status}${fields}`)
		expect([answer.status, answer.body.length, answer.headers.etag]).toEqual([status, 0, '"v1"'])
	})

	it.each(['sized', 'unsized'])('8 MB, %s, begin to arrive while the backend holds back the rest', async (length) => {
		const sent = open({ port: mesh.port('weur'), host, path: `/halves/${length}` })
		const arriving = responseOf(sent)
		sent.end()
		const chunks: Buffer[] = []
		for await (const chunk of await arriving) {
			chunks.push(chunk as Buffer)
			release()
		}
		expect(chunks[0]!.length).toBeLessThanOrEqual(1_000)
		expect(Buffer.concat(chunks).equals(BIG)).toBe(true)
	})

	it('a WebSocket passes', async () => {
		expect(await converse(mesh.port('weur'), host, ['one', 'two'])).toEqual(['echo one', 'echo two'])
	})
})
