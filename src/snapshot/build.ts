/**
 * The build: from changed resources to changed parts and statuses.
 *
 * Incremental by construction: only what changed, and what mentions it, is looked at, so one changed route costs the same
 * among ten resources and among a hundred thousand. Pure: the index answers look-ups, the caller stores the result.
 */
import {
	MESH_PART,
	meshHost,
	namespacePart,
	type PartName,
	type ResourceKey,
	resourceKey,
	routeSlicePart,
	serviceName,
	servicePart,
	virtualHostPart,
} from '../names.ts'
import type { Gateway } from '../resources/gateway.ts'
import type { HTTPRoute } from '../resources/httpRoute.ts'
import type { Mesh } from '../resources/mesh.ts'
import type { Resource } from '../resources/resource.ts'
import type { Service } from '../resources/service.ts'
import type { ConditionedStatus } from '../resources/status.ts'
import { affected, type Changed } from './affected.ts'
import type { AccessPolicies } from './authorization.ts'
import { accessOf } from './policies/access.ts'
import { type AddedLookup, addedLookup } from './policies/addedPolicies.ts'
import { type AuthorizerLookup, authorizerLookup } from './policies/authorizer.ts'
import { type PolicyLookup, policyLookup } from './policies/policies.ts'
import { type PolicyRules, policyRulesOf } from './policies/policyRules.ts'
import { addedStatus, policyStatus } from './policies/policyStatus.ts'
import { healthCheckOf } from './policies/trafficRules.ts'
import { usersOf } from './policies/users.ts'
import { listenerPattern, patternTarget, routeUsersOf } from './references.ts'
import type { IndexedResource, ResourceIndex } from './resourceIndex.ts'
import { type Attachment, attachRoute, serves } from './routes/attachRoute.ts'
import { resolveRule, routeSlice } from './routes/routeSlice.ts'
import { resolveCredential } from './services/credential.ts'
import { type FederationLookup, federationLookup, federationStatus } from './services/federation.ts'
import { hasService, serviceTarget } from './services/serviceTarget.ts'
import type { MeshDefaults, PartBody } from './snapshot.ts'
import { gatewayStatus, plainStatus, routeStatus, type Stamp, serviceStatus, trafficMatchStatus } from './statuses.ts'
import type { HealthCheck } from './trafficPolicy.ts'

export interface BuildContext {
	readonly meshDomain: string
	/** ms since the epoch. */
	readonly now: number
}

/** What one resource builds to. */
export interface Built {
	readonly status?: ConditionedStatus
	/** Null: the part goes. */
	readonly parts: ReadonlyMap<PartName, PartBody | null>
	/** Listeners, as `<namespace>/<gateway>/<listener>`, that the resource is attached to. */
	readonly listeners: readonly string[]
	/** Of a Service: how its registry checks the endpoints; null: not at all. */
	readonly health?: HealthCheck | null
}

/** What every step of one build looks into. */
interface Around {
	readonly index: ResourceIndex
	readonly context: BuildContext
	readonly policies: PolicyLookup<'TrafficPolicy'>
	readonly peers: PolicyLookup<'PeerAuthentication'>
	readonly users: AddedLookup<'RequestAuthentication'>
	readonly access: AddedLookup<'AuthorizationPolicy'>
	readonly authorizers: AuthorizerLookup
	readonly federation: FederationLookup
}

/** Builds all that the changes affect. The index must already show the changes. */
export function build(
	changes: readonly Changed[],
	index: ResourceIndex,
	context: BuildContext,
): Map<ResourceKey, Built> {
	const built = new Map<ResourceKey, Built>()
	const around: Around = {
		index,
		context,
		policies: policyLookup('TrafficPolicy', index),
		peers: policyLookup('PeerAuthentication', index),
		users: addedLookup('RequestAuthentication', index),
		access: addedLookup('AuthorizationPolicy', index),
		authorizers: authorizerLookup(index),
		federation: federationLookup(index),
	}
	for (const change of changes) built.set(change.key, buildOne(change.key, change.before, around))
	for (const key of affected(changes, index)) if (!built.has(key)) built.set(key, buildOne(key, undefined, around))
	return built
}

function buildOne(key: ResourceKey, before: IndexedResource['resource'] | undefined, around: Around): Built {
	const { index, context } = around
	const [kind, namespace, name] = key.split('/') as [string, string, string]
	const found = index.get(key)
	const stamp = { generation: found?.generation ?? 0, now: new Date(context.now).toISOString(), before: found?.status }
	switch (kind) {
		case 'HTTPRoute':
			return buildRoute(key, found, around, stamp)
		case 'Gateway': {
			const gateway = found?.resource as Gateway | undefined
			const parts = listenerHosts([before as Gateway | undefined, gateway], index, context)
			return { parts, listeners: [], ...(gateway && { status: gatewayStatus(gateway, context.meshDomain, stamp) }) }
		}
		case 'Service':
			return {
				...buildService(namespace, name, around),
				listeners: [],
				...(found && { status: serviceStatus(resolveCredential(found.resource as Service, index), stamp) }),
			}
		case 'Namespace':
			return {
				parts: namespaceParts(name, rulesFor(key, around)),
				listeners: [],
				...(found && { status: plainStatus(stamp) }),
			}
		case 'Mesh': {
			const parts = meshParts(found?.resource as Mesh | undefined, rulesFor(key, around))
			return { parts, listeners: [], ...(found && { status: plainStatus(stamp) }) }
		}
		default: {
			const status = found && statusOf(key, found.resource, around, stamp)
			return { parts: new Map(), listeners: [], ...(status && { status }) }
		}
	}
}

