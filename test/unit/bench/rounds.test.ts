/** The CPU time that belongs to a slice. */
import { expect, test } from 'vitest'
import { cpuOfCycles } from '../../../scripts/bench/rounds.ts'

const reading = (micros: number) => new Map([['1', micros * 1_000]])

test('what a slice leaves to be done after it is counted as its own, until the next one begins', () => {
	const slices = [
		{ cpuBefore: reading(100), requests: 10 },
		{ cpuBefore: reading(600), requests: 100 },
	]
	expect(cpuOfCycles(slices, reading(1_600))).toEqual([50, 10])
})
