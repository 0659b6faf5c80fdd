/** The part of a document that names a resource; the rest of the document does not matter here. */
import { z } from 'zod'
import type { ResourceRef } from '../ports.ts'
import { ok, type Result } from '../result.ts'
import type { Problem } from './documentError.ts'
import type { Kind } from './kinds.ts'
import { parse } from './problems.ts'
import { LabelName, ObjectName } from './scalars.ts'

const named = (namespace: z.ZodType<string>) =>
	z.looseObject({ metadata: z.looseObject({ name: ObjectName, namespace }) })
const Namespaced = named(LabelName.default('default'))
/** Whatever a document of a cluster-wide kind says about its namespace, it has none. */
const ClusterWide = named(
	z
		.unknown()
		.default('-')
		.transform(() => '-'),
)

/** Names what a document of this kind names. The apiVersion is the mesh's own, also for aliases. */
export function parseRef(value: Readonly<Record<string, unknown>>, kind: Kind): Result<ResourceRef, Problem[]> {
	const parsed = parse(kind.clusterWide ? ClusterWide : Namespaced, value)
	if (!parsed.ok) return parsed
	const { namespace, name } = parsed.value.metadata
	return ok({ apiVersion: kind.apiVersion, kind: kind.kind, namespace, name })
}
