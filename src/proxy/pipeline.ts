/** The data path. Read it top to bottom: this is the order every request goes through. */

import { namespaceOf } from './access/access.ts'
import { tellClient } from './access/checkedFields.ts'
import { type Assertions, createAssertions, vouch } from './callers/assertions.ts'
import { type Callers, createCallers } from './callers/callers.ts'
import { judge } from './callers/peers.ts'
import type { Plan } from './compile/compileRule.ts'
import { admit, admitAgain, type Exchange } from './exchange.ts'
import { type Knowledge, keepFresh } from './knowledge/knowledge.ts'
import { resolveHost } from './knowledge/routingTable.ts'
import type { ProxyPorts, Scope } from './ports.ts'
import type { Refusal } from './refusal.ts'
import { rescue } from './rescue.ts'
import { dispatch } from './sending/attempts.ts'
import { type BodyBudget, createBodyBudget } from './sending/bodyBudget.ts'
import { mayCopyTo } from './sending/copyTargets.ts'
import { decorated } from './sending/decorate.ts'
import type { Outcome } from './sending/errand.ts'
import { type Forward, forwarder } from './sending/forward.ts'
import { withoutHopByHop } from './sending/hopByHop.ts'
import { copiesFor, sendCopies, untilIdle } from './sending/mirrors.ts'
import { backendFilters } from './sending/outgoing.ts'
import { authenticate } from './stages/authenticate.ts'
import { authorize } from './stages/authorize.ts'
import { filter, filterFirst } from './stages/filter.ts'
import { identify } from './stages/identify.ts'
import { match, matchByUser } from './stages/match.ts'
import { pickEndpoint } from './stages/pick.ts'
import { draw, learnNamespaceOf, place, resumeOrDraw, serviceFor, settleEndpoint } from './stages/placing.ts'
import { createUsers, type Users, usersOfRoute } from './users/users.ts'

export type Serve = (request: Request, scope: Scope) => Promise<Response>

