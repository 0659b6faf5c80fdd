/** What the parts of the mesh ask of each other, as types. Workers and Durable Objects implement them; `src` only names them. */
import type { PartName, ServiceName } from './names.ts'
import type { Resource } from './resources/resource.ts'
import type { ConditionedStatus } from './resources/status.ts'
import type { Result } from './result.ts'
import type { Cursor, Endpoint, Part } from './snapshot/snapshot.ts'

// === the root of the control plane ===

export type Role = 'viewer' | 'operator' | 'admin'

/** Who is asking the control plane: the holder of an API token. */
export interface Principal {
	readonly token: string
	readonly name: string
	readonly role: Role
}

/** A resource as the store keeps it. */
export interface StoredResource {
	readonly resource: Resource
	/** Grows by one with each change of the spec. */
	readonly generation: number
	/** RFC 3339. */
	readonly createdAt: string
	/** The revision that last changed it; its ETag is this number in quotes. */
	readonly revision: number
	readonly status?: ConditionedStatus
}

export type ChangeAction = 'created' | 'configured' | 'unchanged' | 'deleted'

/** What an apply or delete did to one document. */
export interface ChangeResult {
	readonly apiVersion: string
	readonly kind: string
	readonly namespace: string
	readonly name: string
	readonly action: ChangeAction
	readonly status?: ConditionedStatus
}

/** Names a resource; all that a delete needs. */
export interface ResourceRef {
	readonly apiVersion: string
	readonly kind: string
	readonly namespace: string
	readonly name: string
}

export interface ChangeRequest {
	readonly actor: Principal
	readonly put?: readonly Resource[]
	readonly remove?: readonly ResourceRef[]
	readonly dryRun?: boolean
	/** Refuse unless the one resource named has this revision (If-Match); 0: unless it does not exist (If-None-Match: *). */
	readonly expectedRevision?: number
}

export type ChangeRefusal =
	| { readonly reason: 'precondition_failed'; readonly currentRevision: number }
	| { readonly reason: 'not_found'; readonly ref: ResourceRef }
	| { readonly reason: 'unknown_revision'; readonly revision: number }
	| { readonly reason: 'too_large'; readonly detail: string }

export interface ChangeOutcome {
	/** The revision in force after the change; unchanged documents make no new one. */
	readonly revision: number
	readonly results: readonly ChangeResult[]
}

export interface RevisionSummary {
	readonly revision: number
	/** RFC 3339. */
	readonly at: string
	readonly actor: string
	/** What made it: `apply`, `delete`, `rollback to 7`. */
	readonly cause: string
	readonly changes: readonly { readonly key: string; readonly action: ChangeAction }[]
}

export interface AuditEntry {
	readonly id: number
	readonly at: string
	readonly actor: string
	readonly role: Role
	/** `apply`, `delete`, `rollback`, `token.create`, `token.revoke`. */
	readonly action: string
	/** The revision it made, when it made one. */
	readonly revision?: number
	/** Field-level: what each resource was before and is now. Null where it was not there. */
	readonly changes: readonly { readonly key: string; readonly before: unknown; readonly after: unknown }[]
}

export interface TokenInfo {
	readonly id: string
	readonly name: string
	readonly role: Role
	readonly createdAt: string
	readonly createdBy: string
}

/** One page of a listing. `next` goes back in as `after`. */
export interface Page<T> {
	readonly items: readonly T[]
	readonly next?: string
}

export interface PolicyStorePort {
	change(request: ChangeRequest): Promise<Result<ChangeOutcome, ChangeRefusal>>
	rollback(revision: number, actor: Principal): Promise<Result<ChangeOutcome, ChangeRefusal>>
	get(kind: string, namespace: string, name: string): Promise<StoredResource | null>
	/** In order of namespace and name. `limit` 1–500. */
	list(kind: string, options: { namespace?: string; limit: number; after?: string }): Promise<Page<StoredResource>>
	/** Newest first. */
	revisions(options: { limit: number; after?: string }): Promise<Page<RevisionSummary>>
	revision(n: number): Promise<RevisionSummary | null>
	/** Newest first. */
	audit(options: { limit: number; after?: string }): Promise<Page<AuditEntry>>

	/** The principal whose token has this SHA-256 (hex), or null. */
	authenticate(tokenHash: string): Promise<Principal | null>
	/** Makes sure the token from the secret exists, as `bootstrap` with role admin; replaces an older one. */
	bootstrap(tokenHash: string): Promise<void>
	createToken(token: { name: string; role: Role; hash: string }, actor: Principal): Promise<TokenInfo>
	listTokens(): Promise<readonly TokenInfo[]>
	/** False when there is no such token. */
	revokeToken(id: string, actor: Principal): Promise<boolean>

