/** Sends a request as often as its rule and service allow, in the time that they allow, to another endpoint each time. */
import { attemptTimeoutMs } from '../../resilience/deadline.ts'
import { DEADLINE_FIELD } from '../../resilience/deadlines.ts'
import { backoffMs, isIdempotent, mayRetry } from '../../resilience/retry.ts'
import { retryPauseMs } from '../../resilience/retryPause.ts'
import { retryAfterMs } from '../../retryAfter.ts'
import type { RetryRule, Timeouts } from '../../snapshot/filters.ts'
import type { Plan } from '../compile/compileRule.ts'
import { LOST_CONNECTION } from '../compile/defaultTraffic.ts'
import type { Exchange } from '../exchange.ts'
import type { ProxyPorts, Scope } from '../ports.ts'
import type { Refusal } from '../refusal.ts'
import { pickEndpoint } from '../stages/pick.ts'
import { enter, learn, leave, leaveAtEnd } from './admission.ts'
import { type AttemptPolicy, policyFor } from './attemptPolicy.ts'
import { type BodyBudget, giveBack, takeBytes } from './bodyBudget.ts'
import { type AttemptPorts, type Errand, isWorthRetrying, type Outcome } from './errand.ts'
import type { Forward, TimeLimit } from './forward.ts'
import { hedge } from './hedge.ts'
import { outgoingOf } from './outgoing.ts'
import { countRequest, endRetry, startRetry } from './retries.ts'

/**
 * To the endpoint that was picked, and others after it. What comes back is the last attempt's answer. The short way, unless rule,
 * service or caller ask for more: then a request is only sent, and once more if its connection is lost. `takenBody` is its body, where
 * somebody has read it already; then there is a plan.
 */
export async function dispatch(
	exchange: Exchange,
	plan: Plan | undefined,
	forward: Forward,
	budget: BodyBudget,
	ports: AttemptPorts,
	scope: Scope,
	takenBody?: Promise<ArrayBuffer>,
): Promise<Outcome> {
	if (plan !== undefined || exchange.service!.isManaged || exchange.header(DEADLINE_FIELD) !== null)
		return attempt(exchange, plan, forward, budget, ports, scope, takenBody)
	const { state, traffic } = exchange.service!
	countRequest(state, traffic.retryBudget, exchange.startedAt)
	const outcome = await forward(exchange)
	if (outcome instanceof Response || outcome.reason !== 'upstream_failed') return outcome
	return retryLost(exchange, outcome, forward, ports)
}

async function attempt(
	exchange: Exchange,
	plan: Plan | undefined,
	forward: Forward,
	budget: BodyBudget,
	ports: AttemptPorts,
	scope: Scope,
	takenBody: Promise<ArrayBuffer> | undefined,
): Promise<Outcome> {
	const service = exchange.service!
	const policy = policyFor(exchange, plan)
	const admission = await enter(service, timeLeft(exchange, policy.timeouts, ports.now()), ports)
	if (admission !== undefined && 'reason' in admission) return admission
	countRequest(service.state, policy.budget, ports.now())
	// The endpoint was picked before the wait. It may be busy by now, or ejected.
	if (admission?.hasWaited === true && plan?.session === undefined) pickEndpoint(exchange, ports.now())
	if (admission === undefined) return withBody(exchange, plan, policy, forward, budget, ports, takenBody)
	let outcome: Outcome | undefined
	try {
		outcome = await withBody(exchange, plan, policy, forward, budget, ports, takenBody)
	} finally {
		learn(service, admission, saysOfService(exchange, policy, outcome), ports)
		if (!(outcome instanceof Response)) leave(service, admission, ports.now())
	}
	return outcome instanceof Response ? leaveAtEnd(exchange, admission, outcome, ports, scope) : outcome
}

/** Not that its time ran out where the caller gave too little of it, or used it up with sending its body. */
function saysOfService(exchange: Exchange, { isHurried }: AttemptPolicy, outcome: Outcome | undefined) {
	const isLate = outcome !== undefined && 'reason' in outcome && outcome.reason === 'request_timeout'
	return isLate && (isHurried || exchange.attempts === 0) ? undefined : outcome
}

/** After the short way: a request without body whose connection was lost, where nobody said how to retry. */
async function retryLost(exchange: Exchange, lost: Refusal, forward: Forward, ports: AttemptPorts): Promise<Outcome> {
	if (exchange.request.body !== null || !mayRetry(LOST_CONNECTION, exchange.method)) return lost
	const policy: AttemptPolicy = {
		timeouts: undefined,
		retry: LOST_CONNECTION,
		hedging: undefined,
		budget: exchange.service!.traffic.retryBudget,
		tellsDeadline: false,
		isHurried: false,
	}
	const errand = { exchange, plan: undefined, policy, body: undefined, forward, ports, tried: new Set<string>() }
	return repeat(errand, LOST_CONNECTION, lost)
}

