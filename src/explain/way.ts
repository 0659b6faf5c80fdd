/** What becomes of requests after their rule is found, stage by stage, over every backend that may be drawn. */

import type { Plan } from '../proxy/compile/compileRule.ts'
import type { Exchange } from '../proxy/exchange.ts'
import { policyFor } from '../proxy/sending/attemptPolicy.ts'
import { backendFilters } from '../proxy/sending/outgoing.ts'
import { serviceFor } from '../proxy/stages/placing.ts'
import { arrive } from './arrive.ts'
import { type Branch, takingTraffic } from './backends.ts'
import { editsResponses, requestEdits, responseEdits } from './edits.ts'
import {
	type Edits,
	type ExplainedForward,
	type ExplainedRefusal,
	type Outcome,
	percentOf,
	type Stage,
	type Verdict,
	type Way,
} from './explanation.ts'
import { explainedRefusal, explainFilters, type Filtered, lateOdds } from './filters.ts'
import { type Departure, depart, explainMirrors, explainRetry } from './forward.ts'
import { type Introducing, mayBeCopiedTo } from './introduce.ts'
import { asking, endings, type Trail, togetherOf } from './trail.ts'

export interface Means extends Introducing {
	readonly clientAddress: string
}

/** One way with all that can come of it. */
export interface Journey {
	readonly way: Way
	readonly outcomes: readonly Outcome[]
}

/** What of a branch's requests the backend's filters let through, and how those leave. */
interface Leaving extends Branch {
	readonly departure: Departure
	/** Of the departure. */
	readonly refused: ExplainedRefusal | undefined
}

/** `odds` are those of the rule, 0–1. */
export async function explainWay(exchange: Exchange, odds: number, means: Means): Promise<Journey> {
	const trail: Trail = { stages: [], outcomes: [] }
	const plan = exchange.rule!.plan?.()
	const branches = await arrive(exchange, plan, odds, trail, means)
	const going = branches.length === 0 ? [] : await filterAgain(branches, plan, trail, means)
	const edits = going.length === 0 ? undefined : await send(going, plan, trail, means)
	const { stages, outcomes } = trail
	return { way: { percent: percentOf(odds), stages, ...(edits === undefined ? {} : { edits }) }, outcomes }
}

/** The backends' own filters. Answers the backends to which requests go on. */
async function filterAgain(
	branches: readonly Branch[],
	plan: Plan | undefined,
	{ stages, outcomes }: Trail,
	{ knowledge }: Means,
): Promise<Branch[]> {
	const beyond = await Promise.all(
		branches.map(async (branch) => ({
			branch,
			filtered: await explainFilters(branch.exchange, backendFilters(branch.exchange), plan, knowledge.table.revision),
		})),
	)
	stages.push(backendFilterStage(beyond))
	for (const { branch, filtered } of beyond)
		outcomes.push(...endings(branch.exchange, filtered.ends, branch.odds, branch.asks))
	return beyond
		.filter(({ filtered }) => filtered.passing > 0)
		.map(({ branch, filtered: { passing, delays } }) => ({
			...branch,
			odds: branch.odds * passing,
			delays: [...branch.delays, ...delays],
		}))
}

/** Mirrors, attempts and responses. Answers what is edited on the way. */
async function send(
	going: readonly Branch[],
	plan: Plan | undefined,
	{ stages, outcomes }: Trail,
	means: Means,
): Promise<Edits | undefined> {
	stages.push(await mirrorStage(going, plan, means))
	const leaving = (await Promise.all(going.map((branch) => leave(branch, plan, means)))).flat()
	const sent = leaving.filter(({ refused }) => refused === undefined)
	stages.push(forwardStage(leaving, sent, plan))
	outcomes.push(...leaving.map(destination))
	if (sent.length === 0) return undefined
	const edited = plan === undefined ? [] : sent.filter(({ exchange }) => editsResponses(plan, exchange))
	stages.push({ stage: 'response', verdict: edited.length === 0 ? 'skipped' : 'passed' })
	return {
		request: sent.map(({ exchange, departure }) => requestEdits(exchange, departure.sent!)),
		response: edited.map(({ exchange }) => responseEdits(exchange, plan!)),
	}
}

/** A request to a host that nobody registered: there is no rule, and only one way. */
export async function explainPassthrough(exchange: Exchange, means: Means): Promise<Journey> {
	const to = exchange.endpoint!.base
	const departure = await depart(exchange, undefined, means.clientAddress)
	return {
		way: {
			percent: 100,
			stages: [
				{ stage: 'host', verdict: 'passed', host: exchange.host, passThroughTo: to },
				{
					stage: 'forward',
					verdict: 'passed',
					backends: [{ service: '', verdict: 'passed', percent: 100, external: true }],
				},
			],
			edits: { request: [requestEdits(exchange, departure.sent!)], response: [] },
		},
		outcomes: [{ percent: 100, outcome: 'passedThrough', to }],
	}
}

