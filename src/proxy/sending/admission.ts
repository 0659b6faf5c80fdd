/** How many requests a service gets from this isolate at once: the rest waits for a while, or is refused. */
import { concurrencyLimit, createAdaptiveState, onAnswer } from '../../resilience/adaptiveConcurrency.ts'
import { abandon, admit, createLimitState, done, next, type Slot } from '../../resilience/limits.ts'
import type { Limits } from '../../snapshot/trafficPolicy.ts'
import type { CompiledService } from '../compile/compileService.ts'
import type { Exchange } from '../exchange.ts'
import { REQUEST_LEASE_MS, type ServiceState } from '../knowledge/endpointState.ts'
import type { ProxyPorts, Scope } from '../ports.ts'
import type { Refusal } from '../refusal.ts'
import { copyResponse } from './copyResponse.ts'

const NO_LIMITS: Limits = {}
/** Who waits longer than this has been forgotten by its own client. */
const DEFAULT_WAIT_MS = 1_000

export interface Admission {
	readonly slot: Slot
	/** ms since the epoch. */
	readonly at: number
	readonly hasWaited: boolean
}

/**
 * Undefined where the service has no limit. A refusal when there is no room, nor any to wait in. Nobody waits longer than `leftMs`,
 * which is what the request has left of its own time.
 */
export async function enter(
	service: CompiledService,
	leftMs: number | undefined,
	{ now, wait, random }: Pick<ProxyPorts, 'now' | 'wait' | 'random'>,
): Promise<Admission | Refusal | undefined> {
	const { traffic, state, name } = service
	const { limits = NO_LIMITS, adaptive } = traffic
	if (traffic.limits === undefined && adaptive === undefined) return undefined
	const at = now()
	state.limits ??= createLimitState(REQUEST_LEASE_MS)
	if (adaptive !== undefined) state.adaptive ??= createAdaptiveState(adaptive, at, random())
	wakeNext(service, at)
	const slot = admit(state.limits, limits, at, limitNow(state))
	if (slot === 'refuse') return { reason: 'overloaded', service: name }
	if (slot !== 'wait') return { slot, at, hasWaited: false }
	const waitMs = Math.max(0, Math.min(limits.maxWaitMs ?? DEFAULT_WAIT_MS, leftMs ?? Number.POSITIVE_INFINITY))
	const given = await turnOf(state, at, waitMs, wait)
	return given === undefined ? { reason: 'overloaded', service: name } : { slot: given, at: now(), hasWaited: true }
}

/** To be told when the answer begins. `result` is what came of the request; undefined when that says nothing of the service. */
export function learn(
	{ traffic, state }: CompiledService,
	{ at }: Admission,
	result: Response | Refusal | undefined,
	{ now, random }: Pick<ProxyPorts, 'now' | 'random'>,
): void {
	const { adaptive } = traffic
	const verdict = result === undefined ? undefined : verdictOf(result)
	if (adaptive === undefined || state.adaptive === undefined || verdict === undefined) return
	const answeredAt = now()
	const tookMs = verdict === 'overload' ? undefined : answeredAt - at
	onAnswer(adaptive, state.adaptive, tookMs, state.limits!.inFlight.count, answeredAt, random)
}

/** Gives the slot back. */
export function leave(service: CompiledService, { slot }: Admission, now: number): void {
	done(service.state.limits!, slot, now)
	wakeNext(service, now)
}

/**
 * Gives the slot back when the response has been read to its end, has failed, or its client has left: a service is busy for as long as
 * it sends, and Envoy counts so, too. Where the platform does not tell of clients that leave (`request.signal`), the next byte that
 * finds no reader does. A switched protocol has no body, nor an end that could be seen without touching its frames: it gives the slot
 * back at once. Who is never heard of again is counted until the slot's lease is over.
 */
export function leaveAtEnd(
	{ service, method, request }: Exchange,
	admission: Admission,
	response: Response,
	{ now, pipe }: Pick<ProxyPorts, 'now' | 'pipe'>,
	scope: Scope,
): Response {
	if (response.body === null || method === 'HEAD') {
		leave(service!, admission, now())
		return response
	}
	const { body, ended } = pipe(response.body, response.headers.get('content-length'), request.signal)
	// It goes on when the client leaves: the platform would stop it together with the request, before it could tell.
	scope.waitUntil(ended.then(() => leave(service!, admission, now())))
	return copyResponse(response, body)
}

/** Undefined for what says nothing of how much the service can do: refusals of the mesh's own making. */
function verdictOf(result: Response | Refusal): 'answer' | 'overload' | undefined {
	if (result instanceof Response) return result.status === 429 || result.status === 503 ? 'overload' : 'answer'
	const isService = result.reason === 'upstream_failed' || result.reason.endsWith('_timeout')
	return isService ? 'overload' : undefined
}

const limitNow = ({ adaptive }: ServiceState): number | undefined =>
	adaptive === undefined ? undefined : concurrencyLimit(adaptive)

/** A slot, or undefined when the time is up before one is free. */
async function turnOf(
	state: ServiceState,
	now: number,
	waitMs: number,
	wait: ProxyPorts['wait'],
): Promise<Slot | undefined> {
	let slot: Slot | undefined
	const { promise, resolve } = Promise.withResolvers<void>()
	const waiter = {
		go: (given: Slot) => {
			slot = given
			resolve()
		},
		until: now + waitMs,
	}
	state.waiting.push(waiter)
	await Promise.race([promise, wait(waitMs)])
	if (slot !== undefined) return slot
	const place = state.waiting.indexOf(waiter)
	if (place >= 0) {
		state.waiting.splice(place, 1)
		abandon(state.limits!)
	}
	return slot
}

/** Gives free slots to those who have waited longest. Whoever's time is up may be gone without a word, and is passed over. */
function wakeNext({ traffic, state }: CompiledService, now: number): void {
	const { limits = NO_LIMITS } = traffic
	const { waiting } = state
	while (waiting.length > 0) {
		if (waiting[0]!.until < now) {
			waiting.shift()
			abandon(state.limits!)
			continue
		}
		const slot = next(state.limits!, limits, now, limitNow(state))
		if (slot === undefined) return
		waiting.shift()!.go(slot)
	}
}
