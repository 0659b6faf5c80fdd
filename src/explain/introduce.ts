/** Whether a service takes the described user and the request: the data path's own stages, on what each backend's service asks for. */
import type { AccessVerdict, PolicyName } from '../authorization/decide.ts'
import { namespaceOf, verdictOn } from '../proxy/access/access.ts'
import type { Plan } from '../proxy/compile/compileRule.ts'
import type { CompiledService } from '../proxy/compile/compileService.ts'
import type { CompiledJwtRule } from '../proxy/compile/compileUsers.ts'
import type { Exchange, RouteUsers } from '../proxy/exchange.ts'
import { type Knowledge, learnNamespace } from '../proxy/knowledge/knowledge.ts'
import type { Scope } from '../proxy/ports.ts'
import type { Refusal } from '../proxy/refusal.ts'
import { admitsCopy, mayCopyTo } from '../proxy/sending/copyTargets.ts'
import { destinationOf } from '../proxy/sending/outgoing.ts'
import { authenticate, userOfRoute } from '../proxy/stages/authenticate.ts'
import { fieldsFor } from '../proxy/users/tellUser.ts'
import { type Users, usersOfRoute } from '../proxy/users/users.ts'
import type { AccessPolicies } from '../snapshot/authorization.ts'
import type { Branch } from './backends.ts'
import type { AccessEvidence, AccessLayerEvidence, ExplainedRefusal, UserEvidence } from './explanation.ts'
import { explainedRefusal } from './filters.ts'
import type { RefusedUsers } from './users.ts'

/** An end user, as if a good token had been shown where a rule looks. */
export interface DescribedUser {
	readonly issuer: string
	readonly subject: string
	/** Absent: those of the claim `aud`. */
	readonly audiences?: readonly string[] | undefined
	readonly claims: Readonly<Record<string, unknown>>
}

export interface Introducing {
	readonly knowledge: Knowledge
	readonly scope: Scope
	readonly users: Users
	readonly user: DescribedUser | undefined
}

/** What a branch's service says of its request. */
export interface Introduced {
	readonly branch: Branch
	/** Undefined where nobody looks for users. */
	readonly user: UserEvidence | undefined
	/** Undefined where there is no policy, or the user was refused. */
	readonly access: AccessEvidence | undefined
	readonly refusal: ExplainedRefusal | undefined
}

export async function introduced(branch: Branch, plan: Plan | undefined, means: Introducing): Promise<Introduced> {
	const { table } = means.knowledge
	const exchange = { ...branch.exchange }
	const standIn = { ...branch, exchange }
	const { users: rules, userFields } = exchange.service ?? usersOfRoute(means.users, table, namespaceOf(exchange))
	const named = exchange.service === undefined ? {} : { service: exchange.service.name }
	const explain = (refusal: Refusal) => explainedRefusal(refusal, exchange, table.revision)
	const distrust = rules.length === 0 ? undefined : await believe(exchange, rules, means)
	if (distrust !== undefined) {
		const refusal = await explain(distrust)
		return { branch: standIn, user: { ...named, verdict: 'refused', refusal }, access: undefined, refusal }
	}
	const { user: found } = exchange
	const user: UserEvidence | undefined =
		rules.length === 0
			? undefined
			: found === undefined
				? { ...named, verdict: 'skipped' }
				: { ...named, verdict: 'passed', user: { issuer: found.issuer, subject: found.subject } }
	const verdict = verdictOn(exchange, () => destinationOf(exchange, plan), userFields, table)
	if (verdict === undefined) return { branch: standIn, user, access: undefined, refusal: undefined }
	const refused = 'reason' in verdict ? verdict : verdict.allowed ? undefined : deniedBy(verdict)
	const refusal = refused && (await explain(refused))
	const access: AccessEvidence = {
		...named,
		verdict: refusal === undefined ? 'passed' : 'refused',
		defaultAccess: table.defaultAccess,
		layers: layersOf(exchange, means.knowledge),
		...('reason' in verdict ? {} : evidenceOf(verdict)),
		...(refusal === undefined ? {} : { refusal }),
	}
	return { branch: { ...standIn, asks: access.asks ?? [] }, user, access, refusal }
}

const deniedBy = ({ by }: AccessVerdict): Refusal => ({
	reason: 'access_denied',
	...(by === undefined ? {} : { policy: by.policy }),
})

/** Sets the exchange's user, or says why none is believed. */
async function believe(
	exchange: Exchange,
	rules: readonly CompiledJwtRule[],
	{ knowledge, scope, users, user }: Introducing,
): Promise<Refusal | undefined> {
	if (user !== undefined) return believeDescribed(exchange, rules, user)
	return authenticate(exchange, users, knowledge.table, portsAt(exchange), scope)
}

const portsAt = ({ startedAt }: Exchange) => ({
	now: () => startedAt,
	wait: () => Promise.resolve(),
	issuerKeys: () => Promise.reject(new Error('nobody is asked')),
})

