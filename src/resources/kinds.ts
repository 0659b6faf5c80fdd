/** The kinds of resources that the mesh knows: the only list of them. */
import { z } from 'zod'
import { AdminAccess } from './adminAccess.ts'
import { AuthorizationPolicy } from './authorizationPolicy.ts'
import { DirectResponse } from './directResponse.ts'
import { FaultInjection } from './faultInjection.ts'
import { FederatedTrustDomain } from './federatedTrustDomain.ts'
import { Gateway } from './gateway.ts'
import { HTTPRoute } from './httpRoute.ts'
import { Mesh } from './mesh.ts'
import { Namespace } from './namespace.ts'
import { PeerAuthentication } from './peerAuthentication.ts'
import { ReferenceGrant } from './referenceGrant.ts'
import { RequestAuthentication } from './requestAuthentication.ts'
import type { Resource } from './resource.ts'
import { RetryPolicy } from './retryPolicy.ts'
import { Secret } from './secret.ts'
import { Service } from './service.ts'
import { TrafficMatch } from './trafficMatch.ts'
import { TrafficPolicy } from './trafficPolicy.ts'
import { WorkloadTrust } from './workloadTrust.ts'

export interface Kind {
	/** The version that parsed resources carry. */
	readonly apiVersion: string
	/** Other versions that documents may carry; they are read as `apiVersion`. */
	readonly aliases: readonly string[]
	readonly kind: Resource['kind']
	readonly plural: string
	/** Belongs to no namespace; its resources have the namespace `-`. */
	readonly clusterWide: boolean
	/** One line for people. */
	readonly title: string
	readonly schema: z.ZodType<Resource>
}

const gatewayApi = { apiVersion: 'gateway.networking.k8s.io/v1', aliases: ['gateway.networking.k8s.io/v1beta1'] }
const selvedge = { apiVersion: 'selvedge.dev/v1', aliases: [] }
const security = { ...selvedge, aliases: ['security.istio.io/v1', 'security.istio.io/v1beta1'] }

export const kinds: readonly Kind[] = [
	{
		apiVersion: 'selvedge.dev/v1',
		aliases: [],
		kind: 'Service',
		plural: 'services',
		clusterWide: false,
		title: 'A service and its fixed endpoints',
		schema: Service,
	},
	{
		...gatewayApi,
		kind: 'Gateway',
		plural: 'gateways',
		clusterWide: false,
		title: 'Public hostnames',
		schema: Gateway,
	},
	{
		...gatewayApi,
		kind: 'HTTPRoute',
		plural: 'httproutes',
		clusterWide: false,
		title: 'Routing rules',
		schema: HTTPRoute,
	},
	{
		...gatewayApi,
		kind: 'ReferenceGrant',
		plural: 'referencegrants',
		clusterWide: false,
		title: 'Consent to references from other namespaces',
		schema: ReferenceGrant,
	},
	{
		apiVersion: 'v1',
		aliases: [],
		kind: 'Namespace',
		plural: 'namespaces',
		clusterWide: true,
		title: 'Labels of a namespace',
		schema: Namespace,
	},
	{
		apiVersion: 'v1',
		aliases: [],
		kind: 'Secret',
		plural: 'secrets',
		clusterWide: false,
		title: 'Values for the credentials of services',
		schema: Secret,
	},
	{
		apiVersion: 'selvedge.dev/v1',
		aliases: [],
		kind: 'Mesh',
		plural: 'meshes',
		clusterWide: true,
		title: 'What holds for the whole mesh',
		schema: Mesh,
	},
	{
		...selvedge,
		kind: 'FaultInjection',
		plural: 'faultinjections',
		clusterWide: false,
		title: 'Delays, refusals and slow responses, made on purpose',
		schema: FaultInjection,
	},
	{
		...selvedge,
		kind: 'DirectResponse',
		plural: 'directresponses',
		clusterWide: false,
		title: 'An answer without a backend',
		schema: DirectResponse,
	},
	{
		...selvedge,
		kind: 'TrafficMatch',
		plural: 'trafficmatches',
		clusterWide: false,
		title: 'A condition on who calls and on the share of requests',
		schema: TrafficMatch,
	},
	{
		...selvedge,
		kind: 'RetryPolicy',
		plural: 'retrypolicies',
		clusterWide: false,
		title: 'What may be tried again',
		schema: RetryPolicy,
	},
	{
		...selvedge,
		kind: 'TrafficPolicy',
		plural: 'trafficpolicies',
		clusterWide: false,
		title: 'How endpoints are chosen, watched and spared',
		schema: TrafficPolicy,
	},
	{
		...selvedge,
		kind: 'PeerAuthentication',
		plural: 'peerauthentications',
		clusterWide: false,
		title: 'How callers prove who they are',
		schema: PeerAuthentication,
	},
	{
		...security,
		kind: 'RequestAuthentication',
		plural: 'requestauthentications',
		clusterWide: false,
		title: "Which end users' tokens are believed",
		schema: RequestAuthentication,
	},
	{
		...security,
		kind: 'AuthorizationPolicy',
		plural: 'authorizationpolicies',
		clusterWide: false,
		title: 'Who may call what',
		schema: AuthorizationPolicy,
	},
	{
		...selvedge,
		kind: 'WorkloadTrust',
		plural: 'workloadtrusts',
		clusterWide: false,
		title: 'Who may obtain which identity',
		schema: WorkloadTrust,
	},
	{
		...selvedge,
		kind: 'FederatedTrustDomain',
		plural: 'federatedtrustdomains',
		clusterWide: true,
		title: 'Another trust domain whose workloads are believed',
		schema: FederatedTrustDomain,
	},
	{
		...selvedge,
		kind: 'AdminAccess',
		plural: 'adminaccesses',
		clusterWide: true,
		title: 'Who may use the control plane with a login',
		schema: AdminAccess,
	},
]

const byName = new Map<string, Kind>(kinds.map((kind) => [kind.kind, kind]))

/** By the name of the kind, e.g. `HTTPRoute`. */
export const kindByName = (kind: string): Kind | undefined => byName.get(kind)

/** By what a document carries; also by another version that is accepted. */
export function findKind(apiVersion: string, kind: string): Kind | undefined {
	const found = byName.get(kind)
	return found !== undefined && (found.apiVersion === apiVersion || found.aliases.includes(apiVersion))
		? found
		: undefined
}

/** JSON Schema (draft 2020-12, as OpenAPI 3.1 embeds it) of what each kind accepts, by kind. Complete without `$defs`. */
export function jsonSchemas(): Record<string, object> {
	return Object.fromEntries(
		kinds.map(({ kind, schema }) => {
			const { $defs } = z.toJSONSchema(schema, { io: 'input', reused: 'inline' })
			return [kind, ($defs as Record<string, object>)[kind]!]
		}),
	)
}
