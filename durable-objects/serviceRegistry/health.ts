/** The active health checks of one service: what its registry remembers of them, and the rounds in which they are made. */
import type { EndpointWatch, HealthStatus } from '../../src/ports.ts'
import { type CheckResult, type EndpointHealth, observe, sameButDue } from '../../src/registry/health.ts'
import {
	dueAfterRestart,
	dueIds,
	followEndpoints,
	nextDueMs,
	statusOf,
	unhealthyIds,
} from '../../src/registry/healthRound.ts'
import type { Roster } from '../../src/registry/roster.ts'
import { loadHealth, removeHealth, storeDues, storeHealth, storeWatch } from './healthTables.ts'
import { probe } from './probe.ts'

/** Fewer than the six connections that may wait for their response's head, so that the root can be told meanwhile. */
const LANES = 5
/** With what else an alarm does, fewer than the 50 requests that the smallest plan lets it make. The next alarm goes on. */
const ROUND_CHECKS = 40
/** No check of a round begins later than this after its start. */
const ROUND_MS = 20_000
/** Rounds do not begin faster than this, unless one is left over: an alarm for every endpoint would cost more than its check. */
const ROUND_SPACING_MS = 1_000
/** An object with nothing to do for longer may be evicted (the platform says 10 s), and must find its schedule again. */
const MEMORY_MS = 5_000

export class HealthChecks {
	readonly #sql: SqlStorage
	#watch: EndpointWatch
	#healths: Map<string, EndpointHealth>
	/** Until when a round may be under way; undefined when none is. */
	#roundEndsMs: number | undefined
	/** No round begins before. */
	#nextRoundMs = 0
	#duesStored = false

	constructor(sql: SqlStorage, roster: Roster) {
		this.#sql = sql
		const { watch, healths, dues } = loadHealth(sql)
		const nowMs = Date.now()
		this.#watch = watch
		this.#healths = followEndpoints(new Map(), roster, watch, { nowMs, random: Math.random })
		const { check } = watch
		if (check === null) return
		for (const [id, begun] of this.#healths) {
			const kept = healths.get(id)
			const due = dues.get(id)
			const dueAtMs = due === undefined ? begun.dueAtMs : dueAfterRestart(due, check, nowMs, Math.random())
			this.#healths.set(id, { ...begun, ...(kept?.url === begun.url ? kept : {}), dueAtMs })
		}
	}

	/** Takes what is to be checked from now on, unless it knows something newer. Whether it did. */
	watch(watch: EndpointWatch, roster: Roster, nowMs: number): boolean {
		if (watch.version <= this.#watch.version) return false
		const checkChanged = JSON.stringify(watch.check) !== JSON.stringify(this.#watch.check)
		this.#watch = watch
		storeWatch(this.#sql, watch)
		this.#follow(roster, nowMs, checkChanged)
		return true
	}

	/** The endpoints changed. Overdue leases are expired. */
	follow(roster: Roster, nowMs: number): void {
		if (this.#watch.check !== null) this.#follow(roster, nowMs, false)
	}

	unhealthy(): string[] {
		return unhealthyIds(this.#healths)
	}

	/** Undefined where the endpoint is not checked. */
	statusOf(id: string): HealthStatus | undefined {
		const health = this.#healths.get(id)
		return health && statusOf(health)
	}

	statuses(): Record<string, HealthStatus> {
		return Object.fromEntries(Array.from(this.#healths, ([id, health]) => [id, statusOf(health)]))
	}

	isDue(nowMs: number): boolean {
		return this.#roundEndsMs === undefined && (this.nextMs() ?? Infinity) <= nowMs
	}

	/** When the alarm is to go off for a round; while one is under way, when it must have ended if nothing went wrong. */
	nextMs(): number | undefined {
		if (this.#roundEndsMs !== undefined) return this.#roundEndsMs
		const dueMs = nextDueMs(this.#healths)
		return dueMs === undefined ? undefined : Math.max(dueMs, this.#nextRoundMs)
	}

	/** Checks whose turn it is, and says at once when an endpoint's health has changed. Never two rounds at a time. */
	async round(onChange: () => void): Promise<void> {
		const startMs = Date.now()
		const due = dueIds(this.#healths, startMs)
		const ids = due.slice(0, ROUND_CHECKS)
		const queue = ids.values()
		const lane = async () => {
			for (const id of queue) {
				await this.#checkOne(id, onChange)
				if (Date.now() - startMs > ROUND_MS) return
			}
		}
		this.#roundEndsMs = startMs + ROUND_MS + (this.#watch.check?.timeoutMs ?? 0) + ROUND_SPACING_MS
		try {
			await Promise.all(Array.from({ length: LANES }, lane))
		} finally {
			this.#roundEndsMs = undefined
			this.#nextRoundMs = due.length > ids.length ? startMs : startMs + ROUND_SPACING_MS
		}
	}

	/** Before a pause: what is in memory only, and will be needed after it, is stored. */
	rest(nowMs: number): void {
		if (this.#duesStored || this.#roundEndsMs !== undefined || (this.nextMs() ?? 0) - nowMs <= MEMORY_MS) return
		storeDues(this.#sql, this.#healths)
		this.#duesStored = true
	}

	async #checkOne(id: string, onChange: () => void): Promise<void> {
		const { check } = this.#watch
		const health = this.#healths.get(id)
		if (check === null || health === undefined) return
		const startMs = Date.now()
		const result = await probe(health.url, check)
		// Meanwhile it may have gone, moved, or be somebody else's to check.
		const now = this.#healths.get(id)
		if (now?.url === health.url && this.#watch.check === check) this.#observe(id, now, result, startMs, onChange)
	}

	#observe(id: string, health: EndpointHealth, result: CheckResult, startMs: number, onChange: () => void): void {
		const next = observe(health, result, this.#watch.check!, startMs, Math.random())
		this.#healths.set(id, next)
		this.#duesStored = false
		if (!sameButDue(health, next)) storeHealth(this.#sql, id, next)
		if (health.healthy !== next.healthy) onChange()
	}

	#follow(roster: Roster, nowMs: number, checkChanged: boolean): void {
		const before = this.#healths
		this.#healths = followEndpoints(before, roster, this.#watch, { nowMs, random: Math.random, checkChanged })
		for (const [id, health] of before) {
			const next = this.#healths.get(id)
			if (next?.url !== health.url) removeHealth(this.#sql, id)
			else if (!sameButDue(health, next)) storeHealth(this.#sql, id, next)
		}
		this.#duesStored = false
	}
}
