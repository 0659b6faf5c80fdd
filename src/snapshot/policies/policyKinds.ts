/** Policies, by how several of them for one target go together. */
import type { AuthorizationPolicy } from '../../resources/authorizationPolicy.ts'
import type { PeerAuthentication } from '../../resources/peerAuthentication.ts'
import type { RequestAuthentication } from '../../resources/requestAuthentication.ts'
import type { Resource } from '../../resources/resource.ts'
import type { TrafficPolicy } from '../../resources/trafficPolicy.ts'

/** They decide section by section (GEP-713). */
export type Policy = TrafficPolicy | PeerAuthentication
export type PolicyKind = Policy['kind']

/** They add up. */
export type AddedPolicy = RequestAuthentication | AuthorizationPolicy
export type AddedKind = AddedPolicy['kind']

export const isPolicy = (resource: Resource): resource is Policy =>
	resource.kind === 'TrafficPolicy' || resource.kind === 'PeerAuthentication'

export const isAddedPolicy = (resource: Resource): resource is AddedPolicy =>
	resource.kind === 'RequestAuthentication' || resource.kind === 'AuthorizationPolicy'
