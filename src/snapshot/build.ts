/**
 * The build: from changed resources to changed parts and statuses.
 *
 * Incremental by construction: only what changed, and what mentions it, is looked at, so one changed route costs the same
 * among ten resources and among a hundred thousand. Pure: the index answers look-ups, the caller stores the result.
 */
import {
	MESH_PART,
	meshHost,
	type PartName,
	type ResourceKey,
	routeSlicePart,
	serviceName,
	servicePart,
	virtualHostPart,
} from '../names.ts'
import type { Gateway } from '../resources/gateway.ts'
import type { HTTPRoute } from '../resources/httpRoute.ts'
import type { Mesh } from '../resources/mesh.ts'
import type { Service } from '../resources/service.ts'
import type { ConditionedStatus } from '../resources/status.ts'
import { type Attachment, attachRoute, serves } from './attachRoute.ts'
import { resolveCredential } from './credential.ts'
import { listenerPattern, patternTarget, targetsOf } from './references.ts'
import type { IndexedResource, ResourceIndex } from './resourceIndex.ts'
import { resolveRule, routeSlice } from './routeSlice.ts'
import { hasService, serviceTarget } from './serviceTarget.ts'
import type { PartBody } from './snapshot.ts'
import { gatewayStatus, plainStatus, routeStatus, serviceStatus } from './statuses.ts'

export interface BuildContext {
	readonly meshDomain: string
	/** ms since the epoch. */
	readonly now: number
}

/** A resource that was put or removed. `before` is what it was, so that what it no longer makes can go. */
export interface Changed {
	readonly key: ResourceKey
	readonly before?: IndexedResource['resource'] | undefined
	/** Whether it exists now and did not, or the other way round: references to it may resolve differently. */
	readonly existence: boolean
}

/** What one resource builds to. */
export interface Built {
	readonly status?: ConditionedStatus
	/** Null: the part goes. */
	readonly parts: ReadonlyMap<PartName, PartBody | null>
	/** Listeners, as `<namespace>/<gateway>/<listener>`, that the resource is attached to. */
	readonly listeners: readonly string[]
}

/** Builds all that the changes affect. The index must already show the changes. */
export function build(
	changes: readonly Changed[],
	index: ResourceIndex,
	context: BuildContext,
): Map<ResourceKey, Built> {
	const built = new Map<ResourceKey, Built>()
	for (const change of changes) built.set(change.key, buildOne(change.key, change.before, index, context))
	for (const key of affected(changes, index))
		if (!built.has(key)) built.set(key, buildOne(key, undefined, index, context))
	return built
}

/** Resources that mention a changed one and may now resolve differently. */
function affected(changes: readonly Changed[], index: ResourceIndex): Set<ResourceKey> {
	const keys = new Set<ResourceKey>()
	for (const { key, existence } of changes) {
		const [kind, namespace, name] = key.split('/') as [string, string, string]
		// A Service's endpoints travel in its own part; routes ask only whether it exists.
		if (kind === 'HTTPRoute' || (kind === 'Service' && !existence)) continue
		for (const target of targetsOf(kind, namespace, name))
			for (const source of index.referrers(target)) keys.add(source)
	}
	return keys
}

function buildOne(
	key: ResourceKey,
	before: IndexedResource['resource'] | undefined,
	index: ResourceIndex,
	context: BuildContext,
): Built {
	const [kind, namespace, name] = key.split('/') as [string, string, string]
	const found = index.get(key)
	const stamp = { generation: found?.generation ?? 0, now: new Date(context.now).toISOString(), before: found?.status }
	switch (kind) {
		case 'HTTPRoute':
			return buildRoute(key, found, index, context, stamp)
		case 'Gateway': {
			const gateway = found?.resource as Gateway | undefined
			const parts = listenerHosts([before as Gateway | undefined, gateway], index, context)
			return { parts, listeners: [], ...(gateway && { status: gatewayStatus(gateway, context.meshDomain, stamp) }) }
		}
		case 'Service':
			return {
				parts: serviceParts(namespace, name, index, context),
				listeners: [],
				...(found && { status: serviceStatus(resolveCredential(found.resource as Service, index), stamp) }),
			}
		case 'Mesh': {
			const egress = (found?.resource as Mesh | undefined)?.spec.egress
			const parts = new Map([[MESH_PART, egress === undefined ? null : ({ kind: 'mesh', egress } as const)]])
			return { parts, listeners: [], ...(found && { status: plainStatus(stamp) }) }
		}
		default:
			return { parts: new Map(), listeners: [], ...(found && { status: plainStatus(stamp) }) }
	}
}

function buildRoute(
	key: ResourceKey,
	found: IndexedResource | undefined,
	index: ResourceIndex,
	context: BuildContext,
	stamp: Parameters<typeof routeStatus>[2],
): Built {
	const parts = new Map<PartName, PartBody | null>(index.produced(key).map((part) => [part, null]))
	if (found === undefined) return { parts, listeners: [] }
	const route = found.resource as HTTPRoute
	const verdicts = attachRoute(route, index, context.meshDomain)
	const resolved = route.spec.rules.map((_, i) => resolveRule(route, i, index))
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

function serviceParts(
	namespace: string,
	name: string,
	index: ResourceIndex,
	{ meshDomain }: BuildContext,
): Map<PartName, PartBody | null> {
	const service = serviceName(namespace, name)
	const pattern = meshHost(service, meshDomain)
	const exists = hasService(service, index)
	return new Map<PartName, PartBody | null>([
		[virtualHostPart(pattern), exists ? { kind: 'virtualHost', pattern, defaultService: service } : null],
		[servicePart(service), exists ? serviceTarget(service, index) : null],
	])
}
