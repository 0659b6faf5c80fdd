/** The root of the control plane: resources, their history, who may change them, and what replicas pull. */
import type { ServiceName } from '../names.ts'
import type { Resource } from '../resources/resource.ts'
import type { ConditionedStatus } from '../resources/status.ts'
import type { Result } from '../result.ts'
import type { Effect } from '../snapshot/effect/effect.ts'
import type { Cursor, Endpoint } from '../snapshot/snapshot.ts'
import type { Trust } from '../snapshot/trust.ts'
import type { AccessLayers, AccessScope } from './accessLayers.ts'
import type { Page, PageRequest } from './page.ts'
import type { PartBatch } from './snapshotReplica.ts'

export type Role = 'viewer' | 'operator' | 'admin'

/** Who is asking the control plane: the holder of an API token, or somebody with a login. */
export interface Principal {
	/** Id of the token; '' where there is none. */
	readonly token: string
	readonly name: string
	readonly role: Role
	/** What may be seen and changed: these namespaces and nothing cluster-wide. Absent: everything. */
	readonly namespaces?: readonly string[]
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
	| { readonly reason: 'unknown_revision'; readonly revision: number }
	| { readonly reason: 'too_large'; readonly detail: string }
	/** The actor may not change one of the resources. Says no more of them than the request did. */
	| { readonly reason: 'not_permitted'; readonly detail: string }

export interface ChangeOutcome {
	/** The revision in force after the change; unchanged documents make no new one. */
	readonly revision: number
	readonly results: readonly ChangeResult[]
	/** Of a dry run: the revision in force, and what the change would do to the traffic under it. */
	readonly currentRevision?: number
	readonly effect?: Effect
}

/** What policies a change would make requests meet. */
export interface TriedAccess {
	/** The one in force. */
	readonly revision: number
	readonly results: readonly ChangeResult[]
	readonly before: AccessLayers
	readonly after: AccessLayers
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
	/** `apply`, `delete`, `rollback to 7`, `token.create`, `token.rotate`, `token.revoke`, `login.refused`, `change.refused`, `chain.begin`. */
	readonly action: string
	/** The revision it made, when it made one. */
	readonly revision?: number
	/** Field-level: what each resource was before and is now. Null where it was not there. */
	readonly changes: readonly { readonly key: string; readonly before: unknown; readonly after: unknown }[]
	/** How many changes there were, and their hash. Absent in entries older than the chain, and to who is limited to namespaces. */
	readonly changesCount?: number
	readonly changesHash?: string
	/** The chain: see `src/audit/chain.ts`. Absent to who is limited to namespaces, and so sees entries in part. */
	readonly previousHash?: string
	readonly hash?: string
}

/** What a new token is, and the SHA-256 (hex) of its secret. */
export interface NewToken {
	readonly name: string
	readonly role: Role
	readonly hash: string
	readonly namespaces?: readonly string[]
	/** ms since the epoch; absent: never. */
	readonly expiresAt?: number
}

/** A token's next secret. */
export interface TokenRotation {
	readonly hash: string
	/** How long the old secret is good, 0–86,400. */
	readonly graceSeconds: number
	/** ms since the epoch; absent: as before. The old secret is good no longer than before. */
	readonly expiresAt?: number
}

/** Times are RFC 3339. */
export interface TokenInfo {
	readonly id: string
	readonly name: string
	readonly role: Role
	readonly namespaces?: readonly string[]
	readonly createdAt: string
	readonly createdBy: string
	/** Absent: never. An expired token is listed for 30 days more. */
	readonly expiresAt?: string
	readonly rotatedAt?: string
	/** Until when the secret before the last rotation is good. */
	readonly oldSecretUntil?: string
	/** The day (UTC) on which it was last used. */
	readonly lastUsedOn?: string
}

/** What was refused to somebody, so often within a minute. */
export interface RefusalCount {
	readonly what: 'login' | 'change'
	/** Network of the client: an IPv4 address, or the first half of an IPv6 address; '' unknown. */
	readonly network: string
	/** Who it was, as far as that is known; '' where it is not. */
	readonly actor: string
	readonly count: number
}

/** Of the endpoints of a service that take traffic, how many pass their checks, and how many fail them. */
export interface ServiceHealth {
	readonly service: ServiceName
	readonly healthy: number
	readonly unhealthy: number
}

export interface PolicyStorePort {
	change(request: ChangeRequest): Promise<Result<ChangeOutcome, ChangeRefusal>>
	/** What a change would make of the policies that requests meet. Nothing is changed. */
	tryAccess(request: ChangeRequest, scope: AccessScope): Promise<Result<TriedAccess, ChangeRefusal>>
	rollback(revision: number, actor: Principal): Promise<Result<ChangeOutcome, ChangeRefusal>>
	get(kind: string, namespace: string, name: string): Promise<StoredResource | null>
	/** In order of namespace and name. `limit` 1–500. */
	list(kind: string, options: PageRequest & { namespace?: string }): Promise<Page<StoredResource>>
	/** Newest first. */
	revisions(options: PageRequest): Promise<Page<RevisionSummary>>
	revision(n: number, namespaces?: readonly string[]): Promise<RevisionSummary | null>
	/** Newest first. */
	audit(options: PageRequest): Promise<Page<AuditEntry>>
	/** Counts what was refused; a minute's counts become one entry of the audit log for each of `what`. */
	refused(counts: readonly RefusalCount[]): Promise<void>

