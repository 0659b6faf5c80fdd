/** What a resource depends on, so that a change rebuilds what mentions it and nothing else. */
import { type ResourceKey, resourceKey } from '../names.ts'
import type { Filter } from '../resources/filter.ts'
import type { Gateway } from '../resources/gateway.ts'
import type { HTTPRoute, ParentRef } from '../resources/httpRoute.ts'
import type { Resource } from '../resources/resource.ts'
import type { TargetRef } from '../resources/trafficPolicy.ts'
import {
	type AddedKind,
	type AddedPolicy,
	isAddedPolicy,
	isPolicy,
	type Policy,
	type PolicyKind,
} from './policies/policyKinds.ts'
import { secretTarget } from './services/credential.ts'

/** There is one, with a document or without. */
export const MESH_KEY = resourceKey('Mesh', '-', 'default')

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

/** A target that stands for an authorizer that policies may ask. */
export const providerTarget = (name: string): string => `ExtensionProvider/${name}`

/** A target that stands for the end users who are known where a rule is chosen: of the mesh, or of a namespace. */
export const routeUsersTarget = (target: ResourceKey): string => `RouteUsers/${target}`
/** Of routes in the namespace. */
export const routeUsersOf = (namespace: string): readonly ResourceKey[] => [
	MESH_KEY,
	resourceKey('Namespace', '-', namespace),
]

const POLICIES: Readonly<Record<PolicyKind | AddedKind, string>> = {
	TrafficPolicy: 'TrafficPolicies',
	PeerAuthentication: 'PeerAuthentications',
	RequestAuthentication: 'RequestAuthentications',
	AuthorizationPolicy: 'AuthorizationPolicies',
}
/** A target that stands for all policies of a resource: apart from the resource, which a hundred thousand routes may mention. */
export const policiesTarget = (kind: PolicyKind | AddedKind, target: ResourceKey): string =>
	`${POLICIES[kind]}/${target}`

/** A label of a namespace's Services: what selectors are attached to. */
export const labelKey = (namespace: string, name: string, value: string): ResourceKey =>
	resourceKey('Label', namespace, `${name}=${value}`)
/** A target that stands for the Services that have the label. */
export const labelledTarget = (namespace: string, name: string, value: string): string =>
	`Labelled/${labelKey(namespace, name, value)}`

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
export function policyTargetKey({ metadata }: Policy | AddedPolicy, { kind, name }: TargetRef): ResourceKey {
	return resourceKey(kind, kind === 'Mesh' || kind === 'Namespace' ? '-' : metadata.namespace, name)
}

/** Each once, however many of its rules are named. Of a selector the first label by name stands for all. */
export function policyTargets(policy: Policy | AddedPolicy): readonly ResourceKey[] {
	if (policy.spec.targetRefs !== undefined)
		return [...new Set(policy.spec.targetRefs.map((ref) => policyTargetKey(policy, ref)))]
	const labels = 'selector' in policy.spec ? Object.entries(policy.spec.selector?.matchLabels ?? {}) : []
	const [first] = labels.sort(([a], [b]) => (a < b ? -1 : 1))
	return first === undefined ? [] : [labelKey(policy.metadata.namespace, ...first)]
}

/** Every target whose change can change what this resource builds to. */
export function referencesOf(resource: Resource): readonly string[] {
	if (resource.kind === 'Gateway')
		return [
			...new Set(
				resource.spec.listeners.filter(speaksHttp).map((listener) => patternTarget(listenerPattern(listener))),
			),
		]
	if (isPolicy(resource)) return policyTargets(resource).map((target) => policiesTarget(resource.kind, target))
	if (isAddedPolicy(resource))
		return [
			...policyTargets(resource).map((target) => policiesTarget(resource.kind, target)),
			...('provider' in resource.spec ? [providerTarget(resource.spec.provider.name)] : []),
		]
	if (resource.kind === 'TrafficMatch')
		return resource.spec.when === undefined ? [] : routeUsersOf(resource.metadata.namespace).map(routeUsersTarget)
	if (resource.kind === 'FederatedTrustDomain') return [trustDomainTarget(resource.spec.trustDomain)]
	if (resource.kind === 'Service') {
		const { namespace, labels } = resource.metadata
		const labelled = Object.entries(labels).map(([name, value]) => labelledTarget(namespace, name, value))
		return [secretTarget(resource), ...labelled].filter((target) => target !== undefined)
	}
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
	if (kind === 'HTTPRoute') return [policiesTarget('TrafficPolicy', key), policiesTarget('AuthorizationPolicy', key)]
	if (kind !== 'Service') return [key]
	const kinds = Object.keys(POLICIES) as (keyof typeof POLICIES)[]
	return [key, ...kinds.map((policy) => policiesTarget(policy, key))]
}