interface Beyond {
	readonly branch: Branch
	readonly filtered: Filtered
}

function backendFilterStage(beyond: readonly Beyond[]): Stage {
	const acting = beyond.filter(({ branch }) => backendFilters(branch.exchange) !== undefined)
	return {
		stage: 'backendFilter',
		verdict: togetherOf(beyond.map(({ filtered }) => filtered.evidence.verdict)),
		backends: acting.map(({ branch, filtered }) => ({ service: branch.exchange.service!.name, ...filtered.evidence })),
	}
}

async function mirrorStage(going: readonly Branch[], plan: Plan | undefined, means: Means): Promise<Stage> {
	const { knowledge, scope, clientAddress } = means
	// Whom its policies would refuse, a service gets no copy of.
	const load = (exchange: Exchange) => async (name: string) => {
		const service = await serviceFor(knowledge, exchange, name, scope)
		return service !== undefined && (await mayBeCopiedTo(exchange, service, means)) ? service : undefined
	}
	const all =
		plan === undefined
			? []
			: await Promise.all(going.map(({ exchange }) => explainMirrors(exchange, plan, clientAddress, load(exchange))))
	// The rule's own are the same for every backend.
	const mirrors = all.flatMap((ofBranch, i) => ofBranch.filter(({ backend }) => backend !== undefined || i === 0))
	const copied = mirrors.some(({ url }) => url !== null)
	return { stage: 'mirrors', verdict: copied ? 'passed' : 'skipped', mirrors }
}

/** Those that leave in time, and those that faults have held up until their time is over. */
async function leave(branch: Branch, plan: Plan | undefined, means: Means): Promise<Leaving[]> {
	const requestMs = plan?.timeouts?.requestMs
	const late = requestMs === undefined ? 0 : lateOdds(branch.delays, requestMs)
	return [
		...(late < 1 ? [await leaveAfter(0, { ...branch, odds: branch.odds * (1 - late) }, plan, means)] : []),
		...(late > 0 ? [await leaveAfter(requestMs!, { ...branch, odds: branch.odds * late }, plan, means)] : []),
	]
}

async function leaveAfter(
	elapsedMs: number,
	branch: Branch,
	plan: Plan | undefined,
	{ clientAddress, knowledge }: Means,
): Promise<Leaving> {
	const { exchange } = branch
	const departure = await depart(exchange, plan, clientAddress, elapsedMs)
	const { refusal } = departure
	const refused = refusal && (await explainedRefusal(refusal, exchange, knowledge.table.revision))
	return { ...branch, departure, refused }
}

function forwardStage(leaving: readonly Leaving[], sent: readonly Leaving[], plan: Plan | undefined): Stage {
	const [first] = sent
	const retry = first && explainRetry(plan, first.exchange, first.departure)
	const timeouts = first && policyFor(first.exchange, plan).timeouts
	return {
		stage: 'forward',
		verdict: togetherOf(leaving.map(verdictOn)),
		...(timeouts === undefined ? {} : { timeouts }),
		...(retry === undefined ? {} : { retry }),
		backends: leaving.map((branch): ExplainedForward => {
			const { name, external, credential } = branch.exchange.service!
			const isGood = credential !== undefined && !('invalid' in credential)
			return {
				service: name,
				verdict: verdictOn(branch),
				percent: percentOf(branch.odds),
				...(external ? { external } : {}),
				...(isGood ? { credential: { in: credential.in, name: credential.name } } : {}),
				...(branch.refused === undefined ? {} : { refusal: branch.refused }),
			}
		}),
	}
}

const verdictOn = ({ refused }: Leaving): Verdict => (refused === undefined ? 'passed' : 'refused')

function destination({ exchange, odds, asks, refused, isResumed }: Leaving): Outcome {
	if (refused !== undefined) return endings(exchange, [{ odds, refusal: refused }], 1, asks)[0]!
	const { rule, service, endpoint } = exchange
	return {
		percent: percentOf(odds),
		...(rule!.name === '' ? {} : { rule: rule!.name }),
		...asking(asks),
		outcome: 'sent',
		service: service!.name,
		endpoints: takingTraffic(service!).length,
		...(isResumed ? { endpoint: endpoint!.id } : {}),
	}
}
