/** An endpoint that requests can be sent to. */
import type { EndpointState } from '../knowledge/endpointState.ts'

export interface TargetEndpoint {
	readonly id: string
	/** Scheme, authority and path prefix, without a final `/`: a request's target is appended. */
	readonly base: string
	readonly state: EndpointState
}

/** As its service's balancer sees it. */
export interface BalancedEndpoint extends TargetEndpoint {
	readonly weight: number
	readonly locality?: string
	readonly unhealthy: boolean
	readonly joinedAt: number | undefined
}
