/**
 * Passive health of endpoints: who fails again and again is left alone for a while.
 *
 * Detectors and ejection times are Envoy's ("Outlier detection", Envoy documentation, architecture overview); that an endpoint
 * comes back on trial, and one request decides, is Linkerd's failure accrual. Times are in ms since the epoch.
 */
import type { OutlierRules } from '../snapshot/trafficPolicy.ts'

/** How an attempt ended. One that its client broke off says nothing of the endpoint, and is none. */
export type Outcome =
	| { readonly kind: 'answer'; readonly status: number }
	| { readonly kind: 'connection' | 'timeout' }
	/** Given up, as a hedge that was sent later to another endpoint had been answered: it was slow by at least the hedge's delay. */
	| { readonly kind: 'beaten' }

/** What an isolate knows of one endpoint. */
export interface OutlierState {
	/** Failures in a row, by kind. */
	consecutive5xx: number
	consecutiveGateway: number
	consecutiveLocal: number
	/** Attempts in a row that were beaten, without an answer of any kind in between. */
	consecutiveBeaten: number
	/** Of the interval that is under way. */
	requests: number
	failures: number
	/** What the base ejection time was multiplied by last. */
	ejections: number
	/** When the last ejection ends or ended. 0: there was none. */
	ejectedUntil: number
	/** It was ejected, and has not succeeded since. */
	onTrial: boolean
	/** Until then, the answer to the request that tries it is awaited. */
	probeUntil: number
	/** Of the request that is to try it, while it is placed and not sent. */
	reservation: (() => void) | undefined
	/** This isolate ejected it, and has told nobody yet. */
	unshared: boolean
}

/** Ejections last up to this share longer, so that those that left together do not return together. */
export const JITTER_SHARE = 0.1
/**
 * Whoever is beaten so often in a row does not answer any more, though hedging hides it from every client. A healthy endpoint whose
 * attempts lose as often as 40 % of the time, to hedges after a short fixed delay, is beaten so often once in 10⁸ runs.
 */
const BEATEN_IN_A_ROW = 20

/** All answers below 500 say the same of an endpoint: one object for all of them. */
const SUCCESS: Outcome = { kind: 'answer', status: 200 }

export const answered = (status: number): Outcome => (status < 500 ? SUCCESS : { kind: 'answer', status })

export const createOutlierState = (): OutlierState => ({
	consecutive5xx: 0,
	consecutiveGateway: 0,
	consecutiveLocal: 0,
	consecutiveBeaten: 0,
	requests: 0,
	failures: 0,
	ejections: 0,
	ejectedUntil: 0,
	onTrial: false,
	probeUntil: 0,
	reservation: undefined,
	unshared: false,
})

/** Whether the endpoint may be chosen. One that is on trial gets a single request at a time. */
export const takesTraffic = (state: OutlierState, now: number): boolean =>
	now >= state.ejectedUntil && (!state.onTrial || now >= state.probeUntil)

/**
 * To be told at once when a request is placed at the endpoint: others are placed before it is sent, and after a pause many in the same
 * instant. Answers how to give the trial back when the request is placed elsewhere instead, which does nothing once it was sent, or the
 * trial is another's; undefined when there is no trial to be had.
 */
export function reserveTrial(rules: OutlierRules, state: OutlierState, now: number): (() => void) | undefined {
	if (!state.onTrial || !takesTraffic(state, now)) return undefined
	const giveBack = () => {
		if (state.reservation === giveBack) state.probeUntil = 0
	}
	state.reservation = giveBack
	state.probeUntil = now + rules.intervalMs
	return giveBack
}

/** To be told of every request to the endpoint. A probe that is never heard of again bars it for an interval at most. */
export function onSend(rules: OutlierRules, state: OutlierState, now: number): void {
	if (!state.onTrial || now < state.ejectedUntil) return
	state.reservation = undefined
	state.probeUntil = now + rules.intervalMs
}

/**
 * Counts an outcome. `eject`: the endpoint is to be ejected for its failures in a row, or for one on trial; whoever hears so asks
 * `mayEject`, and if that says no, hears it again with the next failures. `recovered`: the trial is over, and well. While the
 * endpoint is ejected nothing counts: what comes then was sent before, or in a panic.
 */
export function recordOutcome(
	rules: OutlierRules,
	state: OutlierState,
	outcome: Outcome,
	now: number,
): 'eject' | 'recovered' | undefined {
	if (now < state.ejectedUntil) return undefined
	if (outcome.kind === 'beaten') return countBeaten(rules, state)
	if (outcome.kind === 'answer') state.consecutiveBeaten = 0
	state.requests++
	const failed = outcome.kind !== 'answer' || outcome.status >= 500
	if (failed) state.failures++
	const wasOnTrial = state.onTrial
	state.onTrial = false
	if (wasOnTrial && failed && isWatched(rules, outcome)) return 'eject'
	if (failed) return countFailure(rules, state, outcome) ?? (wasOnTrial ? 'recovered' : undefined)
	state.consecutive5xx = 0
	state.consecutiveGateway = 0
	state.consecutiveLocal = 0
	return wasOnTrial ? 'recovered' : undefined
}

