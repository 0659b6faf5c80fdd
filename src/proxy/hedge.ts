/** Hedging: when an answer takes longer than usual, the same request goes to another endpoint, and the first good answer counts. */
import { createRecentLatencies, hedgeDelayMs, mayHedge, recordLatency } from '../resilience/hedging.ts'
import type { CompiledService, TargetEndpoint } from './compileService.ts'
import { type Errand, hasFailed, type Outcome } from './errand.ts'
import { budgetOf, endRetry, startRetry } from './retries.ts'
import { pickEndpoint } from './stages/pick.ts'

type Once = (errand: Errand, signal?: AbortSignal) => Promise<Outcome>

interface Racer {
	readonly endpoint: TargetEndpoint
	readonly abort: AbortController
	readonly finish: Promise<{ readonly racer: Racer; readonly outcome: Outcome }>
}

/** One attempt, and others beside it where the policy has hedging, the method is idempotent and the budget has room. */
export async function hedge(errand: Errand, once: Once): Promise<Outcome> {
	const { exchange, policy, ports } = errand
	const { hedging } = policy
	if (hedging === undefined) return once(errand)
	const service = exchange.service!
	const startedAt = ports.now()
	service.state.latencies ??= createRecentLatencies(startedAt)
	const { latencies } = service.state
	const racers: Racer[] = [start(errand, once)]
	let extras = 0
	try {
		for (;;) {
			const delay = hedgeDelayMs(latencies, hedging, ports.now())
			const mayAdd = delay !== undefined && canHedge(errand, service, extras)
			const finished = await first(racers, mayAdd ? ports.wait(delay) : undefined)
			if (finished === undefined) {
				if (addRacer(errand, once, racers)) extras++
			} else if (racers.length === 1 || !hasFailed(finished.outcome, policy.retry)) {
				exchange.endpoint = finished.racer.endpoint
				forget(racers, finished.racer)
				return finished.outcome
			} else drop(errand, racers, finished.racer)
		}
	} finally {
		recordLatency(latencies, ports.now() - startedAt, ports.now())
	}
}

function canHedge({ exchange, policy, ports }: Errand, service: CompiledService, extras: number): boolean {
	const now = ports.now()
	const budget = budgetOf(service.state, policy.budget, now)
	return mayHedge(policy.hedging!, extras, exchange.method, budget, policy.budget, now)
}

function start(errand: Errand, once: Once): Racer {
	const abort = new AbortController()
	const endpoint = errand.exchange.endpoint!
	const outcome = once(errand, abort.signal)
	const racer: Racer = { endpoint, abort, finish: outcome.then((outcome) => ({ racer, outcome })) }
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
function forget(racers: readonly Racer[], winner: Racer): void {
	for (const racer of racers) {
		if (racer === winner) continue
		racer.abort.abort()
		void racer.finish.then(leaveUnread)
	}
}

/** A body that was broken off already cannot be left, and says so. */
const leaveUnread = ({ outcome }: { readonly outcome: Outcome }): Promise<void> | undefined =>
	outcome instanceof Response ? outcome.body?.cancel().catch(() => {}) : undefined
