/**
 * A limit on concurrent requests that follows what the service can do: while answers come as fast as they used to it grows, and when
 * they take longer, a queue has formed somewhere and it shrinks in proportion.
 *
 * The gradient algorithm of Netflix' concurrency-limits ("Performance Under Load", 2018; Gradient2Limit), over windows of time as
 * its WindowedLimit has them. By itself it takes a queue that stays for the service's own latency, and the limit drifts up; so now
 * and then the limit steps back until that makes answers no faster (compare minRTT in Envoy's adaptive concurrency filter, and ProbeRTT
 * in BBR). There the queue is empty, and Little's law says how many requests at once the service can do.
 */
import type { AdaptiveRules } from '../snapshot/trafficPolicy.ts'

export interface AdaptiveState {
	/** Finite, between the rules' minimum and maximum. */
	limit: number
	/** The long-term latency, and of how many windows, at most `LONG_WINDOWS`. */
	longMs: number
	windows: number
	/** The window that is under way. */
	windowEndsAt: number
	samples: number
	sumMs: number
	mostInFlight: number
	failed: boolean
	/** When the limit steps back next. */
	stepsBackAt: number
	/** During a step back: the limit before it, and the latency under that. 0 otherwise. */
	fromLimit: number
	fromMs: number
	/** The step has been taken, and requests of before it are still being answered. */
	settling: boolean
}

/** A window lasts at least this long, has at least so many samples, and lasts no shorter than an answer. */
const WINDOW_MS = 100
const WINDOW_SAMPLES = 10
/** How far the long-term latency remembers: an EWMA of that span. */
const LONG_WINDOWS = 600
/** What a failure takes from the limit: additive increase, multiplicative decrease. */
const AFTER_FAILURE = 0.9
/** Steps back so often, or up to as much later, so that isolates do not do it together. */
const STEP_BACK_EVERY_MS = 15_000
const STEP = 0.5
/** While a step makes answers this much faster, it was queue that was stepped back from. */
const WORTH_A_STEP = 0.75
/** Clocks stand still while code runs: what takes no time took less than a millisecond. */
const RESOLUTION_MS = 1

export const createAdaptiveState = (rules: AdaptiveRules, now: number, random: number): AdaptiveState => ({
	limit: within(rules, rules.initialLimit),
	longMs: 0,
	windows: 0,
	windowEndsAt: now + WINDOW_MS,
	samples: 0,
	sumMs: 0,
	mostInFlight: 0,
	failed: false,
	stepsBackAt: now + STEP_BACK_EVERY_MS * (1 + random),
	fromLimit: 0,
	fromMs: 0,
	settling: false,
})

/** How many requests may be under way at once: a whole number ≥ 1. */
export const concurrencyLimit = (state: AdaptiveState): number => Math.floor(state.limit)

/**
 * Takes in how long an answer took, and how many requests were under way when it came, itself included. `tookMs` is undefined for a
 * failure that tells of overload (a timeout, 429, 503): how long that took says nothing. `random` is drawn from now and then.
 */
export function onAnswer(
	rules: AdaptiveRules,
	state: AdaptiveState,
	tookMs: number | undefined,
	inFlight: number,
	now: number,
	random: () => number,
): void {
	if (tookMs === undefined) state.failed = true
	else if (tookMs >= 0 && tookMs < Number.POSITIVE_INFINITY) {
		state.samples++
		state.sumMs += Math.max(RESOLUTION_MS, tookMs)
	}
	if (inFlight > state.mostInFlight) state.mostInFlight = inFlight
	if (now >= state.windowEndsAt && (state.failed || state.samples >= WINDOW_SAMPLES))
		endWindow(rules, state, now, random)
}

function endWindow(rules: AdaptiveRules, state: AdaptiveState, now: number, random: () => number): void {
	const shortMs = state.samples > 0 ? state.sumMs / state.samples : 0
	// A limit that nobody reaches has shown nothing.
	const isUsed = state.mostInFlight >= state.limit / 2
	if (state.failed) {
		state.limit = within(rules, state.limit * AFTER_FAILURE)
		state.fromLimit = 0
	} else if (state.fromLimit > 0) {
		if (state.settling) state.settling = false
		else endStep(rules, state, shortMs, now, random)
	} else {
		remember(state, shortMs)
		if (isUsed && now >= state.stepsBackAt) stepBack(rules, state, shortMs)
		else if (isUsed) adjust(rules, state, shortMs)
	}
	state.windowEndsAt = now + Math.max(WINDOW_MS, shortMs, state.settling ? state.fromMs : 0)
	state.samples = 0
	state.sumMs = 0
	state.mostInFlight = 0
	state.failed = false
}

/** The first windows count alike, so that the very first one does not count for long. */
function remember(state: AdaptiveState, shortMs: number): void {
	state.windows = Math.min(LONG_WINDOWS, state.windows + 1)
	state.longMs += (shortMs - state.longMs) * Math.max(1 / state.windows, 2 / (LONG_WINDOWS + 1))
	// What is remembered of an overload fades faster than it came.
	if (state.longMs > 2 * shortMs) state.longMs *= 0.95
}

function adjust(rules: AdaptiveRules, state: AdaptiveState, shortMs: number): void {
	const { limit } = state
	const gradient = Math.max(0.5, Math.min(1, (rules.tolerance * state.longMs) / shortMs))
	state.limit = within(rules, limit + (limit * gradient + Math.sqrt(limit) - limit) * rules.smoothing)
}

function stepBack(rules: AdaptiveRules, state: AdaptiveState, shortMs: number): void {
	state.fromLimit = state.limit
	state.fromMs = shortMs
	state.settling = true
	state.limit = within(rules, state.limit * STEP)
}

/**
 * Under the smaller limit answers took `shortMs`. Little's law: the service answers `fromLimit / fromMs` requests in a ms, so without a
 * queue it is busy with that times `shortMs` of them.
 */
function endStep(rules: AdaptiveRules, state: AdaptiveState, shortMs: number, now: number, random: () => number): void {
	const share = shortMs / state.fromMs
	const canGoOn = state.limit > within(rules, state.limit * STEP)
	if (share < WORTH_A_STEP && canGoOn) {
		stepBack(rules, state, shortMs)
		return
	}
	state.limit = within(rules, Math.max(state.limit, state.fromLimit * Math.min(1, share)))
	state.longMs = shortMs
	state.fromLimit = 0
	state.stepsBackAt = now + STEP_BACK_EVERY_MS * (1 + random())
}

/** Rules are finite; a limit that is not would never come back. */
function within({ minimumLimit, maximumLimit, initialLimit }: AdaptiveRules, limit: number): number {
	return Math.max(1, minimumLimit, Math.min(maximumLimit, Number.isFinite(limit) ? limit : initialLimit))
}
