/** Which policies of a kind speak for a target, and which of them decides: section by section the oldest, then the first by name (GEP-713). */
import type { ResourceKey } from '../../names.ts'
import type { TargetRef } from '../../resources/trafficPolicy.ts'
import { policiesTarget, policyTargetKey } from '../references.ts'
import type { ResourceIndex } from '../resourceIndex.ts'
import type { Policy, PolicyKind } from './policyKinds.ts'

type PolicyOf<Kind extends PolicyKind> = Extract<Policy, { kind: Kind }>

/** What a policy asks for, by the name of the field that asks for it. */
export type SectionsOf<Kind extends PolicyKind> = Omit<PolicyOf<Kind>['spec'], 'targetRefs'>

/** What all policies of one kind and one target say together. */
export interface Decided<Kind extends PolicyKind> {
	readonly sections: SectionsOf<Kind>
	/** The policy that decides a section. */
	readonly by: ReadonlyMap<string, ResourceKey>
}

/** `sectionName` asks for what was said of one rule of a route; without it, what was said of the whole target. */
export type PolicyLookup<Kind extends PolicyKind> = (target: ResourceKey, sectionName?: string) => Decided<Kind>

interface Attached<Kind extends PolicyKind> {
	readonly key: ResourceKey
	readonly createdAt: number
	readonly policy: PolicyOf<Kind>
}

/** For one build: what it has looked up it remembers, so that many policies of one target are judged in one reading. */
export function policyLookup<Kind extends PolicyKind>(kind: Kind, index: ResourceIndex): PolicyLookup<Kind> {
	const attached = new Map<ResourceKey, readonly Attached<Kind>[]>()
	const decided = new Map<string, Decided<Kind>>()
	return (target, sectionName) => {
		const id = JSON.stringify([target, sectionName])
		const known = decided.get(id)
		if (known !== undefined) return known
		const all = attached.get(target) ?? attachedTo(kind, target, index)
		attached.set(target, all)
		const made = decide(all.filter(({ policy }) => speaksFor(policy, target, sectionName)))
		decided.set(id, made)
		return made
	}
}

function attachedTo<Kind extends PolicyKind>(kind: Kind, target: ResourceKey, index: ResourceIndex): Attached<Kind>[] {
	const policies = index.referrers(policiesTarget(kind, target)).map((key): Attached<Kind> => {
		const { resource, createdAt } = index.get(key)!
		return { key, createdAt, policy: resource as PolicyOf<Kind> }
	})
	return policies.sort((a, b) => a.createdAt - b.createdAt || (a.key < b.key ? -1 : 1))
}

const speaksFor = (policy: Policy, target: ResourceKey, sectionName: string | undefined): boolean =>
	policy.spec.targetRefs.some((ref) => policyTargetKey(policy, ref) === target && sectionNameOf(ref) === sectionName)

/** The rule that a policy is for, where it is for one. */
export const sectionNameOf = (ref: TargetRef): string | undefined =>
	ref.kind === 'HTTPRoute' ? ref.sectionName : undefined

function decide<Kind extends PolicyKind>(policies: readonly Attached<Kind>[]): Decided<Kind> {
	const by = new Map<string, ResourceKey>()
	const sections: Record<string, unknown> = {}
	for (const { key, policy } of policies)
		for (const [name, section] of Object.entries(sectionsOf(policy)))
			if (!by.has(name)) {
				by.set(name, key)
				sections[name] = section
			}
	return { sections: sections as SectionsOf<Kind>, by }
}

export function sectionsOf({ spec }: Policy): object {
	const { targetRefs: _, ...sections } = spec
	return sections
}
