/**
 * How an isolate learns: cold hosts on the path, everything else beside it, and never more than the control plane can bear.
 *
 * Nothing learnt is ever dropped for lack of contact (fail static): a failed sync changes nothing but a counter.
 */
import { MESH_PART, namespacePart, type ServiceName, servicePart, TRUST_PART } from '../../names.ts'
import type { LoadRequest } from '../../ports.ts'
import type { ControlPlane, Scope } from '../ports.ts'
import { type Learning, learn } from './learn.ts'
import { type ResolvedHost, type RoutingTable, rememberAbsent, resolveHost } from './routingTable.ts'

export interface Knowledge extends Learning {
	/** Cold look-ups under way, by what they look up, so that a crowd asks once. */
	readonly loading: Map<string, Promise<boolean>>
	/** Look-ups that may still be made, refilled with time: a flood of made-up names cannot become a flood of calls. */
	lookups: number
	refilledAt: number
	/** When the last sync began; 0: none yet. */
	syncStartedAt: number
	/** When the next one is due. */
	syncDueAt: number
	/** Uniform in [0, 1). */
	readonly random: () => number
	/** The sync under way. */
	syncing: Promise<void> | undefined
	/** Whether the last sync got an answer, in the time that requests wait for one. */
	reachable: boolean
	/** When the control plane last said that what we hold is current. */
	confirmedAt: number
	/** Since telemetry last asked. */
	syncFailures: number
}

/** At most one sync a second, and only while traffic flows (DESIGN §2). */
const SYNC_INTERVAL_MS = 1_000
/** Isolates that began together, or lost their replica together, must not go on asking together. */
const SYNC_JITTER_MS = 200
/** Older knowledge than this may lack a change that has been answered: DESIGN §9 promises 1.5 s. */
const STALE_AFTER_MS = 1_500
/** What a request after a pause waits for the region's replica at most. */
const CATCH_UP_MS = 250
/** A sync under way for longer belonged to a request that was cancelled. */
const STUCK_AFTER_MS = 10_000
/** What those wait who want a look-up that somebody else began. */
const LOOKUP_MS = 5_000
/** Known names never pass through this: it only bounds hosts that the isolate does not hold. */
const LOOKUPS_PER_SECOND = 50
const LOOKUP_BURST = 200

export function createKnowledge(
	table: RoutingTable,
	controlPlane: ControlPlane,
	now: number,
	random: () => number,
): Knowledge {
	return {
		table,
		controlPlane,
		loading: new Map(),
		lookups: LOOKUP_BURST,
		refilledAt: now,
		syncStartedAt: 0,
		syncDueAt: 0,
		random,
		syncing: undefined,
		reachable: true,
		confirmedAt: 0,
		syncFailures: 0,
		taken: 0,
	}
}

/**
 * Keeps what is known fresh. A busy isolate syncs beside its requests and nobody waits: undefined. After a pause, when nobody
 * asked for so long that a change could go unnoticed, the first requests wait for the answer, but not for long, and not at all
 * while the control plane is gone: serving what is known goes before everything.
 */
export function keepFresh(knowledge: Knowledge, now: number, scope: Scope): Promise<void> | undefined {
	if (knowledge.table.cursor === undefined) return undefined
	const isStuck = now - knowledge.syncStartedAt >= STUCK_AFTER_MS
	if (now >= knowledge.syncDueAt && (knowledge.syncing === undefined || isStuck)) startSync(knowledge, now, scope)
	const { syncing, syncStartedAt, confirmedAt, reachable } = knowledge
	// Only a sync that began after a pause is waited for: a busy isolate whose sync takes long goes on with what it knows.
	if (syncing === undefined || syncStartedAt - confirmedAt <= STALE_AFTER_MS || !reachable) return undefined
	return Promise.race([syncing, caughtUpOrNot(knowledge, syncing)])
}

/** One wait in vain is enough: nobody waits again until the control plane has answered. */
async function caughtUpOrNot(knowledge: Knowledge, syncing: Promise<void>): Promise<void> {
	await knowledge.controlPlane.patience(CATCH_UP_MS)
	if (knowledge.syncing === syncing) knowledge.reachable = false
}

