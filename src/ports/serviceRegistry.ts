/** Discovery: the endpoints of one service, by lease. */
import type { ServiceName } from '../names.ts'
import type { Result } from '../result.ts'

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
	/** Watchdog: ends overdue leases, re-arms the alarm, tells the root again if it may not know. */
	sweep(service: ServiceName): Promise<void>
}
