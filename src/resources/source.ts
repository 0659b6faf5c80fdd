/** Who calls: a workload, or any workload of a namespace. */
import { z } from 'zod'
import { LabelName } from './scalars.ts'

const Source = z.strictObject({
	namespace: LabelName.exactOptional().meta({ description: "The resource's own when left out." }),
	workload: LabelName.exactOptional().meta({ description: 'Any workload of the namespace when left out.' }),
})

export const Sources = z
	.array(Source)
	.max(64)
	.default([])
	.meta({ description: 'Callers, any of them; a caller without a proven identity is none of them. Without any, all.' })
