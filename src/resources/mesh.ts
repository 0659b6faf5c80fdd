/** What holds for the whole mesh: who may call where no policy says it, where requests may leave to, and how its keys rotate. */
import { z } from 'zod'
import { SelvedgeApiVersion } from './apiVersions.ts'
import { durationMs } from './duration.ts'
import { ExtensionProviders } from './extensionProvider.ts'
import { ClusterMetadata, Status, withoutStatus } from './metadata.ts'
import { durationBetween } from './scalars.ts'
import { TrustDomain } from './trustDomain.ts'

/** Each is one more text that a caller is compared as. */
const MAX_ALIASES = 16
const ROTATION_INTERVAL = '168h'
const PUBLICATION_LEAD = '1h'

const Keys = z
	.strictObject({
		rotationInterval: durationBetween('1m', '2160h')
			.exactOptional()
			.meta({
				description: `How long a key signs tokens until the next one takes over; ${ROTATION_INTERVAL} when left out. Certificate authorities have terms of their own.`,
			}),
		publicationLead: durationBetween('5s', '168h')
			.exactOptional()
			.meta({
				description: `How long a key is published before it signs; ${PUBLICATION_LEAD} when left out. Copies of the key set may be a quarter of it old.`,
			}),
	})
	.superRefine(({ rotationInterval, publicationLead }, context) => {
		const [interval, lead] = [rotationInterval ?? ROTATION_INTERVAL, publicationLead ?? PUBLICATION_LEAD]
		if ((durationMs(lead) ?? 0) < (durationMs(interval) ?? Number.POSITIVE_INFINITY)) return
		const usual = rotationInterval === undefined ? ' when left out' : ''
		// What was said is what can be changed.
		const [field, message] =
			publicationLead === undefined
				? ['rotationInterval', `must be longer than publicationLead, which is ${lead} when left out`]
				: ['publicationLead', `must be shorter than rotationInterval, which is ${interval}${usual}`]
		context.addIssue({ code: 'custom', path: [field], message })
	})

const Samples = z.strictObject({
	share: z.number().min(0).max(1).meta({
		description:
			'Of the requests, how many are remembered for a day to try out policies with: 0.01 is one in a hundred, as when left out, and 0 none. Of users, claims and headers there are digests only.',
	}),
})

export const Mesh = z
	.strictObject({
		apiVersion: SelvedgeApiVersion,
		kind: z.literal('Mesh'),
		metadata: ClusterMetadata.refine(({ name }) => name === 'default', {
			path: ['name'],
			error: "must be 'default': there is one Mesh",
		}),
		spec: z
			.strictObject({
				egress: z.enum(['registryOnly', 'allowAny']).default('registryOnly').meta({
					description:
						'registryOnly answers 404 for hosts that no Service and no Gateway names; allowAny sends such requests on to the URL that they ask for.',
				}),
				defaultAccess: z.enum(['open', 'closed']).default('open').meta({
					description:
						'open lets everybody call what no ALLOW policy speaks of; closed lets nobody: whoever may call is named by an ALLOW policy.',
				}),
				trustDomainAliases: z
					.array(TrustDomain)
					.min(1)
					.max(MAX_ALIASES)
					.refine((names) => new Set(names).size === names.length, { error: 'must not name a trust domain twice' })
					.exactOptional()
					.meta({
						description:
							'Former names of the trust domain: policies that name one of them mean the present one, and callers that prove a workload of one count as workloads of the present one.',
					}),
				extensionProviders: ExtensionProviders.exactOptional(),
				samples: Samples.exactOptional(),
				keys: Keys.exactOptional(),
			})
			.default({ egress: 'registryOnly', defaultAccess: 'open' }),
		status: Status,
	})
	.transform(withoutStatus)
	.meta({ id: 'Mesh', description: 'What holds for the whole mesh. Cluster-wide; its name is default.' })
export type Mesh = z.infer<typeof Mesh>
