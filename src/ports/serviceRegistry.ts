/** Discovery: the endpoints of one service, by lease. */
import type { ServiceName } from '../names.ts'
import type { Result } from '../result.ts'
import type { HealthCheck } from '../snapshot/trafficPolicy.ts'

export interface LeaseRequest {
	readonly id: string
	readonly url: string
	/** 0–1,000,000, default 1. */
	readonly weight: number
	readonly labels: Readonly<Record<string, string>>
	readonly locality?: string
	/** 5–3,600 s. Without a heartbeat for this long the endpoint is gone. */
	readonly ttlSeconds: number
}

export type LeaseState = 'active' | 'draining'

/** An endpoint as its service's registry keeps it. */
export interface Lease extends LeaseRequest {
	readonly state: LeaseState
	/** RFC 3339. */
	readonly registeredAt: string
	readonly expiresAt: string
	/** Where its service is checked, and it takes traffic. */
	readonly health?: HealthStatus
}

/** What the checks of an endpoint say. One that has not been checked yet counts as healthy. */
export interface HealthStatus {
	readonly healthy: boolean
	/** RFC 3339. Since when it is so; absent while it has never been otherwise. */
	readonly since?: string
	/** The newest failure that counted, in a few words: `status 503`. */
	readonly lastFailure?: string
}

/** What a registry is to check: its leased endpoints, and those that the Service's document fixes. */
export interface EndpointWatch {
	/** Grows with each change: an older watch than the newest known is ignored. */
	readonly version: number
	/** Null: nothing is checked, and every endpoint counts as healthy. */
	readonly check: HealthCheck | null
	readonly fixed: readonly FixedEndpoint[]
}

export interface FixedEndpoint {
	readonly id: string
	readonly url: string
}

export type RegistryRefusal =
	| { readonly reason: 'no_such_endpoint'; readonly id: string }
	| { readonly reason: 'too_many_endpoints'; readonly limit: number }
	/** Of all endpoints of the service together, in characters of JSON. */
	| { readonly reason: 'endpoints_too_large'; readonly limit: number }

export interface ServiceRegistryPort {
	/** Grants or renews a lease. `created` says which. */
	register(
		service: ServiceName,
		request: LeaseRequest,
	): Promise<Result<{ lease: Lease; created: boolean }, RegistryRefusal>>
	heartbeat(service: ServiceName, id: string): Promise<Result<Lease, RegistryRefusal>>
	/** No new requests go there; the lease stays until it ends or is given up. */
	drain(service: ServiceName, id: string): Promise<Result<Lease, RegistryRefusal>>
	deregister(service: ServiceName, id: string): Promise<Result<Lease, RegistryRefusal>>
	leases(service: ServiceName): Promise<readonly Lease[]>
	/** What is to be checked from now on. Answers when it is stored. */
	watch(service: ServiceName, watch: EndpointWatch): Promise<void>
	/** The health of every endpoint that is checked, fixed ones too, by id. */
	health(service: ServiceName): Promise<Readonly<Record<string, HealthStatus>>>
	/** Watchdog: ends overdue leases, goes on with the checks, re-arms the alarm, tells the root again if it may not know. */
	sweep(service: ServiceName): Promise<void>
}
