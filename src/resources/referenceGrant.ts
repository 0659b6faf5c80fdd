/** Consent of a namespace to be referred to from others (Gateway API, GEP-709). */
import { z } from 'zod'
import { GatewayApiVersion } from './apiVersions.ts'
import { Metadata, Status, withoutStatus } from './metadata.ts'
import { Group, KindName, LabelName, ObjectName } from './scalars.ts'

const From = z.strictObject({ group: Group, kind: KindName, namespace: LabelName }).meta({
	description: 'Who may refer: resources of this kind in this namespace.',
})

const To = z.strictObject({ group: Group, kind: KindName, name: ObjectName.exactOptional() }).meta({
	description: 'What may be referred to in the namespace of the grant; without a name, everything of the kind.',
})

export const ReferenceGrant = z
	.strictObject({
		apiVersion: GatewayApiVersion,
		kind: z.literal('ReferenceGrant'),
		metadata: Metadata,
		spec: z.strictObject({ from: z.array(From).min(1).max(16), to: z.array(To).min(1).max(16) }),
		status: Status,
	})
	.transform(withoutStatus)
	.meta({
		id: 'ReferenceGrant',
		description:
			'Lets resources of other namespaces refer to resources of this one. Without it, such a reference refuses traffic.',
	})
export type ReferenceGrant = z.infer<typeof ReferenceGrant>
