/** Which failures get an endpoint ejected, for how long, and how it comes back. */
import { describe, expect, it } from 'vitest'
import {
	answered,
	createOutlierState,
	eject,
	mayEject,
	type Outcome,
	onSend,
	recordOutcome,
	takesTraffic,
} from '../../../src/resilience/outliers.ts'
import type { OutlierRules } from '../../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../../random.ts'

const START = 1_700_000_000_000

const rules = (changes: Partial<OutlierRules> = {}): OutlierRules => ({
	consecutive5xx: 0,
	consecutiveGatewayErrors: 0,
	consecutiveLocalOriginFailures: 0,
	intervalMs: 10_000,
	baseEjectionMs: 30_000,
	maxEjectionMs: 300_000,
	maxEjectionShare: 0.5,
	...changes,
})

const connection: Outcome = { kind: 'connection' }
const timeout: Outcome = { kind: 'timeout' }
const beaten: Outcome = { kind: 'beaten' }

/** Statuses, or c and t for lost connections and timeouts. */
const verdicts = (asked: OutlierRules, outcomes: string): string[] => {
	const state = createOutlierState()
	return outcomes.split(' ').map((each) => {
		const outcome = each === 'c' ? connection : each === 't' ? timeout : answered(Number(each))
		return recordOutcome(asked, state, outcome, START) ?? '-'
	})
}

describe('failures in a row', () => {
	it.each<[string, Partial<OutlierRules>, string, string]>([
		['5xx of any kind', { consecutive5xx: 3 }, '500 503 599', '- - eject'],
		['5xx, not 4xx', { consecutive5xx: 1 }, '400 404 429 499 500', '- - - - eject'],
		['5xx with a success between', { consecutive5xx: 2 }, '500 200 500 500', '- - - eject'],
		['5xx, and again with each failure more', { consecutive5xx: 2 }, '500 500 500', '- eject eject'],
		['connections and timeouts as 5xx', { consecutive5xx: 3 }, 'c t 500', '- - eject'],
		['gateway errors', { consecutiveGatewayErrors: 3 }, '502 503 504', '- - eject'],
		['gateway errors with another 5xx between', { consecutiveGatewayErrors: 2 }, '503 500 503 503', '- - - eject'],
		['connections as gateway errors', { consecutiveGatewayErrors: 2 }, 'c t', '- eject'],
		['local failures', { consecutiveLocalOriginFailures: 2 }, 'c t', '- eject'],
		[
			'local failures with an answer between, even a 500',
			{ consecutiveLocalOriginFailures: 2 },
			'c 500 t t',
			'- - - eject',
		],
		[
			'local failures apart from 5xx',
			{ consecutiveLocalOriginFailures: 5, consecutive5xx: 2 },
			'c c c 500 c 500',
			'- - - - - eject',
		],
		['none where no detector is on', {}, '500 503 c t 500', '- - - - -'],
	])('%s', (_, changes, outcomes, expected) => {
		expect(verdicts(rules(changes), outcomes).join(' ')).toBe(expected)
	})
})

