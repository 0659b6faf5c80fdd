/** Whether labels satisfy a Kubernetes label selector: every label and every expression of it. */
import type { LabelSelector } from '../../resources/labelSelector.ts'

type Requirement = NonNullable<LabelSelector['matchExpressions']>[number]

/** An empty selector selects everything (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/). */
export function selects(selector: LabelSelector, labels: Readonly<Record<string, string>>): boolean {
	return (
		Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value) &&
		(selector.matchExpressions ?? []).every((requirement) => satisfies(requirement, labels[requirement.key]))
	)
}

function satisfies({ operator, values = [] }: Requirement, value: string | undefined): boolean {
	switch (operator) {
		case 'In':
			return value !== undefined && values.includes(value)
		case 'NotIn':
			return value === undefined || !values.includes(value)
		case 'Exists':
			return value !== undefined
		case 'DoesNotExist':
			return value === undefined
	}
}
