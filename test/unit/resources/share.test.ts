/** Shares of the requests. */
import { describe, expect, test } from 'vitest'
import { parsed, problems, ruleProblems, trafficMatch } from './fixtures.ts'

const mirrored = (share: object) =>
	ruleProblems({ filters: [{ type: 'RequestMirror', requestMirror: { backendRef: { name: 'a' }, ...share } }] }).map(
		(problem) => problem.replace('filters[0].requestMirror.', ''),
	)
const matched = (share: object) => problems(trafficMatch(share)).map((problem) => problem.replace('spec.', ''))

describe.each([
	["Gateway API's filters", mirrored],
	["the mesh's own kinds", matched],
])('in %s', (_, judge) => {
	test.each([
		[{ percent: 0 }, []],
		[{ percent: 100 }, []],
		[{ percent: -1 }, ['percent: must be at least 0']],
		[{ percent: 101 }, ['percent: must be at most 100']],
		[{ percent: '50' }, ['percent: must be a number']],
		[{ fraction: { numerator: 0 } }, []],
		[{ fraction: { numerator: 1, denominator: 1 } }, []],
		[{ fraction: { numerator: 1.5 } }, ['fraction.numerator: must be a whole number']],
		[{ fraction: { numerator: -1 } }, ['fraction.numerator: must be at least 0']],
		[{ fraction: { numerator: 101 } }, ['fraction.numerator: must be at most the denominator']],
		[{ fraction: { numerator: 3, denominator: 2 } }, ['fraction.numerator: must be at most the denominator']],
		[{ fraction: { numerator: 0, denominator: 0 } }, ['fraction.denominator: must be at least 1']],
		[{ fraction: {} }, ['fraction.numerator: is required']],
		[{ percent: 1, fraction: { numerator: 1 } }, ['fraction: must be left out beside percent']],
	])('judges %j', (share, expected) => {
		expect(judge(share)).toEqual(expected)
	})
})

test("Gateway API's percentages are whole, the mesh's own have up to four decimals", () => {
	expect(mirrored({ percent: 0.5 })).toEqual(['percent: must be a whole number'])
	for (const percent of [0.5, 0.0001, 33.3333, 99.9999]) expect(matched({ percent })).toEqual([])
	for (const percent of [0.00001, 33.33333, 1e-7, 0.1 + 0.2])
		expect(matched({ percent })).toEqual(['percent: must have at most 4 decimals'])
})

test('a denominator is 100 unless it says otherwise', () => {
	expect(parsed(trafficMatch({ fraction: { numerator: 25 } })).spec).toEqual({
		sources: [],
		fraction: { numerator: 25, denominator: 100 },
	})
})
