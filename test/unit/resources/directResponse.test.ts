/** What the mesh may answer by itself. */
import { expect, test } from 'vitest'
import { directResponse, parsed, problems } from './fixtures.ts'

const type = 'must be a media type, e.g. application/json'
test.each([
	[{ statusCode: 200, body: '{}', contentType: 'application/json' }, []],
	[{ statusCode: 599, contentType: 'text/html; charset=utf-8' }, []],
	[{ statusCode: 204, headers: [{ name: 'x-a', value: 'b' }] }, []],
	[{ statusCode: 304, body: '' }, []],
	[{}, ['statusCode: is required']],
	[{ statusCode: 101 }, ['statusCode: must be at least 200']],
	[{ statusCode: 600 }, ['statusCode: must be at most 599']],
	[{ statusCode: 204, body: 'x' }, ['body: must be left out for a status of 204, 205, 304']],
	[{ statusCode: 205, body: 'x' }, ['body: must be left out for a status of 204, 205, 304']],
	[{ statusCode: 304, body: 'x' }, ['body: must be left out for a status of 204, 205, 304']],
	[{ statusCode: 200, contentType: 'json' }, [`contentType: ${type}`]],
	[{ statusCode: 200, contentType: 'a/b;\r\nx: y' }, [`contentType: ${type}`]],
	[{ statusCode: 200, contentType: 'a/b\r\nx: y' }, [`contentType: ${type}`]],
	[
		{ statusCode: 200, headers: [{ name: 'Content-Type', value: 'a/b' }] },
		['headers[0].name: must not be Content-Type: contentType says it'],
	],
	[
		{ statusCode: 200, headers: [{ name: 'Content-Length', value: '1' }] },
		["headers[0].name: must not be 'Content-Length': the platform writes it for each hop"],
	],
])('judges %j', (spec, expected) => {
	expect(problems(directResponse(spec))).toEqual(expected.map((problem) => `spec.${problem}`))
})

test('a body is plain text unless it says otherwise; where there is none, nothing is said of its type', () => {
	const typeOf = (spec: object) => (parsed(directResponse(spec)).spec as { contentType?: string }).contentType
	expect(typeOf({ statusCode: 200, body: 'a' })).toBe('text/plain; charset=utf-8')
	expect(typeOf({ statusCode: 200, body: 'a', contentType: 'text/html' })).toBe('text/html')
	expect(typeOf({ statusCode: 200, body: '' })).toBeUndefined()
	expect(typeOf({ statusCode: 200 })).toBeUndefined()
})

test('a body has at most 16,384 bytes, counted as UTF-8', () => {
	const judge = (body: string) => problems(directResponse({ statusCode: 200, body }))
	const tooLong = ['spec.body: must be at most 16,384 bytes long in UTF-8']
	expect(judge('x'.repeat(16_384))).toEqual([])
	expect(judge('x'.repeat(16_385))).toEqual(tooLong)
	expect(judge('ä'.repeat(8_192))).toEqual([])
	expect(judge('ä'.repeat(8_193))).toEqual(tooLong)
})
