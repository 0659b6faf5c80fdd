/** What becomes of requests from their rule to an endpoint: preflights, sessions, the draw, users, policies, and the rule's filters. */
import type { Plan } from '../proxy/compile/compileRule.ts'
import type { Exchange } from '../proxy/exchange.ts'
import { filterFirst } from '../proxy/stages/filter.ts'
import { learnNamespaceOf } from '../proxy/stages/placing.ts'
import { type Branch, explainPick, explainSession } from './backends.ts'
import type { Verdict } from './explanation.ts'
import { explainedRefusal, explainFilters } from './filters.ts'
import { type Introducing, introduced } from './introduce.ts'
import { endings, type Trail, togetherOf } from './trail.ts'

/** Answers the backends that have an endpoint; odds are of all requests from here on. */
export async function arrive(
	exchange: Exchange,
	plan: Plan | undefined,
	odds: number,
	trail: Trail,
	means: Introducing,
): Promise<Branch[]> {
	const { revision } = means.knowledge.table
	const filter = () => explainFilters(exchange, plan?.filters, plan, revision)
	if (plan !== undefined && filterFirst({ ...exchange }, plan.filters, revision) !== undefined) {
		const filtered = await filter()
		trail.stages.push({ stage: 'filter', ...filtered.evidence })
		trail.outcomes.push(...endings(exchange, filtered.ends, odds))
		return []
	}
	const drawn = await drawAll(exchange, plan, odds, trail, means)
	const welcome = drawn.length === 0 ? [] : await introduce(drawn, plan, trail, means)
	if (welcome.length === 0) return []
	const filtered = await filter()
	trail.stages.push({ stage: 'filter', ...filtered.evidence })
	for (const [asks, share] of sharesOf(welcome)) trail.outcomes.push(...endings(exchange, filtered.ends, share, asks))
	const { passing, delays } = filtered
	const going = passing === 0 ? [] : welcome.map((branch) => ({ ...branch, odds: branch.odds * passing, delays }))
	for (const { asks, odds: share, stranded } of going)
		if (stranded !== undefined) trail.outcomes.push(...endings(exchange, [{ odds: share, refusal: stranded }], 1, asks))
	return going.filter(({ stranded }) => stranded === undefined)
}

/** The odds of those branches together about which the same authorizers are asked. */
function sharesOf(branches: readonly Branch[]): Iterable<readonly [asks: readonly string[], odds: number]> {
	const shares = new Map<string, readonly [readonly string[], number]>()
	for (const { asks, odds } of branches) {
		const key = JSON.stringify(asks)
		shares.set(key, [asks, (shares.get(key)?.[1] ?? 0) + odds])
	}
	return shares.values()
}

/** Every backend that takes the caller. A rule that answers by itself asks none: what stands for it has no service. */
async function drawAll(
	exchange: Exchange,
	plan: Plan | undefined,
	odds: number,
	trail: Trail,
	{ knowledge, scope }: Introducing,
): Promise<Branch[]> {
	if (plan !== undefined && answersItself(plan)) {
		const refused = await learnNamespaceOf(knowledge, exchange, scope)
		const refusal = refused && (await explainedRefusal(refused, exchange, knowledge.table.revision))
		if (refusal !== undefined) trail.outcomes.push(...endings(exchange, [{ odds: 1, refusal }], odds))
		const whole = { exchange, odds, isResumed: false, delays: [], asks: [], refusal: undefined, stranded: undefined }
		return refusal === undefined ? [whole] : []
	}
	const session = plan && (await explainSession(exchange, plan, knowledge, scope))
	trail.stages.push(session?.stage ?? { stage: 'session', verdict: 'skipped' })
	const picked = await explainPick(exchange, session?.branch, knowledge, scope)
	trail.stages.push(picked.stage)
	const branches = picked.branches.map((branch) => ({ ...branch, odds: odds * branch.odds }))
	for (const { odds: share, refusal } of branches)
		if (refusal !== undefined) trail.outcomes.push(...endings(exchange, [{ odds: share, refusal }], 1))
	return branches.filter(({ refusal }) => refusal === undefined)
}

const answersItself = ({ filters }: Plan): boolean =>
	filters.directResponse !== undefined || filters.redirect !== undefined

/** Users and policies. Answers the backends whose services take the request. */
async function introduce(
	branches: readonly Branch[],
	plan: Plan | undefined,
	{ stages, outcomes }: Trail,
	means: Introducing,
): Promise<Branch[]> {
	const all = await Promise.all(branches.map((branch) => introduced(branch, plan, means)))
	const users = all.flatMap(({ user }) => user ?? [])
	const access = all.flatMap(({ access: one }) => one ?? [])
	stages.push({ stage: 'authenticate', verdict: verdictsOn(users), backends: users })
	if (access.length > 0 || all.some(({ refusal }) => refusal === undefined))
		stages.push({ stage: 'authorize', verdict: verdictsOn(access), backends: access })
	for (const { branch, refusal } of all)
		if (refusal !== undefined) outcomes.push(...endings(branch.exchange, [{ odds: branch.odds, refusal }], 1))
	return all.filter(({ refusal }) => refusal === undefined).map(({ branch }) => branch)
}

const verdictsOn = (evidence: readonly { readonly verdict: Verdict }[]): Verdict =>
	evidence.length === 0 ? 'skipped' : togetherOf(evidence.map(({ verdict }) => verdict))
