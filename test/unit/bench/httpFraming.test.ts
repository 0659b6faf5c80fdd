/** How the bench writes requests, and tells one message from the next and a good answer from a bad one. */
import { describe, expect, test } from 'vitest'
import { readFrame, readRequest, requestText } from '../../../scripts/bench/httpFraming.ts'

const head = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'
const refusal = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n'

describe('the frame of an answer', () => {
	test.each([
		['whole', `${head}hello`, { status: 200, headBytes: head.length, totalBytes: head.length + 5 }],
		['whose body is still coming', `${head}he`, { status: 200, headBytes: head.length, totalBytes: head.length + 5 }],
		[
			'with a lower-case field name',
			head.toLowerCase().replace('http', 'HTTP'),
			{ status: 200, headBytes: head.length, totalBytes: head.length + 5 },
		],
		['refused by the mesh', refusal, { status: 503, headBytes: refusal.length, totalBytes: refusal.length }],
		[
			'without a length',
			'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
			{ status: 200, headBytes: 47, totalBytes: undefined },
		],
	])('%s', (_, text, expected) => {
		expect(readFrame(text)).toEqual(expected)
	})

	test('does not exist while the head is incomplete', () => {
		for (let length = 0; length < head.length; length++) expect(readFrame(head.slice(0, length))).toBeUndefined()
	})

	test('ignores what a body says of its length', () => {
		const text = 'HTTP/1.1 200 OK\r\nX-A: b\r\n\r\nx\r\nContent-Length: 99\r\n'
		expect(readFrame(text)?.totalBytes).toBeUndefined()
	})
})

test.each(['204 No Content', '304 Not Modified'])('an answer %s ends with its head, whatever it declares', (status) => {
	const text = `HTTP/1.1 ${status}\r\nContent-Length: 5\r\n\r\n`
	expect(readFrame(text)?.totalBytes).toBe(text.length)
})

describe('a request', () => {
	test('names the host that it is meant for', () => {
		const text = requestText({ host: 'a.example', path: '/b' })
		expect(text).toMatch(/^GET \/b HTTP\/1\.1\r\nHost: a\.example\r\n[\s\S]*\r\n\r\n$/)
	})

	test.each([
		['without a body', {}],
		['with fields', { headers: { origin: 'https://a.example' } }],
		['with a body', { method: 'PUT', body: 'hello\r\n\r\nworld' }],
	])('%s is read back as what was sent, and no further', (_, parts) => {
		const text = requestText({ host: 'a.example', path: '/b', ...parts })
		expect(readRequest(`${text}GET / HTTP/1.1\r\n\r\n`)).toEqual({
			head: text.slice(0, text.indexOf('\r\n\r\n')),
			totalBytes: text.length,
		})
	})

	test('does not exist while its head is incomplete', () => {
		expect(readRequest('PUT / HTTP/1.1\r\nContent-Length: 5\r\n')).toBeUndefined()
	})
})
