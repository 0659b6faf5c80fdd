/** Which TrafficPolicies speak for a target, and which of them decides: section by section the oldest, then the first by name (GEP-713). */
import { type ResourceKey, resourceKey } from '../names.ts'
import type { HTTPRoute, Rule as RuleDocument } from '../resources/httpRoute.ts'
import type { TrafficPolicy } from '../resources/trafficPolicy.ts'
import { policiesTarget, policyTargetKey } from './references.ts'
import type { ResourceIndex } from './resourceIndex.ts'
import { retryOf, timeoutsOf } from './retryRule.ts'
import type { TrafficRules } from './trafficPolicy.ts'
import { type Sections, trafficRulesOf } from './trafficRules.ts'

/** What all policies of one target say together. */
export interface Decided {
	readonly sections: Sections
	/** The policy that decides a section. */
	readonly by: ReadonlyMap<string, ResourceKey>
}

/** `sectionName` asks for what was said of one rule of a route; without it, what was said of the whole target. */
export type PolicyLookup = (target: ResourceKey, sectionName?: string) => Decided

interface Attached {
	readonly key: ResourceKey
	readonly createdAt: number
	readonly policy: TrafficPolicy
}

/** For one build: what it has looked up it remembers, so that many policies of one target are judged in one reading. */
export function policyLookup(index: ResourceIndex): PolicyLookup {
	const attached = new Map<ResourceKey, readonly Attached[]>()
	const decided = new Map<string, Decided>()
	return (target, sectionName) => {
		const id = JSON.stringify([target, sectionName])
		const known = decided.get(id)
		if (known !== undefined) return known
		const all = attached.get(target) ?? attachedTo(target, index)
		attached.set(target, all)
		const made = decide(all.filter(({ policy }) => speaksFor(policy, target, sectionName)))
		decided.set(id, made)
		return made
	}
}

function attachedTo(target: ResourceKey, index: ResourceIndex): Attached[] {
	const policies = index.referrers(policiesTarget(target)).map((key): Attached => {
		const { resource, createdAt } = index.get(key)!
		return { key, createdAt, policy: resource as TrafficPolicy }
	})
	return policies.sort((a, b) => a.createdAt - b.createdAt || (a.key < b.key ? -1 : 1))
}

const speaksFor = (policy: TrafficPolicy, target: ResourceKey, sectionName: string | undefined): boolean =>
	policy.spec.targetRefs.some(
		(ref) =>
			policyTargetKey(policy, ref) === target &&
			(ref.kind === 'HTTPRoute' ? ref.sectionName : undefined) === sectionName,
	)

const NOTHING: Decided = { sections: {}, by: new Map() }

function decide(policies: readonly Attached[]): Decided {
	if (policies.length === 0) return NOTHING
	const by = new Map<string, ResourceKey>()
	const sections: Record<string, unknown> = {}
	for (const { key, policy } of policies)
		for (const [name, section] of Object.entries(sectionsOf(policy)))
			if (!by.has(name)) {
				by.set(name, key)
				sections[name] = section
			}
	return { sections, by }
}

export function sectionsOf({ spec }: TrafficPolicy): Sections {
	const { targetRefs: _, ...sections } = spec
	return sections
}

/** What policies ask for one rule of a route: those of the rule go before those of its route. */
export function trafficOfRule(route: HTTPRoute, rule: RuleDocument, policies: PolicyLookup): TrafficRules | undefined {
	const key = resourceKey('HTTPRoute', route.metadata.namespace, route.metadata.name)
	const ofRule = rule.name === undefined ? NOTHING : policies(key, rule.name)
	return trafficRulesOf({ ...policies(key).sections, ...ofRule.sections, ...switchedOff(rule) })
}

/** What the rule itself says goes before any policy. That it wants no timeout, or no retry, is told here: it has none to carry. */
function switchedOff({ timeouts, retry }: RuleDocument): Sections {
	const says = timeouts !== undefined && Object.keys(timeouts).length > 0
	return {
		...(says && timeoutsOf(timeouts) === undefined && { timeouts }),
		...(retry !== undefined && retryOf(retry, []) === undefined && { retry }),
	}
}
