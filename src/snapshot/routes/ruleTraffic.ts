/** What TrafficPolicies ask for one rule of a route. */
import { resourceKey } from '../../names.ts'
import type { HTTPRoute, Rule as RuleDocument } from '../../resources/httpRoute.ts'
import type { PolicyLookup } from '../policies/policies.ts'
import { type Sections, trafficRulesOf } from '../policies/trafficRules.ts'
import type { TrafficRules } from '../trafficPolicy.ts'
import { retryOf, timeoutsOf } from './retryRule.ts'

/** Policies of the rule go before those of its route. */
export function trafficOfRule(
	route: HTTPRoute,
	rule: RuleDocument,
	policies: PolicyLookup<'TrafficPolicy'>,
): TrafficRules | undefined {
	const key = resourceKey('HTTPRoute', route.metadata.namespace, route.metadata.name)
	const ofRule = rule.name === undefined ? {} : policies(key, rule.name).sections
	return trafficRulesOf({ ...policies(key).sections, ...ofRule, ...switchedOff(rule) })
}

/** What the rule itself says goes before any policy. That it wants no timeout, or no retry, is told here: it has none to carry. */
function switchedOff({ timeouts, retry }: RuleDocument): Sections {
	const says = timeouts !== undefined && Object.keys(timeouts).length > 0
	return {
		...(says && timeoutsOf(timeouts) === undefined && { timeouts }),
		...(retry !== undefined && retryOf(retry, []) === undefined && { retry }),
	}
}
