/** Deadlines on their way from service to service: they only ever shrink. */
import { describe, expect, it } from 'vitest'
import {
	DEADLINE_FIELD,
	formatDeadline,
	parseDeadline,
	remainingMs,
	withDeadline,
} from '../../../src/resilience/deadlines.ts'
import type { Timeouts } from '../../../src/snapshot/filters.ts'
import { seeded } from '../../random.ts'

const START = 1_700_000_000_000

describe('the field', () => {
	it('is found under its name however that is written', () => {
		expect(new Headers({ 'Selvedge-Deadline': '1500' }).get(DEADLINE_FIELD)).toBe('1500')
		expect(DEADLINE_FIELD).toBe(DEADLINE_FIELD.toLowerCase())
	})

	it.each<[string | null, number | undefined]>([
		['1', 1],
		['1500', 1_500],
		['86400000', 86_400_000],
		['0100', 100],
		[null, undefined],
		['', undefined],
		['0', undefined],
		['86400001', undefined],
		['100000000', undefined],
		['-5', undefined],
		['+5', undefined],
		['1.5', undefined],
		['1e3', undefined],
		['0x10', undefined],
		[' 5', undefined],
		['100m', undefined],
		['100, 200', undefined],
		['NaN', undefined],
		['Infinity', undefined],
		['٣', undefined],
	])('%j means %s ms', (value, expected) => {
		expect(parseDeadline(value)).toBe(expected)
	})

	it.each<[number, string | undefined]>([
		[1, '1'],
		[1_499.9, '1499'],
		[1e12, '86400000'],
		[Number.POSITIVE_INFINITY, '86400000'],
		[0.9, undefined],
		[0, undefined],
		[-1, undefined],
		[Number.NaN, undefined],
	])('for %d ms is %s', (ms, expected) => {
		expect(formatDeadline(ms)).toBe(expected)
	})
})

describe('timeouts under a deadline', () => {
	it.each<[Timeouts | undefined, number | undefined, Timeouts | undefined]>([
		[undefined, undefined, undefined],
		[{ requestMs: 500 }, undefined, { requestMs: 500 }],
		[undefined, 300, { requestMs: 300 }],
		[{ requestMs: 500 }, 300, { requestMs: 300 }],
		[{ requestMs: 500 }, 900, { requestMs: 500 }],
		[{ backendRequestMs: 100 }, 300, { requestMs: 300, backendRequestMs: 100 }],
	])('%j, %s are %j', (timeouts, deadline, expected) => {
		expect(withDeadline(timeouts, deadline)).toEqual(expected)
	})
})

describe('the time left', () => {
	it.each<[string | null, number, Timeouts | undefined, number | undefined]>([
		[null, 50, undefined, undefined],
		['1000', 0, undefined, 1_000],
		['1000', 400, undefined, 600],
		['1000', 1_000, undefined, 0],
		['1000', 5_000, undefined, 0],
		['1000', 400, { requestMs: 500 }, 100],
		['300', 100, { requestMs: 500 }, 200],
		['1000', 400, { backendRequestMs: 250 }, 250],
		['1000', 900, { backendRequestMs: 250 }, 100],
		['soon', 400, { requestMs: 500 }, 100],
		['99999999', 400, { requestMs: 500 }, 100],
	])('of a caller that says %j, %i ms later, under %j, is %s', (field, later, timeouts, expected) => {
		expect(remainingMs(field, START, START + later, timeouts)).toBe(expected)
	})

	it('never grows along a chain of calls, and is never more than any of its links allows', () => {
		for (let seed = 1; seed <= 2_000; seed++) {
			const random = seeded(seed)
			let field: string | null = random() < 0.3 ? null : String(1 + Math.floor(random() * 5_000))
			let before = parseDeadline(field) ?? Number.POSITIVE_INFINITY
			for (let hop = 0; hop < 6; hop++) {
				const requestMs = 1 + Math.floor(random() * 5_000)
				const timeouts = random() < 0.5 ? { requestMs } : undefined
				const spentMs = Math.floor(random() * 500)
				const left = remainingMs(field, START, START + spentMs, timeouts)
				if (left === undefined) continue
				const where = `seed ${seed}, hop ${hop}`
				expect(left, where).toBeLessThanOrEqual(Math.max(0, before - spentMs))
				if (timeouts) expect(left, where).toBeLessThanOrEqual(Math.max(0, requestMs - spentMs))
				const sent = formatDeadline(left)
				if (sent === undefined) break
				field = sent
				before = left
			}
		}
	})
})
