/**
 * Peak EWMA: of a few endpoints drawn, the one where a request is expected to wait least. A slow answer counts at once and in full,
 * quick ones after it count little by little.
 *
 * Finagle's and Linkerd's balancer (twitter/finagle, `PeakEwma`; "Beyond Round Robin: Load Balancing for Latency", Linkerd 2016).
 */
import type { Candidate, Choose, EndpointLoad } from './endpointLoad.ts'
import { powerOfChoices } from './powerOfChoices.ts'

/** The platform's clock: no latency is told apart from a shorter one, and none is nothing. */
const LEAST_MS = 1
/** An average that decayed to this says nothing any more. */
const FORGOTTEN_MS = 1e-3
/** What an endpoint with requests in flight and no answer yet is taken for: one request may try it, a crowd may not. */
const UNPROVEN_MS = 1e7
/** Failures in a row make an endpoint look slower and slower, up to this. */
const WORST_FAILURE_MS = 60_000
/** What the failure of an endpoint counts for that never answered. */
const FIRST_FAILURE_MS = 1_000

/** `choices` is 2–10. `decayMs` > 0 is how long a latency is remembered: after it, 1/e is left. */
export function peakEwma(candidates: readonly Candidate[], choices: number, decayMs: number): Choose {
	const meanWeight = candidates.reduce((sum, { weight }) => sum + weight, 0) / candidates.length
	const cost = ({ load, weight }: Candidate, now: number): number =>
		expectedWait(load, now, decayMs, weight / meanWeight)
	return powerOfChoices(candidates, choices, cost)
}

/** Takes in a latency: a peak counts at once; anything less by the time since the last one. */
export function observeLatency(load: EndpointLoad, latencyMs: number, now: number, decayMs: number): void {
	const ms = Math.max(latencyMs, LEAST_MS)
	const kept = remembered(load, now, decayMs)
	load.ewmaMs = ms >= load.ewmaMs ? ms : load.ewmaMs * kept + ms * (1 - kept)
	load.ewmaAt = now
}

/**
 * Takes in a failure that came after `latencyMs`: it never makes an endpoint look quicker, for whoever refuses everything at once would
 * get everything. Each doubles what is expected, up to a minute.
 */
export function observeFailure(load: EndpointLoad, latencyMs: number, now: number, decayMs: number): void {
	const averageMs = load.ewmaMs * remembered(load, now, decayMs)
	const doubledMs = averageMs < FORGOTTEN_MS ? FIRST_FAILURE_MS : Math.min(2 * averageMs, WORST_FAILURE_MS)
	load.ewmaMs = Math.max(doubledMs, averageMs, latencyMs, LEAST_MS)
	load.ewmaAt = now
}

/**
 * The wait of one more request, in ms: the latency as it is remembered, once for it and once for each one in flight. `share` is the
 * endpoint's weight as a multiple of the mean weight: one that is to take twice the requests may have twice as many in flight.
 *
 * Without answers for long, the average fades and the endpoint is tried again. Nothing known and nothing in flight is no wait at
 * all; nothing known and something in flight is a long one.
 */
export function expectedWait(load: EndpointLoad, now: number, decayMs: number, share = 1): number {
	const averageMs = load.ewmaMs * remembered(load, now, decayMs)
	if (averageMs >= FORGOTTEN_MS) return averageMs * (load.inFlight / share + 1)
	return load.inFlight === 0 ? 0 : UNPROVEN_MS * (load.inFlight / share + 1)
}

/** Clocks of different requests may differ by a little: time never runs backwards here. */
const remembered = ({ ewmaAt }: EndpointLoad, now: number, decayMs: number): number =>
	now > ewmaAt ? Math.exp((ewmaAt - now) / decayMs) : 1
