/** Policies that add up: every one that is attached to a target applies there, whatever the others say. The oldest stands first, then the first by name. */
import type { ResourceKey } from '../../names.ts'
import { policiesTarget, policyTargetKey } from '../references.ts'
import type { ResourceIndex } from '../resourceIndex.ts'
import { sectionNameOf } from './policies.ts'
import type { AddedKind, AddedPolicy } from './policyKinds.ts'
import { selectorsOf } from './selection.ts'

type PolicyOf<Kind extends AddedKind> = Extract<AddedPolicy, { kind: Kind }>

/** Of a route, with the name of one of its rules: those of the route and those of the rule. */
export type AddedLookup<Kind extends AddedKind> = (target: ResourceKey, rule?: string) => readonly PolicyOf<Kind>[]

/** For one build: what it has looked up it remembers. */
export function addedLookup<Kind extends AddedKind>(kind: Kind, index: ResourceIndex): AddedLookup<Kind> {
	const attached = new Map<ResourceKey, readonly PolicyOf<Kind>[]>()
	return (target, rule) => {
		const all = attached.get(target) ?? attachedTo(kind, target, index)
		attached.set(target, all)
		return all.filter((policy) => speaksFor(policy, target, rule))
	}
}

function attachedTo<Kind extends AddedKind>(kind: Kind, target: ResourceKey, index: ResourceIndex): PolicyOf<Kind>[] {
	const keys = [...index.referrers(policiesTarget(kind, target)), ...selectorsOf(kind, target, index)]
	const policies = keys.map((key) => ({ key, ...index.get(key)! }))
	return policies
		.sort((a, b) => a.createdAt - b.createdAt || (a.key < b.key ? -1 : 1))
		.map(({ resource }) => resource as PolicyOf<Kind>)
}

/** What is attached by a selector is so by all of it. */
const speaksFor = (policy: AddedPolicy, target: ResourceKey, rule: string | undefined): boolean =>
	policy.spec.targetRefs?.some(
		(ref) => policyTargetKey(policy, ref) === target && [undefined, rule].includes(sectionNameOf(ref)),
	) ?? true
