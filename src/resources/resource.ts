/** A resource: what a user wrote, checked, with every default filled in. */
import { type ResourceKey, resourceKey } from '../names.ts'
import type { AdminAccess } from './adminAccess.ts'
import type { AuthorizationPolicy } from './authorizationPolicy.ts'
import type { DirectResponse } from './directResponse.ts'
import type { FaultInjection } from './faultInjection.ts'
import type { FederatedTrustDomain } from './federatedTrustDomain.ts'
import type { Gateway } from './gateway.ts'
import type { HTTPRoute } from './httpRoute.ts'
import type { Mesh } from './mesh.ts'
import type { Namespace } from './namespace.ts'
import type { PeerAuthentication } from './peerAuthentication.ts'
import type { ReferenceGrant } from './referenceGrant.ts'
import type { RequestAuthentication } from './requestAuthentication.ts'
import type { RetryPolicy } from './retryPolicy.ts'
import type { Secret } from './secret.ts'
import type { Service } from './service.ts'
import type { TrafficMatch } from './trafficMatch.ts'
import type { TrafficPolicy } from './trafficPolicy.ts'
import type { WorkloadTrust } from './workloadTrust.ts'

export { Metadata } from './metadata.ts'

export type Resource =
	| Service
	| Gateway
	| HTTPRoute
	| ReferenceGrant
	| Namespace
	| Secret
	| Mesh
	| FaultInjection
	| DirectResponse
	| TrafficMatch
	| RetryPolicy
	| TrafficPolicy
	| PeerAuthentication
	| RequestAuthentication
	| AuthorizationPolicy
	| WorkloadTrust
	| FederatedTrustDomain
	| AdminAccess

/** Also takes anything else that names a resource. Cluster-wide kinds have the namespace `-`. */
export const keyOf = ({
	kind,
	metadata,
}: {
	kind: string
	metadata: { namespace: string; name: string }
}): ResourceKey => resourceKey(kind, metadata.namespace, metadata.name)
