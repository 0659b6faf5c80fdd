/** A list of HTTPRoute filters as it travels: what each asks for, extensions and mirrors resolved, conflicts told. */
import { serviceName } from '../../names.ts'
import type { Filter } from '../../resources/filter.ts'
import type { HTTPRoute } from '../../resources/httpRoute.ts'
import type { RetryPolicy } from '../../resources/retryPolicy.ts'
import type { Filters, TrafficMatch } from '../filters.ts'
import type { ResourceIndex } from '../resourceIndex.ts'
import { type UnresolvedRef, unfollowable } from '../services/serviceRefs.ts'
import { plainFilter } from './editFilters.ts'
import { directResponseOf, faultOf, trafficMatchOf } from './extensionFilters.ts'
import { followExtension } from './extensionRefs.ts'
import { shareOf } from './share.ts'

/** Where a list of filters stands: on a rule, or on one of its backendRefs. */
export interface FilterPlace {
	readonly route: HTTPRoute
	readonly ruleIndex: number
	/** Of the rule or backendRef, e.g. `spec.rules[0].backendRefs[1]`. */
	readonly field: string
	readonly isRule: boolean
}

export interface ResolvedFilters {
	readonly filters?: Filters
	readonly only: readonly TrafficMatch[]
	readonly retryPolicies: readonly RetryPolicy[]
	readonly unresolved: readonly UnresolvedRef[]
}

/** What one filter adds. */
interface Contribution {
	readonly filters?: Filters
	readonly only?: TrafficMatch
	readonly retryPolicy?: RetryPolicy
	readonly unresolved?: UnresolvedRef
}

export function resolveFilters(
	list: readonly Filter[] = [],
	place: FilterPlace,
	index: ResourceIndex,
): ResolvedFilters {
	const contributions = list.map((filter, i) => contribution(filter, `${place.field}.filters[${i}]`, place, index))
	const conflict = conflictOf(contributions, place.field)
	const filters = merge(contributions, conflict)
	return {
		...(Object.keys(filters).length > 0 && { filters }),
		only: contributions.flatMap(({ only }) => (only === undefined || isAlways(only) ? [] : [only])),
		retryPolicies: contributions.flatMap(({ retryPolicy }) => retryPolicy ?? []),
		unresolved: [...contributions.flatMap(({ unresolved }) => unresolved ?? []), ...(conflict ? [conflict] : [])],
	}
}

function contribution(filter: Filter, field: string, place: FilterPlace, index: ResourceIndex): Contribution {
	switch (filter.type) {
		case 'RequestMirror':
			return mirror(filter.requestMirror, `${field}.requestMirror.backendRef`, place.route, index)
		case 'ExtensionRef':
			return extension(filter.extensionRef, `${field}.extensionRef`, place, index)
		default:
			return { filters: plainFilter(filter, prefixOf(place)) }
	}
}

/** A copy that cannot be sent is not sent; that guards nothing, so the request itself goes on. */
function mirror(
	{ backendRef, ...share }: Extract<Filter, { type: 'RequestMirror' }>['requestMirror'],
	field: string,
	route: HTTPRoute,
	index: ResourceIndex,
): Contribution {
	const unresolved = unfollowable(route, backendRef, field, index)
	if (unresolved !== undefined) return { unresolved }
	const service = serviceName(backendRef.namespace ?? route.metadata.namespace, backendRef.name)
	const part = shareOf(share)
	return { filters: { mirrors: [{ service, ...(part === 1 ? {} : { share: part }) }] } }
}

function extension(
	ref: Extract<Filter, { type: 'ExtensionRef' }>['extensionRef'],
	field: string,
	{ route, isRule }: FilterPlace,
	index: ResourceIndex,
): Contribution {
	const followed = followExtension(route, ref, { field, isRule }, index)
	if (!followed.ok) return { filters: { invalid: followed.error.message }, unresolved: followed.error }
	const resource = followed.value
	switch (resource.kind) {
		case 'FaultInjection':
			return { filters: { faults: [faultOf(resource)] } }
		case 'DirectResponse':
			return { filters: { directResponse: directResponseOf(resource) } }
		case 'TrafficMatch':
			return { only: trafficMatchOf(resource) }
		case 'RetryPolicy':
			return { retryPolicy: resource }
	}
}

/** Two filters that each answer every request: which of them was meant, nobody knows. */
function conflictOf(contributions: readonly Contribution[], field: string): UnresolvedRef | undefined {
	const [first, second] = contributions.flatMap(({ filters }, i) =>
		filters?.directResponse === undefined && filters?.redirect === undefined ? [] : [i],
	)
	if (second === undefined) return undefined
	const message = `${field}.filters[${second}]: filters[${first}] answers every request already`
	return { reason: 'IncompatibleFilters', message }
}

/** In the order in which they act. Validation lets the other types stand once in a list. */
function merge(contributions: readonly Contribution[], conflict: UnresolvedRef | undefined): Filters {
	const all = contributions.flatMap(({ filters }) => filters ?? [])
	const once: Filters = Object.assign({}, ...all)
	const { cors, directResponse, redirect, requestHeaders, rewrite, responseHeaders } = once
	const invalid = [...all.flatMap(({ invalid }) => invalid ?? []), ...(conflict ? [conflict.message] : [])]
	const faults = all.flatMap(({ faults }) => faults ?? [])
	const mirrors = all.flatMap(({ mirrors }) => mirrors ?? [])
	return {
		...(invalid.length > 0 && { invalid: invalid.join('; ') }),
		...(cors && { cors }),
		...(faults.length > 0 && { faults }),
		...(directResponse && { directResponse }),
		...(redirect && { redirect }),
		...(requestHeaders && { requestHeaders }),
		...(rewrite && { rewrite }),
		...(mirrors.length > 0 && { mirrors }),
		...(responseHeaders && { responseHeaders }),
	}
}

/** The rule's one PathPrefix, which validation asks of a rule whose prefix is replaced. */
function prefixOf({ route, ruleIndex }: FilterPlace): string {
	const value = route.spec.rules[ruleIndex]!.matches[0]?.path.value ?? ''
	return value.endsWith('/') ? value.slice(0, -1) : value
}

const isAlways = ({ sources, when, share }: TrafficMatch): boolean =>
	sources === undefined && when === undefined && share === undefined
