/** The root of the control plane, one per mesh: resources, revisions, audit, tokens, and the outbox to the replicas. */
import { DurableObject } from 'cloudflare:workers'
import type { ServiceName } from '../../src/names.ts'
import { resourceKey } from '../../src/names.ts'
import type {
	AuditEntry,
	ChangeOutcome,
	ChangeRefusal,
	ChangeRequest,
	NewToken,
	Page,
	PageRequest,
	PartBatch,
	PolicyStorePort,
	Principal,
	RefusalCount,
	RevisionSummary,
	ServiceHealth,
	StoredResource,
	TokenInfo,
	TokenRotation,
} from '../../src/ports.ts'
import { err, ok, type Result } from '../../src/result.ts'
import { build } from '../../src/snapshot/build.ts'
import type { ResourceIndex } from '../../src/snapshot/resourceIndex.ts'
import type { Cursor, Endpoint } from '../../src/snapshot/snapshot.ts'
import type { Trust } from '../../src/snapshot/trust.ts'
import { within } from '../within.ts'
import { adoptAudit, listAudit } from './audit.ts'
import { type CommitContext, commit } from './commit.ts'
import { countHealth, forgetWatches, hasUntold, type Registries, storeWatches, tellRegistries } from './health.ts'
import { listRevisions, pruneHistory, readRevision, rollbackPlan } from './history.ts'
import { claimsHostOfOthers } from './hosts.ts'
import { forgetEmptied, listLeased, storeLeased } from './leases.ts'
import { documentTooLarge, TooLarge } from './limits.ts'
import { currentRevision, readMeta, writeMeta } from './meta.ts'
import { acknowledge, batchAfter, lagging, reached } from './outbox.ts'
import { storeBuilt } from './parts.ts'
import { createPush, type Replicas } from './push.ts'
import { auditRefused, countRefused } from './refused.ts'
import { rereadDocuments } from './reread.ts'
import { policyIndex } from './resourceIndex.ts'
import { listResources, readResource } from './resources.ts'
import { requireSealed } from './secrets.ts'
import { createPolicyTables } from './tables.ts'
import { findToken, readTokens, removeToken, rotateToken, storeBootstrapToken, storeToken } from './tokens.ts'
import { tryAccess } from './tried.ts'
import { storeTrust, trustVersion } from './trust.ts'

export interface PolicyStoreEnv {
	readonly MESH_DOMAIN: string
	readonly SNAPSHOT_REPLICA: Replicas
	readonly SERVICE_REGISTRY: Registries
}

/** How long an answer waits for the replicas, so that who reads what they just wrote usually finds it. */
const PUSH_PATIENCE_MS = 500
/** When the outbox is tried again after a push that failed, or a crash between commit and push. */
const RETRY_MS = 1_000

/** Rolls a dry run back. Never leaves this file. */
class DryRun extends Error {
	readonly outcome: ChangeOutcome
	constructor(outcome: ChangeOutcome) {
		super('dry run')
		this.outcome = outcome
	}
}

export class PolicyStore extends DurableObject<PolicyStoreEnv> implements PolicyStorePort {
	private readonly sql = this.ctx.storage.sql
	private readonly index: ResourceIndex
	private readonly push = createPush(this.sql, () => this.env.SNAPSHOT_REPLICA)
	private telling: Promise<void> | undefined

	constructor(ctx: DurableObjectState, env: PolicyStoreEnv) {
		super(ctx, env)
		createPolicyTables(this.sql)
		if (readMeta(this.sql, 'epoch') === undefined) writeMeta(this.sql, 'epoch', crypto.randomUUID())
		ctx.storage.transactionSync(() => rereadDocuments(this.sql))
		ctx.storage.transactionSync(() => adoptAudit(this.sql, Date.now()))
		this.index = policyIndex(this.sql)
	}

	async change(request: ChangeRequest): Promise<Result<ChangeOutcome, ChangeRefusal>> {
		requireSealed(request.put ?? [])
		const refusal = this.precondition(request) ?? documentTooLarge(request.put ?? [])
		if (refusal !== undefined) return err(refusal)
		return this.commit(request, { cause: (request.put?.length ?? 0) > 0 ? 'apply' : 'delete' })
	}

