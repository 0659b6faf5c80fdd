/** How a request leaves: the data path's own forwarding and mirroring, with a wire that goes nowhere. */

import type { Plan } from '../proxy/compile/compileRule.ts'
import type { CompiledService } from '../proxy/compile/compileService.ts'
import { DEFAULT_TRAFFIC } from '../proxy/compile/defaultTraffic.ts'
import type { Exchange } from '../proxy/exchange.ts'
import type { ProxyPorts, Scope } from '../proxy/ports.ts'
import type { Refusal } from '../proxy/refusal.ts'
import { policyFor } from '../proxy/sending/attemptPolicy.ts'
import { dispatch } from '../proxy/sending/attempts.ts'
import { createBodyBudget } from '../proxy/sending/bodyBudget.ts'
import { forwarder } from '../proxy/sending/forward.ts'
import { copiesFor, sendCopies } from '../proxy/sending/mirrors.ts'
import { backendFilters } from '../proxy/sending/outgoing.ts'
import { mayRetry } from '../resilience/retry.ts'
import type { RetryRule } from '../snapshot/filters.ts'
import type { OutlierRules } from '../snapshot/trafficPolicy.ts'
import { newTraceparent } from '../telemetry/traceContext.ts'
import { type ExplainedMirror, type ExplainedRetry, percentOf } from './explanation.ts'

/** Stands where a secret does. Its own value is not even read. */
const HIDDEN = '***'
/** Every request that starts a trace starts one of its own. */
const MADE_UP_TRACE = newTraceparent(() => 0, false)
const NEW_TRACE = 'a new trace'

export interface Departure {
	/** Undefined when the mesh refuses to send it. */
	readonly sent: Request | undefined
	readonly refusal: Refusal | undefined
	/** How often it is sent when every attempt fails at once, and the least pauses in between, in ms. */
	readonly tries: number
	readonly pausesMs: readonly number[]
}

/** Failures on a dead wire say nothing of anybody. */
const NO_OUTLIERS: OutlierRules = {
	...DEFAULT_TRAFFIC.outliers,
	consecutive5xx: 0,
	consecutiveGatewayErrors: 0,
	consecutiveLocalOriginFailures: 0,
}

interface Wire {
	readonly ports: ProxyPorts
	readonly sent: Request[]
	readonly pausesMs: number[]
}

/** A wire on which every request is lost: what came to be sent, and what was waited for in between. */
function deadWire(now: number, clientAddress: string, elapsedMs = 0): Wire {
	const sent: Request[] = []
	const pausesMs: number[] = []
	let waitedMs = elapsedMs
	const ports: ProxyPorts = {
		now: () => now + waitedMs,
		random: () => 0,
		clientAddress: () => clientAddress,
		clientCertificate: () => undefined,
		delegate: () => Promise.reject(new Error('nobody is asked')),
		issuerKeys: () => Promise.reject(new Error('nobody is asked')),
		send: async (request) => {
			if (request.headers.get('traceparent') === MADE_UP_TRACE) request.headers.set('traceparent', NEW_TRACE)
			sent.push(request)
			throw new Error('nothing is sent')
		},
		wait: (ms) => {
			// Before anything is sent, that is the time which the client has for its body: it does not run out.
			if (sent.length === 0) return new Promise(() => {})
			pausesMs.push(ms)
			waitedMs += ms
			return Promise.resolve()
		},
		pipe: (body) => ({ body, ended: Promise.resolve() }),
		report: () => {},
		observe: () => {},
	}
	return { ports, sent, pausesMs }
}

/** Attempts to send the exchange's request to its endpoint, as its rule says, so long after it arrived. */
export async function depart(
	exchange: Exchange,
	plan: Plan | undefined,
	clientAddress: string,
	elapsedMs = 0,
): Promise<Departure> {
	const wire = deadWire(exchange.startedAt, clientAddress, elapsedMs)
	const leaving: Exchange = {
		...exchange,
		// A body can be read once, and there may be other backends.
		request: exchange.request.clone(),
		service: withoutSecret(exchange.service!),
	}
	const forward = forwarder(wire.ports)
	const scope: Scope = { waitUntil: () => {} }
	const outcome = await dispatch(leaving, plan, forward, createBodyBudget(), wire.ports, scope)
	const [sent] = wire.sent
	const refusal = sent === undefined ? (outcome as Refusal) : undefined
	return { sent, refusal, tries: wire.sent.length, pausesMs: wire.pausesMs }
}

/** Each mirror of the rule and of the drawn backend. `load` finds a service by name. */
export async function explainMirrors(
	exchange: Exchange,
	plan: Plan,
	clientAddress: string,
	load: (service: string) => Promise<CompiledService | undefined>,
): Promise<ExplainedMirror[]> {
	const ofRule = plan.filters.mirrors ?? []
	const mirrors = [...ofRule, ...(backendFilters(exchange)?.mirrors ?? [])]
	return Promise.all(
		mirrors.map(async (mirror, i): Promise<ExplainedMirror> => {
			const alone: Plan = { ...plan, filters: { ...plan.filters, mirrors: [mirror] } }
			return {
				service: mirror.service,
				...(i < ofRule.length ? {} : { backend: exchange.service!.name }),
				percent: percentOf(mirror.share ?? 1),
				url: await copyTo(exchange, alone, clientAddress, load),
			}
		}),
	)
}

/** Where the copy for the plan's one mirror goes. */
async function copyTo(
	{ backend: _, ...exchange }: Exchange,
	plan: Plan,
	clientAddress: string,
	load: (service: string) => Promise<CompiledService | undefined>,
): Promise<string | null> {
	const wire = deadWire(exchange.startedAt, clientAddress)
	const budget = createBodyBudget()
	const copies = copiesFor({ ...exchange, random: () => 0 }, plan, budget, exchange.startedAt)
	if (copies === undefined) return null
	const loadHidden = async (name: string) => {
		const service = await load(name)
		return service && withoutSecret(service)
	}
	await sendCopies(exchange, plan, copies, loadHidden, budget, wire.ports)
	return wire.sent[0]?.url ?? null
}

/** The policy of rule and service, and what it comes to for this request. */
export function explainRetry(
	plan: Plan | undefined,
	exchange: Exchange,
	{ tries, pausesMs }: Departure,
): ExplainedRetry {
	const { retry } = policyFor(exchange, plan)
	return { ...retry, tries, pausesMs, ...(tries === 1 && retry.attempts > 0 ? { why: sentOnce(retry, exchange) } : {}) }
}

function sentOnce(retry: RetryRule, { method, request: { body, headers } }: Exchange): string {
	if (!mayRetry(retry, method)) return `${method} is not idempotent, and none of the methods that the rule repeats`
	const length = headers.get('content-length')
	return body !== null && (length === null || Number(length) > retry.maxBodyBytes)
		? `its body is longer than ${retry.maxBodyBytes} bytes, or of unknown length`
		: 'the time that the rule allows is over before a second attempt'
}

/** A stand-in that knows no secret, and learns nothing of what happens on the wire. */
function withoutSecret(service: CompiledService): CompiledService {
	const { credential, traffic } = service
	const standIn = { ...service, traffic: { ...traffic, outliers: NO_OUTLIERS } }
	if (credential === undefined || 'invalid' in credential) return standIn
	return { ...standIn, credential: { ...credential, value: HIDDEN } }
}
