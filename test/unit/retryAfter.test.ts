/** Retry-After: the seconds and the three forms of a date, and nothing else. */
import { describe, expect, it } from 'vitest'
import { retryAfterMs } from '../../src/retryAfter.ts'
import { seeded } from '../random.ts'

/** Sun, 06 Nov 1994 08:49:37 GMT, RFC 9110's example. */
const EXAMPLE = Date.UTC(1994, 10, 6, 8, 49, 37)

describe('Retry-After', () => {
	it.each([
		['0', 0],
		['120', 120_000],
		[' 120 ', 120_000],
		['9999999999', 9_999_999_999_000],
		['Sun, 06 Nov 1994 08:49:37 GMT', 10_000],
		['Sunday, 06-Nov-94 08:49:37 GMT', 10_000],
		['Sun Nov  6 08:49:37 1994', 10_000],
		['Sun, 06 Nov 1994 08:49:27 GMT', 0],
		['Sun, 06 Nov 1994 08:00:00 GMT', 0],
		['Sat, 31 Dec 1994 23:59:60 GMT', Date.UTC(1994, 11, 31, 23, 59, 59) - EXAMPLE + 10_000],
		['Monday, 06-Nov-50 08:49:37 GMT', 0],
		['Sunday, 06-Nov-44 08:49:37 GMT', Date.UTC(2044, 10, 6, 8, 49, 37) - EXAMPLE + 10_000],
	])('%j, ten seconds before the example, is %j ms', (value, expected) => {
		expect(retryAfterMs(value, EXAMPLE - 10_000)).toBe(expected)
	})

	it.each([
		null,
		'',
		'-1',
		'1.5',
		'+5',
		'1e3',
		'soon',
		'99999999999',
		'120, 60',
		'1994-11-06T08:49:37Z',
		'Sun, 31 Feb 1994 08:49:37 GMT',
		'Sun, 06 Foo 1994 08:49:37 GMT',
		'Sun, 06 Nov 1994 24:00:00 GMT',
		'Sun, 06 Nov 1994 08:60:00 GMT',
		'Sun, 06 Nov 1994 08:49:37',
		'Sun, 06 Nov 1994 08:49:37 PST',
		'Sun, 6 Nov 1994 08:49:37 GMT',
	])('%j is none', (value) => {
		expect(retryAfterMs(value, EXAMPLE)).toBeUndefined()
	})

	it('reads every date that it is told, in its first form', () => {
		const random = seeded(1)
		for (let i = 0; i < 2_000; i++) {
			const now = Math.floor(random() * 4e9) * 1_000
			const at = now + Math.floor(random() * 1e6) * 1_000
			expect(retryAfterMs(new Date(at).toUTCString(), now)).toBe(at - now)
		}
	})
})
