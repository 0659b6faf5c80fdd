/** Selectors of policies: which Services of a namespace one chooses by their labels, and which of them choose a Service. */
import type { ResourceKey } from '../../names.ts'
import { labelKey, labelledTarget, policiesTarget } from '../references.ts'
import type { ResourceIndex } from '../resourceIndex.ts'
import { selects } from './labelSelector.ts'
import type { AddedKind, AddedPolicy } from './policyKinds.ts'

type Labels = Readonly<Record<string, string>>

/** Those that have every label. A Service without a document has none. */
export function selectedServices({ metadata, spec }: AddedPolicy, index: ResourceIndex): readonly ResourceKey[] {
	const lists = Object.entries(spec.selector?.matchLabels ?? {}).map(([name, value]) =>
		index.referrers(labelledTarget(metadata.namespace, name, value)),
	)
	const [first = [], ...others] = lists.sort((a, b) => a.length - b.length).map((keys) => new Set(keys))
	return [...first].filter((key) => others.every((keys) => keys.has(key)))
}

/** Policies of the kind whose selector chooses the Service. */
export function selectorsOf(kind: AddedKind, service: ResourceKey, index: ResourceIndex): readonly ResourceKey[] {
	const found = service.startsWith('Service/') ? index.get(service)?.resource : undefined
	if (found === undefined) return []
	return selectorsAt(kind, found.metadata.namespace, found.metadata.labels, index).filter((key) => {
		const { selector } = (index.get(key)!.resource as AddedPolicy).spec
		return selects({ matchLabels: selector?.matchLabels ?? {}, matchExpressions: [] }, found.metadata.labels)
	})
}

/** Policies whose selector may choose what has these labels: each is found by one of its own. */
export const selectorsAt = (
	kind: AddedKind,
	namespace: string,
	labels: Labels,
	index: ResourceIndex,
): readonly ResourceKey[] =>
	Object.entries(labels).flatMap(([name, value]) =>
		index.referrers(policiesTarget(kind, labelKey(namespace, name, value))),
	)
