/** How repeated entries are found. */
import { expect, test } from 'vitest'
import { repeats } from '../../../src/resources/unique.ts'

test('each repetition is found with the first of its kind, and what has no key repeats nothing', () => {
	const entries = ['b', 'a', undefined, 'a', undefined, 'a', 'b']
	expect(repeats(entries, (entry) => entry)).toEqual([
		{ index: 3, first: 1 },
		{ index: 5, first: 1 },
		{ index: 6, first: 0 },
	])
})
