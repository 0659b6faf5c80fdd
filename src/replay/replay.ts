/**
 * Remembered requests under the policies in force and under others: who would newly be refused, and who newly admitted.
 *
 * Decided is by the data plane's own `decide`. What a sample does not say, because it was digested, cut or left out, is never guessed at:
 * where the verdict depends on it, the sample is undecided, and what it was that could not be told is counted.
 */
import { type AccessVerdict, decide, type PolicyName } from '../authorization/decide.ts'
import type { AccessRequest } from '../authorization/request.ts'
import type { AccessLayers, AccessSample, SampleBatch, SampledUser } from '../ports.ts'
import type { Authorizer } from '../snapshot/authorization.ts'
import { addChange, type Change, createGroups, type Groups, listed, type RefusedFor } from './groups.ts'
import { type Standing, standOf } from './layers.ts'
import { missingIn, type Recognise, recogniser, requestOf, textsOf } from './recall.ts'
import { maySeeAnother, type UserThen, userNow, userThen } from './users.ts'

export interface Replayed {
	/** Samples that were looked at. */
	readonly samples: number
	readonly unchanged: number
	readonly newlyRefused: readonly Change[]
	readonly newlyAdmitted: readonly Change[]
	readonly undecided: readonly Undecided[]
	/** Samples that were not looked at: there were too many keys of digests for so many texts in policies. */
	readonly leftOut: number
	/** Of the samples, how many got another verdict when they were taken than the policies in force give them now. */
	readonly otherThen: number
}

export interface Undecided {
	/** What would have to be known, e.g. `request.headers[x-tenant]`; of `TrafficMatch.when`, whom routes would see, and so which rule. */
	readonly condition: string
	/** Whose condition it is; null where it is nobody's alone. */
	readonly policy: string | null
	readonly count: number
}

/** What asks for users before there is a service. */
const BY_WHICH_RULE = 'TrafficMatch.when'

/** HMACs of one replay, some microseconds each. */
const MAX_DIGESTS = 50_000

/** What policies make of a sample. */
type Judged = Decided | Open

interface Decided {
	readonly allowed: boolean
	/** Name of a policy that refuses or admits it for sure. */
	readonly by?: string
	readonly reason?: RefusedFor
	/** None where it is refused. */
	readonly asked: readonly Authorizer[]
	/** Of those, one of whom it cannot be told whether it is asked. */
	readonly doubted?: Authorizer
}

interface Open {
	readonly open: string
	readonly policy?: string
}

/** `trustDomain` is the mesh's own. */
export async function replay(
	batches: readonly SampleBatch[],
	before: AccessLayers,
	after: AccessLayers,
	trustDomain: string,
): Promise<Replayed> {
	const texts = textsOf(before, after)
	const budget = { left: MAX_DIGESTS }
	const [were, are] = [standOf(before, trustDomain), standOf(after, trustDomain)]
	const tally: Tally = { ...START, refused: createGroups(), admitted: createGroups(), open: new Map() }
	for (const batch of batches) {
		const recognise = await recogniser(batch, texts, budget)
		if (recognise === undefined) tally.leftOut += batch.samples.length
		else
			for (const sample of batch.samples) {
				const { service, rule } = sample
				count(tally, sample, were.at(service, rule), are.at(service, rule), recognise)
			}
	}
	const { samples, unchanged, leftOut, otherThen, refused, admitted, open } = tally
	return {
		...{ samples, unchanged },
		newlyRefused: listed(refused),
		newlyAdmitted: listed(admitted),
		undecided: [...open.values()].sort((a, b) => b.count - a.count),
		...{ leftOut, otherThen },
	}
}

interface Tally {
	samples: number
	unchanged: number
	leftOut: number
	otherThen: number
	readonly refused: Groups
	readonly admitted: Groups
	readonly open: Map<string, { readonly condition: string; readonly policy: string | null; count: number }>
}

const START = { samples: 0, unchanged: 0, leftOut: 0, otherThen: 0 }

function count(tally: Tally, sample: AccessSample, was: Standing, is: Standing, recognise: Recognise): void {
	tally.samples++
	const before = judgeUser(was, sample, userNow(sample, was.users), recognise)
	if (!('open' in before) && before.allowed !== sample.allowed) tally.otherThen++
	if (mayTurn(sample, was, is, recognise)) {
		addOpen(tally, { open: BY_WHICH_RULE })
		return
	}
	if (was.text === is.text) {
		tally.unchanged++
		return
	}
	const after = judgeUser(is, sample, userThen(sample, was.users, is.users, recognise), recognise)
	if ('open' in before) addOpen(tally, before)
	else if ('open' in after) addOpen(tally, after)
	else countChange(tally, sample, before, after)
}

