/** Authorization as the specification says it, rule by rule and list by list, without an index or a thought of speed. */
import type { AccessRequest } from '../../src/authorization/request.ts'
import type {
	AccessCondition,
	AccessOperation,
	AccessPolicies,
	AccessPolicy,
	AccessRule,
	AccessSource,
	Authorizer,
} from '../../src/snapshot/authorization.ts'
import { blockHolds, hostMatches, pathMatches, textMatches, windowHolds } from './authorizationValues.ts'

export interface SpecVerdict {
	readonly allowed: boolean
	readonly by: string | undefined
	readonly authorizers: readonly string[]
	readonly audited: readonly string[]
	readonly dryRun: { readonly allowed: boolean; readonly by: string } | undefined
}

/** A match of `pattern` with what a request has there, if it has anything. */
type Compare = (pattern: string, refuses: boolean) => boolean

interface World {
	readonly request: AccessRequest
	readonly trustDomain: string
	readonly action: AccessPolicy['action']
	/** Whether a match of the policy counts against the request. */
	readonly refuses: boolean
}

export function specVerdict(
	layers: readonly AccessPolicies[],
	defaultAccess: 'open' | 'closed',
	trustDomain: string,
	request: AccessRequest,
): SpecVerdict {
	const policies = layers.flat()
	const enforced = policies.filter(({ dryRun }) => !dryRun)
	const matching = (among: readonly AccessPolicy[], action: AccessPolicy['action']) =>
		among
			.filter((policy) => policy.action === action)
			.flatMap((policy) => {
				const world = { request, trustDomain, action, refuses: action !== 'ALLOW' }
				const rule = policy.rules.findIndex((one) => ruleMatches(one, world))
				return rule < 0 ? [] : [{ policy, name: `${policy.name} ${rule}` }]
			})
	const judge = (among: readonly AccessPolicy[]) => {
		const [denied] = matching(among, 'DENY')
		if (denied !== undefined) return { allowed: false, by: denied.name }
		const [admitted] = matching(among, 'ALLOW')
		const someoneMust = defaultAccess === 'closed' || among.some(({ action }) => action === 'ALLOW')
		return { allowed: admitted !== undefined || !someoneMust, by: admitted?.name }
	}
	const verdict = judge(enforced)
	const asked = matching(enforced, 'CUSTOM').map(({ policy }) => (policy as { authorizer: Authorizer }).authorizer.name)
	const other = judge(policies)
	const firstTried = policies.find(({ dryRun, action }) => dryRun && action === 'ALLOW')
	return {
		...verdict,
		authorizers: verdict.allowed ? [...new Set(asked)] : [],
		audited: [...new Set(matching(enforced, 'AUDIT').map(({ policy }) => policy.name))],
		dryRun:
			other.allowed === verdict.allowed
				? undefined
				: { allowed: other.allowed, by: other.by ?? `${firstTried?.name} undefined` },
	}
}

/** "Whatever is there must hold: one of `from`, one of `to`, all of `when`." "An empty one is met by nobody." */
function ruleMatches({ from, to, when }: AccessRule, world: World): boolean {
	if (from !== undefined && !from.some((source) => sourceMatches(source, world))) return false
	if (to !== undefined && !to.some((operation) => operationMatches(operation, world))) return false
	return when === undefined || (when.length > 0 && when.every((condition) => conditionHolds(condition, world)))
}

/** "Of each list one must match, and of each `not…` list none." */
function lists(
	values: readonly string[] | undefined,
	notValues: readonly string[] | undefined,
	compare: Compare,
	{ refuses }: World,
): boolean {
	if (values !== undefined && !values.some((value) => compare(value, refuses))) return false
	return notValues === undefined || !notValues.some((value) => compare(value, !refuses))
}

const sourceMatches = (source: AccessSource, world: World): boolean =>
	lists(source.principals, source.notPrincipals, principal(world), world) &&
	lists(source.requestPrincipals, source.notRequestPrincipals, text(world.request.user?.principal), world) &&
	lists(source.namespaces, source.notNamespaces, text(world.request.caller?.namespace), world) &&
	lists(source.serviceAccounts, source.notServiceAccounts, serviceAccount(world), world) &&
	lists(source.trustDomains, source.notTrustDomains, trustDomain(world), world) &&
	addressHolds(source.ipBlocks, source.notIpBlocks, world)

