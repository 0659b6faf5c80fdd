/** What holds for the whole mesh: at present, where requests may go that name no registered host. */
import { z } from 'zod'
import { SelvedgeApiVersion } from './apiVersions.ts'
import { ClusterMetadata, Status, withoutStatus } from './metadata.ts'

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
			})
			.default({ egress: 'registryOnly' }),
		status: Status,
	})
	.transform(withoutStatus)
	.meta({ id: 'Mesh', description: 'What holds for the whole mesh. Cluster-wide; its name is default.' })
export type Mesh = z.infer<typeof Mesh>
