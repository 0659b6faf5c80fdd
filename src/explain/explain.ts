/** Explains a request: sends it down the data path's own stages, every way that chance may take it, and tells what each one did. */

import { describedCaller } from '../proxy/callers/peers.ts'
import { admit, type Exchange } from '../proxy/exchange.ts'
import type { Knowledge } from '../proxy/knowledge/knowledge.ts'
import type { ResolvedHost, RoutingTable } from '../proxy/knowledge/routingTable.ts'
import { passthrough } from '../proxy/passthrough.ts'
import type { Refusal } from '../proxy/refusal.ts'
import { place } from '../proxy/stages/placing.ts'
import { createUsers } from '../proxy/users/users.ts'
import {
	type ExplainedRefusal,
	type ExplainedRule,
	type Explanation,
	type NearMiss,
	percentOf,
	type Stage,
} from './explanation.ts'
import { explainedRefusal } from './filters.ts'
import { type DescribedUser, meetUsers } from './introduce.ts'
import { sentence } from './outcome.ts'
import { namespacesLookingAtUsers, nearMisses, type PossibleRule, possibleRules } from './rules.ts'
import { explainPassthrough, explainWay, type Journey } from './way.ts'

export interface Described {
	/** Its URL is a good one. Its body says nothing but that there is one. */
	readonly request: Request
	/** Who asks, as if it had been proven in every way that there is. */
	readonly caller?: { readonly namespace: string; readonly workload: string } | undefined
	/** For whom. Without: whom tokens in the request's own fields prove. */
	readonly user?: DescribedUser | undefined
	/** '' when unknown. */
	readonly clientAddress: string
}

/** Nothing outlives an explanation. */
const SCOPE = { waitUntil: () => {} }

/** `knowledge` is a cold isolate's, and nobody else's. Nothing is sent, and nothing drawn. `now` is in ms since the epoch. */
export async function explain(knowledge: Knowledge, described: Described, now: number): Promise<Explanation> {
	const { request, caller, clientAddress, user } = described
	const { table } = knowledge
	const exchange = admit(request, now, () => 0, clientAddress, caller && describedCaller(table, caller))
	const means = { knowledge, scope: SCOPE, clientAddress, user, users: createUsers() }
	const host = await place(knowledge, exchange, SCOPE)
	const { revision } = table
	if ('reason' in host) return explanationOf(revision, [await refusedAtHost(host, exchange, table)], [])
	if ('endpoint' in host)
		return explanationOf(revision, [await explainPassthrough({ ...exchange, ...host }, means)], [])

	const refused = await meetUsers(exchange, namespacesLookingAtUsers(exchange, host), means)
	const possible = possibleRules(exchange, host, refused)
	const found: Stage = { stage: 'host', verdict: 'passed', host: exchange.host, virtualHost: host.virtualHost.pattern }
	const journeys: Journey[] = []
	for (const { rule, explained, odds, refusal } of possible.rules) {
		if (refusal !== undefined) {
			const told = await explainedRefusal(refusal, { ...exchange, rule }, revision)
			journeys.push(unmatched(told, odds, found, explained))
			continue
		}
		const journey = await explainWay({ ...exchange, rule }, odds, means)
		const stages = [found, matchStage({ explained, odds }), ...journey.way.stages]
		journeys.push({ ...journey, way: { ...journey.way, rule: explained, stages } })
	}
	const { refusal, refusedOdds } = possible
	if (refusal !== undefined)
		journeys.push(unmatched(await explainedRefusal(refusal, exchange, revision), refusedOdds, found))
	return explanationOf(revision, journeys, nearMisses(exchange, host as ResolvedHost, possible))
}

function explanationOf(revision: number, journeys: readonly Journey[], misses: readonly NearMiss[]): Explanation {
	const outcomes = journeys.flatMap((journey) => journey.outcomes)
	const [first, ...others] = journeys.map(({ way }) => way)
	return {
		revision,
		outcome: sentence(outcomes),
		outcomes,
		...first!,
		...(others.length === 0 ? {} : { alternatives: others }),
		nearMisses: misses,
	}
}

const matchStage = ({ explained, odds }: Pick<PossibleRule, 'explained' | 'odds'>): Stage => ({
	...{ stage: 'match', verdict: odds < 1 ? 'divided' : 'passed', rule: explained, percent: percentOf(odds) },
})

/** Without a rule, or before it could be said whether the rule matches. */
const unmatched = (refusal: ExplainedRefusal, odds: number, host: Stage, rule?: ExplainedRule): Journey => {
	const percent = percentOf(odds)
	const of = rule === undefined ? {} : { rule }
	const stages: Stage[] = [host, { stage: 'match', verdict: 'refused', ...of, percent, refusal }]
	const named = rule === undefined ? {} : { rule: rule.name }
	return { way: { percent, ...of, stages }, outcomes: [{ percent, ...named, outcome: 'refused', refusal }] }
}

async function refusedAtHost(refused: Refusal, exchange: Exchange, table: RoutingTable): Promise<Journey> {
	const refusal = await explainedRefusal(refused, exchange, table.revision, hintFor(refused, exchange, table))
	const stages: Stage[] = [{ stage: 'host', verdict: 'refused', host: exchange.host, refusal }]
	return { way: { percent: 100, stages }, outcomes: [{ percent: 100, outcome: 'refused', refusal }] }
}

/** How an unknown host could be reached, if the mesh let it. */
function hintFor({ reason }: Refusal, exchange: Exchange, table: RoutingTable): string | undefined {
	if (reason !== 'unknown_host' || table.egress === 'allowAny') return undefined
	if (passthrough({ ...table, egress: 'allowAny' }, exchange) === undefined) return undefined
	return 'register it as a Service, or let requests to unregistered hosts out with Mesh.spec.egress: allowAny'
}
