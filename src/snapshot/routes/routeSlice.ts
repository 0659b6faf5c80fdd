/** An HTTPRoute's rules in the form that proxies compile. */
import type { HTTPRoute, Rule as RuleDocument } from '../../resources/httpRoute.ts'
import type { AccessPolicies } from '../authorization.ts'
import type { PolicyLookup } from '../policies/policies.ts'
import type { ResourceIndex } from '../resourceIndex.ts'
import type { UnresolvedRef } from '../services/serviceRefs.ts'
import type { RouteSlice, Rule } from '../snapshot.ts'
import type { Attachment } from './attachRoute.ts'
import { resolveBackends } from './resolveBackends.ts'
import { retryOf, timeoutsOf } from './retryRule.ts'
import { resolveFilters } from './ruleFilters.ts'
import { matchOf } from './ruleMatches.ts'
import { trafficOfRule } from './ruleTraffic.ts'
import { sessionOf } from './sessionPersistence.ts'

/**
 * What a route contributes to one virtual host. The attachments are those to that host: listeners that share a pattern admit
 * the same hostnames of a route, so one slice speaks for all.
 */
export function routeSlice(
	route: HTTPRoute,
	createdAt: number,
	attachments: readonly [Attachment, ...Attachment[]],
	rules: readonly Rule[],
): RouteSlice {
	const [{ hostnames, callerNamespace }] = attachments
	const ports = portsOf(attachments)
	const servicePorts = attachments.flatMap(({ servicePort }) => servicePort ?? [])
	return {
		kind: 'routeSlice',
		route: `${route.metadata.namespace}/${route.metadata.name}`,
		createdAt,
		hostnames,
		...(callerNamespace === undefined ? {} : { callerNamespace }),
		// A parentRef without a port is for every port, whatever the others name.
		...(servicePorts.length < attachments.length ? {} : { servicePorts }),
		...(ports && { ports }),
		rules,
	}
}

/** Of several listeners for one scheme the lowest port counts: a request does not say which of them it came through. */
function portsOf(attachments: readonly Attachment[]): RouteSlice['ports'] {
	const lowest = (scheme: 'http' | 'https', usual: number) => {
		const numbers = attachments.flatMap(({ port }) => (port?.scheme === scheme ? [port.number] : []))
		const number = numbers.length === 0 ? usual : Math.min(...numbers)
		return number === usual ? undefined : { [scheme]: number }
	}
	const ports = { ...lowest('http', 80), ...lowest('https', 443) }
	return Object.keys(ports).length === 0 ? undefined : ports
}

export interface ResolvedRule {
	readonly rule: Rule
	readonly unresolved: readonly UnresolvedRef[]
}

/** Rule `ruleIndex` with its references resolved, and what policies ask for it. */
export function resolveRule(
	route: HTTPRoute,
	ruleIndex: number,
	index: ResourceIndex,
	policies: PolicyLookup<'TrafficPolicy'>,
	accessOf: (rule: RuleDocument) => AccessPolicies | undefined,
): ResolvedRule {
	const document = route.spec.rules[ruleIndex]!
	const place = { route, ruleIndex, field: `spec.rules[${ruleIndex}]`, isRule: true }
	const { filters, only, retryPolicies, unresolved } = resolveFilters(document.filters, place, index)
	const backends = resolveBackends(route, ruleIndex, filters, index)
	const name = `${route.metadata.namespace}/${route.metadata.name}/${document.name ?? ruleIndex}`
	const matches = document.matches.map(matchOf)
	const timeouts = timeoutsOf(document.timeouts)
	const retry = retryOf(document.retry, retryPolicies)
	const traffic = trafficOfRule(route, document, policies)
	const access = accessOf(document)
	const rule: Rule = {
		name,
		matches,
		backends: backends.backends,
		...(only.length > 0 && { only }),
		...(filters && { filters }),
		...(timeouts && { timeouts }),
		...(retry && { retry }),
		...(document.sessionPersistence && { session: sessionOf(document.sessionPersistence, name, matches) }),
		...(traffic && { traffic }),
		...(access && { access }),
	}
	return { rule, unresolved: [...unresolved, ...backends.unresolved] }
}
