/** How the load generator tells one answer from the next, and a good one from a bad one. */
import { describe, expect, test } from 'vitest'
import { getRequest, readFrame } from '../../../scripts/bench/httpFraming.ts'

const head = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n'
const refusal = 'HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n'

describe('the frame of an answer', () => {
	test.each([
		['whole', `${head}hello`, { status: 200, totalBytes: head.length + 5 }],
		['whose body is still coming', `${head}he`, { status: 200, totalBytes: head.length + 5 }],
		[
			'with a lower-case field name',
			head.toLowerCase().replace('http', 'HTTP'),
			{ status: 200, totalBytes: head.length + 5 },
		],
		['refused by the mesh', refusal, { status: 503, totalBytes: refusal.length }],
		[
			'without a length',
			'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
			{ status: 200, totalBytes: undefined },
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

test('a request names the host that it is meant for', () => {
	expect(getRequest('a.example', '/b')).toMatch(/^GET \/b HTTP\/1\.1\r\nHost: a\.example\r\n[\s\S]*\r\n\r\n$/)
})
