/** A condition beside a rule's matches: who calls, and which share of the requests the rule takes. */
import { z } from 'zod'
import { SelvedgeApiVersion } from './apiVersions.ts'
import { Metadata, Status, withoutStatus } from './metadata.ts'
import { checkShare, fineShare } from './share.ts'
import { Sources } from './source.ts'

const TrafficMatchSpec = z
	.strictObject({ sources: Sources, ...fineShare })
	.superRefine(checkShare)
	.refine(({ sources, percent, fraction }) => sources.length > 0 || (percent ?? fraction) !== undefined, {
		error: 'must have at least one of sources, percent and fraction',
	})

export const TrafficMatch = z
	.strictObject({
		apiVersion: SelvedgeApiVersion,
		kind: z.literal('TrafficMatch'),
		metadata: Metadata,
		spec: TrafficMatchSpec,
		status: Status,
	})
	.transform(withoutStatus)
	.meta({
		id: 'TrafficMatch',
		description:
			'Named by an ExtensionRef filter of a rule: where it does not hold, the rule is passed over and the next one is asked.',
	})
export type TrafficMatch = z.infer<typeof TrafficMatch>
