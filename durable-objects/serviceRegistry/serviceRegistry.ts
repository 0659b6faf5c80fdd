/** Discovery for one service: its leases, ended by alarm, and its health checks. The root is told whatever changes. */
import { DurableObject } from 'cloudflare:workers'
import type { ServiceName } from '../../src/names.ts'
import type {
	EndpointWatch,
	HealthStatus,
	Lease,
	LeaseRequest,
	PolicyStorePort,
	RegistryRefusal,
	ServiceRegistryPort,
} from '../../src/ports.ts'
import { type HeldLease, leaseOf } from '../../src/registry/lease.ts'
import { retryDelayMs } from '../../src/registry/retry.ts'
import {
	type Change,
	commit,
	deregister,
	drain,
	expire,
	heartbeat,
	liveLeases,
	nextDeadline,
	type Roster,
	register,
	resume,
	type Step,
	trafficEndpoints,
} from '../../src/registry/roster.ts'
import type { Result } from '../../src/result.ts'
import { within } from '../within.ts'
import { HealthChecks } from './health.ts'
import { load, store, storeService, storeTold } from './tables.ts'

export interface ServiceRegistryEnv {
	readonly POLICY_STORE: { getByName(name: string): Pick<PolicyStorePort, 'putEndpoints'> }
}

/** A caller waits no longer than this for the root; the alarm goes on telling it. */
const TELL_TIMEOUT_MS = 5_000

export class ServiceRegistry extends DurableObject<ServiceRegistryEnv> implements ServiceRegistryPort {
	// A warm copy of the tables: every change is stored before it is committed here.
	readonly #service: ServiceName
	#roster: Roster
	#told: number
	readonly #leases: Map<string, HeldLease>
	readonly #health: HealthChecks
	/** No lease ends before this. Renewals may have moved the true deadline later. */
	#dueAtMs: number | undefined
	/** When the alarm is known to be set for; undefined when not known. */
	#armedForMs: number | undefined
	#retryAtMs: number | undefined
	#failures = 0
	#telling: Promise<boolean> | undefined

	constructor(ctx: DurableObjectState, env: ServiceRegistryEnv) {
		super(ctx, env)
		const stored = load(ctx.storage.sql)
		// The stored name comes first: an object that its alarm has woken may not be told its own.
		this.#service = stored.service || (ctx.id.name ?? '')
		this.#leases = stored.leases
		this.#roster = { version: stored.version, leases: stored.leases }
		this.#told = stored.told
		this.#dueAtMs = nextDeadline(this.#roster)
		this.#health = new HealthChecks(ctx.storage.sql, this.#roster)
	}

	register(
		service: ServiceName,
		request: LeaseRequest,
	): Promise<Result<{ lease: Lease; created: boolean }, RegistryRefusal>> {
		return this.#decide(service, (roster, nowMs) => register(roster, request, nowMs))
	}

	drain(service: ServiceName, id: string): Promise<Result<Lease, RegistryRefusal>> {
		return this.#decide(service, (roster, nowMs) => drain(roster, id, nowMs))
	}

	deregister(service: ServiceName, id: string): Promise<Result<Lease, RegistryRefusal>> {
		return this.#decide(service, (roster, nowMs) => deregister(roster, id, nowMs))
	}

