/** What values of text formats may hold. */
import { expect, test } from 'vitest'
import { containsNull, plainProblem, withoutNulls } from '../../../src/resources/plainValue.ts'

const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth))

test('64 levels are the most, and a value that contains itself has more', () => {
	const endless: unknown[] = []
	endless.push(endless, endless)
	expect(plainProblem(nested(64))).toBeUndefined()
	expect(plainProblem(nested(65))).toEqual({ message: 'must be nested at most 64 levels deep' })
	expect(plainProblem(endless)).toEqual({ message: 'must be nested at most 64 levels deep' })
})

test('a key that aims at prototypes is found anywhere', () => {
	expect(plainProblem(JSON.parse('{"a":[{"__proto__":{}}]}'))).toEqual({ message: "must not have a key '__proto__'" })
})

test('null fields are absent, null entries of lists stay', () => {
	const value = { a: null, b: [null, { c: null, d: 0 }], e: '' }
	expect(withoutNulls(value)).toEqual({ b: [null, { d: 0 }], e: '' })
	expect([value, [1, [null]], null].map(containsNull)).toEqual([true, true, true])
	expect([{ a: 0 }, [], '', undefined].map(containsNull)).toEqual([false, false, false, false])
})
