/** A condition beside a rule's matches: who calls, for which end user, and which share of the requests the rule takes. */
import { z } from 'zod'
import { SelvedgeApiVersion } from './apiVersions.ts'
import { UserConditions } from './authorizationRules.ts'
import { Metadata, Status, withoutStatus } from './metadata.ts'
import { checkShare, fineShare } from './share.ts'
import { Sources } from './source.ts'

const when = UserConditions.meta({
	description:
		"Conditions on the end user, all of which must hold, as AuthorizationPolicy writes them; keys are those of request.auth. The user is whom a token proves to the RequestAuthentications of the Mesh and of the route's namespace: those of a Service do not count, since none is chosen yet. For a request without a token none holds, not even one of notValues only; a token that is not good is answered with 401. A rule with a CORS filter answers preflights, which carry no token, whatever is said here.",
})

const TrafficMatchSpec = z
	.strictObject({ sources: Sources, when, ...fineShare })
	.superRefine(checkShare)
	.refine(({ sources, when, percent, fraction }) => sources.length > 0 || (when ?? percent ?? fraction) !== undefined, {
		error: 'must have at least one of sources, when, percent and fraction',
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
