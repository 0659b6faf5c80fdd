/** Follows ExtensionRefs: filters that are resources of their own, in the namespace of the route that names them. */
import type { DirectResponse } from '../../resources/directResponse.ts'
import type { FaultInjection } from '../../resources/faultInjection.ts'
import type { HTTPRoute } from '../../resources/httpRoute.ts'
import type { RetryPolicy } from '../../resources/retryPolicy.ts'
import type { TrafficMatch } from '../../resources/trafficMatch.ts'
import { err, ok, type Result } from '../../result.ts'
import { extensionKey, isExtensionRef } from '../references.ts'
import type { ResourceIndex } from '../resourceIndex.ts'
import type { UnresolvedRef } from '../services/serviceRefs.ts'

export type Extension = FaultInjection | DirectResponse | TrafficMatch | RetryPolicy

/** What an ExtensionRef says; the namespace is always the route's. */
export interface ExtensionRef {
	readonly group: string
	readonly kind: string
	readonly name: string
}

/** Kinds that decide whether a rule applies, or how often it tries: no business of one backend. */
const OF_RULES_ONLY: readonly string[] = ['TrafficMatch', 'RetryPolicy']

export function followExtension(
	route: HTTPRoute,
	ref: ExtensionRef,
	place: { readonly field: string; readonly isRule: boolean },
	index: ResourceIndex,
): Result<Extension, UnresolvedRef> {
	const { field, isRule } = place
	if (!isExtensionRef(ref)) {
		const kind = ref.group === '' ? ref.kind : `${ref.group}/${ref.kind}`
		return err({ reason: 'InvalidKind', message: `${field}: this mesh has no filters of kind ${kind}` })
	}
	if (!isRule && OF_RULES_ONLY.includes(ref.kind))
		return err({ reason: 'InvalidKind', message: `${field}: a ${ref.kind} belongs to a rule, not to a backendRef` })
	const { namespace } = route.metadata
	const found = index.get(extensionKey(route, ref))?.resource as Extension | undefined
	if (found === undefined)
		return err({ reason: 'FilterNotFound', message: `${field}: ${ref.kind} ${namespace}/${ref.name} not found` })
	return ok(found)
}
