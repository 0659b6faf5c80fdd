/** What each attempt teaches: about its endpoint, and about its service. */
import type { EndpointLoad } from '../../balancing/endpointLoad.ts'
import { expectedWait, observeFailure, observeLatency } from '../../balancing/peakEwma.ts'
import { pushbackMs, pushedBack } from '../../balancing/pushback.ts'
import { giveBack, type Lease, take } from '../../resilience/leasedCount.ts'
import { sweep } from '../../resilience/outlierSweep.ts'
import { answered, eject, mayEject, type Outcome, onSend, recordOutcome } from '../../resilience/outliers.ts'
import { ejectionsNow } from '../../resilience/sharedEjections.ts'
import type { Balancer } from '../../snapshot/trafficPolicy.ts'
import type { CompiledService } from '../compile/compileService.ts'
import type { TargetEndpoint } from '../compile/targetEndpoint.ts'
import type { EndpointState } from '../knowledge/endpointState.ts'
import type { Refusal } from '../refusal.ts'

/** A request under way. */
export interface Attempt {
	readonly service: CompiledService
	readonly endpoint: TargetEndpoint
	/** What chose it. */
	readonly balancer: Balancer
	/** ms since the epoch. */
	readonly sentAt: number
	readonly ofEndpoint: Lease
	readonly ofService: Lease
}

export function beginAttempt(
	service: CompiledService,
	endpoint: TargetEndpoint,
	now: number,
	balancer: Balancer = service.traffic.balancer,
): Attempt {
	const { load, underWay, outlier } = endpoint.state
	const ofEndpoint = take(underWay, now)
	load.inFlight = underWay.count
	if (outlier.onTrial) onSend(service.traffic.outliers, outlier, now)
	return { service, endpoint, balancer, sentAt: now, ofEndpoint, ofService: take(service.state.underWay, now) }
}

/** What an attempt says of its endpoint: how it ended; that a later one to another endpoint was faster; `undefined` for nothing. */
export type Lesson = Response | Refusal | 'beaten' | undefined

/** To be told once of each attempt. */
export function endAttempt(
	{ service, endpoint, balancer, sentAt, ofEndpoint, ofService }: Attempt,
	result: Lesson,
	now: number,
	random: () => number,
): void {
	const { state } = endpoint
	giveBack(state.underWay, ofEndpoint, now)
	state.load.inFlight = state.underWay.count
	giveBack(service.state.underWay, ofService, now)
	const outcome = result === undefined ? undefined : outcomeOf(result)
	if (balancer.type === 'PeakEwma') observe(state.load, outcome, now - sentAt, now, balancer.decayMs)
	if (outcome === undefined) return
	watch(service, state, outcome, now, random)
	if (!(result instanceof Response) || (result.status !== 429 && result.status !== 503)) return
	const forMs = pushbackMs(result.status, result.headers.get('retry-after'), service.traffic.pushback, now)
	if (forMs === undefined) return
	state.pushback = pushedBack(state.pushback, forMs, sentAt, now)
	service.state.changes++
}

/** Undefined for refusals of the mesh's own making, which say nothing of the endpoint. */
function outcomeOf(result: Response | Refusal | 'beaten'): Outcome | undefined {
	if (result === 'beaten') return { kind: 'beaten' }
	if (result instanceof Response) return answered(result.status)
	if (result.reason === 'upstream_failed') return { kind: 'connection' }
	return result.reason === 'upstream_timeout' || result.reason === 'request_timeout' ? { kind: 'timeout' } : undefined
}

function observe(load: EndpointLoad, outcome: Outcome | undefined, ms: number, now: number, decayMs: number): void {
	// Who was given up would have taken longer still. Without this, the one that hedging spares looks idle, and gets ever more.
	if (outcome === undefined || outcome.kind === 'beaten') {
		if (ms > expectedWait({ ...load, inFlight: 0 }, now, decayMs)) observeLatency(load, ms, now, decayMs)
	} else if (outcome.kind !== 'answer' || outcome.status >= 500) observeFailure(load, ms, now, decayMs)
	else observeLatency(load, ms, now, decayMs)
}

/** Ejects whom the rules say, as long as they let enough others. */
function watch(
	service: CompiledService,
	endpoint: EndpointState,
	outcome: Outcome,
	now: number,
	random: () => number,
): void {
	const { outliers } = service.traffic
	const { outlier } = endpoint
	const wasOnTrial = outlier.onTrial
	const verdict = recordOutcome(outliers, outlier, outcome, now)
	const isEjected = verdict === 'eject' && hasRoom(service, endpoint, now)
	if (isEjected) eject(outliers, outlier, now, random())
	if (isEjected || outlier.onTrial !== wasOnTrial) service.state.changes++
	if (outliers.successRate !== undefined || outliers.failureShare !== undefined) compare(service, now, random)
}

/** An endpoint that is on trial keeps its place among the ejected. */
function hasRoom({ traffic, state }: CompiledService, endpoint: EndpointState, now: number): boolean {
	const { ejected } = ejectionsNow(outliersOf(state.endpoints), now)
	return mayEject(traffic.outliers, ejected - (endpoint.outlier.onTrial ? 1 : 0), state.endpoints.size)
}

function* outliersOf(endpoints: ReadonlyMap<string, EndpointState>) {
	for (const { outlier } of endpoints.values()) yield outlier
}

/** At the end of an interval: who did worse than the others. */
function compare(service: CompiledService, now: number, random: () => number): void {
	const { traffic, state } = service
	if (now - state.sweptAt < traffic.outliers.intervalMs) return
	state.sweptAt = now
	const all = [...outliersOf(state.endpoints)]
	for (const outlier of sweep(traffic.outliers, all, now)) {
		if (!mayEject(traffic.outliers, ejectionsNow(all, now).ejected, all.length)) continue
		eject(traffic.outliers, outlier, now, random())
		state.changes++
	}
}
