/** What a resource depends on, so that a change rebuilds what mentions it and nothing else. */
import { type ResourceKey, resourceKey } from '../names.ts'
import type { Gateway } from '../resources/gateway.ts'
import type { BackendRef, HTTPRoute, ParentRef } from '../resources/httpRoute.ts'
import type { Resource } from '../resources/resource.ts'

/** The hostname pattern a listener serves; `*` when it names none. */
export const listenerPattern = (listener: Gateway['spec']['listeners'][number]): string => listener.hostname ?? '*'

/** Whether the mesh can serve the listener's protocol at all. */
export const speaksHttp = ({ protocol }: Gateway['spec']['listeners'][number]): boolean =>
	protocol === 'HTTP' || protocol === 'HTTPS'

/** A target that stands for all grants of a namespace: any of them may allow or forbid a reference into it. */
const grantsTarget = (namespace: string): string => `ReferenceGrants/${namespace}`
/** A target that stands for a virtual host's pattern: listeners of several Gateways may share one. */
export const patternTarget = (pattern: string): string => `Pattern/${pattern}`

export const isServiceRef = (ref: { group: string; kind: string }): boolean =>
	ref.kind === 'Service' && (ref.group === '' || ref.group === 'core' || ref.group === 'selvedge.dev')
export const isGatewayRef = (ref: { group: string; kind: string }): boolean =>
	ref.kind === 'Gateway' && ref.group === 'gateway.networking.k8s.io'

export const parentKey = (route: HTTPRoute, ref: ParentRef): ResourceKey =>
	resourceKey(ref.kind, ref.namespace ?? route.metadata.namespace, ref.name)
const backendKey = (route: HTTPRoute, ref: BackendRef): ResourceKey =>
	resourceKey(ref.kind, ref.namespace ?? route.metadata.namespace, ref.name)

/** Every target whose change can change what this resource builds to. */
export function referencesOf(resource: Resource): readonly string[] {
	if (resource.kind === 'Gateway')
		return [
			...new Set(
				resource.spec.listeners.filter(speaksHttp).map((listener) => patternTarget(listenerPattern(listener))),
			),
		]
	if (resource.kind !== 'HTTPRoute') return []
	const targets = new Set<string>()
	for (const parent of resource.spec.parentRefs) {
		targets.add(parentKey(resource, parent))
		// A listener may admit namespaces by label.
		if (isGatewayRef(parent)) targets.add(resourceKey('Namespace', '-', resource.metadata.namespace))
	}
	for (const rule of resource.spec.rules) {
		for (const backend of rule.backendRefs) {
			targets.add(backendKey(resource, backend))
			if (backend.namespace !== undefined && backend.namespace !== resource.metadata.namespace)
				targets.add(grantsTarget(backend.namespace))
		}
	}
	return [...targets]
}

/** Targets that a change of this resource touches. */
export function targetsOf(kind: string, namespace: string, name: string): readonly string[] {
	return kind === 'ReferenceGrant' ? [grantsTarget(namespace)] : [resourceKey(kind, namespace, name)]
}
