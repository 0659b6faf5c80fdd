/** Turns backendRefs into backends: a reference that cannot be followed keeps its share of the traffic and refuses it. */
import { serviceName } from '../names.ts'
import type { BackendRef, HTTPRoute } from '../resources/httpRoute.ts'
import type { ReferenceGrant } from '../resources/referenceGrant.ts'
import { isServiceRef } from './references.ts'
import type { ResourceIndex } from './resourceIndex.ts'
import { hasService } from './serviceTarget.ts'
import type { Backend } from './snapshot.ts'

/** Why a reference does not resolve, in Gateway API's reasons. */
export interface UnresolvedRef {
	readonly reason: 'InvalidKind' | 'RefNotPermitted' | 'BackendNotFound'
	readonly message: string
}

export interface ResolvedBackends {
	readonly backends: readonly Backend[]
	readonly unresolved: readonly UnresolvedRef[]
}

/** Resolves the backendRefs of rule `ruleIndex`. A rule without any refuses all of its traffic. */
export function resolveBackends(route: HTTPRoute, ruleIndex: number, index: ResourceIndex): ResolvedBackends {
	const refs = route.spec.rules[ruleIndex]!.backendRefs
	if (refs.length === 0) return { backends: [{ weight: 1, invalid: 'the rule names no backendRefs' }], unresolved: [] }
	const unresolved: UnresolvedRef[] = []
	const backends = refs.map((ref, i): Backend => {
		const problem = unfollowable(route, ref, `spec.rules[${ruleIndex}].backendRefs[${i}]`, index)
		if (problem === undefined)
			return { weight: ref.weight, service: serviceName(ref.namespace ?? route.metadata.namespace, ref.name) }
		unresolved.push(problem)
		return { weight: ref.weight, invalid: problem.message }
	})
	if (backends.every((backend) => backend.weight === 0))
		return { backends: [{ weight: 1, invalid: 'every backendRef of the rule has weight 0' }], unresolved }
	return { backends, unresolved }
}

function unfollowable(
	route: HTTPRoute,
	ref: BackendRef,
	field: string,
	index: ResourceIndex,
): UnresolvedRef | undefined {
	const namespace = ref.namespace ?? route.metadata.namespace
	if (!isServiceRef(ref)) {
		const kind = ref.group === '' ? ref.kind : `${ref.group}/${ref.kind}`
		return { reason: 'InvalidKind', message: `${field}: a backend is a Service, not a ${kind}` }
	}
	if (namespace !== route.metadata.namespace && !isGranted(route.metadata.namespace, namespace, ref.name, index))
		return {
			reason: 'RefNotPermitted',
			message: `${field}: no ReferenceGrant in namespace ${namespace} lets HTTPRoutes of ${route.metadata.namespace} refer to Service ${ref.name}`,
		}
	const service = serviceName(namespace, ref.name)
	if (!hasService(service, index))
		return { reason: 'BackendNotFound', message: `${field}: Service ${service} not found` }
	return undefined
}

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