/** Makes the one function that serves every request of an isolate. What it knows grows in `knowledge`. */
export function pipeline(knowledge: Knowledge, ports: ProxyPorts): Serve {
	const { table } = knowledge
	const forward = forwarder(ports)
	const budget = createBodyBudget()
	// A mirror that hangs must not take the room that retries need.
	const copying = createBodyBudget()
	const callers = createCallers()
	const users = createUsers()
	const assertions = createAssertions(knowledge, ports)

	return async (request, scope) => {
		const means = { knowledge, forward, budget, copying, callers, users, assertions, ports, scope }
		let exchange = admit(request, ports.now(), table.random, ports.clientAddress(request))
		const catchingUp = keepFresh(knowledge, exchange.startedAt, scope)
		if (catchingUp !== undefined) await catchingUp
		let outcome: Response | Refusal
		try {
			outcome = await answer(exchange, means)
			while (outcome === OUTDATED) {
				exchange = admitAgain(exchange)
				outcome = await answer(exchange, means)
			}
		} catch (error) {
			ports.report(error)
			outcome = { reason: 'bug' }
		}
		const { plan, checked } = exchange
		const refusal = outcome instanceof Response ? undefined : outcome
		let response = outcome instanceof Response ? withoutHopByHop(outcome) : rescue(outcome, exchange, table.revision)
		if (refusal === undefined && checked !== undefined) response = tellClient(response, checked)
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
	readonly callers: Callers
	readonly users: Users
	readonly assertions: Assertions
	readonly ports: ProxyPorts
	readonly scope: Scope
}

/**
 * In place of an outcome: another revision has arrived while the request waited, so that it begins anew. The rule of one and the policies
 * of the next could let through what neither lets through.
 */
const OUTDATED: Refusal = { reason: 'bug' }

/** Another history may have come as far as the one before. */
const isOutdated = ({ revision, epoch }: Exchange, { table }: Knowledge): boolean =>
	revision !== table.revision || epoch !== table.cursor?.epoch

async function answer(exchange: Exchange, means: Means): Promise<Response | Refusal> {
	const { knowledge, forward, callers, ports, scope } = means
	const { table } = knowledge
	// The virtual host first: from the table when it is warm, from the control plane once when it is not.
	const known = exchange.host === '' ? undefined : resolveHost(table, exchange.host)
	const host = known ?? (await place(knowledge, exchange, scope))
	if ('reason' in host) return host
	if ('endpoint' in host) return forward(Object.assign(exchange, host))
	exchange.revision = table.revision
	exchange.epoch = table.cursor?.epoch
	// Then who calls: rules may look at that.
	if (!exchange.isIdentified) {
		const identified = identify(exchange, host, callers, table, ports)
		const distrust = identified instanceof Promise ? await identified : identified
		if (distrust !== undefined) exchange.distrust = distrust
		exchange.isIdentified = true
		if (isOutdated(exchange, knowledge)) return OUTDATED
	}
	// Then the rule. Most rules only send a request on, to a backend and an endpoint that are drawn.
	let refusal = match(exchange, host)
	if (exchange.routeUsers !== undefined) refusal = await matchByUser(exchange, host, means)
	const plan = exchange.rule?.plan?.()
	if (plan !== undefined) exchange.plan = plan
	if (refusal !== undefined) return refusal
	return plan === undefined ? sendOn(exchange, means) : follow(plan, exchange, means)
}

/**
 * Where requests are counted against a limit, one goes on when its client leaves: the platform would stop it where it is, and what it
 * holds would be free only when its lease is over. A few impatient clients would shut the service for everybody.
 */
function send(
	exchange: Exchange,
	plan: Plan | undefined,
	{ forward, budget, ports, scope }: Pick<Means, 'forward' | 'budget' | 'ports' | 'scope'>,
	takenBody?: Promise<ArrayBuffer>,
): Promise<Response | Refusal> {
	const outcome = dispatch(exchange, plan, forward, budget, ports, scope, takenBody)
	const { limits, adaptive } = exchange.service!.traffic
	if (limits !== undefined || adaptive !== undefined) scope.waitUntil(outcome)
	return outcome
}

/** Whether the service takes this caller, this user and this request, and so is told who calls. */
function introduce(
	exchange: Exchange,
	plan: Plan | undefined,
	means: Means,
): Refusal | undefined | Promise<Refusal | undefined> {
	const { knowledge, users, assertions, ports, scope } = means
	const { service } = exchange
	if (isOutdated(exchange, knowledge)) return OUTDATED
	const method = service && judge(exchange)
	if (typeof method === 'object') return method
	const admitted = (): ReturnType<typeof authorize> => {
		if (isOutdated(exchange, knowledge)) return OUTDATED
		const { userFields } = service ?? usersOfRoute(users, knowledge.table, namespaceOf(exchange))
		return authorize(exchange, plan, userFields, means)
	}
	const tell = () => (method === undefined ? undefined : vouch(assertions, exchange, method, scope))
	return next(next(authenticate(exchange, users, knowledge.table, ports, scope), admitted), tell)
}

/** Nobody waits who has nothing to wait for. */
function next<T>(
	refused: Refusal | undefined | Promise<Refusal | undefined>,
	then: () => T | Promise<T>,
): T | Refusal | Promise<T | Refusal> {
	if (refused instanceof Promise) return refused.then((refusal) => refusal ?? then())
	return refused ?? then()
}

/** The endpoint comes last: one that is to be tried again must not wait for a request that is refused. */
function sendOn(exchange: Exchange, means: Means): Outcome | Promise<Outcome> {
	const introduced = () => introduce(exchange, undefined, means)
	return next(
		next(draw(means.knowledge, exchange, means.scope), introduced),
		() => pickEndpoint(exchange, means.ports.now()) ?? send(exchange, undefined, means),
	)
}

/** The way of a rule that does more. Its filters, and then its backend's, may answer in place of the service. */
async function follow(plan: Plan, exchange: Exchange, means: Means): Promise<Response | Refusal> {
	const { knowledge, copying, users, ports, scope } = means
	const revision = exchange.revision!
	const { directResponse, redirect } = plan.filters
	const asksNobody = directResponse !== undefined || redirect !== undefined
	const answer =
		filterFirst(exchange, plan.filters, revision) ??
		(await (asksNobody
			? learnNamespaceOf(knowledge, exchange, scope)
			: resumeOrDraw(knowledge, exchange, plan, scope))) ??
		(await introduce(exchange, plan, means)) ??
		(await filter(exchange, plan.filters, revision, ports)) ??
		settleEndpoint(exchange, ports.now()) ??
		(await filter(exchange, backendFilters(exchange), revision, ports))
	if (answer !== undefined) return answer
	// Copies are made while the body is still there, and sent when the request itself has been.
	const copies = copiesFor(exchange, plan, copying, ports.now(), true)
	const response = send(exchange, plan, means, copies?.takenBody)
	if (copies !== undefined) {
		const load = async (name: string) => {
			const service = await serviceFor(knowledge, exchange, name, scope)
			if (service === undefined) return undefined
			const mayCopy = await mayCopyTo(exchange, service, users, knowledge.table, ports, scope)
			return mayCopy && !isOutdated(exchange, knowledge) ? service : undefined
		}
		const send = () => sendCopies(exchange, plan, copies, load, copying, ports)
		scope.waitUntil(untilIdle(response, ports).then(send))
	}
	return response
}
