/** The status of a policy: for each target whether it is there, and, where one policy decides, whether it is another (GEP-713). */
import type { ResourceKey } from '../../names.ts'
import type { HTTPRoute } from '../../resources/httpRoute.ts'
import type { ConditionedStatus, PolicyAncestorStatus } from '../../resources/status.ts'
import type { TargetRef } from '../../resources/trafficPolicy.ts'
import { policyTargetKey } from '../references.ts'
import type { ResourceIndex } from '../resourceIndex.ts'
import { hasService } from '../services/serviceTarget.ts'
import { CONTROLLER_NAME, type Stamp, stamped, type Verdict } from '../statuses.ts'
import type { AuthorizerLookup } from './authorizer.ts'
import { type PolicyLookup, sectionNameOf, sectionsOf } from './policies.ts'
import type { AddedPolicy, Policy, PolicyKind } from './policyKinds.ts'
import { selectedServices } from './selection.ts'

const MAX_MESSAGE_CHARACTERS = 32_768

export function policyStatus(
	key: ResourceKey,
	policy: Policy,
	index: ResourceIndex,
	policies: PolicyLookup<PolicyKind>,
	stamp: Stamp,
): ConditionedStatus {
	const ancestors = policy.spec.targetRefs.map((ref, i) => {
		const absent = absence(policy, ref, `spec.targetRefs[${i}]`, index)
		return ancestorStatus(
			ref,
			absent === undefined ? rivalry(key, policy, ref, policies) : [absent, NO_CONFLICTS],
			stamp,
		)
	})
	return { ancestors }
}

/** Of a policy that adds to others, and so has no rivals. What is attached by a selector has no targets to tell of. */
export function addedStatus(
	policy: AddedPolicy,
	index: ResourceIndex,
	authorizers: AuthorizerLookup,
	stamp: Stamp,
): ConditionedStatus {
	const { targetRefs } = policy.spec
	const accepted = providerless(policy, authorizers) ?? ACCEPTED
	if (targetRefs === undefined) {
		const isFound = selectedServices(policy, index).length > 0
		const message = `spec.selector: no Service of namespace ${policy.metadata.namespace} has these labels`
		return { conditions: stamped([isFound ? accepted : notFound(message)], stamp, stamp.before?.conditions) }
	}
	const ancestors = targetRefs.map((ref, i) =>
		ancestorStatus(ref, [absence(policy, ref, `spec.targetRefs[${i}]`, index) ?? accepted], stamp),
	)
	return { ancestors }
}

function ancestorStatus(ref: TargetRef, verdicts: readonly Verdict[], stamp: Stamp): PolicyAncestorStatus {
	const text = JSON.stringify(ref)
	const before = stamp.before?.ancestors?.find(({ ancestorRef }) => JSON.stringify(ancestorRef) === text)
	return {
		ancestorRef: ref,
		controllerName: CONTROLLER_NAME,
		conditions: stamped(verdicts, stamp, before?.conditions),
	}
}

/** Everything that such a policy would ask about is refused. */
function providerless({ spec }: AddedPolicy, authorizers: AuthorizerLookup): Verdict | undefined {
	const invalid = 'provider' in spec ? authorizers(spec.provider.name).invalid : undefined
	if (invalid === undefined) return undefined
	const message = `spec.provider.name: ${invalid}; whatever the policy matches is refused`
	return { type: 'Accepted', status: 'False', reason: 'InvalidProvider', message }
}

const notFound = (message: string): Verdict => ({
	...{ type: 'Accepted', status: 'False', reason: 'TargetNotFound' },
	message,
})

/** A mesh and its namespaces are there without a document. */
function absence(
	policy: Policy | AddedPolicy,
	ref: TargetRef,
	field: string,
	index: ResourceIndex,
): Verdict | undefined {
	const name = `${policy.metadata.namespace}/${ref.name}`
	if (ref.kind === 'Service' && !hasService(name, index)) return notFound(`${field}: Service ${name} not found`)
	if (ref.kind !== 'HTTPRoute') return undefined
	const route = index.get(policyTargetKey(policy, ref))?.resource as HTTPRoute | undefined
	if (route === undefined) return notFound(`${field}: HTTPRoute ${name} not found`)
	if (ref.sectionName === undefined || route.spec.rules.some((rule) => rule.name === ref.sectionName)) return undefined
	return notFound(`${field}.sectionName: HTTPRoute ${name} has no rule named ${ref.sectionName}`)
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
