/** What a resource depends on, so that a change rebuilds what mentions it and nothing else. */
import { type ResourceKey, resourceKey } from '../names.ts'
import type { Filter } from '../resources/filter.ts'
import type { Gateway } from '../resources/gateway.ts'
import type { HTTPRoute, ParentRef } from '../resources/httpRoute.ts'
import type { Resource } from '../resources/resource.ts'
import type { TargetRef } from '../resources/trafficPolicy.ts'
import { secretTarget } from './credential.ts'
import type { Policy, PolicyKind } from './policies.ts'

/** The hostname pattern a listener serves; `*` when it names none. */
export const listenerPattern = (listener: Gateway['spec']['listeners'][number]): string => listener.hostname ?? '*'

/** Whether the mesh can serve the listener's protocol at all. */
export const speaksHttp = ({ protocol }: Gateway['spec']['listeners'][number]): boolean =>
	protocol === 'HTTP' || protocol === 'HTTPS'

/** A target that stands for all grants of a namespace: any of them may allow or forbid a reference into it. */
const grantsTarget = (namespace: string): string => `ReferenceGrants/${namespace}`
/** A target that stands for a virtual host's pattern: listeners of several Gateways may share one. */
export const patternTarget = (pattern: string): string => `Pattern/${pattern}`
/** A target that stands for a trust domain: several documents may name one. */
export const trustDomainTarget = (trustDomain: string): string => `TrustDomain/${trustDomain}`

const POLICIES: Readonly<Record<PolicyKind, string>> = {
	TrafficPolicy: 'TrafficPolicies',
	PeerAuthentication: 'PeerAuthentications',
}
export const isPolicyKind = (kind: string): kind is PolicyKind => Object.hasOwn(POLICIES, kind)
export const isPolicy = (resource: Resource): resource is Policy => isPolicyKind(resource.kind)
/** A target that stands for all policies of a resource: apart from the resource, which a hundred thousand routes may mention. */
export const policiesTarget = (kind: PolicyKind, target: ResourceKey): string => `${POLICIES[kind]}/${target}`

export const isServiceRef = (ref: { group: string; kind: string }): boolean =>
	ref.kind === 'Service' && (ref.group === '' || ref.group === 'core' || ref.group === 'selvedge.dev')
export const isGatewayRef = (ref: { group: string; kind: string }): boolean =>
	ref.kind === 'Gateway' && ref.group === 'gateway.networking.k8s.io'

const EXTENSION_KINDS: readonly string[] = ['FaultInjection', 'DirectResponse', 'TrafficMatch', 'RetryPolicy']
export const isExtensionRef = (ref: { group: string; kind: string }): boolean =>
	ref.group === 'selvedge.dev' && EXTENSION_KINDS.includes(ref.kind)

export const parentKey = (route: HTTPRoute, ref: ParentRef): ResourceKey =>
	resourceKey(ref.kind, ref.namespace ?? route.metadata.namespace, ref.name)
/** An ExtensionRef never leaves the route's namespace. */
export const extensionKey = (route: HTTPRoute, ref: { kind: string; name: string }): ResourceKey =>
	resourceKey(ref.kind, route.metadata.namespace, ref.name)

/** What a policy is attached to. Of an HTTPRoute's rules the route is meant. */
export function policyTargetKey({ metadata }: Policy, { kind, name }: TargetRef): ResourceKey {
	return resourceKey(kind, kind === 'Mesh' || kind === 'Namespace' ? '-' : metadata.namespace, name)
}

/** Each once, however many of its rules are named. */
export const policyTargets = (policy: Policy): readonly ResourceKey[] => [
	...new Set(policy.spec.targetRefs.map((ref) => policyTargetKey(policy, ref))),
]

/** Every target whose change can change what this resource builds to. */
export function referencesOf(resource: Resource): readonly string[] {
	if (resource.kind === 'Gateway')
		return [
			...new Set(
				resource.spec.listeners.filter(speaksHttp).map((listener) => patternTarget(listenerPattern(listener))),
			),
		]
	if (isPolicy(resource)) return policyTargets(resource).map((target) => policiesTarget(resource.kind, target))
	if (resource.kind === 'FederatedTrustDomain') return [trustDomainTarget(resource.spec.trustDomain)]
	if (resource.kind === 'Service') return [secretTarget(resource)].filter((target) => target !== undefined)
	if (resource.kind !== 'HTTPRoute') return []
	const targets = new Set<string>()
	for (const parent of resource.spec.parentRefs) {
		targets.add(parentKey(resource, parent))
		// A listener may admit namespaces by label.
		if (isGatewayRef(parent)) targets.add(resourceKey('Namespace', '-', resource.metadata.namespace))
	}
	for (const rule of resource.spec.rules) {
		for (const backend of rule.backendRefs) for (const target of backendTargets(resource, backend)) targets.add(target)
		for (const filter of [...(rule.filters ?? []), ...rule.backendRefs.flatMap(({ filters }) => filters ?? [])])
			for (const target of filterTargets(resource, filter)) targets.add(target)
	}
	return [...targets]
}

/** The Service, and the grants that a reference into another namespace depends on. */
function backendTargets(route: HTTPRoute, ref: { kind: string; namespace?: string; name: string }): string[] {
	const namespace = ref.namespace ?? route.metadata.namespace
	const key = resourceKey(ref.kind, namespace, ref.name)
	return namespace === route.metadata.namespace ? [key] : [key, grantsTarget(namespace)]
}

function filterTargets(route: HTTPRoute, filter: Filter): string[] {
	if (filter.type === 'RequestMirror') return backendTargets(route, filter.requestMirror.backendRef)
	if (filter.type === 'ExtensionRef' && isExtensionRef(filter.extensionRef))
		return [extensionKey(route, filter.extensionRef)]
	return []
}

/** Targets that a change of this resource touches. */
export function targetsOf(kind: string, namespace: string, name: string): readonly string[] {
	const key = resourceKey(kind, namespace, name)
	if (kind === 'ReferenceGrant') return [grantsTarget(namespace)]
	// Policies ask whether a Service is there, and which rules a route has. Nothing else mentions a route.
	if (kind === 'HTTPRoute') return [policiesTarget('TrafficPolicy', key)]
	if (kind !== 'Service') return [key]
	return [key, policiesTarget('TrafficPolicy', key), policiesTarget('PeerAuthentication', key)]
}
