/** Sends a request as often as its rule allows, in the time that it allows, to another endpoint each time. */
import { attemptTimeoutMs } from '../resilience/deadline.ts'
import { backoffMs, isRetryableStatus, mayRetry } from '../resilience/retry.ts'
import type { RetryRule, Timeouts } from '../snapshot/filters.ts'
import { type BodyBudget, giveBack, takeBytes } from './bodyBudget.ts'
import type { Plan } from './compileRule.ts'
import type { Exchange } from './exchange.ts'
import type { Forward, TimeLimit } from './forward.ts'
import { outgoingOf } from './outgoing.ts'
import type { ProxyPorts } from './ports.ts'
import type { Refusal } from './refusal.ts'
import { pickEndpoint } from './stages/pick.ts'

type Outcome = Response | Refusal
type AttemptPorts = Pick<ProxyPorts, 'now' | 'random' | 'wait'>

/** The exchange's endpoint is the first one tried. What comes back is the last attempt's answer. */
export async function attempt(
	exchange: Exchange,
	plan: Plan,
	forward: Forward,
	budget: BodyBudget,
	ports: AttemptPorts,
): Promise<Outcome> {
	const { retry } = plan
	const { request } = exchange
	const bytes = request.body === null ? 0 : Number(request.headers.get('content-length'))
	const repeats = retry !== undefined && mayRetry(retry, exchange.method) && canRepeat(request, retry)
	const holding = repeats ? takeBytes(budget, bytes, ports.now()) : undefined
	if (!repeats || holding === undefined) return once(exchange, plan, forward, ports.now(), undefined)
	try {
		const body = request.body === null ? undefined : await wholeBody(exchange, plan.timeouts, ports)
		if (body !== undefined && 'reason' in body) return body
		return await repeat(exchange, plan, retry, forward, body, ports)
	} finally {
		giveBack(budget, holding)
	}
}

async function repeat(
	exchange: Exchange,
	plan: Plan,
	retry: RetryRule,
	forward: Forward,
	body: ArrayBuffer | undefined,
	ports: AttemptPorts,
): Promise<Outcome> {
	const tried = new Set<string>()
	for (let tries = 1; ; tries++) {
		const outcome = await once(exchange, plan, forward, ports.now(), body)
		if (tries > retry.attempts || !isWorthRetrying(outcome, retry)) return outcome
		const pause = backoffMs(retry, tries, ports.random())
		const left = timeLeft(exchange, plan.timeouts, ports.now())
		// An answer that is there is better than running out of time over another.
		if (left !== undefined && left <= pause) return outcome
		if (outcome instanceof Response) await outcome.body?.cancel()
		await ports.wait(pause)
		tried.add(exchange.endpoint!.id)
		// Where there is no other, it stays with the one that it has.
		pickEndpoint(exchange, tried)
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
