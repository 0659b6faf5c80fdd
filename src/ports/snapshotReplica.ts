/** A region's copy of the snapshot: what its proxies and its catalog read. */
import type { PartName, ServiceName } from '../names.ts'
import type { Cursor, Endpoint, Part } from '../snapshot/snapshot.ts'
import type { Page } from './page.ts'

/** Parts in order of sequence, all of those in (from, to]. A replica shows them only when `complete`. */
export interface PartBatch {
	readonly epoch: string
	readonly from: number
	readonly to: number
	/** The newest sequence of the root when it made this batch: `to`, unless more is to come. */
	readonly newest: number
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