/**
 * Silence is a failure of local origin, and goes by the same switch. By itself one says too little to be a failure: it is no verdict on
 * an endpoint on trial either, which then stays there until it answers.
 */
function countBeaten(rules: OutlierRules, state: OutlierState): 'eject' | undefined {
	if (rules.consecutiveLocalOriginFailures === 0) return undefined
	state.consecutiveBeaten++
	return state.consecutiveBeaten >= BEATEN_IN_A_ROW ? 'eject' : undefined
}

/** Envoy: what never became an answer counts as 503 or 504, unless such failures are counted apart. */
function countFailure(rules: OutlierRules, state: OutlierState, outcome: Outcome): 'eject' | undefined {
	const isLocal = outcome.kind !== 'answer'
	if (isLocal && rules.consecutiveLocalOriginFailures > 0) {
		state.consecutiveLocal++
		return state.consecutiveLocal >= rules.consecutiveLocalOriginFailures ? 'eject' : undefined
	}
	state.consecutiveLocal = 0
	state.consecutive5xx++
	state.consecutiveGateway = isGatewayError(outcome) ? state.consecutiveGateway + 1 : 0
	return hasReached(state.consecutive5xx, rules.consecutive5xx) ||
		hasReached(state.consecutiveGateway, rules.consecutiveGatewayErrors)
		? 'eject'
		: undefined
}

const hasReached = (count: number, threshold: number): boolean => threshold > 0 && count >= threshold

const isGatewayError = (outcome: Outcome): boolean =>
	outcome.kind !== 'answer' || (outcome.status >= 502 && outcome.status <= 504)

/** Whether any detector counts such a failure. Who is on trial shall not fall over what nobody minds. */
function isWatched(rules: OutlierRules, outcome: Outcome): boolean {
	if (rules.consecutive5xx > 0 || rules.successRate !== undefined || rules.failureShare !== undefined) return true
	if (rules.consecutiveGatewayErrors > 0 && isGatewayError(outcome)) return true
	return rules.consecutiveLocalOriginFailures > 0 && outcome.kind !== 'answer'
}

/**
 * Whether one more endpoint may be ejected when `ejected` of `total` are, or are on trial. The first one always may (Envoy,
 * always_eject_one_host), the last one that is left never: a guess at health must not become the outage.
 */
export function mayEject(rules: OutlierRules, ejected: number, total: number): boolean {
	if (ejected + 1 >= total) return false
	// 0.29 × 100 is a little less than 29.
	return ejected === 0 || ejected + 1 <= rules.maxEjectionShare * total + 1e-9
}

/**
 * Ejects the endpoint, for the base time times its ejections, and says until when. Each interval without an ejection since the
 * last return takes one from the ejections. `random` is in [0, 1).
 */
export function eject(rules: OutlierRules, state: OutlierState, now: number, random: number): number {
	state.unshared = true
	return begin(rules, state, now, (1 + JITTER_SHARE * random) * nextEjectionMs(rules, state, now))
}

/** Counts the ejection and begins it, with all else forgotten. */
export function begin(rules: OutlierRules, state: OutlierState, now: number, ms: number): number {
	state.ejections = multiplier(rules, state, now)
	state.ejectedUntil = now + ms
	state.onTrial = true
	state.probeUntil = 0
	state.consecutive5xx = 0
	state.consecutiveGateway = 0
	state.consecutiveLocal = 0
	state.consecutiveBeaten = 0
	state.requests = 0
	state.failures = 0
	return state.ejectedUntil
}

function nextEjectionMs(rules: OutlierRules, state: OutlierState, now: number): number {
	return Math.min(rules.baseEjectionMs * multiplier(rules, state, now), longestEjectionMs(rules))
}

/** It stops growing where the ejection time does, so that an endpoint that was bad for long is forgiven as fast as others. */
function multiplier(rules: OutlierRules, { ejections, ejectedUntil }: OutlierState, now: number): number {
	const calmIntervals = Math.max(0, Math.floor((now - ejectedUntil) / Math.max(1, rules.intervalMs)))
	const most = Math.ceil(longestEjectionMs(rules) / Math.max(1, rules.baseEjectionMs))
	return Math.min(most, Math.max(0, ejections - calmIntervals) + 1)
}

/** Envoy: a maximum below the base means the base. */
export const longestEjectionMs = (rules: OutlierRules): number => Math.max(rules.baseEjectionMs, rules.maxEjectionMs)
