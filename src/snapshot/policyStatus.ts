/** The status of a policy: for each target whether it is there, and whether another policy of the kind decides instead (GEP-713). */
import type { ResourceKey } from '../names.ts'
import type { HTTPRoute } from '../resources/httpRoute.ts'
import type { ConditionedStatus, PolicyAncestorStatus } from '../resources/status.ts'
import type { TargetRef } from '../resources/trafficPolicy.ts'
import { type Policy, type PolicyKind, type PolicyLookup, sectionNameOf, sectionsOf } from './policies.ts'
import { policyTargetKey } from './references.ts'
import type { ResourceIndex } from './resourceIndex.ts'
import { hasService } from './serviceTarget.ts'
import { CONTROLLER_NAME, type Stamp, stamped, type Verdict } from './statuses.ts'

const MAX_MESSAGE_CHARACTERS = 32_768

export function policyStatus(
	key: ResourceKey,
	policy: Policy,
	index: ResourceIndex,
	policies: PolicyLookup<PolicyKind>,
	stamp: Stamp,
): ConditionedStatus {
	const before = stamp.before?.ancestors
	return {
		ancestors: policy.spec.targetRefs.map((ref, i): PolicyAncestorStatus => {
			const text = JSON.stringify(ref)
			const old = before?.find(({ ancestorRef }) => JSON.stringify(ancestorRef) === text)?.conditions
			const absent = absence(policy, ref, `spec.targetRefs[${i}]`, index)
			const verdicts = absent === undefined ? rivalry(key, policy, ref, policies) : [absent, NO_CONFLICTS]
			return { ancestorRef: ref, controllerName: CONTROLLER_NAME, conditions: stamped(verdicts, stamp, old) }
		}),
	}
}

/** A mesh and its namespaces are there without a document. */
function absence(policy: Policy, ref: TargetRef, field: string, index: ResourceIndex): Verdict | undefined {
	const name = `${policy.metadata.namespace}/${ref.name}`
	const refused = (message: string): Verdict => ({
		...{ type: 'Accepted', status: 'False', reason: 'TargetNotFound' },
		message,
	})
	if (ref.kind === 'Service' && !hasService(name, index)) return refused(`${field}: Service ${name} not found`)
	if (ref.kind !== 'HTTPRoute') return undefined
	const route = index.get(policyTargetKey(policy, ref))?.resource as HTTPRoute | undefined
	if (route === undefined) return refused(`${field}: HTTPRoute ${name} not found`)
	if (ref.sectionName === undefined || route.spec.rules.some((rule) => rule.name === ref.sectionName)) return undefined
	return refused(`${field}.sectionName: HTTPRoute ${name} has no rule named ${ref.sectionName}`)
}

const ACCEPTED: Verdict = { type: 'Accepted', status: 'True', reason: 'Accepted', message: 'the policy is accepted' }
const NO_CONFLICTS: Verdict = {
	...{ type: 'Conflicted', status: 'False', reason: 'NoConflicts', message: 'no conflicts' },
}

/** Of nothing left to decide a policy is not accepted; one that loses some of its sections goes on with the others. */
function rivalry(key: ResourceKey, policy: Policy, ref: TargetRef, policies: PolicyLookup<PolicyKind>): Verdict[] {
	const { by } = policies(policyTargetKey(policy, ref), sectionNameOf(ref))
	const own = Object.keys(sectionsOf(policy))
	const lost = own.filter((section) => by.get(section) !== key)
	if (lost.length === 0) return [ACCEPTED, NO_CONFLICTS]
	const rivals = [...new Set(lost.map((section) => by.get(section)!))]
	const told = rivals.map((rival) => {
		const decides = lost.filter((section) => by.get(section) === rival)
		return `${decides.map((section) => `spec.${section}`).join(', ')}: ${rival.replace('/', ' ')} decides`
	})
	const message = told.join('; ').slice(0, MAX_MESSAGE_CHARACTERS)
	const conflicted: Verdict = { type: 'Conflicted', status: 'True', reason: 'Conflicted', message }
	return lost.length < own.length
		? [ACCEPTED, conflicted]
		: [{ type: 'Accepted', status: 'False', reason: 'Conflicted', message }, conflicted]
}
