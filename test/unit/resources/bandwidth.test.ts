/** Bandwidths as text. */
import { expect, test } from 'vitest'
import { bytesPerSecond } from '../../../src/resources/bandwidth.ts'

test.each([
	['1kbps', 125],
	['50kbps', 6_250],
	['1Mbps', 125_000],
	['8gbps', 1_000_000_000],
	['999999GBPS', 124_999_875_000_000],
])('%s is %d bytes per second', (text, bytes) => {
	expect(bytesPerSecond(text)).toBe(bytes)
})

test.each(['', '50', '50bps', '50 kbps', '-1kbps', '1.5Mbps', '0kbps', '1000000kbps', '1tbps', '1kBs', '1kbps\n'])(
	'%j is no bandwidth',
	(text) => {
		expect(bytesPerSecond(text)).toBeUndefined()
	},
)