	/** Writes one row. The alarm stays where it is, and the root is not called. */
	async heartbeat(service: ServiceName, id: string): Promise<Result<Lease, RegistryRefusal>> {
		this.#check(service)
		const nowMs = Date.now()
		const settled = this.#settle(nowMs)
		const step = heartbeat(this.#roster, id, nowMs)
		this.#keep(step.change, nowMs)
		if (settled) await this.#arm(nowMs)
		return step.reply
	}

	async leases(service: ServiceName): Promise<readonly Lease[]> {
		this.#check(service)
		const nowMs = Date.now()
		if (this.#settle(nowMs)) await this.#arm(nowMs)
		return liveLeases(this.#roster, nowMs).map((held): Lease => {
			const health = held.state === 'active' ? this.#health.statusOf(held.id) : undefined
			return health === undefined ? leaseOf(held) : { ...leaseOf(held), health }
		})
	}

	async watch(service: ServiceName, watch: EndpointWatch): Promise<void> {
		this.#check(service)
		const nowMs = Date.now()
		this.#settle(nowMs)
		const before = this.#health.unhealthy()
		storeService(this.ctx.storage.sql, service)
		if (!this.#health.watch(watch, this.#roster, nowMs)) return
		if (this.#health.unhealthy().join() === before.join()) await this.#arm(nowMs)
		else this.#healthChanged()
	}

	async health(service: ServiceName): Promise<Readonly<Record<string, HealthStatus>>> {
		this.#check(service)
		return this.#health.statuses()
	}

	async sweep(service: ServiceName): Promise<void> {
		this.#check(service)
		await this.#sweep()
	}

	override async alarm(): Promise<void> {
		try {
			await this.#sweep()
		} catch (error) {
			// An alarm that throws is dropped after six retries; one that is set again is not.
			console.error(JSON.stringify({ event: 'sweep_failed', service: this.#service, error: String(error) }))
			await this.ctx.storage.setAlarm(Date.now() + retryDelayMs(this.#failures++, Math.random()))
		}
	}

	async #sweep(): Promise<void> {
		// Trust nothing remembered about the alarm: it has just gone off, or it is lost and this is the watchdog.
		this.#armedForMs = undefined
		this.#settle(Date.now())
		if (this.#health.isDue(Date.now())) this.#startRound()
		await this.#tellRoot()
		await this.#arm(Date.now())
	}

	/** Beside the alarm, which answers before the endpoints do: a lease ends in time while others are waited for. */
	#startRound(): void {
		const failed = (error: unknown) =>
			console.error(JSON.stringify({ event: 'checks_failed', service: this.#service, error: String(error) }))
		const round = this.#health.round(() => this.#healthChanged())
		this.ctx.waitUntil(round.catch(failed).then(() => this.#arm(Date.now())))
	}

	/** Other endpoints than those that the root knows of are unhealthy. Nobody waits until it is told. */
	#healthChanged(): void {
		const nowMs = Date.now()
		this.#keep({ version: this.#roster.version + 1, put: [], remove: [] }, nowMs)
		this.ctx.waitUntil(this.#announce(nowMs))
	}

	async #decide<T>(service: ServiceName, event: (roster: Roster, nowMs: number) => Step<T>) {
		this.#check(service)
		const nowMs = Date.now()
		this.#settle(nowMs)
		const step = event(this.#roster, nowMs)
		this.#keep(step.change, nowMs)
		await this.#announce(nowMs)
		return step.reply
	}

	/** Armed before the root is told: if this process dies meanwhile, the alarm tells it. */
	async #announce(nowMs: number): Promise<void> {
		await this.#arm(nowMs)
		await this.#tellRoot()
		await this.#arm(nowMs)
	}

	/** Ends what is overdue; looks at the leases, and says so, only once the earliest deadline has come. */
	#settle(nowMs: number): boolean {
		if (this.#dueAtMs === undefined || nowMs < this.#dueAtMs) return false
		this.#keep(resume(this.#roster, nowMs), nowMs)
		this.#keep(expire(this.#roster, nowMs), nowMs)
		this.#dueAtMs = nextDeadline(this.#roster)
		return true
	}

	#keep(change: Change, nowMs: number): void {
		const { version } = this.#roster
		store(this.ctx.storage, this.#service, version, change)
		this.#roster = commit(this.#leases, change)
		if (this.#roster.version !== version) this.#health.follow(this.#roster, nowMs)
		for (const { expiresAtMs } of change.put) this.#dueAtMs = Math.min(this.#dueAtMs ?? expiresAtMs, expiresAtMs)
	}

	/** Sets the alarm for the earliest deadline or check, or sooner if the root has yet to be told. */
	async #arm(nowMs: number): Promise<void> {
		const untold = this.#told < this.#roster.version
		this.#retryAtMs = untold ? (this.#retryAtMs ?? nowMs + retryDelayMs(this.#failures, Math.random())) : undefined
		const at = Math.min(this.#dueAtMs ?? Infinity, this.#retryAtMs ?? Infinity, this.#health.nextMs() ?? Infinity)
		this.#health.rest(nowMs)
		if (at === Infinity || at === this.#armedForMs) return
		this.#armedForMs = at
		await this.ctx.storage.setAlarm(at)
	}

	/** Answers when the root knows the version there is now, or could not be told. One telling serves all who wait. */
	async #tellRoot(): Promise<void> {
		while (this.#told < this.#roster.version) {
			this.#telling ??= this.#tell().finally(() => {
				this.#telling = undefined
			})
			if (!(await this.#telling)) return
		}
	}

	async #tell(): Promise<boolean> {
		const nowMs = Date.now()
		this.#settle(nowMs)
		const { version } = this.#roster
		try {
			const root = this.env.POLICY_STORE.getByName('mesh')
			const endpoints = trafficEndpoints(this.#roster, nowMs)
			await within(TELL_TIMEOUT_MS, root.putEndpoints(this.#service, version, endpoints, this.#health.unhealthy()))
		} catch (error) {
			this.#retryAtMs = Date.now() + retryDelayMs(this.#failures++, Math.random())
			console.warn(JSON.stringify({ event: 'root_not_told', service: this.#service, version, error: String(error) }))
			return false
		}
		storeTold(this.ctx.storage.sql, version)
		this.#told = version
		this.#failures = 0
		return true
	}

	/** An object serves the one service that it is named after: another name is a caller's bug, and is not served. */
	#check(service: ServiceName): void {
		if (this.#service !== service) throw new Error(`the registry of ${this.#service} was asked for ${service}`)
	}
}
