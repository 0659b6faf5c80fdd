/** The data path. Read it top to bottom: this is the order every request goes through. */
import { type Assertions, createAssertions, vouch } from './assertions.ts'
import { dispatch } from './attempts.ts'
import { type BodyBudget, createBodyBudget } from './bodyBudget.ts'
import { createCallers } from './callers.ts'
import type { Plan } from './compileRule.ts'
import { decorated } from './decorate.ts'
import { admit, type Exchange } from './exchange.ts'
import { type Forward, forwarder } from './forward.ts'
import { withoutHopByHop } from './hopByHop.ts'
import { type Knowledge, keepFresh } from './knowledge.ts'
import { copiesFor, sendCopies, untilIdle } from './mirrors.ts'
import { backendFilters } from './outgoing.ts'
import { judge } from './peers.ts'
import { pick, place, resumeOrPick, serviceFor } from './placing.ts'
import type { ProxyPorts, Scope } from './ports.ts'
import type { Refusal } from './refusal.ts'
import { rescue } from './rescue.ts'
import { resolveHost } from './routingTable.ts'
import { filter } from './stages/filter.ts'
import { identify } from './stages/identify.ts'
import { match } from './stages/match.ts'

export type Serve = (request: Request, scope: Scope) => Promise<Response>

/** Makes the one function that serves every request of an isolate. What it knows grows in `knowledge`. */
export function pipeline(knowledge: Knowledge, ports: ProxyPorts): Serve {
	const { table } = knowledge
	const forward = forwarder(ports)
	const budget = createBodyBudget()
	// A mirror that hangs must not take the room that retries need.
	const copying = createBodyBudget()
	const callers = createCallers()
	const assertions = createAssertions(knowledge, ports)

	return async (request, scope) => {
		const exchange = admit(request, ports.now(), table.random, ports.clientAddress(request))
		const catchingUp = keepFresh(knowledge, exchange.startedAt, scope)
		if (catchingUp !== undefined) await catchingUp
		let outcome: Response | Refusal
		let plan: Plan | undefined
		try {
			// The virtual host first: from the table when it is warm, from the control plane once when it is not.
			const known = exchange.host === '' ? undefined : resolveHost(table, exchange.host)
			const host = known ?? (await place(knowledge, exchange, scope))
			if ('reason' in host) outcome = host
			else if ('endpoint' in host) outcome = await forward(Object.assign(exchange, host))
			else {
				// Then who calls: rules may look at that.
				const identified = identify(exchange, host, callers, table, ports)
				// Then the rule. Most rules only send a request on, to a backend and an endpoint that are drawn.
				const distrust = identified instanceof Promise ? await identified : identified
				if (distrust !== undefined) exchange.distrust = distrust
				const refusal = match(exchange, host)
				plan = exchange.rule?.plan?.()
				outcome =
					refusal ??
					(plan === undefined
						? ((await pick(knowledge, exchange, scope)) ??
							(await sendIntroduced(exchange, { forward, budget, assertions, ports, scope })))
						: await follow(plan, exchange, { knowledge, forward, budget, copying, assertions, ports, scope }))
			}
		} catch (error) {
			ports.report(error)
			outcome = { reason: 'bug' }
		}
		const refusal = outcome instanceof Response ? undefined : outcome
		let response = outcome instanceof Response ? withoutHopByHop(outcome) : rescue(outcome, exchange, table.revision)
		if (plan !== undefined) response = decorated(exchange, plan, response, refusal !== undefined, ports)
		ports.observe(exchange, response, refusal)
		return response
	}
}

interface Means {
	readonly knowledge: Knowledge
	readonly forward: Forward
	readonly budget: BodyBudget
	/** For mirrors. */
	readonly copying: BodyBudget
	readonly assertions: Assertions
	readonly ports: ProxyPorts
	readonly scope: Scope
}

/**
 * Where requests are counted against a limit, one goes on when its client leaves: the platform would stop it where it is, and what it
 * holds would be free only when its lease is over. A few impatient clients would shut the service for everybody.
 */
function send(
	exchange: Exchange,
	plan: Plan | undefined,
	{ forward, budget, ports, scope }: Omit<Means, 'knowledge' | 'copying' | 'assertions'>,
	takenBody?: Promise<ArrayBuffer>,
): Promise<Response | Refusal> {
	const outcome = dispatch(exchange, plan, forward, budget, ports, scope, takenBody)
	const { limits, adaptive } = exchange.service!.traffic
	if (limits !== undefined || adaptive !== undefined) scope.waitUntil(outcome)
	return outcome
}

/** Whether the service takes this caller, of whom it is then told. */
function introduce(exchange: Exchange, assertions: Assertions, scope: Scope): Refusal | undefined | Promise<undefined> {
	const method = judge(exchange)
	return typeof method === 'string' ? vouch(assertions, exchange, method, scope) : method
}

/** Nobody waits who has nothing to wait for. */
function sendIntroduced(
	exchange: Exchange,
	means: Omit<Means, 'knowledge' | 'copying'>,
): Refusal | Promise<Response | Refusal> {
	const introduced = introduce(exchange, means.assertions, means.scope)
	if (introduced === undefined) return send(exchange, undefined, means)
	return introduced instanceof Promise ? introduced.then(() => send(exchange, undefined, means)) : introduced
}

/** The way of a rule that does more. Its filters, and then its backend's, may answer in place of the service. */
async function follow(
	plan: Plan,
	exchange: Exchange,
	{ knowledge, forward, budget, copying, assertions, ports, scope }: Means,
): Promise<Response | Refusal> {
	const { revision } = knowledge.table
	const answer =
		(await filter(exchange, plan.filters, revision, ports)) ??
		(await resumeOrPick(knowledge, exchange, plan, scope)) ??
		(await introduce(exchange, assertions, scope)) ??
		(await filter(exchange, backendFilters(exchange), revision, ports))
	if (answer !== undefined) return answer
	// Copies are made while the body is still there, and sent when the request itself has been.
	const copies = copiesFor(exchange, plan, copying, ports.now(), true)
	const response = send(exchange, plan, { forward, budget, ports, scope }, copies?.takenBody)
	if (copies !== undefined) {
		const load = (name: string) => serviceFor(knowledge, exchange, name, scope)
		const send = () => sendCopies(exchange, plan, copies, load, copying, ports)
		scope.waitUntil(untilIdle(response, ports).then(send))
	}
	return response
}
