/** What a policy is attached to: the mesh, its namespace, a Service, or, where traffic is meant, an HTTPRoute or one rule of it (GEP-713). */
import { z } from 'zod'
import { LabelName, Labels, SubdomainName } from './scalars.ts'
import { unique } from './unique.ts'

const CoreGroup = z.enum(['', 'core'], { error: "must be '' or core" }).default('')
const ServiceGroup = z.enum(['', 'core', 'selvedge.dev'], { error: "must be '', core or selvedge.dev" }).default('')

const ofServices = [
	z.strictObject({
		group: z.literal('selvedge.dev').default('selvedge.dev'),
		kind: z.literal('Mesh'),
		name: z.literal('default'),
	}),
	z.strictObject({ group: CoreGroup, kind: z.literal('Namespace'), name: LabelName }),
	z.strictObject({ group: ServiceGroup, kind: z.literal('Service'), name: LabelName }),
] as const

const ofRoutes = z.strictObject({
	group: z.literal('gateway.networking.k8s.io').default('gateway.networking.k8s.io'),
	kind: z.literal('HTTPRoute'),
	name: SubdomainName,
	sectionName: SubdomainName.exactOptional().meta({ description: 'One named rule; all of them when left out.' }),
})

/** https://gateway-api.sigs.k8s.io/reference/spec/#localpolicytargetreferencewithsectionname — always of the policy's namespace. */
const TargetRef = z.discriminatedUnion('kind', [...ofServices, ofRoutes])
export type TargetRef = z.infer<typeof TargetRef>

/** Who calls is a Service's business, whichever of its routes they take. */
const ServiceTargetRef = z.discriminatedUnion('kind', ofServices)

const oneToSixteen = <Ref extends z.ZodType<TargetRef>>(ref: Ref) =>
	z
		.array(ref)
		.min(1)
		.max(16)
		.superRefine(
			unique(
				(ref: TargetRef) => JSON.stringify([ref.kind, ref.name, ref.kind === 'HTTPRoute' && ref.sectionName]),
				(first) => `must be unique: targetRef ${first} names this target`,
			),
		)

export const TargetRefs = oneToSixteen(TargetRef)
export const ServiceTargetRefs = oneToSixteen(ServiceTargetRef)

/** Istio's root namespace by default: what is in it, and is for nothing else, is for the whole mesh. */
const ROOT_NAMESPACE = 'istio-system'
/** Only their policies may speak for the whole mesh. */
export const MESH_NAMESPACES: readonly string[] = ['default', ROOT_NAMESPACE]

/** A policy speaks for its own namespace only; of those in two namespaces some speak for the whole mesh. */
export function checkReach(refs: readonly TargetRef[], namespace: string, context: z.RefinementCtx): void {
	const refuse = (index: number, field: string, message: string) =>
		context.addIssue({ code: 'custom', path: ['spec', 'targetRefs', index, field], message })
	for (const [index, { kind, name }] of refs.entries()) {
		if (kind === 'Mesh' && !MESH_NAMESPACES.includes(namespace))
			refuse(
				index,
				'kind',
				`must not be Mesh outside namespace ${MESH_NAMESPACES.join(' or ')}: others may not speak for the mesh`,
			)
		if (kind === 'Namespace' && name !== namespace)
			refuse(index, 'name', `must be '${namespace}': a policy speaks for no namespace but its own`)
	}
}

/** Istio's way to say which Services are meant: those of the policy's namespace that have all of these labels. */
const Selector = z.strictObject({ matchLabels: Labels.default({}) }).meta({
	description: "Services of the policy's namespace that have these labels in their metadata. Without any, all of them.",
})

/** What policies have that Istio knows as well. With neither of the two they are for their whole namespace. */
export const attachedBy = <Refs extends z.ZodType<TargetRef[]>>(refs: Refs) => ({
	targetRefs: refs.exactOptional().meta({
		description: `The policy's whole namespace when this and selector are left out; in ${ROOT_NAMESPACE}, Istio's root namespace, the whole mesh.`,
	}),
	selector: Selector.exactOptional(),
})

interface Attached {
	readonly metadata: { readonly namespace: string }
	readonly spec: { readonly targetRefs?: TargetRef[]; readonly selector?: z.infer<typeof Selector> }
}

export function checkAttached({ metadata, spec }: Attached, context: z.RefinementCtx): void {
	checkReach(spec.targetRefs ?? [], metadata.namespace, context)
	const refuse = (message: string) => context.addIssue({ code: 'custom', path: ['spec', 'selector'], message })
	if (spec.selector === undefined) return
	if (spec.targetRefs !== undefined) refuse('must be left out beside targetRefs: a policy is attached in one way')
	else if (metadata.namespace === ROOT_NAMESPACE && hasLabels(spec.selector))
		refuse(`must be left out in ${ROOT_NAMESPACE}: labels choose among the Services of the policy's own namespace`)
}

const hasLabels = (selector: Attached['spec']['selector']): boolean =>
	Object.keys(selector?.matchLabels ?? {}).length > 0

/** Says what a document leaves out: one of the two is there afterwards, and a selector has a label. */
export function spelledOut<Document extends Attached>(document: Document): Document {
	const { targetRefs, selector, ...rest } = document.spec
	if (targetRefs !== undefined || hasLabels(selector)) return document
	const { namespace } = document.metadata
	const whole: TargetRef =
		namespace === ROOT_NAMESPACE
			? { group: 'selvedge.dev', kind: 'Mesh', name: 'default' }
			: { group: '', kind: 'Namespace', name: namespace }
	return { ...document, spec: { targetRefs: [whole], ...rest } }
}
