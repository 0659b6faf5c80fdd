/** A Kubernetes Namespace, of which only the labels matter: Gateway listeners select by them whose routes may attach. */
import { z } from 'zod'
import { CoreApiVersion } from './apiVersions.ts'
import { ClusterMetadata, Status } from './metadata.ts'

/** Kubernetes sets this label on every Namespace, and selectors rely on it. */
const NAME_LABEL = 'kubernetes.io/metadata.name'

export const Namespace = z
	.strictObject({
		apiVersion: CoreApiVersion,
		kind: z.literal('Namespace'),
		metadata: ClusterMetadata,
		spec: z.strictObject({ finalizers: z.unknown().optional() }).optional().meta({
			description: 'Accepted as exported by kubectl, and dropped.',
		}),
		status: Status,
	})
	.transform(({ apiVersion, kind, metadata }) => ({
		apiVersion,
		kind,
		metadata: { ...metadata, labels: { ...metadata.labels, [NAME_LABEL]: metadata.name } },
	}))
	.meta({ id: 'Namespace', description: 'The labels of a namespace. Cluster-wide. A namespace exists without one.' })
export type Namespace = z.infer<typeof Namespace>