/** Sets the exchange's users as all rules of these namespaces see them. */
export async function meetUsers(
	exchange: Exchange,
	namespaces: ReadonlySet<string>,
	means: Introducing,
): Promise<RefusedUsers> {
	const known: RouteUsers['known'] = new Map()
	const refused = new Map<string, Refusal>()
	for (const namespace of namespaces) {
		const reached = await learnNamespace(means.knowledge, namespace, exchange.startedAt, means.scope)
		const user = reached
			? await userSeenBy(namespace, exchange, means)
			: ({ reason: 'control_plane_unreachable', host: exchange.host } as const)
		if (user !== null && 'reason' in user) refused.set(namespace, user)
		else known.set(namespace, user)
	}
	exchange.routeUsers = { known, missing: undefined }
	return refused
}

/** The user as routes of a namespace see one; null: nobody. */
async function userSeenBy(
	namespace: string,
	exchange: Exchange,
	{ knowledge, scope, users, user }: Introducing,
): Promise<NonNullable<Exchange['user']> | Refusal | null> {
	const { table } = knowledge
	if (user === undefined)
		return (await userOfRoute(exchange, namespace, users, table, portsAt(exchange), scope)) ?? null
	const { users: rules } = usersOfRoute(users, table, namespace)
	const trial = { ...exchange }
	return (rules.length === 0 ? undefined : believeDescribed(trial, rules, user)) ?? trial.user ?? null
}

/** Whether a service gets a copy: to it, too, a good token of the user is shown where its rules look. */
export async function mayBeCopiedTo(
	exchange: Exchange,
	service: CompiledService,
	{ knowledge: { table }, users, user, scope }: Introducing,
): Promise<boolean> {
	if (user === undefined) return mayCopyTo(exchange, service, users, table, portsAt(exchange), scope)
	const trial: Exchange = { ...exchange, user: undefined }
	const refusal = service.users.length === 0 ? undefined : believeDescribed(trial, service.users, user)
	return refusal === undefined && admitsCopy(exchange, service, trial.user, table)
}

function believeDescribed(
	exchange: Exchange,
	rules: readonly CompiledJwtRule[],
	{ issuer, subject, claims, audiences = audiencesIn(claims) }: DescribedUser,
): Refusal | undefined {
	const ofIssuer = rules.filter((rule) => rule.issuer === issuer)
	const rule = ofIssuer.find(
		({ audiences: wanted }) => wanted === undefined || wanted.some((one) => audiences.includes(one)),
	)
	if (ofIssuer.length === 0)
		return {
			...{ reason: 'invalid_token', code: 'wrong_issuer' },
			detail: 'iss must be that of a RequestAuthentication which holds here',
		}
	if (rule === undefined)
		return {
			...{ reason: 'invalid_token', code: 'wrong_audience' },
			detail: 'aud must have one of the audiences that the RequestAuthentication names',
		}
	const all = { ...claims, iss: issuer, sub: subject, ...(audiences.length > 0 && { aud: audiences }) }
	const user: NonNullable<Exchange['user']> = {
		...{ issuer, subject, audiences, claims: all, principal: `${issuer}/${subject}` },
		...(typeof claims.azp === 'string' ? { presenter: claims.azp } : {}),
		spaceDelimitedClaims: rule.spaceDelimitedClaims,
		expiresAt: Number.POSITIVE_INFINITY,
		// Nobody has seen the token.
		payload: '***',
	}
	exchange.user = user
	exchange.userEdits = { dropped: [], cookies: [], said: fieldsFor(rule, user) }
	return undefined
}

/** As the claim says it: one text, or a list (RFC 7519 §4.1.3). */
const audiencesIn = ({ aud }: DescribedUser['claims']): readonly string[] =>
	[aud].flat().filter((one): one is string => typeof one === 'string')

/** Of one layer. */
const MAX_POLICIES_SHOWN = 50

function layersOf({ service, rule }: Exchange, { table }: Knowledge): readonly AccessLayerEvidence[] {
	const namespace = (service?.name ?? rule?.name ?? '').split('/', 1)[0]!
	const layers: readonly [AccessLayerEvidence['layer'], AccessPolicies | undefined][] = [
		['mesh', table.defaults.access],
		['namespace', table.namespaces.get(namespace)?.access],
		['service', service && table.targets.get(service.name)?.access],
		['rule', rule?.source?.access],
	]
	return layers.flatMap(([layer, policies]) => {
		if (policies === undefined) return []
		const shown = policies.slice(0, MAX_POLICIES_SHOWN).map(({ name, action, dryRun }) => ({
			...{ policy: name, action },
			...(dryRun && { dryRun }),
		}))
		return [{ layer, policyCount: policies.length, policies: shown }]
	})
}

const evidenceOf = ({ by, authorizers, audited, dryRun }: AccessVerdict): Partial<AccessEvidence> => ({
	...(by === undefined ? {} : { by: nameOf(by) }),
	...(authorizers.length === 0 ? {} : { asks: authorizers.map(({ name }) => name) }),
	...(audited.length === 0 ? {} : { audited: audited.map((policy) => ({ policy })) }),
	...(dryRun === undefined
		? {}
		: { dryRun: { verdict: dryRun.allowed ? 'passed' : 'refused', ...(dryRun.by && nameOf(dryRun.by)) } }),
})

const nameOf = ({ policy, rule }: PolicyName) => ({ policy, ...(rule === undefined ? {} : { ruleIndex: rule }) })