async function withBody(
	exchange: Exchange,
	plan: Plan | undefined,
	policy: AttemptPolicy,
	forward: Forward,
	budget: BodyBudget,
	ports: AttemptPorts,
	takenBody: Promise<ArrayBuffer> | undefined,
): Promise<Outcome> {
	const { retry, hedging } = policy
	const { request } = exchange
	const errand = { exchange, plan, policy, body: undefined, forward, ports, tried: new Set<string>() }
	const bytes = request.body === null ? 0 : Number(request.headers.get('content-length'))
	const mayHedge = hedging !== undefined && isIdempotent(exchange.method)
	const repeats = (mayHedge || mayRetry(retry, exchange.method)) && canRepeat(request, retry)
	const holding = repeats ? takeBytes(budget, bytes, ports.now()) : undefined
	if (holding === undefined && takenBody === undefined) return once(errand)
	try {
		const body = request.body === null ? undefined : await wholeBody(exchange, policy.timeouts, ports, takenBody)
		if (body !== undefined && 'reason' in body) return body
		return await (holding === undefined ? once({ ...errand, body }) : repeat({ ...errand, body }, retry))
	} finally {
		if (holding !== undefined) giveBack(budget, holding)
	}
}

/** `first` is the outcome of a first attempt that was made already. */
async function repeat(errand: Errand, retry: RetryRule, first?: Outcome): Promise<Outcome> {
	const { exchange, policy, ports, tried } = errand
	let outcome = first ?? (await hedge(errand, once))
	for (let tries = 1; tries <= retry.attempts && isWorthRetrying(outcome, retry); tries++) {
		if (!mayRetry(retry, exchange.method)) return outcome
		const now = ports.now()
		const left = timeLeft(exchange, policy.timeouts, now)
		const asked = outcome instanceof Response ? retryAfterMs(outcome.headers.get('retry-after'), now) : undefined
		const pause = retryPauseMs(backoffMs(retry, tries, ports.random()), asked, left)
		// An answer that is there is better than running out of time over another.
		if (pause === undefined) return outcome
		const retrying = startRetry(exchange.service!.state, policy.budget, now)
		if (retrying === undefined) return outcome
		if (outcome instanceof Response) await outcome.body?.cancel()
		await ports.wait(pause)
		tried.add(exchange.endpoint!.id)
		// Where there is no other, it stays with the one that it has.
		pickEndpoint(exchange, ports.now(), tried)
		outcome = await hedge(errand, once)
		endRetry(exchange.service!.state, policy.budget, retrying, ports.now())
	}
	return outcome
}

/** One attempt at the exchange's endpoint, in the time that is left. */
async function once({ exchange, plan, policy, body, forward, ports }: Errand, signal?: AbortSignal): Promise<Outcome> {
	const timeout = timeLimit(exchange, policy, ports.now())
	if (timeout !== undefined && timeout.ms <= 0) return timeout.refusal
	const deadlineMs = policy.tellsDeadline ? timeout?.ms : undefined
	return forward(exchange, outgoingOf(exchange, plan, body, deadlineMs), { timeout, signal })
}

/** The tighter of the two timeouts. */
function timeLimit(exchange: Exchange, { timeouts, isHurried }: AttemptPolicy, now: number): TimeLimit | undefined {
	const ms = attemptTimeoutMs(timeouts, exchange.startedAt, now)
	if (ms === undefined) return undefined
	const { requestMs, backendRequestMs } = timeouts!
	return ms === backendRequestMs
		? {
				ms,
				refusal: { reason: 'upstream_timeout', endpoint: exchange.endpoint!.id, limitMs: backendRequestMs },
				isCallers: false,
			}
		: { ms, refusal: { reason: 'request_timeout', limitMs: requestMs! }, isCallers: isHurried }
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
	bytes = exchange.request.arrayBuffer(),
): Promise<ArrayBuffer | Refusal> {
	const body = bytes.catch((): Refusal => ({ reason: 'request_aborted' }))
	const left = timeLeft(exchange, timeouts, now())
	if (left === undefined) return body
	const late = wait(left).then((): Refusal => ({ reason: 'request_timeout', limitMs: timeouts!.requestMs! }))
	return Promise.race([body, late])
}
