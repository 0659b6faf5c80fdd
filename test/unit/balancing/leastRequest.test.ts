/** Least request: what is compared. */
import { describe, expect, it } from 'vitest'
import { leastRequest } from '../../../src/balancing/leastRequest.ts'
import { candidate, scripted } from './candidates.ts'

describe('least request', () => {
	it.each([
		['fewer in flight', [2, 1], [1, 1], 1],
		['fewer in flight for its weight', [1, 3], [1, 4], 1],
		['an idle one, however light', [0, 1], [1, 1_000], 0],
		['the first one drawn of equal ones', [1, 2], [1, 2], 0],
		['the first one drawn of idle ones, although another is heavier', [0, 0], [1, 4], 0],
	])('takes %s', (_, inFlight, weights, expected) => {
		const choose = leastRequest(
			inFlight.map((count, i) => candidate(count, 0, 0, weights[i])),
			2,
		)
		// The first number draws the first one, the second one the other, whatever the weights.
		expect(choose(0, scripted(0, 0.999))).toBe(expected)
	})

	it('sees requests that begin and end after it was made', () => {
		const candidates = [candidate(0), candidate(1)]
		const choose = leastRequest(candidates, 2)
		expect(choose(0, scripted(0, 0))).toBe(0)
		candidates[0]!.load.inFlight = 2
		expect(choose(0, scripted(0, 0))).toBe(1)
	})
})
