/** Trace Context by the cases of the W3C's own validation suite (https://github.com/w3c/trace-context/tree/main/test). */
import { describe, expect, it } from 'vitest'
import { newTraceparent, traceIdOf } from '../../../src/telemetry/traceContext.ts'
import { seeded } from '../../random.ts'

const TRACE = '12345678901234567890123456789012'
const PARENT = '1234567890123456'

describe('a trace is continued from', () => {
	it.each([
		['version 00', `00-${TRACE}-${PARENT}-01`],
		['unsampled', `00-${TRACE}-${PARENT}-00`],
		['level 2 flags', `00-${TRACE}-${PARENT}-03`],
		['flags that nobody has defined', `00-${TRACE}-${PARENT}-ff`],
		['a later version', `cc-${TRACE}-${PARENT}-01`],
		['a later version with more fields', `cc-${TRACE}-${PARENT}-01-what-the-future-will-be-like`],
		['a later version that ends in a dash', `cc-${TRACE}-${PARENT}-01-`],
		['version fe', `fe-${TRACE}-${PARENT}-01`],
	])('%s', (_, traceparent) => {
		expect(traceIdOf(traceparent)).toBe(TRACE)
	})
})

describe('a new trace is started for', () => {
	it.each([
		['no header', null],
		['an empty one', ''],
		['two headers, joined', `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`],
		['version 00 with more fields', `00-${TRACE}-${PARENT}-01-what-the-future-will-be-like`],
		['version 00 with a tail', `00-${TRACE}-${PARENT}-01.`],
		['version 00 that ends in a dash', `00-${TRACE}-${PARENT}-01-`],
		['a later version whose tail has no dash', `cc-${TRACE}-${PARENT}-01.what-the-future-will-be-like`],
		['version ff', `ff-${TRACE}-${PARENT}-01`],
		['an illegal version', `.0-${TRACE}-${PARENT}-01`],
		['an illegal second digit of the version', `0.-${TRACE}-${PARENT}-01`],
		['a long version', `000-${TRACE}-${PARENT}-01`],
		['a short version', `0-${TRACE}-${PARENT}-01`],
		['an all-zero trace ID', `00-${'0'.repeat(32)}-${PARENT}-01`],
		['an illegal trace ID', `00-.${TRACE.slice(1)}-${PARENT}-01`],
		['an illegal end of the trace ID', `00-${TRACE.slice(1)}.-${PARENT}-01`],
		['an upper-case trace ID', `00-${'ABCDEF'.padEnd(32, '0')}-${PARENT}-01`],
		['a long trace ID', `00-${TRACE}3-${PARENT}-01`],
		['a short trace ID', `00-${TRACE.slice(1)}-${PARENT}-01`],
		['an all-zero parent ID', `00-${TRACE}-${'0'.repeat(16)}-01`],
		['an illegal parent ID', `00-${TRACE}-.${PARENT.slice(1)}-01`],
		['an illegal end of the parent ID', `00-${TRACE}-${PARENT.slice(1)}.-01`],
		['a long parent ID', `00-${TRACE}-${PARENT}7-01`],
		['a short parent ID', `00-${TRACE}-${PARENT.slice(1)}-01`],
		['illegal flags', `00-${TRACE}-${PARENT}-.0`],
		['an illegal end of the flags', `00-${TRACE}-${PARENT}-0.`],
		['long flags', `00-${TRACE}-${PARENT}-001`],
		['short flags', `00-${TRACE}-${PARENT}-1`],
		['upper-case flags', `00-${TRACE}-${PARENT}-0A`],
		['a line break at the end', `00-${TRACE}-${PARENT}-01\n`],
		['an all-zero trace ID of a later version', `cc-${'0'.repeat(32)}-${PARENT}-01-x`],
	])('%s', (_, traceparent) => {
		expect(traceIdOf(traceparent)).toBeUndefined()
	})
})

/** The same numbers over and over. */
function cycle(numbers: readonly number[]): () => number {
	let at = 0
	return () => numbers[at++ % numbers.length]!
}

describe('a new traceparent', () => {
	it.each([
		['at its smallest', () => 0],
		['at its largest', () => 1 - 2 ** -53],
		['in between', seeded(41)],
		['zero but in the words that must not be', cycle([0, 0, 0, 1 - 2 ** -53, 0, 1 - 2 ** -53])],
	])('is valid when randomness is %s', (_, random) => {
		expect(traceIdOf(newTraceparent(random, true))).toMatch(/^[0-9a-f]{32}$/)
	})

	it('is made of the random numbers, each of them used once', () => {
		const words = [0x01234567, 0x89abcdef, 0xfedcba98, 0x76543210, 0x0f1e2d3c, 0x4b5a6978]
		// The last word of each ID leaves out zero, and so is one higher.
		expect(newTraceparent(cycle(words.map((word) => word / 2 ** 32)), false)).toMatch(
			/^00-0123456789abcdeffedcba987654321[01]-0f1e2d3c4b5a697[89]-02$/,
		)
	})

	it('says that its ID is random, and whether it is sampled', () => {
		expect(newTraceparent(seeded(42), true)).toMatch(/-03$/)
		expect(newTraceparent(seeded(42), false)).toMatch(/-02$/)
	})

	it('is another one each time, in every digit', () => {
		const random = seeded(43)
		const made = Array.from({ length: 1_000 }, () => newTraceparent(random, true))
		expect(new Set(made.map(traceIdOf)).size).toBe(1_000)
		for (let at = 3; at < 52; at++) {
			if (at === 35) continue
			expect(new Set(made.map((one) => one[at])).size, `digit ${at}, seed 43`).toBe(16)
		}
	})
})