/** Whether it may go by another rule then, and so to another service: a sample knows the one by which it came. */
const mayTurn = (sample: AccessSample, was: Standing, is: Standing, recognise: Recognise): boolean =>
	Array.from(was.routeUsers).some(([namespace, before]) =>
		maySeeAnother(sample, was.users, before, is.routeUsers.get(namespace) ?? [], recognise),
	)

function countChange(tally: Tally, sample: AccessSample, before: Decided, after: Decided): void {
	if (before.allowed !== after.allowed) {
		const asks = [...before.asked, ...after.asked].map(({ name }) => name)
		addChange(after.allowed ? tally.admitted : tally.refused, sample, after, asks)
		return
	}
	const differing = before.doubted ?? after.doubted ?? differingIn(before.asked, after.asked)
	if (differing === undefined) tally.unchanged++
	else addOpen(tally, askedOf(differing))
}

function addOpen({ open }: Tally, { open: condition, policy = null }: { open: string; policy?: string | null }): void {
	const key = JSON.stringify([condition, policy])
	const known = open.get(key) ?? { condition, policy, count: 0 }
	open.set(key, known)
	known.count++
}

/** Of those who are asked about a request one way, and not, or otherwise, the other way: they may say anything. */
function differingIn(some: readonly Authorizer[], others: readonly Authorizer[]): Authorizer | undefined {
	const isIn = (list: readonly Authorizer[], one: Authorizer) =>
		list.some((other) => JSON.stringify(other) === JSON.stringify(one))
	return others.find((one) => !isIn(some, one)) ?? some.find((one) => !isIn(others, one))
}

const askedOf = ({ name }: Authorizer): Open => ({ open: `CUSTOM ${name}` })

/** Policies are asked only where rules of end users have refused nobody. */
function judgeUser(standing: Standing, sample: AccessSample, found: UserThen, recognise: Recognise): Judged {
	if (found === 'open') return { open: 'RequestAuthentication' }
	if (found === 'refused') return { allowed: false, reason: 'invalid_token', asked: [] }
	return judge(standing, sample, found.user, recognise)
}

/** `user` as rules of end users find it. */
function judge(standing: Standing, sample: AccessSample, user: SampledUser | undefined, recognise: Recognise): Judged {
	if (standing.looksAtPaths && sample.ambiguous !== undefined)
		return { allowed: false, reason: 'ambiguous_path', asked: [] }
	const missing =
		standing.looksAtPaths && sample.pathCut
			? 'paths'
			: missingIn(user === undefined ? withoutUser(sample) : sample, standing.looks)
	if (missing !== undefined) return { open: missing }
	const request = requestOf(sample, user, recognise)
	const { trustDomains } = standing
	return decideBothWays(standing, trustDomains === undefined ? request : { ...request, trustDomains })
}

const withoutUser = ({ user: _, ...sample }: AccessSample): AccessSample => sample

function decideBothWays({ bounds, defaultAccess, openConditions }: Standing, request: AccessRequest): Judged {
	const admitted = decide(bounds.admit, defaultAccess, request)
	const refused = decide(bounds.refuse, defaultAccess, request)
	const openFor = (by: PolicyName | undefined): Open => ({
		open: (by && openConditions(by.policy, by.rule).join(', ')) || 'conditions',
		...(by === undefined ? {} : { policy: by.policy }),
	})
	// What refuses though all doubt is against it, refuses for sure; and what admits likewise.
	if (admitted.allowed !== refused.allowed) return openFor(refused.by ?? admitted.by)
	if (!admitted.allowed) return { ...verdict(admitted), reason: 'access_denied' }
	// All who may be asked are asked in the one that refuses what it can.
	const doubted = differingIn(admitted.authorizers, refused.authorizers)
	if (doubted === undefined) return verdict(refused)
	return refused.authorizers.some(writesFields) ? askedOf(doubted) : { ...verdict(refused), doubted }
}

/** What a policy reads there depends on who is asked: of several, each may be or not. */
const writesFields = ({ headersToUpstreamOnAllow }: Authorizer): boolean => headersToUpstreamOnAllow.length > 0

const verdict = (decided: AccessVerdict) => ({
	allowed: decided.allowed,
	...(decided.by === undefined ? {} : { by: decided.by.policy }),
	asked: decided.authorizers,
})
