/** A region's copy of the snapshot: what its proxies read, and what its catalog shows. Pulled from the root when new, pushed after. */
import { DurableObject } from 'cloudflare:workers'
import type { BloomFilter } from '../../src/matching/bloomFilter.ts'
import { type PartName, type ServiceName, servicePart } from '../../src/names.ts'
import type {
	CatalogEntry,
	Delta,
	LoadAnswer,
	LoadRequest,
	Page,
	PartBatch,
	PolicyStorePort,
	SnapshotReplicaPort,
} from '../../src/ports.ts'
import type { Cursor, Part } from '../../src/snapshot/snapshot.ts'
import { catalogEntry, listCatalog } from './catalog.ts'
import { createOpener, type Opener } from './openedParts.ts'
import {
	ANSWER_CHARACTERS,
	defaultsOf,
	deltaAfter,
	hashOf,
	type PatternFilter,
	partsOfHost,
	patternFilter,
	readPart,
	readParts,
	resolveHost,
	servicesOf,
	shownCursor,
	shownRevision,
	takeBatch,
	takenCursor,
} from './parts.ts'
import { createReplicaTables } from './tables.ts'

export interface SnapshotReplicaEnv {
	readonly MESH_DOMAIN: string
	/** Secret: what credentials are sealed under. */
	readonly MASTER_KEY?: string
	readonly POLICY_STORE: { getByName(name: string): PolicyStorePort }
}

/** Services sent along with a host, to spare a cold isolate a second round trip. */
const SERVICES_ALONG = 100

export class SnapshotReplica extends DurableObject<SnapshotReplicaEnv> implements SnapshotReplicaPort {
	private readonly sql = this.ctx.storage.sql
	private filter: PatternFilter | undefined
	private filling: Promise<void> | undefined
	private opener: Opener | undefined
	private readonly waiting = new Set<() => void>()

	constructor(ctx: DurableObjectState, env: SnapshotReplicaEnv) {
		super(ctx, env)
		createReplicaTables(ctx.storage)
	}

	async sync(region: string, cursor: Cursor): Promise<Delta> {
		await this.filled(region)
		return deltaAfter(this.sql, cursor)
	}

	async load(region: string, request: LoadRequest): Promise<LoadAnswer> {
		await this.filled(region)
		const cursor = shownCursor(this.sql)!
		const hosts = Object.fromEntries(
			(request.hosts ?? []).map((host) => [host, resolveHost(this.sql, host, this.env.MESH_DOMAIN)]),
		)
		const patterns = [...new Set(Object.values(hosts))].filter((pattern) => pattern !== null)
		const names = [
			...new Set([...patterns.flatMap((pattern) => partsOfHost(this.sql, pattern)), ...(request.parts ?? [])]),
		].sort()
		const { parts, next } = this.read(names, request.after)
		const served = [...parts, ...(patterns.length > 0 ? this.along(parts) : [])]
		const answer = {
			cursor,
			revision: shownRevision(this.sql),
			hosts,
			parts: [...served, ...readParts(this.sql, defaultsOf(served))],
			...(request.filter ? { filter: this.patterns(cursor) } : {}),
			...(next === undefined ? {} : { next }),
		}
		// Opened when all has been read: the answer is of one moment.
		return { ...answer, parts: await this.opened(answer.parts) }
	}

	private opened(parts: readonly Part[]): Promise<Part[]> {
		this.opener ??= createOpener(this.env.MASTER_KEY, (service, why) =>
			console.warn(JSON.stringify({ event: 'credential_unavailable', service, why })),
		)
		return this.opener(parts)
	}

	async push(_region: string, batch: PartBatch): Promise<Cursor> {
		this.ctx.storage.transactionSync(() => takeBatch(this.sql, batch))
		if (batch.complete) this.wake()
		// A replica that lost its state, or missed a batch, says how far it is; the root goes on from there.
		return takenCursor(this.sql) ?? { epoch: '', sequence: 0 }
	}

	async services(
		region: string,
		options: { limit: number; after?: string },
	): Promise<Page<CatalogEntry> & { version: string }> {
		await this.filled(region)
		const { epoch, sequence } = shownCursor(this.sql)!
		return { ...listCatalog(this.sql, options, this.env.MESH_DOMAIN), version: `${epoch.slice(0, 8)}-${sequence}` }
	}

	async service(
		region: string,
		name: ServiceName,
		wait?: { version: string; waitMs: number },
	): Promise<CatalogEntry | null> {
		await this.filled(region)
		const deadline = Date.now() + Math.min(wait?.waitMs ?? 0, 60_000)
		while (wait !== undefined && hashOf(this.sql, servicePart(name)) === wait.version && Date.now() < deadline)
			await this.changed(deadline - Date.now())
		return catalogEntry(readPart(this.sql, servicePart(name)), this.env.MESH_DOMAIN)
	}

	/** Answers at the next change, or when the time is up. */
	private async changed(timeoutMs: number): Promise<void> {
		await new Promise<void>((resolve) => {
			const timer = setTimeout(done, timeoutMs)
			const { waiting } = this
			waiting.add(done)
			function done() {
				clearTimeout(timer)
				waiting.delete(done)
				resolve()
			}
		})
	}

	private wake(): void {
		for (const resume of [...this.waiting]) resume()
	}

	/** A new replica pulls everything before it answers. What it has, it keeps: without the root it goes on as it stands. */
	private async filled(region: string): Promise<void> {
		if (shownCursor(this.sql) !== undefined) return
		this.filling ??= this.fill(region).finally(() => {
			this.filling = undefined
		})
		await this.filling
	}

	private async fill(region: string): Promise<void> {
		const root = this.env.POLICY_STORE.getByName('mesh')
		// Pushes come in between, so the last batch pulled need not be the one that completes.
		while (shownCursor(this.sql) === undefined) {
			const batch = await root.pull(region, takenCursor(this.sql) ?? null)
			const taken = this.ctx.storage.transactionSync(() => takeBatch(this.sql, batch))
			if (!taken) throw new Error('the root sent a batch that does not follow what this replica holds')
		}
		this.wake()
	}

	private read(names: readonly PartName[], after?: string): { parts: Part[]; next?: string } {
		const parts: Part[] = []
		let characters = 0
		for (const part of readParts(this.sql, after === undefined ? names : names.filter((name) => name > after))) {
			characters += part.body?.length ?? 0
			const before = parts.at(-1)
			if (characters > ANSWER_CHARACTERS && before !== undefined) return { parts, next: before.name }
			parts.push(part)
		}
		return { parts }
	}

	/** The services that the rules of a page send to, as many as fit: what is not sent along is asked for. */
	private along(page: readonly Part[]): Part[] {
		const { parts } = this.read(servicesOf(page, SERVICES_ALONG))
		return parts.filter(({ body }) => (body?.length ?? 0) <= ANSWER_CHARACTERS)
	}

	private patterns(at: Cursor): BloomFilter {
		this.filter = patternFilter(this.sql, at, this.filter)
		return this.filter.filter
	}
}
