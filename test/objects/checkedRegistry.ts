/** One service's registry in a world that tests arrange: endpoints that answer as told, a root that listens or is down. */
import { evictDurableObject, reset, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { vi } from 'vitest'
import type { ServiceRegistry } from '../../durable-objects/serviceRegistry/serviceRegistry.ts'
import type { EndpointWatch, LeaseRequest, ServiceRegistryPort } from '../../src/ports.ts'
import type { Endpoint } from '../../src/snapshot/snapshot.ts'
import type { HealthCheck } from '../../src/snapshot/trafficPolicy.ts'
import { until } from '../until.ts'
import { NOW, stopTime } from './time.ts'

export { NOW } from './time.ts'

const { SERVICE_REGISTRY } = env as unknown as { SERVICE_REGISTRY: DurableObjectNamespace<ServiceRegistry> }

export const SERVICE = 'default/orders'
export const CHECK: HealthCheck = {
	path: '/healthz?deep=1',
	method: 'GET',
	intervalMs: 10_000,
	// Of real time, for which an evicted object is waited for too. Only endpoints that hang use it up.
	timeoutMs: 20,
	healthyThreshold: 2,
	unhealthyThreshold: 3,
	expectedStatuses: [[200, 299]],
	jitterShare: 0,
}
export const request = (id: string, over: Partial<LeaseRequest> = {}): LeaseRequest => ({
	id,
	url: `http://${id}.internal:8080`,
	weight: 1,
	labels: {},
	ttlSeconds: 3_600,
	...over,
})

/** What a test arranges, and what came of it. */
interface World {
	/** How each host answers, by the first label of its name; 200 unless said. One that is held answers 503 when it is let go. */
	readonly hosts: Map<string, number | 'refuses' | 'hangs' | 'is held'>
	asked: { readonly url: string; readonly init: RequestInit }[]
	/** Requests without an answer yet: now, and at most at once. */
	waiting: { now: number; most: number }
	/** What the root was told. */
	told: { readonly version: number; readonly ids: readonly string[]; readonly unhealthy: readonly string[] }[]
	rootIsDown: boolean
	/** Each lets one go that is held. */
	held: (() => void)[]
}
const nothing = () => ({ asked: [], told: [], waiting: { now: 0, most: 0 }, rootIsDown: false, held: [] })
export const world: World = { hosts: new Map(), ...nothing() }

async function outside(url: string, init: RequestInit): Promise<Response> {
	world.asked.push({ url, init })
	world.waiting.most = Math.max(world.waiting.most, ++world.waiting.now)
	try {
		await scheduler.wait(1)
		const answer = world.hosts.get(new URL(url).hostname.split('.')[0]!) ?? 200
		if (answer === 'refuses') throw new Error('Network connection lost.')
		if (answer === 'hangs') await aborted(init.signal!)
		if (answer === 'is held') await new Promise<void>((resolve) => world.held.push(resolve))
		const status = answer === 'is held' ? 503 : Number(answer)
		return new Response(status === 204 ? null : 'a body that nobody reads', { status })
	} finally {
		world.waiting.now--
	}
}

/** Rejects when the signal is aborted, which it may have been before anybody asks. */
const aborted = (signal: AbortSignal): Promise<never> =>
	new Promise((_, reject) => {
		if (signal.aborted) reject(signal.reason)
		else signal.addEventListener('abort', () => reject(signal.reason))
	})

export const own = () => SERVICE_REGISTRY.getByName(SERVICE)
export const registry = () => own() as unknown as ServiceRegistryPort
export const alarmTime = () => runInDurableObject(own(), (_: ServiceRegistry, state) => state.storage.getAlarm())
export const stored = <T extends Record<string, SqlStorageValue>>(query: string) =>
	runInDurableObject(own(), (_: ServiceRegistry, state) => state.storage.sql.exec<T>(query).toArray())
export const at = (offsetMs: number) => vi.setSystemTime(NOW + offsetMs)
export const statuses = () => registry().health(SERVICE)

async function connect(): Promise<void> {
	await runInDurableObject(own(), (instance: ServiceRegistry) => {
		const putEndpoints = async (_: string, version: number, endpoints: Endpoint[], unhealthy: string[]) => {
			if (world.rootIsDown) throw new Error('root is down')
			world.told.push({ version, ids: endpoints.map(({ id }) => id), unhealthy })
		}
		Object.assign(instance, { env: { POLICY_STORE: { getByName: () => ({ putEndpoints }) } } })
	})
}

export async function restart(): Promise<void> {
	await evictDurableObject(own())
	await connect()
}

let version = 0
export const newestVersion = (): number => version

/** A newer watch than all before; null checks nothing. */
export async function watch(over: Partial<HealthCheck> | null = {}, fixed: EndpointWatch['fixed'] = []): Promise<void> {
	await registry().watch(SERVICE, { version: ++version, check: over === null ? null : { ...CHECK, ...over }, fixed })
}

/** The alarm goes off, and the round that it began is over. */
export async function round(offsetMs: number): Promise<void> {
	at(offsetMs)
	await runDurableObjectAlarm(own())
	await roundIsOver(offsetMs)
}

/** The round that began then is over: the alarm that guards it has been put forward. */
export const roundIsOver = (offsetMs: number): Promise<void> =>
	until(async () => world.waiting.now === 0 && ((await alarmTime()) ?? 0) < NOW + offsetMs + 20_000)

/** In the object's own context, where its promises may be settled. */
export const letGo = (): Promise<void> =>
	runInDurableObject(own(), () => {
		for (const go of world.held) go()
	})
export const rounds = async (...offsetsMs: readonly number[]): Promise<void> => {
	for (const offsetMs of offsetsMs) await round(offsetMs)
}

/** To be called before each test; `leave` after it. */
export async function enter(): Promise<void> {
	stopTime()
	world.hosts.clear()
	Object.assign(world, nothing())
	vi.spyOn(globalThis, 'fetch').mockImplementation(outside as typeof fetch)
	vi.spyOn(console, 'warn').mockImplementation(() => {})
	await connect()
}

export async function leave(): Promise<void> {
	vi.useRealTimers()
	vi.restoreAllMocks()
	await reset()
}
