/** Hostnames that the mesh answers for besides its own, and who may attach routes to them (Gateway API). */
import { z } from 'zod'
import { GatewayApiVersion } from './apiVersions.ts'
import { Listener } from './listener.ts'
import { Metadata, Status, withoutStatus } from './metadata.ts'
import { LabelValue, ObjectName, QualifiedName } from './scalars.ts'
import { unique } from './unique.ts'
import { notOffered, unsupported } from './unsupported.ts'

/** Metadata for what other implementations create per Gateway. The mesh creates nothing, so it is kept and not used. */
const Infrastructure = z
	.strictObject({
		labels: z
			.record(QualifiedName, LabelValue)
			.refine((labels) => Object.keys(labels).length <= 8, { error: 'must have at most 8 entries' })
			.default({}),
		annotations: z
			.record(QualifiedName, z.string().max(4_096))
			.refine((annotations) => Object.keys(annotations).length <= 16, { error: 'must have at most 16 entries' })
			.default({}),
	})
	.register(unsupported, {
		parametersRef: notOffered('parametersRef', 'a Gateway runs on no infrastructure of its own'),
	})

const listenerKey = ({ port, protocol, hostname = '' }: Listener) => `${port} ${protocol} ${hostname}`

const GatewaySpec = z
	.strictObject({
		gatewayClassName: ObjectName.meta({ description: 'Any name: every Gateway of this mesh is its own.' }),
		listeners: z
			.array(Listener)
			.min(1)
			.max(64)
			.superRefine(
				unique(
					({ name }) => name,
					(first) => `must be unique: listener ${first} has this name`,
					'name',
				),
			)
			.superRefine(unique(listenerKey, (first) => `must differ from listener ${first} in port, protocol or hostname`)),
		infrastructure: Infrastructure.exactOptional(),
	})
	.register(unsupported, {
		addresses: notOffered('addresses', "the platform's edge decides the addresses of a Gateway"),
		allowedListeners: notOffered('allowedListeners'),
		backendTLS: notOffered('backendTLS'),
		defaultScope: notOffered('defaultScope'),
		tls: notOffered('tls', "TLS ends at the platform's edge"),
	})

/** https://gateway-api.sigs.k8s.io/reference/spec/#gateway */
export const Gateway = z
	.strictObject({
		apiVersion: GatewayApiVersion,
		kind: z.literal('Gateway'),
		metadata: Metadata,
		spec: GatewaySpec,
		status: Status,
	})
	.transform(withoutStatus)
	.meta({
		id: 'Gateway',
		description: 'Public hostnames that the mesh answers for, as listeners that HTTPRoutes attach to.',
	})
export type Gateway = z.infer<typeof Gateway>
