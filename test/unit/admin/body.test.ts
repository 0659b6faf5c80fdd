/** How request bodies are read. */
import { describe, expect, it } from 'vitest'
import { formatOf, MAX_BODY_BYTES, readText } from '../../../workers/admin/body.ts'

function post(body: BodyInit, headers: Record<string, string> = {}): Request {
	return new Request('http://admin/', { method: 'POST', body, headers, duplex: 'half' } as RequestInit)
}

/** A body of unknown length, in chunks; says how much of it was taken. */
function chunked(chunks: number, chunkBytes: number): { stream: ReadableStream; taken: () => number } {
	let taken = 0
	const stream = new ReadableStream({
		pull(controller) {
			if (taken === chunks) return controller.close()
			taken++
			controller.enqueue(new Uint8Array(chunkBytes).fill(97))
		},
	})
	return { stream, taken: () => taken }
}

describe('readText', () => {
	it('reads a body of exactly the bound, and refuses one byte more', async () => {
		const most = await readText(post('a'.repeat(MAX_BODY_BYTES)))
		expect(most.ok && most.value.length).toBe(MAX_BODY_BYTES)
		const more = await readText(post('a'.repeat(MAX_BODY_BYTES + 1)))
		expect(!more.ok && more.error.status).toBe(413)
	})

	it('stops reading a body without a declared length soon after the bound', async () => {
		const { stream, taken } = chunked(1000, 1024 * 1024)
		const text = await readText(post(stream))
		expect(!text.ok && text.error.status).toBe(413)
		expect(taken()).toBeLessThan(8)
	})

	it('does not read at all when the declared length is too much', async () => {
		const { stream, taken } = chunked(1000, 1024)
		const request = post(stream)
		request.headers.set('content-length', String(MAX_BODY_BYTES + 1))
		const text = await readText({ headers: request.headers, body: stream } as unknown as Request)
		expect(!text.ok && text.error.status).toBe(413)
		expect(taken()).toBeLessThanOrEqual(1)
	})

	it('joins characters that chunks cut in two', async () => {
		const bytes = new TextEncoder().encode('schön')
		const stream = new ReadableStream({
			start(controller) {
				for (const byte of bytes) controller.enqueue(Uint8Array.of(byte))
				controller.close()
			},
		})
		expect(await readText(post(stream))).toEqual({ ok: true, value: 'schön' })
	})

	it('refuses bytes that are not UTF-8, naming the body', async () => {
		const text = await readText(post(Uint8Array.of(0xff, 0xfe, 0x41)))
		expect(!text.ok && text.error.status).toBe(400)
		expect(!text.ok && (await text.error.json())).toMatchObject({
			errors: [{ path: 'body', message: 'must be UTF-8 text' }],
		})
	})

	it('refuses a compressed body, saying that only identity is accepted', async () => {
		const text = await readText(post('x', { 'content-encoding': 'gzip' }))
		expect(!text.ok && text.error.status).toBe(415)
		expect(!text.ok && text.error.headers.get('accept-encoding')).toBe('identity')
	})
})

describe('formatOf', () => {
	it.each([
		['application/json', 'kind: Service', 'json'],
		['application/json; charset=UTF-8', '[]', 'json'],
		['application/yaml', '{}', 'yaml'],
		['application/x-yaml', 'a: 1', 'yaml'],
		['text/yaml', 'a: 1', 'yaml'],
		['text/plain', '  [{}]', 'json'],
		['application/octet-stream', '\n{}', 'json'],
		['application/x-www-form-urlencoded', 'kind: Service', 'yaml'],
		[null, 'kind: Service', 'yaml'],
		[null, '{}', 'json'],
		['application/xml', '<a/>', 415],
		['multipart/form-data; boundary=x', 'a', 415],
		['application/json; charset=latin1', '{}', 415],
	])('takes %s with the text %j for %s', (type, text, expected) => {
		const format = formatOf(type, text)
		expect(format.ok ? format.value : format.error.status).toBe(expected)
	})
})
