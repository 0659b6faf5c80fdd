/** Turns backendRefs into backends: a reference that cannot be followed keeps its share of the traffic and refuses it. */
import { serviceName } from '../../names.ts'
import type { HTTPRoute } from '../../resources/httpRoute.ts'
import type { Filters } from '../filters.ts'
import type { ResourceIndex } from '../resourceIndex.ts'
import { type UnresolvedRef, unfollowable } from '../services/serviceRefs.ts'
import type { Backend } from '../snapshot.ts'
import { resolveFilters } from './ruleFilters.ts'

export interface ResolvedBackends {
	readonly backends: readonly Backend[]
	readonly unresolved: readonly UnresolvedRef[]
}

/**
 * Resolves the backendRefs of rule `ruleIndex`. A rule without any refuses all of its traffic, unless `filters`, which are
 * the rule's own, answer it.
 */
export function resolveBackends(
	route: HTTPRoute,
	ruleIndex: number,
	filters: Filters | undefined,
	index: ResourceIndex,
): ResolvedBackends {
	const refs = route.spec.rules[ruleIndex]!.backendRefs
	if (refs.length === 0) {
		const isAnswered = filters?.redirect !== undefined || filters?.directResponse !== undefined
		return { backends: isAnswered ? [] : [{ weight: 1, invalid: 'the rule names no backendRefs' }], unresolved: [] }
	}
	const unresolved: UnresolvedRef[] = []
	const backends = refs.map((ref, i): Backend => {
		const field = `spec.rules[${ruleIndex}].backendRefs[${i}]`
		const ofBackend = resolveFilters(ref.filters, { route, ruleIndex, field, isRule: false }, index)
		const problem = unfollowable(route, ref, field, index)
		unresolved.push(...(problem === undefined ? [] : [problem]), ...ofBackend.unresolved)
		if (problem !== undefined) return { weight: ref.weight, invalid: problem.message }
		return {
			weight: ref.weight,
			service: serviceName(ref.namespace ?? route.metadata.namespace, ref.name),
			...(ofBackend.filters && { filters: ofBackend.filters }),
		}
	})
	if (backends.every((backend) => backend.weight === 0))
		return { backends: [{ weight: 1, invalid: 'every backendRef of the rule has weight 0' }], unresolved }
	return { backends, unresolved }
}