const operationMatches = (operation: AccessOperation, world: World): boolean =>
	lists(
		operation.hosts,
		operation.notHosts,
		(host) => hostMatches(host, world.request.host, world.request.port),
		world,
	) &&
	lists(operation.ports, operation.notPorts, text(`${world.request.port}`), world) &&
	lists(operation.methods, operation.notMethods, text(world.request.method), world) &&
	lists(operation.paths, operation.notPaths, (path, refuses) => pathMatches(path, world.request.path, refuses), world)

const conditionHolds = ({ key, values, notValues }: AccessCondition, world: World): boolean =>
	key.of === 'address'
		? addressHolds(values, notValues, world)
		: lists(values, notValues, comparison(key, world), world)

function comparison(key: Exclude<AccessCondition['key'], { of: 'address' }>, world: World): Compare {
	const { request } = world
	switch (key.of) {
		case 'header':
			return text(request.header(key.name) ?? undefined)
		case 'claim':
			return (pattern) => claimTexts(request, key.path).some((one) => textMatches(pattern, one))
		case 'audiences':
			return (pattern) => request.user?.audiences.some((audience) => textMatches(pattern, audience)) === true
		case 'presenter':
			return text(request.user?.presenter)
		case 'requestPrincipal':
			return text(request.user?.principal)
		case 'principal':
			return principal(world)
		case 'namespace':
			return text(request.caller?.namespace)
		case 'serviceAccount':
			return serviceAccount(world)
		case 'trustDomain':
			return trustDomain(world)
		case 'port':
			return text(`${request.port}`)
		case 'time':
			return (window) => windowHolds(window, request.now)
	}
}

/** "What is not there matches nothing." */
const text =
	(value: string | undefined): Compare =>
	(pattern) =>
		value !== undefined && textMatches(pattern, value)

const principal =
	({ request: { caller }, trustDomain: own }: World): Compare =>
	(pattern) => {
		const ours = pattern.startsWith('cluster.local/') ? pattern.replace('cluster.local', own) : pattern
		return caller !== undefined && textMatches(ours, caller.spiffeId.replace('spiffe://', ''))
	}

const trustDomain =
	({ request: { caller }, trustDomain: own }: World): Compare =>
	(pattern) =>
		caller !== undefined && textMatches(pattern === 'cluster.local' ? own : pattern, new URL(caller.spiffeId).hostname)

const serviceAccount =
	({ request: { caller } }: World): Compare =>
	(pattern) =>
		caller?.workload !== undefined && pattern === `${caller.namespace}/${caller.workload}`

/** "An address that is not known is no reason to let in: DENY and CUSTOM match it, ALLOW does not, and to AUDIT it is in no block." */
function addressHolds(
	blocks: readonly string[] | undefined,
	notBlocks: readonly string[] | undefined,
	world: World,
): boolean {
	const { clientAddress } = world.request
	if (clientAddress !== '') return lists(blocks, notBlocks, (block) => blockHolds(block, clientAddress), world)
	// What no list could hold is told without looking into any.
	if (blocks?.length === 0) return false
	switch (world.action) {
		case 'ALLOW':
			return blocks === undefined && (notBlocks === undefined || notBlocks.length === 0)
		case 'AUDIT':
			return blocks === undefined
		default:
			return true
	}
}

/** "A list has the value when one of its members does." Numbers and booleans are their JSON; what is empty is not there. */
function claimTexts({ user }: AccessRequest, path: readonly string[]): string[] {
	let value: unknown = user?.claims
	for (const name of path) {
		const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
		value = isObject ? Object.entries(value as object).find(([key]) => key === name)?.[1] : undefined
	}
	const isDivided = path.length === 1 && user?.spaceDelimitedClaims.includes(path[0]!) === true
	const members = typeof value === 'string' && isDivided ? value.split(' ') : Array.isArray(value) ? value : [value]
	return members.flatMap((member) => {
		if (typeof member === 'string') return member === '' ? [] : [member]
		return typeof member === 'number' || typeof member === 'boolean' ? [JSON.stringify(member)] : []
	})
}