/** Of a kind that makes no part by itself. */
function statusOf(
	key: ResourceKey,
	resource: Resource,
	{ index, context, policies, peers, users, authorizers, federation }: Around,
	stamp: Stamp,
): ConditionedStatus {
	switch (resource.kind) {
		case 'TrafficPolicy':
			return policyStatus(key, resource, index, policies, stamp)
		case 'PeerAuthentication':
			return policyStatus(key, resource, index, peers, stamp)
		case 'RequestAuthentication':
		case 'AuthorizationPolicy':
			return addedStatus(resource, index, authorizers, stamp)
		case 'FederatedTrustDomain':
			return federationStatus(key, resource, context.meshDomain, federation, stamp)
		case 'TrafficMatch': {
			const isBelieved = routeUsersOf(resource.metadata.namespace).some((target) => users(target).length > 0)
			return trafficMatchStatus(resource, isBelieved, stamp)
		}
		default:
			return plainStatus(stamp)
	}
}

function buildRoute(key: ResourceKey, found: IndexedResource | undefined, around: Around, stamp: Stamp): Built {
	const { index, context, policies } = around
	const parts = new Map<PartName, PartBody | null>(index.produced(key).map((part) => [part, null]))
	if (found === undefined) return { parts, listeners: [] }
	const route = found.resource as HTTPRoute
	const verdicts = attachRoute(route, index, context.meshDomain)
	const resolved = route.spec.rules.map((_, i) =>
		resolveRule(route, i, index, policies, (rule) => accessFor(key, around, rule.name)),
	)
	const rules = resolved.map(({ rule }) => rule)
	const attachments = verdicts.flatMap((verdict) => verdict.attachments)
	for (const [pattern, shared] of byPattern(attachments)) {
		const part = routeSlicePart(pattern, route.metadata.namespace, route.metadata.name)
		parts.set(part, routeSlice(route, found.createdAt, shared, rules))
	}
	return {
		parts,
		status: routeStatus(
			verdicts,
			resolved.flatMap(({ unresolved }) => unresolved),
			stamp,
		),
		listeners: [...new Set(attachments.flatMap(({ listener }) => listener ?? []))],
	}
}

function byPattern(attachments: readonly Attachment[]): Map<string, [Attachment, ...Attachment[]]> {
	const groups = new Map<string, [Attachment, ...Attachment[]]>()
	for (const attachment of attachments) {
		const group = groups.get(attachment.pattern)
		if (group === undefined) groups.set(attachment.pattern, [attachment])
		else group.push(attachment)
	}
	return groups
}

/** A virtual host stands while any listener of any Gateway names its pattern. */
function listenerHosts(
	gateways: readonly (Gateway | undefined)[],
	index: ResourceIndex,
	{ meshDomain }: BuildContext,
): Map<PartName, PartBody | null> {
	const listeners = gateways.flatMap((gateway) => gateway?.spec.listeners ?? [])
	const patterns = listeners.filter((listener) => serves(listener, meshDomain)).map(listenerPattern)
	return new Map(
		patterns.map((pattern) => [
			virtualHostPart(pattern),
			index.referrers(patternTarget(pattern)).length > 0 ? { kind: 'virtualHost', pattern } : null,
		]),
	)
}

function buildService(namespace: string, name: string, around: Around): Pick<Built, 'parts' | 'health'> {
	const { index, context, policies } = around
	const service = serviceName(namespace, name)
	const pattern = meshHost(service, context.meshDomain)
	const exists = hasService(service, index)
	const key = resourceKey('Service', namespace, name)
	const parts = new Map<PartName, PartBody | null>([
		[virtualHostPart(pattern), exists ? { kind: 'virtualHost', pattern, defaultService: service } : null],
		[servicePart(service), exists ? serviceTarget(service, index, rulesFor(key, around)) : null],
	])
	const check = exists ? policies(key).sections.healthCheck : undefined
	return { parts, health: check === undefined ? null : healthCheckOf(check) }
}

const rulesFor = (target: ResourceKey, around: Around): PolicyRules =>
	policyRulesOf(
		around.policies(target).sections,
		around.peers(target).sections,
		usersOf(around.users(target)),
		accessFor(target, around),
	)

/** `rule` is the name of a route's rule: policies of the route apply there, and those of the rule. */
const accessFor = (target: ResourceKey, around: Around, rule?: string): AccessPolicies | undefined =>
	accessOf(around.access(target, rule), around.authorizers)

const isSilent = (rules: PolicyRules): boolean => Object.keys(rules).length === 0

function namespaceParts(namespace: string, rules: PolicyRules): Map<PartName, PartBody | null> {
	return new Map([[namespacePart(namespace), isSilent(rules) ? null : { kind: 'namespace', namespace, ...rules }]])
}

/** There while somebody says something of the whole mesh: its document, or a policy. */
function meshParts(mesh: Mesh | undefined, rules: PolicyRules): Map<PartName, PartBody | null> {
	if (mesh === undefined && isSilent(rules)) return new Map([[MESH_PART, null]])
	const { egress, defaultAccess, trustDomainAliases, samples }: Mesh['spec'] = mesh?.spec ?? {
		egress: 'registryOnly',
		defaultAccess: 'open',
	}
	const body: MeshDefaults = {
		...{ kind: 'mesh', egress, defaultAccess },
		...(trustDomainAliases && { trustDomainAliases }),
		...(samples && { sampleShare: samples.share }),
		...rules,
	}
	return new Map([[MESH_PART, body]])
}
