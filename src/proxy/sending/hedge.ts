/** Hedging: when an answer takes longer than usual, the same request goes to another endpoint, and the first good answer counts. */
import { createRecentLatencies, hedgeDelayMs, mayHedge, recordLatency } from '../../resilience/hedging.ts'
import type { TargetEndpoint } from '../compile/targetEndpoint.ts'
import { pickEndpoint } from '../stages/pick.ts'
import { type Errand, hasFailed, type Outcome } from './errand.ts'
import { BEATEN } from './forward.ts'
import { endRetry, startRetry } from './retries.ts'

type Once = (errand: Errand, signal?: AbortSignal) => Promise<Outcome>

interface Racer {
	readonly endpoint: TargetEndpoint
	/** It was sent before all others. */
	readonly isLead: boolean
	readonly abort: AbortController
	readonly finish: Promise<Finish>
}

interface Finish {
	readonly racer: Racer
	readonly outcome: Outcome
}

/** Who finds the budget empty asks it again after this long at least: the request may wait for an endpoint that never answers. */
const ASK_AGAIN_MS = 25

/** One attempt, and others beside it where the policy has hedging, the method is idempotent and the budget has room. */
export async function hedge(errand: Errand, once: Once): Promise<Outcome> {
	const { exchange, policy, ports } = errand
	const { hedging } = policy
	if (hedging === undefined) return once(errand)
	const service = exchange.service!
	const startedAt = ports.now()
	service.state.latencies ??= createRecentLatencies(startedAt)
	const { latencies } = service.state
	const racers: Racer[] = [start(errand, once, true)]
	let extras = 0
	let least = 0
	try {
		for (;;) {
			const mayAdd = mayHedge(hedging, extras, exchange.method)
			const delay = mayAdd ? hedgeDelayMs(latencies, hedging, ports.now()) : undefined
			const finished = await first(racers, delay === undefined ? undefined : ports.wait(Math.max(delay, least)))
			if (finished === undefined) {
				const isAdded = addRacer(errand, once, racers)
				if (isAdded) extras++
				least = isAdded ? 0 : ASK_AGAIN_MS
			} else if (racers.length === 1 || !hasFailed(finished.outcome, policy.retry)) {
				exchange.endpoint = finished.racer.endpoint
				forget(racers, finished)
				return finished.outcome
			} else drop(errand, racers, finished.racer)
		}
	} finally {
		recordLatency(latencies, ports.now() - startedAt, ports.now())
	}
}

function start(errand: Errand, once: Once, isLead = false): Racer {
	const abort = new AbortController()
	const endpoint = errand.exchange.endpoint!
	const outcome = once(errand, abort.signal)
	const racer: Racer = { endpoint, isLead, abort, finish: outcome.then((outcome) => ({ racer, outcome })) }
	return racer
}

/** To an endpoint that has not been asked yet, while there is one. False when the budget is used up meanwhile. */
function addRacer(errand: Errand, once: Once, racers: Racer[]): boolean {
	const { exchange, policy, ports, tried } = errand
	const { state } = exchange.service!
	const retrying = startRetry(state, policy.budget, ports.now())
	if (retrying === undefined) return false
	pickEndpoint(exchange, ports.now(), new Set([...tried, ...racers.map(({ endpoint }) => endpoint.id)]))
	const racer = start(errand, once)
	racers.push(racer)
	void racer.finish.then(() => endRetry(state, policy.budget, retrying, ports.now()))
	return true
}

/** One that failed while others are still under way. */
function drop({ tried }: Errand, racers: Racer[], racer: Racer): void {
	racers.splice(racers.indexOf(racer), 1)
	tried.add(racer.endpoint.id)
	void racer.finish.then(leaveUnread)
}

/** The first to finish; undefined when the time to add another comes before. */
async function first(racers: readonly Racer[], late: Promise<void> | undefined) {
	const finishes = racers.map(({ finish }) => finish)
	return Promise.race(late === undefined ? finishes : [...finishes, late.then(() => undefined)])
}

/** The others are given up. Whoever answers all the same is not heard. */
function forget(racers: readonly Racer[], { racer: winner, outcome }: Finish): void {
	for (const racer of racers) {
		if (racer === winner) continue
		racer.abort.abort(isBeaten(racer, winner.endpoint, outcome) ? BEATEN : undefined)
		void racer.finish.then(leaveUnread)
	}
}

/** Refusing takes less time than answering: who is outrun by a failure, or by one that has too much to do, is not beaten. */
const isBeaten = ({ isLead, endpoint }: Racer, winner: TargetEndpoint, outcome: Outcome): boolean =>
	isLead && endpoint.id !== winner.id && outcome instanceof Response && outcome.status < 500 && outcome.status !== 429

/** A body that was broken off already cannot be left, and says so. */
const leaveUnread = ({ outcome }: Finish): Promise<void> | undefined =>
	outcome instanceof Response ? outcome.body?.cancel().catch(() => {}) : undefined
