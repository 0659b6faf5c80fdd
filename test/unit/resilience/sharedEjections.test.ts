/** What isolates tell each other of ejections, and how far they believe it. */
import { describe, expect, it } from 'vitest'
import {
	answered,
	createOutlierState,
	eject,
	onSend,
	recordOutcome,
	takesTraffic,
} from '../../../src/resilience/outliers.ts'
import { adoptEjection, ejectionsNow, ejectionsToShare } from '../../../src/resilience/sharedEjections.ts'
import type { OutlierRules } from '../../../src/snapshot/trafficPolicy.ts'

const START = 1_700_000_000_000

const rules: OutlierRules = {
	consecutive5xx: 5,
	consecutiveGatewayErrors: 0,
	consecutiveLocalOriginFailures: 0,
	intervalMs: 10_000,
	baseEjectionMs: 30_000,
	maxEjectionMs: 300_000,
	maxEjectionShare: 0.5,
}
const some = (count: number) =>
	new Map(Array.from({ length: count }, (_, i) => [`e${i}`, createOutlierState()] as const))

describe('a report', () => {
	it('has what this isolate found out, once', () => {
		const states = some(3)
		const until = eject(rules, states.get('e1')!, START, 0)
		expect(ejectionsToShare(states, START)).toEqual([{ id: 'e1', until }])
		expect(ejectionsToShare(states, START)).toEqual([])
	})

	it('has each ejection of an endpoint', () => {
		const states = some(1)
		const first = eject(rules, states.get('e0')!, START, 0)
		ejectionsToShare(states, START)
		const second = eject(rules, states.get('e0')!, first, 0)
		expect(ejectionsToShare(states, first)).toEqual([{ id: 'e0', until: second }])
	})

	it('has nothing that is over, nor what was learnt from others', () => {
		const states = some(2)
		const until = eject(rules, states.get('e0')!, START, 0)
		adoptEjection(rules, states.get('e1')!, until + 60_000, START, 0)
		expect(ejectionsToShare(states, until)).toEqual([])
	})

	it('has a hundred at most, and the next one has the rest', () => {
		const states = some(250)
		for (const state of states.values()) eject(rules, state, START, 0)
		const reports = Array.from({ length: 4 }, () => ejectionsToShare(states, START))
		expect(reports.map(({ length }) => length)).toEqual([100, 100, 50, 0])
		expect(new Set(reports.flat().map(({ id }) => id)).size).toBe(250)
	})
})

describe('an ejection of another isolate', () => {
	it('is adopted with a jitter, and ends with a trial', () => {
		const state = createOutlierState()
		expect(adoptEjection(rules, state, START + 20_000, START, 0.5)).toBe(true)
		expect(state.ejectedUntil).toBe(START + 21_000)
		onSend(rules, state, START + 21_000)
		expect(takesTraffic(state, START + 21_000)).toBe(false)
		expect(recordOutcome(rules, state, answered(500), START + 21_000)).toBe('eject')
	})

	it('counts like an own one: the next is longer', () => {
		const state = createOutlierState()
		adoptEjection(rules, state, START + 30_000, START, 0)
		expect(eject(rules, state, START + 30_000, 0)).toBe(START + 90_000)
	})

	it.each([
		['over', START],
		['long over', 0],
		['not a number', Number.NaN],
	])('is no news when its end is %s', (_, until) => {
		const state = createOutlierState()
		expect(adoptEjection(rules, state, until, START, 0)).toBe(false)
		expect(state).toEqual(createOutlierState())
	})

	it('does not prolong one that is under way, nor count twice', () => {
		const state = createOutlierState()
		const until = eject(rules, state, START, 0)
		expect(adoptEjection(rules, state, until + 200_000, START + 5_000, 0)).toBe(false)
		expect([state.ejectedUntil, state.ejections, state.unshared]).toEqual([until, 1, true])
	})

	it.each([Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY])('until %d lasts no longer than one may', (until) => {
		const state = createOutlierState()
		adoptEjection(rules, state, until, START, 0)
		expect(state.ejectedUntil).toBe(START + 300_000)
	})
})

describe('the count of ejections', () => {
	it('says how many are missing and when the next one returns', () => {
		const states = [...some(4).values()]
		expect(ejectionsNow(states, START)).toEqual({ ejected: 0, nextReturnAt: Number.POSITIVE_INFINITY })
		eject(rules, states[0]!, START, 0)
		eject(rules, states[1]!, START + 1_000, 0)
		expect(ejectionsNow(states, START + 1_000)).toEqual({ ejected: 2, nextReturnAt: START + 30_000 })
	})

	it('has those on trial in it until they have succeeded', () => {
		const states = [...some(2).values()]
		const until = eject(rules, states[0]!, START, 0)
		expect(ejectionsNow(states, until)).toEqual({ ejected: 1, nextReturnAt: Number.POSITIVE_INFINITY })
		recordOutcome(rules, states[0]!, answered(200), until)
		expect(ejectionsNow(states, until).ejected).toBe(0)
	})
})
