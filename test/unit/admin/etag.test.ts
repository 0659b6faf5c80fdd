/** How conditions on entity tags are read. */
import { describe, expect, it } from 'vitest'
import { expectationOf, noneMatchNames } from '../../../workers/admin/etag.ts'

describe('expectationOf', () => {
	it.each([
		[{}, 'anything'],
		[{ 'if-match': '*' }, 'present'],
		[{ 'if-none-match': '*' }, 'absent'],
		[{ 'if-match': '"7"' }, { revision: 7 }],
		[{ 'if-match': ' "7" ' }, { revision: 7 }],
		// Strong comparison: a weak tag matches nothing, and neither does one that this API never gave out.
		[{ 'if-match': 'W/"7"' }, 'impossible'],
		[{ 'if-match': '"0"' }, 'impossible'],
		[{ 'if-match': '"abc"' }, 'impossible'],
		[{ 'if-match': '"99999999999999999999"' }, 'impossible'],
	])('reads %j as %j', (headers, expected) => {
		expect(expectationOf(new Headers(headers as Record<string, string>))).toEqual({ ok: true, value: expected })
	})

	it.each([
		[{ 'if-match': '7' }, 'headers.If-Match'],
		[{ 'if-match': '"7", "8"' }, 'headers.If-Match'],
		[{ 'if-match': '' }, 'headers.If-Match'],
		[{ 'if-none-match': '"7"' }, 'headers.If-None-Match'],
		[{ 'if-match': '"7"', 'if-none-match': '*' }, 'headers.If-Match'],
	])('refuses %j, naming %s, and never takes it for no condition', (headers, path) => {
		expect(expectationOf(new Headers(headers as Record<string, string>))).toMatchObject({ ok: false, error: { path } })
	})
})

describe('noneMatchNames', () => {
	it.each([
		[null, false],
		['"a"', true],
		['W/"a"', true],
		['"b", "a"', true],
		['*', true],
		['"b"', false],
		['a', false],
		['', false],
	])('finds "a" in %j: %j', (header, expected) => {
		expect(noneMatchNames(header, '"a"')).toBe(expected)
	})
})
