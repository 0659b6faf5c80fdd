/** Where a rule's requests go and in which shares, as HTTPBackendRef and ReferenceGrant describe it. */
import {
	type BackendRef,
	documentsOf,
	GATEWAY_API,
	type RouteDocument,
	type RuleDocument,
	type World,
} from './documents.ts'
import { exists } from './specHosts.ts'

/** The share of each service, `<namespace>/<name>`, and of '500', of a rule's requests. Shares of 0 are left out. */
export function backendOdds(world: World, route: RouteDocument, rule: RuleDocument): ReadonlyMap<string, number> {
	const { backendRefs = [], filters = [] } = rule
	const isFollowed = filters.every(({ extensionRef: { group, kind, name } }) => {
		const isKnown = group === 'selvedge.dev' && kind === 'TrafficMatch'
		return isKnown && world.documents.has(`${kind}/${route.metadata.namespace}/${name}`)
	})
	// HTTPRouteFilter.extensionRef: "If a reference to a custom filter type cannot be resolved, the filter MUST NOT be skipped.
	// Instead, requests that would have been processed by that filter MUST receive a HTTP error response."
	if (!isFollowed) return new Map([['500', 1]])
	// HTTPBackendRef.weight: "If unspecified, weight defaults to 1." "weight/(sum of all weights in this BackendRefs list)".
	const total = backendRefs.reduce((sum, { weight = 1 }) => sum + weight, 0)
	// "If all entries in BackendRefs are invalid, and there are also no filters … all traffic … MUST receive a 500"; the same
	// for a rule that names none, or whose weights are all 0.
	if (total === 0) return new Map([['500', 1]])
	const odds = new Map<string, number>()
	for (const ref of backendRefs) {
		const target = targetOf(world, route, ref) ?? '500'
		odds.set(target, (odds.get(target) ?? 0) + (ref.weight ?? 1) / total)
	}
	for (const [target, share] of odds) if (share === 0) odds.delete(target)
	return odds
}

/** Why a reference is not followed, for telling that each reason occurs. */
export type Unfollowed = 'unknown kind' | 'not granted' | 'not found'

export function problemWith(world: World, route: RouteDocument, ref: BackendRef): Unfollowed | undefined {
	const { group = '', kind = 'Service', namespace = route.metadata.namespace, name } = ref
	if (kind !== 'Service' || group !== '') return 'unknown kind'
	if (
		namespace !== route.metadata.namespace &&
		!isOfServicesOnly(route) &&
		!isGranted(world, route.metadata.namespace, namespace, name)
	)
		return 'not granted'
	return exists(world, `${namespace}/${name}`) ? undefined : 'not found'
}

/** ARCHITECTURE, GAMMA: a route that is bound to nothing but Services needs no grant, for it opens nothing to anybody. */
const isOfServicesOnly = ({ spec }: RouteDocument) => spec.parentRefs.every(({ kind }) => kind === 'Service')

/** "When a HTTPBackendRef is invalid, 500 status codes MUST be returned for requests that would have otherwise been routed" there. */
function targetOf(world: World, route: RouteDocument, ref: BackendRef): string | undefined {
	const problem = problemWith(world, route, ref)
	return problem === undefined ? `${ref.namespace ?? route.metadata.namespace}/${ref.name}` : undefined
}

/** ReferenceGrant: lives in the namespace of the target; "from" and "to" are lists of alternatives; without a name, any name. */
function isGranted(world: World, from: string, to: string, service: string): boolean {
	return documentsOf(world, 'ReferenceGrant').some(
		({ metadata, spec }) =>
			metadata.namespace === to &&
			spec.from.some(
				({ group, kind, namespace }) => group === GATEWAY_API && kind === 'HTTPRoute' && namespace === from,
			) &&
			spec.to.some(({ group, kind, name = service }) => group === '' && kind === 'Service' && name === service),
	)
}