describe('attempts that hedges beat', () => {
	const asked = rules({ consecutiveLocalOriginFailures: 5 })
	const told = (asked: OutlierRules, outcomes: readonly Outcome[]) => {
		const state = createOutlierState()
		return { state, last: outcomes.map((outcome) => recordOutcome(asked, state, outcome, START)).at(-1) }
	}
	const times = (count: number) => Array.from({ length: count }, () => beaten)

	it.each<[string, readonly Outcome[], 'eject' | undefined]>([
		['19 in a row', times(19), undefined],
		['20 in a row', times(20), 'eject'],
		['21, where the first 20 might not eject', times(21), 'eject'],
		['20 with an answer in between', [...times(19), answered(200), ...times(19)], undefined],
		['20 with an answer in between, even a 500', [...times(19), answered(500), ...times(19)], undefined],
		['20 with silence of other kinds in between', [...times(10), connection, timeout, ...times(10)], 'eject'],
	])('%s', (_, outcomes, expected) => {
		expect(told(asked, outcomes).last).toBe(expected)
	})

	it('say nothing where failures of local origin are not looked for', () => {
		expect(told(rules({ consecutive5xx: 1 }), times(100)).last).toBeUndefined()
	})

	it('are no failures in any other count', () => {
		const { state } = told(rules({ consecutiveLocalOriginFailures: 2, consecutive5xx: 1 }), times(19))
		expect(state).toEqual({ ...createOutlierState(), consecutiveBeaten: 19 })
	})

	it('leave an endpoint on trial, with a request an interval, until it answers or is ejected for longer', () => {
		const { state } = told(asked, times(20))
		let now = eject(asked, state, START, 0)
		const verdicts = times(20).map(() => {
			expect(takesTraffic(state, now)).toBe(true)
			onSend(asked, state, now)
			const verdict = recordOutcome(asked, state, beaten, now + 100)
			expect([state.onTrial, takesTraffic(state, now + 100)]).toEqual([true, false])
			now += asked.intervalMs
			return verdict
		})
		expect(verdicts).toEqual([...Array.from({ length: 19 }, () => undefined), 'eject'])
		expect(recordOutcome(asked, state, answered(200), now)).toBe('recovered')
	})

	it.each([1, 2, 3])('do not eject a healthy endpoint that loses two in five (seed %i)', (seed) => {
		const random = seeded(seed)
		const state = createOutlierState()
		let most = 0
		for (let i = 0; i < 100_000; i++) {
			recordOutcome(asked, state, random() < 0.4 ? beaten : answered(200), START)
			most = Math.max(most, state.consecutiveBeaten)
		}
		expect(most).toBeGreaterThan(5)
		expect(most).toBeLessThan(20)
	})
})

describe('an ejection', () => {
	const asked = rules({ consecutive5xx: 1 })

	it.each<[number, number, number, boolean]>([
		// share, ejected, total
		[0.1, 0, 1, false],
		[0.1, 0, 2, true],
		[0, 0, 10, true],
		[0, 1, 10, false],
		[0.1, 1, 10, false],
		[0.1, 1, 20, true],
		[0.3, 2, 10, true],
		[0.3, 3, 10, false],
		[0.29, 28, 100, true],
		[1, 8, 10, true],
		[1, 9, 10, false],
		[1, 0, 0, false],
	])('with a share of %d is allowed beside %i of %i: %s', (maxEjectionShare, ejected, total, expected) => {
		expect(mayEject(rules({ maxEjectionShare }), ejected, total)).toBe(expected)
	})

	it('never leaves a service without endpoints, nor takes more than the share beyond the first', () => {
		for (let seed = 1; seed <= 2_000; seed++) {
			const random = seeded(seed)
			const total = Math.floor(random() * 50)
			const maxEjectionShare = random()
			let ejected = 0
			while (mayEject(rules({ maxEjectionShare }), ejected, total)) ejected++
			const most = Math.max(1, Math.floor(maxEjectionShare * total + 1e-9))
			expect(ejected, `seed ${seed}`).toBe(Math.max(0, Math.min(most, total - 1)))
		}
	})

	it('grows by the base time with each, to the maximum', () => {
		const state = createOutlierState()
		let now = START
		const lasted = Array.from({ length: 12 }, () => {
			const until = eject(asked, state, now, 0)
			const ms = until - now
			now = until
			return ms / 1_000
		})
		expect(lasted).toEqual([30, 60, 90, 120, 150, 180, 210, 240, 270, 300, 300, 300])
	})

	it('lasts the base time even if that is more than the maximum', () => {
		expect(eject(rules({ maxEjectionMs: 1_000 }), createOutlierState(), START, 0)).toBe(START + 30_000)
	})

	it.each([
		[0, 120],
		[9_999, 120],
		[10_000, 90],
		[20_000, 60],
		[30_000, 30],
		[900_000, 30],
	])('after three, and %i ms without one, lasts %i s', (calmMs, seconds) => {
		const state = createOutlierState()
		let now = START
		for (let i = 0; i < 3; i++) now = eject(asked, state, now, 0)
		expect(eject(asked, state, now + calmMs, 0) - now - calmMs).toBe(seconds * 1_000)
	})

	it('is forgiven as fast after a hundred as after ten', () => {
		const state = createOutlierState()
		let now = START
		for (let i = 0; i < 100; i++) now = eject(asked, state, now, 0)
		expect(eject(asked, state, now + 100_000, 0) - now - 100_000).toBe(30_000)
	})

	it('lasts up to a tenth longer at random, so that endpoints do not return together', () => {
		const random = seeded(1)
		const lasted = Array.from({ length: 1_000 }, () => eject(asked, createOutlierState(), START, random()) - START)
		expect(Math.min(...lasted)).toBeGreaterThanOrEqual(30_000)
		expect(Math.max(...lasted)).toBeLessThan(33_000)
		expect(Math.max(...lasted) - Math.min(...lasted)).toBeGreaterThan(2_900)
	})
})

