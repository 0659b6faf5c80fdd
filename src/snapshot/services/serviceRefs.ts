/** Whether a route may send requests to a Service that it names, and why not. */
import { serviceName } from '../../names.ts'
import type { HTTPRoute } from '../../resources/httpRoute.ts'
import type { ReferenceGrant } from '../../resources/referenceGrant.ts'
import { isServiceRef } from '../references.ts'
import type { ResourceIndex } from '../resourceIndex.ts'
import { hasService } from './serviceTarget.ts'

/** Why a reference does not resolve, in Gateway API's reasons where it has one. */
export interface UnresolvedRef {
	readonly reason: 'InvalidKind' | 'RefNotPermitted' | 'BackendNotFound' | 'FilterNotFound' | 'IncompatibleFilters'
	readonly message: string
}

/** What backendRefs and the targets of mirrors have in common. */
export interface ServiceRef {
	readonly group: string
	readonly kind: string
	readonly namespace?: string
	readonly name: string
}

/** Why the reference at `field` cannot be followed; undefined when it can. */
export function unfollowable(
	route: HTTPRoute,
	ref: ServiceRef,
	field: string,
	index: ResourceIndex,
): UnresolvedRef | undefined {
	const namespace = ref.namespace ?? route.metadata.namespace
	if (!isServiceRef(ref)) {
		const kind = ref.group === '' ? ref.kind : `${ref.group}/${ref.kind}`
		return { reason: 'InvalidKind', message: `${field}: a backend is a Service, not a ${kind}` }
	}
	if (
		namespace !== route.metadata.namespace &&
		needsGrant(route) &&
		!isGranted(route.metadata.namespace, namespace, ref.name, index)
	)
		return {
			reason: 'RefNotPermitted',
			message: `${field}: no ReferenceGrant in namespace ${namespace} lets HTTPRoutes of ${route.metadata.namespace} refer to Service ${ref.name}`,
		}
	const service = serviceName(namespace, ref.name)
	if (!hasService(service, index))
		return { reason: 'BackendNotFound', message: `${field}: Service ${service} not found` }
	return undefined
}

/**
 * Routes of Services need none (GEP-1294): every workload can call every Service by its mesh host, so such a route opens nothing.
 * A Gateway's hostnames may be anybody's.
 */
const needsGrant = (route: HTTPRoute): boolean => !route.spec.parentRefs.every(isServiceRef)

/** A grant lives where the target lives, and names who may refer to what (Gateway API, ReferenceGrant). */
function isGranted(from: string, to: string, service: string, index: ResourceIndex): boolean {
	return (index.inNamespace('ReferenceGrant', to) as readonly ReferenceGrant[]).some(
		({ spec }) =>
			spec.from.some(
				(source) =>
					source.group === 'gateway.networking.k8s.io' && source.kind === 'HTTPRoute' && source.namespace === from,
			) && spec.to.some((target) => isServiceRef(target) && (target.name === undefined || target.name === service)),
	)
}
