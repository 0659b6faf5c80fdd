/** Who may become a workload of the mesh: which workload, and what somebody must prove to be given its identity. */
import { z } from 'zod'
import { SelvedgeApiVersion } from './apiVersions.ts'
import { Jwk } from './jwk.ts'
import { Metadata, Status, withoutStatus } from './metadata.ts'
import { durationBetween, LabelName, PreciseHostname } from './scalars.ts'
import { distinct, unique } from './unique.ts'
import { Audiences, Oidc } from './workloadTrustOidc.ts'

/** Workloads of this namespace are the mesh's own parts. */
const RESERVED_NAMESPACE = 'selvedge'

const JoinToken = z
	.strictObject({
		maxTtl: durationBetween('1m', '24h').default('24h').meta({ description: 'How long a token may wait to be used.' }),
	})
	.meta({ description: 'A one-time token that an operator makes for this workload.' })

const PrivateKeyJwt = z
	.strictObject({
		jwks: z.strictObject({
			keys: z
				.array(Jwk)
				.min(1)
				.max(8)
				.superRefine(
					unique(
						({ kid }) => kid,
						(first) => `must be unique: key ${first} has this kid`,
						'kid',
					),
				),
		}),
		audiences: Audiences.exactOptional().meta({
			description: "The mesh's issuer and token endpoint when left out.",
		}),
	})
	.meta({
		description:
			'An assertion signed with one of these keys (RFC 7523); its iss and sub are the SPIFFE ID, or <namespace>/<workload>.',
	})

/** OpenSSL and browsers write `AB:CD`, Cloudflare `abcd`. */
const Fingerprint = z
	.string()
	.regex(/^[0-9a-fA-F]{2}(:?[0-9a-fA-F]{2}){31}$/, {
		error: 'must be a SHA-256 fingerprint: 64 hexadecimal digits, with or without colons',
	})
	.transform((text) => text.replaceAll(':', '').toLowerCase())

const DistinguishedName = z
	.string()
	.max(2_048)
	.regex(/^([A-Za-z][A-Za-z0-9-]*|\d+(\.\d+)*)=/, {
		error: 'must be a distinguished name as RFC 2253 writes it, e.g. CN=orders,O=Example',
	})

const uri = 'must be an absolute URI, e.g. spiffe://example.com/orders'
const UriName = z
	.string()
	.max(2_048)
	.regex(/^[a-z][a-z0-9+.-]*:[!-~]+$/i, { error: uri })

const ClientCertificate = z
	.strictObject({
		subject: DistinguishedName.exactOptional(),
		issuer: DistinguishedName.exactOptional(),
		fingerprintsSha256: z
			.array(Fingerprint)
			.min(1)
			.max(8)
			.superRefine(distinct('fingerprint'))
			.exactOptional()
			.meta({ description: 'One of them.' }),
		uriSan: UriName.exactOptional(),
		dnsSan: PreciseHostname.exactOptional(),
	})
	.refine((rules) => Object.keys(rules).length > 0, {
		error: 'must have at least one of subject, issuer, fingerprintsSha256, uriSan, dnsSan',
	})
	.meta({
		description:
			'A client certificate that Cloudflare verified. Every field given must hold; names are compared as they are.',
	})

const methods = {
	oidc: Oidc.exactOptional(),
	joinToken: JoinToken.exactOptional(),
	privateKeyJwt: PrivateKeyJwt.exactOptional(),
	clientCertificate: ClientCertificate.exactOptional(),
}
const METHODS = Object.keys(methods) as readonly (keyof typeof methods)[]

const WorkloadTrustSpec = z
	.strictObject({
		workload: LabelName.exactOptional().meta({
			description: 'Left out where kubernetesServiceAccounts names the workload.',
		}),
		maxTtl: durationBetween('5m', '24h').default('1h').meta({ description: 'Of every credential given.' }),
		...methods,
	})
	.superRefine((spec, context) => {
		const refuse = (path: readonly string[], message: string) =>
			context.addIssue({ code: 'custom', path: [...path], message })
		if (METHODS.filter((method) => method in spec).length !== 1)
			refuse([], `must have exactly one of ${METHODS.join(', ')}`)
		const isNamedByToken = spec.oidc?.kubernetesServiceAccounts !== undefined
		if (isNamedByToken && spec.workload !== undefined)
			refuse(['workload'], 'must be left out: with kubernetesServiceAccounts the service account names the workload')
		if (!isNamedByToken && spec.workload === undefined) refuse(['workload'], 'is required')
	})

export const WorkloadTrust = z
	.strictObject({
		apiVersion: SelvedgeApiVersion,
		kind: z.literal('WorkloadTrust'),
		metadata: Metadata.refine(({ namespace }) => namespace !== RESERVED_NAMESPACE, {
			path: ['namespace'],
			error: `must not be '${RESERVED_NAMESPACE}': its workloads are the mesh's own parts`,
		}),
		spec: WorkloadTrustSpec,
		status: Status,
	})
	.transform(withoutStatus)
	.meta({
		id: 'WorkloadTrust',
		description:
			'Who may obtain the identity spiffe://<trust domain>/ns/<namespace>/sa/<workload>, and how they prove that they may.',
	})
export type WorkloadTrust = z.infer<typeof WorkloadTrust>