	/** The principal whose token has this SHA-256 (hex) and has not expired, or null. */
	authenticate(tokenHash: string): Promise<Principal | null>
	/** Makes sure the token from the secret exists, as `bootstrap` with role admin; replaces an older one. */
	bootstrap(tokenHash: string): Promise<void>
	createToken(token: NewToken, actor: Principal): Promise<TokenInfo>
	/** In order of creation. */
	listTokens(): Promise<readonly TokenInfo[]>
	/** Null when there is no such token, or it has expired. */
	rotateToken(id: string, rotation: TokenRotation, actor: Principal): Promise<TokenInfo | null>
	/** False when there is no such token. */
	revokeToken(id: string, actor: Principal): Promise<boolean>

	/**
	 * The leased endpoints of a service changed, or which of its endpoints, fixed ones too, fail their checks. Answers when that
	 * is stored; older versions than the stored one are ignored.
	 */
	putEndpoints(
		service: ServiceName,
		version: number,
		endpoints: readonly Endpoint[],
		unhealthy?: readonly string[],
	): Promise<void>
	/**
	 * The KeyRing's keys and revocations: part `trust`. Answers when that is stored, and has gone out to the replicas or taken half a
	 * second; versions that are not newer than the stored one are ignored.
	 */
	putTrust(version: number, trust: Trust): Promise<void>
	/** The newest version that was put; 0: none. */
	trustVersion(): Promise<number>
	/** Services whose registry has something to do: they have, or lately had, leased endpoints, or they are checked. */
	leasedServices(options: { limit: number; after?: string }): Promise<Page<ServiceName>>
	/** Of the services whose endpoints are checked, in order of name; of the first 10,000. */
	endpointHealth(): Promise<readonly ServiceHealth[]>
	/** Regions that have a replica. */
	regions(): Promise<readonly string[]>
	/** Parts after the cursor, for a replica that is new or fell behind. Also registers the replica for pushes. */
	pull(region: string, cursor: Cursor | null): Promise<PartBatch>
	/**
	 * Pushes whatever any replica lacks, and tells registries what they are to check. Called by the scheduler as a watchdog;
	 * returns how many replicas still lag.
	 */
	flush(): Promise<number>
	/** Answers when the store can read and write. */
	ready(): Promise<{ revision: number; epoch: string }>
}
