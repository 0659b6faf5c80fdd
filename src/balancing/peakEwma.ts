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

/** No endpoint's latencies are remembered for longer than this many times `decayMs`, however light it is. */
const LONGEST_MEMORY = 8

/**
 * `choices` is 2–10. `decayMs` > 0 is how long a latency is remembered: after it, 1/e is left. Tells each candidate's load its share.
 *
 * Weights hold where endpoints are equally quick, because each endpoint forgets by the requests that it is due, not by the clock: what is
 * kept after t is e^(−share · t / decay). Otherwise who is asked more often would meet more peaks, and have less time to forget them. With
 * latencies of mean m, spread exponentially, and n requests in a decay time, the average v settles where what it forgets, v − m, is what peaks
 * add, n·m·e^(−v/m): a heavy endpoint would look slower by nearly m for each e-fold of its weight. Forgetting in its own time, each
 * has the same n, so costs differ by chance alone, and the draws decide (see `powerOfChoices`). That holds to 2 points of
 * the traffic once something was forgotten. Before, an average is the peak of all, m·ln of their number, and differs as above: up to 5 points.
 * What no balancer by load keeps is weights of endpoints with none or one in flight: the idle one wins.
 */
export function peakEwma(candidates: readonly Candidate[], choices: number, decayMs: number): Choose {
	const totalWeight = candidates.reduce((sum, { weight }) => sum + weight, 0)
	for (const { load, weight } of candidates)
		load.share = totalWeight > 0 ? (weight * candidates.length) / totalWeight : 1
	return powerOfChoices(candidates, choices, ({ load }, now) => expectedWait(load, now, decayMs))
}

/** Takes in a latency: a peak counts at once; anything less by the time since the last one. What is no time at all says nothing. */
export function observeLatency(load: EndpointLoad, latencyMs: number, now: number, decayMs: number): void {
	if (!Number.isFinite(latencyMs)) return
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
	load.ewmaMs = Math.max(doubledMs, averageMs, Number.isFinite(latencyMs) ? latencyMs : 0, LEAST_MS)
	load.ewmaAt = now
}

/**
 * The wait of one more request, in ms: the latency as it is remembered, once for it and once for each one in flight, by its share:
 * one that is to take twice the requests may have twice as many in flight.
 *
 * Without answers for long, the average fades and the endpoint is tried again. Nothing known and nothing in flight is no wait at
 * all; nothing known and something in flight is a long one.
 */
export function expectedWait(load: EndpointLoad, now: number, decayMs: number): number {
	const { inFlight, share = 1 } = load
	const averageMs = load.ewmaMs * remembered(load, now, decayMs)
	if (averageMs >= FORGOTTEN_MS) return averageMs * (inFlight / share + 1)
	return inFlight === 0 ? 0 : UNPROVEN_MS * (inFlight / share + 1)
}

/** Clocks of different requests may differ by a little: time never runs backwards here. */
const remembered = ({ ewmaAt, share = 1 }: EndpointLoad, now: number, decayMs: number): number =>
	now > ewmaAt ? Math.exp(((ewmaAt - now) * Math.max(share, 1 / LONGEST_MEMORY)) / Math.max(decayMs, 0)) : 1
