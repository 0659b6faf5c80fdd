/** Sends a request as often as its rule allows, in the time that it allows, to another endpoint each time. */
import { attemptTimeoutMs } from '../resilience/deadline.ts'
import { backoffMs, isRetryableStatus, mayRetry } from '../resilience/retry.ts'
import type { RetryRule, Timeouts } from '../snapshot/filters.ts'
import type { Plan } from './compileRule.ts'
import type { Exchange } from './exchange.ts'
import type { Forward, TimeLimit } from './forward.ts'
import { outgoingOf } from './outgoing.ts'
import type { ProxyPorts } from './ports.ts'
import type { Refusal } from './refusal.ts'
import { pickEndpoint } from './stages/pick.ts'

type Outcome = Response | Refusal

/** The exchange's endpoint is the first one tried. What comes back is the last attempt's answer. */
export async function attempt(
	exchange: Exchange,
	plan: Plan,
	forward: Forward,
	ports: Pick<ProxyPorts, 'now' | 'random' | 'wait'>,
): Promise<Outcome> {
	const { retry, timeouts } = plan
	const { request } = exchange
	if (retry === undefined || !mayRetry(retry, exchange.method) || !canRepeat(request, retry))
		return once(exchange, plan, forward, ports.now(), undefined)
	const body = request.body === null ? undefined : await wholeBody(exchange, timeouts, ports)
	if (body !== undefined && 'reason' in body) return body
	const tried = new Set<string>()
	for (let tries = 1; ; tries++) {
		const outcome = await once(exchange, plan, forward, ports.now(), body)
		if (tries > retry.attempts || !isWorthRetrying(outcome, retry)) return outcome
		const pause = backoffMs(retry, tries, ports.random())
		const left = timeLeft(exchange, timeouts, ports.now())
		// An answer that is there is better than running out of time over another.
		if (left !== undefined && left <= pause) return outcome
		if (outcome instanceof Response) await outcome.body?.cancel()
		await ports.wait(pause)
		tried.add(exchange.endpoint!.id)
		// Endpoints may have changed meanwhile; with none left, the last answer would be gone already.
		const none = pickEndpoint(exchange, tried)
		if (none !== undefined) return none
	}
}

async function once(
	exchange: Exchange,
	plan: Plan,
	forward: Forward,
	now: number,
	body: ArrayBuffer | undefined,
): Promise<Outcome> {
	const limit = timeLimit(exchange, plan.timeouts, now)
	if (limit !== undefined && limit.ms <= 0) return limit.refusal
	return forward(exchange, outgoingOf(exchange, plan, body), limit)
}

/** The tighter of the two timeouts. */
function timeLimit(exchange: Exchange, timeouts: Timeouts | undefined, now: number): TimeLimit | undefined {
	const ms = attemptTimeoutMs(timeouts, exchange.startedAt, now)
	if (ms === undefined) return undefined
	const { requestMs, backendRequestMs } = timeouts!
	return ms === backendRequestMs
		? { ms, refusal: { reason: 'upstream_timeout', endpoint: exchange.endpoint!.id, limitMs: backendRequestMs } }
		: { ms, refusal: { reason: 'request_timeout', limitMs: requestMs! } }
}

const timeLeft = ({ startedAt }: Exchange, timeouts: Timeouts | undefined, now: number): number | undefined =>
	timeouts?.requestMs === undefined ? undefined : startedAt + timeouts.requestMs - now

/** A body is read as a whole before the first attempt, or never sent twice: its length must be known, and small enough. */
function canRepeat({ body, headers, method }: Request, { maxBodyBytes }: RetryRule): boolean {
	if (body === null) return true
	// The runtime lets nobody make a GET with a body; one that arrived can only be passed on.
	if (method === 'GET' || method === 'HEAD') return false
	const length = headers.get('content-length')
	return length !== null && Number(length) <= maxBodyBytes
}

/** A client that sends slowly uses up its own time. */
async function wholeBody(
	exchange: Exchange,
	timeouts: Timeouts | undefined,
	{ now, wait }: Pick<ProxyPorts, 'now' | 'wait'>,
): Promise<ArrayBuffer | Refusal> {
	const body = exchange.request.arrayBuffer().catch((): Refusal => ({ reason: 'request_aborted' }))
	const left = timeLeft(exchange, timeouts, now())
	if (left === undefined) return body
	const late = wait(left).then((): Refusal => ({ reason: 'request_timeout', limitMs: timeouts!.requestMs! }))
	return Promise.race([body, late])
}

/** Connection errors and timeouts of an attempt always are (GEP-1731); a refusal of the mesh's own making never is. */
function isWorthRetrying(outcome: Outcome, retry: RetryRule): boolean {
	if (outcome instanceof Response) return isRetryableStatus(retry, outcome.status)
	return outcome.reason === 'upstream_failed' || outcome.reason === 'upstream_timeout'
}
