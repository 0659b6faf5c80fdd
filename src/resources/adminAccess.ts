/** Who may use the control plane with a login of Cloudflare Access, and for what. */
import { z } from 'zod'
import { SelvedgeApiVersion } from './apiVersions.ts'
import { ClusterMetadata, Status, withoutStatus } from './metadata.ts'
import { LabelName, SubdomainName } from './scalars.ts'
import { distinct } from './unique.ts'

/** RFC 5321 §4.5.3.1.3, without quoted local parts, which nobody has. Compared without regard to case. */
const Email = z
	.string()
	.max(254)
	.regex(/^[^\s@\p{Cc}]+@[A-Za-z0-9.-]+$/u, { error: 'must be an email address' })
const text = z
	.string()
	.min(1)
	.max(256)
	.regex(/^[^\p{Cc}]*$/u, { error: 'must not contain control characters' })

const subject = {
	email: Email.exactOptional(),
	emailDomain: SubdomainName.exactOptional().meta({ description: 'Of the email address, all that follows the @.' }),
	group: text.exactOptional().meta({
		description: 'A group of the identity provider, as the claim groups of the login has it, its own or in custom.',
	}),
	serviceToken: text.exactOptional().meta({ description: 'common_name of a service token: its Client ID.' }),
}
const Subject = z.strictObject(subject).refine((said) => Object.keys(said).length === 1, {
	error: `must have exactly one of ${Object.keys(subject).join(', ')}`,
})

const AdminAccessSpec = z
	.strictObject({
		subjects: z.array(Subject).min(1).max(64),
		role: z.enum(['viewer', 'operator', 'admin']),
		namespaces: z.array(LabelName).min(1).max(64).superRefine(distinct('namespace')).exactOptional().meta({
			description: 'What may be seen and changed: these namespaces and nothing cluster-wide; everything when left out.',
		}),
	})
	.refine(({ role, namespaces }) => role !== 'admin' || namespaces === undefined, {
		path: ['namespaces'],
		error: 'must be left out: the role admin is for the whole mesh',
	})

export const AdminAccess = z
	.strictObject({
		apiVersion: SelvedgeApiVersion,
		kind: z.literal('AdminAccess'),
		metadata: ClusterMetadata,
		spec: AdminAccessSpec,
		status: Status,
	})
	.transform(withoutStatus)
	.meta({
		id: 'AdminAccess',
		description:
			'What a login of Cloudflare Access may do. Cluster-wide; needs the role admin. Of several that fit one login the highest role counts, with the namespaces of all that give it.',
	})
export type AdminAccess = z.infer<typeof AdminAccess>
