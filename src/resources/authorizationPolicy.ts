/** Who may call what: Istio's AuthorizationPolicy, for the mesh, a namespace, Services, routes or single rules. */
import { z } from 'zod'
import { SecurityApiVersion } from './apiVersions.ts'
import { AuthorizationRules } from './authorizationRules.ts'
import { Metadata, Status, withoutStatus } from './metadata.ts'
import { attachedBy, checkAttached, spelledOut, TargetRefs } from './policyTarget.ts'
import { ObjectName } from './scalars.ts'

/** Istio's way to say `mode: dryRun`. */
const DRY_RUN_ANNOTATION = 'istio.io/dry-run'

const AuthorizationPolicySpec = z
	.strictObject({
		...attachedBy(TargetRefs),
		action: z.enum(['ALLOW', 'DENY', 'AUDIT', 'CUSTOM']).default('ALLOW').meta({
			description:
				'DENY refuses what matches; where there are ALLOW policies, one of them must match; CUSTOM asks the provider about what matches; AUDIT only notes it.',
		}),
		mode: z.enum(['enforce', 'dryRun']).exactOptional().meta({
			description:
				'dryRun counts and logs what would change, and changes nothing. enforce when left out, unless the annotation istio.io/dry-run says otherwise.',
		}),
		provider: z.strictObject({ name: ObjectName }).exactOptional().meta({
			description: "One of the Mesh's extensionProviders; with CUSTOM, and only with it.",
		}),
		rules: AuthorizationRules.exactOptional().meta({
			description: 'One that matches is enough. Without any, the policy never matches: an ALLOW then lets nobody in.',
		}),
	})
	.superRefine(({ action, mode, provider, rules = [] }, context) => {
		const refuse = (field: string, message: string) => context.addIssue({ code: 'custom', path: [field], message })
		if (action === 'CUSTOM' && provider === undefined) refuse('provider', 'is required for CUSTOM')
		if (action !== 'CUSTOM' && provider !== undefined)
			refuse('provider', `must be left out for ${action}: only CUSTOM asks a provider`)
		if ((action === 'DENY' || action === 'CUSTOM') && rules.length === 0)
			refuse('rules', `must have a rule for ${action}: without one it never matches; [{}] matches every request`)
		if (mode === 'dryRun') refuseTrial(action, (message) => refuse('mode', message))
	})

/** As in Istio: only what the policy itself decides can be tried. */
function refuseTrial(action: string, refuse: (message: string) => void): void {
	if (action === 'CUSTOM') refuse('must not be dryRun for CUSTOM: what the provider would say is known by asking it')
	if (action === 'AUDIT') refuse('must not be dryRun for AUDIT, which refuses nobody')
}

export const AuthorizationPolicy = z
	.strictObject({
		apiVersion: SecurityApiVersion,
		kind: z.literal('AuthorizationPolicy'),
		metadata: Metadata,
		spec: AuthorizationPolicySpec.prefault({}),
		status: Status,
	})
	.superRefine((policy, context) => {
		checkAttached(policy, context)
		checkAnnotation(policy, context)
	})
	.transform(withoutStatus)
	.transform(spelledOut)
	.meta({
		id: 'AuthorizationPolicy',
		description:
			'Who may call what. All policies of mesh, namespace, Service, route and rule add up: a DENY that matches refuses; where there is an ALLOW, one must match; a CUSTOM that matches must be allowed by its provider.',
	})
export type AuthorizationPolicy = z.infer<typeof AuthorizationPolicy>

interface Trial {
	readonly metadata: { readonly annotations: Readonly<Record<string, string>> }
	readonly spec: { readonly mode?: 'enforce' | 'dryRun'; readonly action: string }
}

function checkAnnotation({ metadata, spec }: Trial, context: z.RefinementCtx): void {
	const said = metadata.annotations[DRY_RUN_ANNOTATION]
	const refuse = (message: string) =>
		context.addIssue({ code: 'custom', path: ['metadata', 'annotations', DRY_RUN_ANNOTATION], message })
	if (said === undefined) return
	if (said !== 'true' && said !== 'false') refuse("must be 'true' or 'false'")
	else if (spec.mode !== undefined && (spec.mode === 'dryRun') !== (said === 'true'))
		refuse(`must be left out, or say what spec.mode says, which is ${spec.mode}`)
	else if (said === 'true' && spec.mode === undefined)
		refuseTrial(spec.action, (message) => refuse(message.replace('must not be dryRun', "must not be 'true'")))
}

/** Whether the policy is only tried. */
export const isDryRun = ({ metadata, spec }: AuthorizationPolicy): boolean =>
	(spec.mode ?? (metadata.annotations[DRY_RUN_ANNOTATION] === 'true' ? 'dryRun' : 'enforce')) === 'dryRun'