	async tryAccess(...[request, scope]: Parameters<PolicyStorePort['tryAccess']>) {
		return tryAccess(this.ctx.storage, this.index, request, scope, this.env.MESH_DOMAIN)
	}

	async rollback(revision: number, actor: Principal): Promise<Result<ChangeOutcome, ChangeRefusal>> {
		const plan = rollbackPlan(this.sql, revision)
		if (plan === undefined) return err({ reason: 'unknown_revision', revision })
		const { put, remove, createdAt } = plan
		return this.commit({ actor, put, remove }, { cause: `rollback to ${revision}`, createdAt })
	}

	private transaction<T>(work: (now: number) => T): T {
		const now = Date.now()
		return this.ctx.storage.transactionSync(() => work(now))
	}

	private precondition({ expectedRevision, put, remove }: ChangeRequest): ChangeRefusal | undefined {
		if (expectedRevision === undefined) return undefined
		const target = put?.[0] === undefined ? remove?.[0] : { kind: put[0].kind, ...put[0].metadata }
		if (target === undefined) return undefined
		const current = readResource(this.sql, resourceKey(target.kind, target.namespace, target.name))?.revision ?? 0
		return current === expectedRevision ? undefined : { reason: 'precondition_failed', currentRevision: current }
	}

	/** All or nothing: one transaction, and the alarm that guarantees the push is part of it. */
	private async commit(
		request: ChangeRequest,
		why: Pick<CommitContext, 'cause' | 'createdAt'>,
	): Promise<Result<ChangeOutcome, ChangeRefusal>> {
		const context: CommitContext = { meshDomain: this.env.MESH_DOMAIN, now: Date.now(), ...why }
		try {
			const outcome = this.ctx.storage.transactionSync(() => {
				const done = claimsHostOfOthers(this.index, request) ?? commit(this.sql, this.index, request, context)
				if (done.ok && request.dryRun) throw new DryRun(done.value)
				if (done.ok) pruneHistory(this.sql, done.value.revision)
				return done
			})
			if (outcome.ok) await this.propagate()
			return outcome
		} catch (error) {
			if (error instanceof DryRun) return ok(error.outcome)
			if (error instanceof TooLarge)
				return err({ reason: 'too_large', detail: `${error.message}. Nothing was changed` })
			throw error
		}
	}

	async get(kind: string, namespace: string, name: string): Promise<StoredResource | null> {
		return readResource(this.sql, resourceKey(kind, namespace, name))
	}

	async list(kind: string, options: PageRequest & { namespace?: string }): Promise<Page<StoredResource>> {
		return listResources(this.sql, kind, options)
	}

	async revisions(options: PageRequest): Promise<Page<RevisionSummary>> {
		return listRevisions(this.sql, options)
	}

	async revision(n: number, namespaces?: readonly string[]): Promise<RevisionSummary | null> {
		return readRevision(this.sql, n, namespaces)
	}

	async audit(options: PageRequest): Promise<Page<AuditEntry>> {
		return this.transaction((now) => {
			auditRefused(this.sql, now)
			return listAudit(this.sql, options)
		})
	}

	async refused(counts: readonly RefusalCount[]): Promise<void> {
		this.transaction((now) => {
			auditRefused(this.sql, now)
			countRefused(this.sql, counts, now)
		})
	}

	async authenticate(tokenHash: string): Promise<Principal | null> {
		return findToken(this.sql, tokenHash, Date.now())
	}

	async bootstrap(tokenHash: string): Promise<void> {
		storeBootstrapToken(this.sql, tokenHash, Date.now())
	}

	async createToken(token: NewToken, actor: Principal): Promise<TokenInfo> {
		return this.transaction((now) => storeToken(this.sql, crypto.randomUUID(), token, actor, now))
	}

	async rotateToken(id: string, rotation: TokenRotation, actor: Principal): Promise<TokenInfo | null> {
		return this.transaction((now) => rotateToken(this.sql, id, rotation, actor, now))
	}

	async listTokens(): Promise<readonly TokenInfo[]> {
		return readTokens(this.sql)
	}

