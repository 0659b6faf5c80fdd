/** Conditions on headers and query parameters, as one predicate. */
import { describe, expect, it } from 'vitest'
import { compileConditions, type ValueCondition } from '../../../src/matching/conditions.ts'
import type { RequestFacts } from '../../../src/matching/ruleIndex.ts'
import { regexProgram } from '../../../src/snapshot/routes/regexProgram.ts'

const exact = (name: string, value: string): ValueCondition => ({ name, type: 'Exact', value })

function expression(name: string, value: string): ValueCondition {
	const program = regexProgram(value)
	if (!program.ok) throw new Error(program.error)
	return { name, type: 'RegularExpression', value, program: program.value }
}

const facts = (headers: Record<string, string> = {}, queryParams: Record<string, string> = {}): RequestFacts => ({
	method: 'GET',
	path: '/',
	header: (name) => headers[name] ?? null,
	queryParam: (name) => queryParams[name] ?? null,
	caller: undefined,
	random: () => 0,
})

describe('compileConditions', () => {
	it('asks nothing when there is nothing to ask', () => {
		expect(compileConditions([], [])).toBeUndefined()
	})

	it.each<[string, ValueCondition[], ValueCondition[], RequestFacts, boolean]>([
		['an equal header', [exact('version', '2')], [], facts({ version: '2' }), true],
		['another value', [exact('version', '2')], [], facts({ version: '20' }), false],
		['another case of the value', [exact('version', 'a')], [], facts({ version: 'A' }), false],
		['an absent header', [exact('version', '2')], [], facts(), false],
		['an equal query parameter', [], [exact('animal', 'whale')], facts({}, { animal: 'whale' }), true],
		['a header where a query parameter is meant', [], [exact('animal', 'whale')], facts({ animal: 'whale' }), false],
		[
			'a query parameter where a header is meant',
			[exact('animal', 'whale')],
			[],
			facts({}, { animal: 'whale' }),
			false,
		],
		['an expression that matches the whole value', [expression('v', '[12]')], [], facts({ v: '1' }), true],
		['an expression that matches a part of the value', [expression('v', '[12]')], [], facts({ v: '12' }), false],
		[
			'an expression that accepts the empty text, and an empty value',
			[expression('v', '.*')],
			[],
			facts({ v: '' }),
			true,
		],
		['an expression that accepts the empty text, and no value', [expression('v', '.*')], [], facts(), false],
		['two that hold', [exact('a', '1')], [exact('b', '2')], facts({ a: '1' }, { b: '2' }), true],
		['two of which the first fails', [exact('a', '1')], [exact('b', '2')], facts({ a: '0' }, { b: '2' }), false],
		['two of which the last fails', [exact('a', '1')], [exact('b', '2')], facts({ a: '1' }, { b: '0' }), false],
	])('%s', (_, headers, queryParams, request, expected) => {
		expect(compileConditions(headers, queryParams)!(request)).toBe(expected)
	})
})
