/** A choice of resources by their labels, as Kubernetes writes it: every requirement must hold. */
import { z } from 'zod'
import { Labels, LabelValue, QualifiedName } from './scalars.ts'

const Requirement = z
	.strictObject({
		key: QualifiedName,
		operator: z.enum(['In', 'NotIn', 'Exists', 'DoesNotExist']),
		values: z.array(LabelValue).max(256).default([]),
	})
	.superRefine(({ operator, values }, context) => {
		const wantsValues = operator === 'In' || operator === 'NotIn'
		if (wantsValues && values.length === 0)
			context.addIssue({ code: 'custom', path: ['values'], message: `must have a value for operator ${operator}` })
		if (!wantsValues && values.length > 0)
			context.addIssue({ code: 'custom', path: ['values'], message: `must be left out for operator ${operator}` })
	})

/** An empty selector chooses everything. */
export const LabelSelector = z.strictObject({
	matchLabels: Labels.default({}),
	matchExpressions: z.array(Requirement).max(64).default([]),
})
export type LabelSelector = z.infer<typeof LabelSelector>