	async revokeToken(id: string, actor: Principal): Promise<boolean> {
		return this.transaction((now) => removeToken(this.sql, id, actor, now))
	}

	async putEndpoints(
		service: ServiceName,
		version: number,
		endpoints: readonly Endpoint[],
		// A registry of an earlier version of the mesh says nothing of them.
		unhealthy: readonly string[] = [],
	): Promise<void> {
		const now = Date.now()
		const changed = this.ctx.storage.transactionSync(() => {
			const stored = storeLeased(this.sql, service, { version, endpoints, unhealthy }, now)
			if (stored !== undefined) this.rebuildServices([{ service, existence: stored.isNew }], now)
			return stored !== undefined
		})
		if (changed) await this.propagate()
	}

	async putTrust(version: number, trust: Trust): Promise<void> {
		if (this.ctx.storage.transactionSync(() => storeTrust(this.sql, this.index, version, trust))) await this.propagate()
	}

	async trustVersion(): Promise<number> {
		return trustVersion(this.sql)
	}

	async leasedServices(options: { limit: number; after?: string }): Promise<Page<ServiceName>> {
		return listLeased(this.sql, options.limit, options.after)
	}

	async endpointHealth(): Promise<readonly ServiceHealth[]> {
		return countHealth(this.sql)
	}

	async regions(): Promise<readonly string[]> {
		return Array.from(
			this.sql.exec<{ region: string }>('SELECT region FROM replicas ORDER BY region'),
			({ region }) => region,
		)
	}

	async pull(region: string, cursor: Cursor | null): Promise<PartBatch> {
		const from = cursor === null ? 0 : reached(this.sql, cursor)
		const batch = batchAfter(this.sql, from)
		// The replica shows what it pulls only when the last batch is in; until then a push starts where it stands.
		acknowledge(this.sql, region, batch.complete ? batch.to : from)
		return batch
	}

	async flush(): Promise<number> {
		const now = Date.now()
		this.ctx.storage.transactionSync(() => {
			const gone = forgetEmptied(this.sql, now)
			if (gone.length > 0)
				this.rebuildServices(
					gone.map((service) => ({ service, existence: true })),
					now,
				)
			forgetWatches(this.sql, now)
			auditRefused(this.sql, now)
		})
		await this.tellAll()
		return lagging(this.sql).length
	}

	async ready(): Promise<{ revision: number; epoch: string }> {
		return { revision: currentRevision(this.sql), epoch: readMeta(this.sql, 'epoch')! }
	}

	override async alarm(): Promise<void> {
		// An alarm that throws is dropped after six tries; the outbox must never be.
		await this.ctx.storage.setAlarm(Date.now() + RETRY_MS)
		await this.tellAll()
	}

	private rebuildServices(services: readonly { service: ServiceName; existence: boolean }[], now: number): void {
		const changes = services.map(({ service, existence }) => ({ key: `Service/${service}`, existence }))
		const built = build(changes, this.index, { meshDomain: this.env.MESH_DOMAIN, now })
		storeBuilt(this.sql, built, currentRevision(this.sql))
		storeWatches(this.sql, this.index, built, now)
	}

	private async propagate(): Promise<void> {
		if (this.allKnow()) return
		await this.ctx.storage.setAlarm(Date.now() + RETRY_MS)
		const told = this.tellAll()
		this.ctx.waitUntil(told)
		await within(PUSH_PATIENCE_MS, told).catch(() => {})
	}

	private allKnow(): boolean {
		return lagging(this.sql).length === 0 && !hasUntold(this.sql)
	}

	/** Pushes to every replica that lags, and tells every registry what to check. None that is unreachable holds up another. */
	private async tellAll(): Promise<void> {
		await Promise.all([this.tell(), ...lagging(this.sql).map(({ region }) => this.push(region))])
		if (this.allKnow()) await this.ctx.storage.deleteAlarm()
	}

	/** What is under way may have missed the newest watch. All who wait share the one that follows. */
	private async tell(): Promise<void> {
		await this.telling
		this.telling ??= tellRegistries(this.sql, this.env.SERVICE_REGISTRY).finally(() => {
			this.telling = undefined
		})
		await this.telling
	}
}
