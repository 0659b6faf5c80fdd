/** The wait before telling the root again. */
import { expect, it } from 'vitest'
import { retryDelayMs } from '../../../src/registry/retry.ts'

it.each([
	[0, 0, 1_000],
	[0, 0.5, 1_250],
	[1, 0, 2_000],
	[4, 0, 16_000],
	[5, 0, 20_000],
	[5, 0.999999, 30_000],
	[5_000, 0.999999, 30_000],
])('after %i failures and with random %f waits %i ms', (failures, random, delay) => {
	expect(retryDelayMs(failures, random)).toBe(delay)
})