	/** The leased endpoints of a service changed. Answers when they are stored; older versions than the stored one are ignored. */
	putEndpoints(service: ServiceName, version: number, endpoints: readonly Endpoint[]): Promise<void>
	/** Services that have, or lately had, leased endpoints. */
	leasedServices(options: { limit: number; after?: string }): Promise<Page<ServiceName>>
	/** Regions that have a replica. */
	regions(): Promise<readonly string[]>
	/** Parts after the cursor, for a replica that is new or fell behind. Also registers the replica for pushes. */
	pull(region: string, cursor: Cursor | null): Promise<PartBatch>
	/** Pushes whatever any replica lacks. Called by the scheduler as a watchdog; returns how many replicas still lag. */
	flush(): Promise<number>
	/** Answers when the store can read and write. */
	ready(): Promise<{ revision: number; epoch: string }>
}

// === replicas: what the proxies of a region read ===

/** Parts in order of sequence, all of those in (from, to]. A replica shows them only when `complete`. */
export interface PartBatch {
	readonly epoch: string
	readonly from: number
	readonly to: number
	/** The newest revision of the mesh. */
	readonly revision: number
	readonly complete: boolean
	readonly parts: readonly Part[]
}

/** What changed after a cursor, by name. */
export interface Delta {
	readonly cursor: Cursor
	readonly revision: number
	/** Names of parts that changed or went, unless `reset`. */
	readonly changed: readonly PartName[]
	/** True when too much changed, or in another epoch: the isolate must reload what it holds. */
	readonly reset: boolean
}

/** What an isolate wants to know. Hosts resolve to the most specific virtual host, with its slices and services. */
export interface LoadRequest {
	readonly hosts?: readonly string[]
	readonly parts?: readonly PartName[]
	/** Also send the filter of virtual host patterns. */
	readonly filter?: boolean
	/** Continue an answer that did not fit in one. */
	readonly after?: string
}

export interface LoadAnswer {
	readonly cursor: Cursor
	readonly revision: number
	/** Each asked host's virtual host pattern, null where the mesh does not know the host. */
	readonly hosts: Readonly<Record<string, string | null>>
	readonly parts: readonly Part[]
	readonly filter?: { readonly bits: Uint8Array; readonly hashes: number }
	readonly next?: string
}

/** A service as the catalog shows it. */
export interface CatalogEntry {
	readonly namespace: string
	readonly name: string
	readonly host: string
	readonly endpoints: readonly Endpoint[]
	/** Changes when the entry does: its ETag. */
	readonly version: string
}

export interface SnapshotReplicaPort {
	sync(region: string, cursor: Cursor): Promise<Delta>
	load(region: string, request: LoadRequest): Promise<LoadAnswer>
	/** The root pushes. Answers the cursor that the replica has now, from which the root goes on. */
	push(region: string, batch: PartBatch): Promise<Cursor>
	/** Catalog of services, in order of name. `version` is the ETag of the whole listing. */
	services(
		region: string,
		options: { limit: number; after?: string },
	): Promise<Page<CatalogEntry> & { version: string }>
	/** One service; with `waitMs` and `version`, answers when it differs from `version` or the time is up. 0–60,000 ms. */
	service(region: string, name: ServiceName, wait?: { version: string; waitMs: number }): Promise<CatalogEntry | null>
}

// === discovery ===

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

// === telemetry ===

/** One series of requests: everything that shares these labels is counted together. */
export interface RequestLabels {
	/** `<namespace>/<name>` of the service called, or '' when none was chosen. */
	readonly service: string
	/** Name of the rule that matched, or ''. */
	readonly rule: string
	/** HTTP status, or 0 when the client left before one. */
	readonly status: number
	/** The refusal's reason for a mesh-made reply, or ''. */
	readonly refusal: string
}

export interface RequestSeries extends RequestLabels {
	readonly count: number
	readonly requestBytes: number
	readonly responseBytes: number
	/** Bodies whose length nobody declared: they stream untouched and are not in the byte counts. */
	readonly unsizedBodies: number
	/** Latency histogram as sparse [bucket index, count] pairs of `telemetry/histogram.ts`, and the sum in ms. */
	readonly latency: readonly (readonly [number, number])[]
	readonly latencySumMs: number
}

/** What one isolate tells its region, in batches. A batch is a delta; the number makes a repeated one harmless. */
export interface Report {
	readonly isolate: string
	/** 1, 2, 3… per isolate. */
	readonly batch: number
	readonly revision: number
	/** How long ago the isolate last heard from the control plane. */
	readonly snapshotAgeMs: number
	/** Since the last batch. */
	readonly syncFailures: number
	/** Requests whose labels did not fit the isolate's bounded table; counted in no series. */
	readonly overflow: number
	readonly series: readonly RequestSeries[]
}

/** What a region knows, for the admin to render. Counters are cumulative. */
export interface RegionTelemetry {
	readonly region: string
	readonly series: readonly RequestSeries[]
	readonly overflow: number
	readonly syncFailures: number
	/** Isolates heard from in the last minute. */
	readonly isolates: readonly { readonly isolate: string; readonly revision: number; readonly snapshotAgeMs: number }[]
}

export interface TelemetryStorePort {
	report(region: string, report: Report): Promise<void>
	read(region: string): Promise<RegionTelemetry>
}
