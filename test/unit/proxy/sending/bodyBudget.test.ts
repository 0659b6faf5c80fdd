/** What an isolate holds of bodies at once. */
import { expect, it } from 'vitest'
import { createBodyBudget, giveBack, takeBytes } from '../../../../src/proxy/sending/bodyBudget.ts'

const MIB = 1_048_576

it('bytes are there for as many as fit, and again when they are given back, once', () => {
	const budget = createBodyBudget()
	const first = takeBytes(budget, 20 * MIB, 0)!
	expect(takeBytes(budget, 13 * MIB, 0)).toBeUndefined()
	const second = takeBytes(budget, 12 * MIB, 0)!
	expect(takeBytes(budget, 1, 0)).toBeUndefined()
	giveBack(budget, first)
	giveBack(budget, first)
	expect(takeBytes(budget, 21 * MIB, 0)).toBeUndefined()
	expect(takeBytes(budget, 20 * MIB, 0)).toBeDefined()
	giveBack(budget, second)
	expect(budget.free).toBe(12 * MIB)
})

it('bytes of requests that were cancelled come back after two minutes, whoever else holds some', () => {
	const budget = createBodyBudget()
	const forgotten = takeBytes(budget, 30 * MIB, 0)!
	takeBytes(budget, MIB, 60_000)
	expect(takeBytes(budget, 2 * MIB, 119_999)).toBeUndefined()
	expect(takeBytes(budget, 2 * MIB, 120_000)).toBeDefined()
	giveBack(budget, forgotten)
	expect(budget.free).toBe(29 * MIB)
})