function startSync(knowledge: Knowledge, now: number, scope: Scope): void {
	if (knowledge.syncing !== undefined) knowledge.reachable = false
	knowledge.syncStartedAt = now
	knowledge.syncDueAt = now + SYNC_INTERVAL_MS + knowledge.random() * SYNC_JITTER_MS
	const syncing = sync(knowledge, now).finally(() => {
		if (knowledge.syncing === syncing) knowledge.syncing = undefined
	})
	knowledge.syncing = syncing
	scope.waitUntil(syncing)
}

/** Never rejects. */
async function sync(knowledge: Knowledge, now: number): Promise<void> {
	try {
		await learn(knowledge)
		knowledge.confirmedAt = now
		knowledge.reachable = true
	} catch {
		knowledge.syncFailures++
		knowledge.reachable = false
	}
}

export type HostAnswer = ResolvedHost | 'unknown' | 'unreachable' | 'exhausted'

/** Finds a host that the table alone cannot place. */
export async function learnHost(knowledge: Knowledge, host: string, now: number, scope: Scope): Promise<HostAnswer> {
	const { table } = knowledge
	if (!knowledge.loading.has(host) && !takeLookup(knowledge, now)) return 'exhausted'
	const request: LoadRequest = {
		hosts: [host],
		filter: table.patterns === undefined,
		// What holds for the whole mesh comes with the first host, and by syncs from then on.
		...(table.held.has(MESH_PART) && table.held.has(TRUST_PART) ? {} : { parts: [MESH_PART, TRUST_PART] }),
	}
	if (!(await once(knowledge, host, request, now, scope))) return 'unreachable'
	return resolveHost(table, host) ?? 'unknown'
}

/** Makes sure a service that a rule names is in the table. False when the control plane does not answer. */
export async function learnService(
	knowledge: Knowledge,
	service: ServiceName,
	now: number,
	scope: Scope,
): Promise<boolean> {
	const part = servicePart(service)
	const reached = await once(knowledge, part, { parts: [part] }, now, scope)
	if (reached && !knowledge.table.services.has(service)) rememberAbsent(knowledge.table, service)
	return reached
}

/** Makes sure that what holds for a namespace is in the table. False when the control plane does not answer. */
export async function learnNamespace(
	knowledge: Knowledge,
	namespace: string,
	now: number,
	scope: Scope,
): Promise<boolean> {
	const part = namespacePart(namespace)
	if (knowledge.table.held.has(part)) return true
	return once(knowledge, part, { parts: [part] }, now, scope)
}

/** One look-up for all who want the same at the same time. It belongs to nobody: it goes on when its first asker leaves. */
function once(knowledge: Knowledge, key: string, request: LoadRequest, now: number, scope: Scope): Promise<boolean> {
	const running = knowledge.loading.get(key)
	if (running !== undefined) return Promise.race([running, givenUp(knowledge, key, running)])
	const load = learn(knowledge, request)
		.then(() => {
			// A sync may have said so later, and have been answered sooner.
			knowledge.confirmedAt = Math.max(knowledge.confirmedAt, now)
			return true
		})
		.catch(() => {
			knowledge.syncFailures++
			return false
		})
		.finally(() => knowledge.loading.delete(key))
	knowledge.loading.set(key, load)
	scope.waitUntil(load)
	return load
}

/** A promise made for a request that was cancelled may never settle: who waits for another's look-up waits only so long. */
async function givenUp({ controlPlane, loading }: Knowledge, key: string, running: Promise<boolean>): Promise<boolean> {
	await controlPlane.patience(LOOKUP_MS)
	if (loading.get(key) === running) loading.delete(key)
	return false
}

function takeLookup(knowledge: Knowledge, now: number): boolean {
	const refill = ((now - knowledge.refilledAt) / 1_000) * LOOKUPS_PER_SECOND
	knowledge.lookups = Math.min(LOOKUP_BURST, knowledge.lookups + Math.max(0, refill))
	knowledge.refilledAt = now
	if (knowledge.lookups < 1) return false
	knowledge.lookups--
	return true
}
