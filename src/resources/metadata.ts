/** What every document says about itself: name, namespace, labels, annotations. */
import { z } from 'zod'
import { LabelName, Labels, QualifiedName, SubdomainName } from './scalars.ts'

/** Kubernetes' own bound on the annotations of one object. */
const MAX_ANNOTATION_CHARACTERS = 262_144

const Annotations = z
	.record(QualifiedName, z.string())
	.refine(
		(annotations) =>
			Object.entries(annotations).reduce((sum, [key, value]) => sum + key.length + value.length, 0) <=
			MAX_ANNOTATION_CHARACTERS,
		{ error: `must have at most ${MAX_ANNOTATION_CHARACTERS.toLocaleString('en')} characters in all` },
	)

const dropped = z.unknown().optional().meta({ description: 'Accepted as exported by kubectl, and dropped.' })

/** Set by a Kubernetes API server: present in exported documents, meaningless here. */
const serverFields = {
	uid: dropped,
	resourceVersion: dropped,
	generation: dropped,
	creationTimestamp: dropped,
	managedFields: dropped,
	ownerReferences: dropped,
	finalizers: dropped,
	selfLink: dropped,
}

const namespaced = LabelName.default('default')

/** The namespace of what belongs to none. Absent in documents, `-` in answers, so that an answer can be sent back. */
const none = z.literal('-', { error: 'must be left out: this kind is cluster-wide' }).default('-')

const fields = { labels: Labels.default({}), annotations: Annotations.default({}), ...serverFields }

interface Kept {
	name: string
	namespace: string
	labels: Record<string, string>
	annotations: Record<string, string>
}
const kept = ({ name, namespace, labels, annotations }: Kept): Kept => ({ name, namespace, labels, annotations })

/** For kinds whose names are subdomains. */
export const Metadata = z.strictObject({ name: SubdomainName, namespace: namespaced, ...fields }).transform(kept)
export type Metadata = z.infer<typeof Metadata>

/** For kinds whose names are part of a DNS label. */
export const LabelMetadata = z.strictObject({ name: LabelName, namespace: namespaced, ...fields }).transform(kept)

/** For cluster-wide kinds. */
export const ClusterMetadata = z.strictObject({ name: LabelName, namespace: none, ...fields }).transform(kept)

/** A document's status is the mesh's to write: accepted as exported, and dropped. */
export const Status = z.unknown().optional().meta({ description: 'Written by the mesh; dropped when sent.' })

export function withoutStatus<T extends { status?: unknown }>(document: T): Omit<T, 'status'> {
	const { status: _, ...rest } = document
	return rest
}
