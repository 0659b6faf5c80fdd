/** How callers prove who they are: for the mesh, a namespace or Services. The word, and the modes, are Istio's. */
import { z } from 'zod'
import { SelvedgeApiVersion } from './apiVersions.ts'
import { Metadata, Status, withoutStatus } from './metadata.ts'
import { checkReach, ServiceTargetRefs } from './policyTarget.ts'
import { distinct } from './unique.ts'

const Methods = z
	.array(z.enum(['WorkloadProof', 'JWTSVID', 'ClientCertificate']))
	.min(1)
	.max(3)
	.superRefine(distinct('method'))

const sections = {
	mode: z.enum(['STRICT', 'PERMISSIVE', 'DISABLE']).exactOptional().meta({
		description:
			'STRICT: nobody who proves nothing. PERMISSIVE, where no policy says it: whoever proves something proves it well. DISABLE: proofs are not looked at, and callers stay unknown.',
	}),
	methods: Methods.exactOptional().meta({
		description:
			'The proofs that count; all where no policy says it. WorkloadProof: WIT and WPT (IETF WIMSE). JWTSVID: a bearer token. ClientCertificate: mutual TLS at the edge.',
	}),
	proofReuse: z.enum(['Never', 'UntilExpiry']).exactOptional().meta({
		description:
			'Whether one WPT may be shown more than once before it expires. Never where no policy says it, as the draft recommends.',
	}),
}
const SECTIONS = Object.keys(sections) as readonly (keyof typeof sections)[]

const PeerAuthenticationSpec = z
	.strictObject({ targetRefs: ServiceTargetRefs, ...sections })
	.superRefine((spec, context) => {
		if (!SECTIONS.some((section) => section in spec))
			context.addIssue({ code: 'custom', message: `must have at least one of ${SECTIONS.join(', ')}` })
		if (spec.proofReuse !== undefined && spec.methods?.includes('WorkloadProof') === false)
			context.addIssue({
				code: 'custom',
				path: ['proofReuse'],
				message: 'must be left out: only a WorkloadProof can be reused, and methods does not name it',
			})
	})

export const PeerAuthentication = z
	.strictObject({
		apiVersion: SelvedgeApiVersion,
		kind: z.literal('PeerAuthentication'),
		metadata: Metadata,
		spec: PeerAuthenticationSpec,
		status: Status,
	})
	.superRefine(({ metadata, spec }, context) => checkReach(spec.targetRefs, metadata.namespace, context))
	.transform(withoutStatus)
	.meta({
		id: 'PeerAuthentication',
		description:
			'How callers prove who they are. Of several policies the nearest decides each field: Service, namespace, mesh; at equal distance the oldest, then the first by name.',
	})
export type PeerAuthentication = z.infer<typeof PeerAuthentication>
