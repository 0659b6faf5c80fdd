/** A limit that follows the latency, and stays a sensible number whatever it is told. */
import { describe, expect, it } from 'vitest'
import {
	type AdaptiveState,
	concurrencyLimit,
	createAdaptiveState,
	onAnswer,
} from '../../../src/resilience/adaptiveConcurrency.ts'
import type { AdaptiveRules } from '../../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../../random.ts'

const START = 1_700_000_000_000

const rules = (changes: Partial<AdaptiveRules> = {}): AdaptiveRules => ({
	initialLimit: 20,
	minimumLimit: 5,
	maximumLimit: 200,
	tolerance: 1.5,
	smoothing: 0.2,
	...changes,
})

/** So many windows of answers that take so long each, with so many under way. Steps back are far away. */
function windows(state: AdaptiveState, count: number, tookMs: number | undefined, inFlight: number, asked = rules()) {
	for (let i = 0; i < count; i++) {
		const now = state.windowEndsAt
		state.stepsBackAt = Number.POSITIVE_INFINITY
		for (let sample = 0; sample < 10; sample++) onAnswer(asked, state, tookMs, inFlight, now, () => 0)
	}
	return state.limit
}
const fresh = (asked = rules()) => createAdaptiveState(asked, START, 0)

describe('the limit', () => {
	it('begins where the rules say, within its bounds', () => {
		expect(concurrencyLimit(fresh())).toBe(20)
		expect(concurrencyLimit(fresh(rules({ initialLimit: 1 })))).toBe(5)
		expect(concurrencyLimit(fresh(rules({ initialLimit: 1_000 })))).toBe(200)
	})

	it('grows by a smoothed square root while it is used and answers come as fast as ever', () => {
		expect(windows(fresh(), 1, 50, 20)).toBeCloseTo(20 + 0.2 * Math.sqrt(20))
		expect(windows(fresh(), 500, 50, 1_000)).toBe(200)
	})

	it('stays as it is while half of it is not used', () => {
		expect(windows(fresh(), 100, 50, 9)).toBe(20)
		expect(windows(fresh(), 1, 50, 10)).toBeGreaterThan(20)
	})

	it('tolerates what it is told to', () => {
		const state = fresh()
		windows(state, 100, 50, 9)
		expect(windows(state, 1, 74, 20)).toBeGreaterThan(20)
	})

	it('shrinks in proportion when answers take longer than that', () => {
		const state = fresh(rules({ smoothing: 1 }))
		windows(state, 600, 50, 9)
		const limit = windows(state, 1, 100, 20, rules({ smoothing: 1 }))
		expect(limit).toBeCloseTo(20 * 0.75 + Math.sqrt(20), 0)
	})

	it('never shrinks below its minimum, and recovers', () => {
		const state = fresh()
		windows(state, 100, 50, 9)
		for (let ms = 100; ms < 1e6; ms *= 2) windows(state, 3, ms, 100)
		expect(state.limit).toBeGreaterThanOrEqual(5)
		windows(state, 200, 50, 100)
		expect(state.limit).toBeGreaterThan(50)
	})

	it('shrinks by a tenth for a window with a failure, used or not', () => {
		expect(windows(fresh(), 1, undefined, 1)).toBe(18)
	})

	it('moves once a window, and not for a handful of answers', () => {
		const state = fresh()
		for (let i = 0; i < 1_000; i++) onAnswer(rules(), state, 50, 20, START + 99, () => 0)
		expect(state.limit).toBe(20)
		const slow = fresh()
		for (let i = 0; i < 9; i++) onAnswer(rules(), slow, 50, 20, START + 60_000, () => 0)
		expect(slow.limit).toBe(20)
	})

	it('steps back to half and returns at once when answers come no faster', () => {
		const state = fresh(rules({ initialLimit: 100 }))
		windows(state, 10, 50, 9)
		state.stepsBackAt = START
		for (let i = 0; i < 10; i++) onAnswer(rules(), state, 50, 100, state.windowEndsAt, () => 0)
		expect(state.limit).toBe(50)
		windows(state, 2, 50, 50)
		expect(state.limit).toBe(100)
		expect(state.fromLimit).toBe(0)
	})

	it('steps back until answers come no faster, and takes that for the latency and what is busy then for the limit', () => {
		const state = fresh(rules({ initialLimit: 160 }))
		windows(state, 10, 200, 9)
		state.stepsBackAt = START
		// A service that does 40 at once in 50 ms each: whoever sends more waits.
		for (let i = 0; i < 60; i++) {
			const tookMs = 50 * Math.max(1, state.limit / 40)
			for (let sample = 0; sample < 10; sample++) onAnswer(rules(), state, tookMs, 160, state.windowEndsAt, () => 0)
			if (state.fromLimit === 0) break
		}
		expect(state.limit).toBeCloseTo(40)
		expect(state.longMs).toBeCloseTo(50)
	})

	it.each([Number.POSITIVE_INFINITY, Number.NaN, -5])('learns nothing from an answer that took %d ms', (tookMs) => {
		const [told, untold] = [fresh(), fresh()]
		onAnswer(rules(), told, tookMs, 0, START, () => 0)
		expect(told).toEqual(untold)
	})

	it('is a whole number within its bounds whatever it is told', () => {
		const odd = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -5, 0, 1e-9, 1e9, Number.MAX_VALUE]
		for (let seed = 1; seed <= 300; seed++) {
			const random = seeded(seed)
			const minimumLimit = 1 + Math.floor(random() * 10)
			const asked = rules({
				minimumLimit,
				maximumLimit: minimumLimit + Math.floor(random() * 500),
				initialLimit: Math.floor(random() * 600),
				tolerance: 1 + random() * 3,
				smoothing: random(),
			})
			const state = createAdaptiveState(asked, START, random())
			let now = START
			for (let step = 0; step < 2_000; step++) {
				now += random() * 100
				const tookMs =
					random() < 0.02 ? undefined : random() < 0.05 ? odd[Math.floor(random() * 8)] : random() ** 4 * 1_000
				onAnswer(asked, state, tookMs, Math.floor(random() * 600), now, random)
				const limit = concurrencyLimit(state)
				const isFine = Number.isInteger(limit) && limit >= minimumLimit && limit <= asked.maximumLimit
				if (!isFine) expect.fail(`seed ${seed}, step ${step}: ${limit}`)
			}
		}
	})
})
