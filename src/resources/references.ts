/** How a route names what it attaches to and where it sends requests. */
import { z } from 'zod'
import { Group, KindName, LabelName, ObjectName, Port, SubdomainName } from './scalars.ts'

/** https://gateway-api.sigs.k8s.io/reference/spec/#parentreference — a Gateway, or a Service as in GAMMA (GEP-1426). */
export const ParentRef = z.strictObject({
	group: Group.default('gateway.networking.k8s.io'),
	kind: KindName.default('Gateway'),
	namespace: LabelName.exactOptional().meta({ description: "The route's own when left out." }),
	name: ObjectName,
	sectionName: SubdomainName.exactOptional().meta({ description: 'One listener; all of them when left out.' }),
	port: Port.exactOptional(),
})
export type ParentRef = z.infer<typeof ParentRef>

/**
 * https://gateway-api.sigs.k8s.io/reference/spec/#backendobjectreference — it wants a port for Services; here it may be left
 * out, since a Service of the mesh has none.
 */
export const BackendObjectRef = z.strictObject({
	group: Group.default(''),
	kind: KindName.default('Service'),
	namespace: LabelName.exactOptional().meta({
		description: "The route's own when left out; another needs a ReferenceGrant.",
	}),
	name: ObjectName,
	port: Port.exactOptional(),
})

/**
 * References to one parent must all set the same of sectionName and port, and differ in them.
 * As upstream, a namespace left out and one spelled out count as different parents.
 */
export function checkParentRefs(refs: readonly ParentRef[], context: z.RefinementCtx): void {
	const firstOf = new Map<string, { index: number; sets: string }>()
	const seen = new Set<string>()
	refs.forEach((ref, index) => {
		const parent = JSON.stringify([ref.group, ref.kind, ref.namespace, ref.name])
		const section = JSON.stringify([parent, ref.sectionName, ref.port])
		const sets = `${ref.sectionName !== undefined} ${ref.port !== undefined}`
		const first = firstOf.get(parent)
		if (first === undefined) firstOf.set(parent, { index, sets })
		else if (first.sets !== sets)
			context.addIssue({
				code: 'custom',
				path: [index],
				message: `must set sectionName and port where parentRef ${first.index}, which names the same parent, sets them`,
			})
		else if (seen.has(section))
			context.addIssue({
				code: 'custom',
				path: [index],
				message: 'must differ from the other parentRefs to the same parent in sectionName or port',
			})
		seen.add(section)
	})
}