describe('an ejected endpoint', () => {
	const asked = rules({ consecutive5xx: 3 })
	const ejected = () => {
		const state = createOutlierState()
		for (let i = 0; i < 3; i++) recordOutcome(asked, state, answered(500), START)
		return { state, until: eject(asked, state, START, 0) }
	}

	it('takes no traffic until its time is over', () => {
		const { state, until } = ejected()
		expect([START, until - 1, until].map((now) => takesTraffic(state, now))).toEqual([false, false, true])
	})

	it('is not blamed or absolved by answers to what was sent before', () => {
		const { state, until } = ejected()
		expect(recordOutcome(asked, state, answered(500), until - 1)).toBeUndefined()
		expect(recordOutcome(asked, state, answered(200), until - 1)).toBeUndefined()
		expect([state.onTrial, state.requests, state.failures]).toEqual([true, 0, 0])
	})

	it('gets a single request when it returns, and another after an interval when that one is never heard of', () => {
		const { state, until } = ejected()
		onSend(asked, state, until)
		expect([until, until + 9_999, until + 10_000].map((now) => takesTraffic(state, now))).toEqual([false, false, true])
	})

	it('is tried as soon as it returns even if it was used in a panic before', () => {
		const { state, until } = ejected()
		onSend(asked, state, until - 1)
		expect(takesTraffic(state, until)).toBe(true)
	})

	it('is ejected again by a single failure, for longer', () => {
		const { state, until } = ejected()
		onSend(asked, state, until)
		expect(recordOutcome(asked, state, answered(500), until + 5)).toBe('eject')
		expect(eject(asked, state, until + 5, 0) - until - 5).toBe(60_000)
	})

	it('takes traffic if it fails again and may not be ejected, and falls only after failures in a row', () => {
		const { state, until } = ejected()
		onSend(asked, state, until)
		recordOutcome(asked, state, answered(500), until)
		expect(takesTraffic(state, until)).toBe(true)
		const after = Array.from({ length: 3 }, () => recordOutcome(asked, state, answered(500), until))
		expect(after).toEqual([undefined, undefined, 'eject'])
	})

	it('recovers with a single success, and then needs as many failures as any other', () => {
		const { state, until } = ejected()
		onSend(asked, state, until)
		expect(recordOutcome(asked, state, answered(200), until)).toBe('recovered')
		expect(takesTraffic(state, until)).toBe(true)
		const after = Array.from({ length: 3 }, () => recordOutcome(asked, state, answered(500), until))
		expect(after).toEqual([undefined, undefined, 'eject'])
	})

	it('does not fall over a failure that no detector minds', () => {
		const gatewayOnly = rules({ consecutiveGatewayErrors: 3 })
		const { state, until } = ejected()
		expect(recordOutcome(gatewayOnly, state, answered(500), until)).toBe('recovered')
	})
})
