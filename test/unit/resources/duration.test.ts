/** Durations as text. */
import { expect, test } from 'vitest'
import { durationMs } from '../../../src/resources/duration.ts'

test.each([
	['0s', 0],
	['1ms', 1],
	['5m', 300_000],
	['1m5s', 65_000],
	['1h22m30s5ms', 4_950_005],
	['5ms1h', 3_600_005],
	['1s1s', 2_000],
	['007s', 7_000],
	['99999h99999h99999h99999h', 1_439_985_600_000],
])('%s is %d ms', (text, ms) => {
	expect(durationMs(text)).toBe(ms)
})

test.each([
	'',
	'1',
	's',
	'-1s',
	'+1s',
	'1.5s',
	'1S',
	'1d',
	'1us',
	' 1s',
	'1s ',
	'1s\n',
	'1 s',
	'100000s',
	'1s1s1s1s1s',
	'1e3s',
])('%j is no duration', (text) => {
	expect(durationMs(text)).toBeUndefined()
})
