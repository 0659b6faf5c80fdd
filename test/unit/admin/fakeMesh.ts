/** A mesh in memory: the ports that the admin API asks, with a clock that only tests move. */
import type {
	CatalogEntry,
	ChangeOutcome,
	ChangeRefusal,
	ChangeRequest,
	HealthStatus,
	Lease,
	NewToken,
	PageRequest,
	Principal,
	RefusalCount,
	RegionTelemetry,
	Role,
	SampleBatch,
	StoredResource,
	TriedAccess,
} from '../../../src/ports.ts'
import { keyOf } from '../../../src/resources/resource.ts'
import { err, ok, type Result } from '../../../src/result.ts'
import { collectEffect, type Effect } from '../../../src/snapshot/effect/effect.ts'
import { createApp } from '../../../workers/admin/app.ts'
import type { Mesh } from '../../../workers/admin/mesh.ts'
import { hashOf } from '../../../workers/admin/tokens.ts'
import { layers } from '../replay/remembered.ts'
import { createKeyRing, type FakeKeyRing, keyRingOf } from './fakeKeyRing.ts'

export const tokens: Readonly<Record<Role, string>> = { viewer: 'a-viewer', operator: 'an-operator', admin: 'an-admin' }

/** Everything a test may look at or arrange. */
export interface World {
	nowMs: number
	revision: number
	readonly resources: Map<string, StoredResource>
	readonly principals: Map<string, Principal>
	readonly leases: Map<string, Lease[]>
	/** What every registry says of endpoints that are checked. */
	healths: Record<string, HealthStatus>
	catalog: CatalogEntry[]
	catalogVersion: string
	telemetry: Record<string, RegionTelemetry>
	/** What each region remembers. */
	samples: Record<string, readonly SampleBatch[]>
	/** What every change that is tried out would make of policies. */
	tried: Pick<TriedAccess, 'before' | 'after'>
	/** What a region's replica shows; the newest revision of the root's history unless said. */
	shown: Record<string, { epoch: string; revision: number }>
	/** What every dry run would do. */
	effect: Effect
	/** What the world outside the mesh answers, by URL. */
	readonly outside: Map<string, () => Response>
	readonly keyRing: FakeKeyRing
	readonly changes: ChangeRequest[]
	/** What the store was told of refusals. */
	readonly refused: RefusalCount[]
	/** What is to be done after answers; `settle` does it. */
	readonly afterwards: (() => Promise<void>)[]
	readonly reported: { error: unknown; id: string }[]
	/** Names of port methods, in the order they were called. */
	readonly calls: string[]
	/** Thrown by the next calls of the method. */
	readonly failing: Map<string, unknown>
	/** Runs whenever the API sleeps. */
	onSleep: () => void
}

export async function createWorld(): Promise<World> {
	const principals = new Map<string, Principal>()
	for (const [role, token] of Object.entries(tokens) as [Role, string][]) {
		principals.set(await hashOf(token), { token: `id-${role}`, name: role, role })
	}
	return {
		nowMs: 1_000_000,
		revision: 0,
		resources: new Map(),
		principals,
		leases: new Map(),
		healths: {},
		catalog: [],
		catalogVersion: 'v0',
		telemetry: {},
		samples: {},
		tried: { before: layers([]), after: layers([]) },
		shown: {},
		effect: collectEffect().effect(() => false),
		outside: new Map(),
		keyRing: await createKeyRing(),
		changes: [],
		refused: [],
		afterwards: [],
		reported: [],
		calls: [],
		failing: new Map(),
		onSleep: () => {},
	}
}

/** Every method of the object notes its name, and fails when it is told to. */
function watched<T extends object>(world: World, name: string, methods: T): T {
	return new Proxy(methods, {
		get: (target, method) => {
			return async (...args: unknown[]) => {
				const called = `${name}.${String(method)}`
				world.calls.push(called)
				if (world.failing.has(called)) throw world.failing.get(called)
				return (target as Record<string | symbol, (...args: unknown[]) => unknown>)[method]?.(...args)
			}
		},
	})
}

function change(world: World, request: ChangeRequest): Result<ChangeOutcome, ChangeRefusal> {
	world.changes.push(request)
	const first = request.put?.[0]
	const key = first === undefined ? undefined : keyOf(first)
	const removed = request.remove?.[0]
	const target = key ?? (removed === undefined ? '' : `${removed.kind}/${removed.namespace}/${removed.name}`)
	const current = world.resources.get(target)?.revision ?? 0
	if (request.expectedRevision !== undefined && request.expectedRevision !== current) {
		return err({ reason: 'precondition_failed', currentRevision: current })
	}
	const revision = world.revision + 1
	const results = [
		...(request.put ?? []).map(({ apiVersion, kind, metadata: { namespace, name } }) => ({
			...{ apiVersion, kind, namespace, name },
			action: world.resources.has(`${kind}/${namespace}/${name}`) ? ('configured' as const) : ('created' as const),
		})),
		...(request.remove ?? []).map((ref) => ({
			...ref,
			action: world.resources.has(`${ref.kind}/${ref.namespace}/${ref.name}`)
				? ('deleted' as const)
				: ('unchanged' as const),
		})),
	]
	if (request.dryRun !== true) {
		world.revision = revision
		for (const resource of request.put ?? []) {
			world.resources.set(keyOf(resource), { resource, generation: 1, createdAt: '2026-01-01T00:00:00Z', revision })
		}
		for (const { kind, namespace, name } of request.remove ?? []) world.resources.delete(`${kind}/${namespace}/${name}`)
	}
	return ok({
		revision,
		results,
		...(request.dryRun === true ? { currentRevision: world.revision, effect: world.effect } : {}),
	})
}

const policyStore = (world: World): object => ({
	change: (request: ChangeRequest) => change(world, request),
	tryAccess: (request: ChangeRequest) => {
		world.changes.push(request)
		return ok({ revision: world.revision, results: [], ...world.tried })
	},
	rollback: (revision: number) =>
		revision <= world.revision
			? ok({ revision: ++world.revision, results: [] })
			: err({ reason: 'unknown_revision', revision }),
	get: (kind: string, namespace: string, name: string) => world.resources.get(`${kind}/${namespace}/${name}`) ?? null,
	list: (kind: string, { namespaces }: PageRequest) => ({
		items: [...world.resources.values()].filter(
			({ resource }) =>
				resource.kind === kind && (namespaces === undefined || namespaces.includes(resource.metadata.namespace)),
		),
	}),
	refused: (counts: readonly RefusalCount[]) => {
		world.refused.push(...counts)
	},
	endpointHealth: () => [{ service: 'default/checked', healthy: 2, unhealthy: 1 }],
	revisions: () => ({ items: [], next: '7' }),
	revision: (revision: number) =>
		revision <= world.revision
			? { revision, at: '2026-01-01T00:00:00Z', actor: 'operator', cause: 'apply', changes: [] }
			: null,
	audit: () => ({ items: [] }),
	authenticate: (hash: string) => world.principals.get(hash) ?? null,
	bootstrap: (hash: string) => {
		world.principals.set(hash, { token: 'bootstrap', name: 'bootstrap', role: 'admin' })
	},
	createToken: ({ hash, expiresAt, ...told }: NewToken, actor: Principal) => {
		world.principals.set(hash, { token: `id-${told.name}`, ...told })
		const ends = expiresAt === undefined ? {} : { expiresAt: new Date(expiresAt).toISOString() }
		return { id: `id-${told.name}`, ...told, createdAt: '2026-01-01T00:00:00Z', createdBy: actor.name, ...ends }
	},
	rotateToken: (id: string, { hash }: { hash: string }) => {
		const found = [...world.principals].find(([, principal]) => principal.token === id)
		if (found === undefined) return null
		world.principals.set(hash, found[1])
		return { id, name: found[1].name, role: found[1].role }
	},
	listTokens: () => [],
	revokeToken: (id: string) => {
		const found = [...world.principals].find(([, principal]) => principal.token === id)
		return found !== undefined && world.principals.delete(found[0])
	},
	regions: () => Object.keys(world.telemetry),
	ready: () => ({ revision: world.revision, epoch: 'e' }),
})

const replica = (world: World): object => ({
	sync: (region: string) => {
		const { epoch, revision } = world.shown[region] ?? { epoch: 'e', revision: world.revision }
		return { cursor: { epoch, sequence: 1 }, revision, changed: [], reset: true }
	},
	services: (_: string, { limit, after = '' }: { limit: number; after?: string }) => {
		const rest = world.catalog.filter(({ namespace, name }) => `${namespace}/${name}` > after)
		const items = rest.slice(0, limit)
		const last = items.at(-1)
		const more = rest.length > items.length && last !== undefined ? { next: `${last.namespace}/${last.name}` } : {}
		return { items, ...more, version: world.catalogVersion }
	},
	service: (_region: string, service: string, wait?: { version: string; waitMs: number }) => {
		if (wait !== undefined) world.onSleep()
		return world.catalog.find(({ namespace, name }) => `${namespace}/${name}` === service) ?? null
	},
})

const registry = (world: World): object => ({
	register: (service: string, request: Lease) => {
		const others = (world.leases.get(service) ?? []).filter(({ id }) => id !== request.id)
		const created = others.length === (world.leases.get(service) ?? []).length
		const lease: Lease = {
			...request,
			state: 'active',
			registeredAt: '2026-01-01T00:00:00Z',
			expiresAt: '2026-01-01T00:00:30Z',
		}
		world.leases.set(service, [...others, lease])
		return ok({ lease, created })
	},
	heartbeat: (service: string, id: string) => leaseOf(world, service, id),
	drain: (service: string, id: string) => leaseOf(world, service, id),
	deregister: (service: string, id: string) => leaseOf(world, service, id),
	leases: (service: string) => world.leases.get(service) ?? [],
	health: () => world.healths,
})

function leaseOf(world: World, service: string, id: string): Result<Lease, unknown> {
	const lease = (world.leases.get(service) ?? []).find((held) => held.id === id)
	return lease === undefined ? err({ reason: 'no_such_endpoint', id }) : ok(lease)
}

export function meshOf(world: World, settings: Partial<Mesh['settings']> = {}): Mesh {
	return {
		policyStore: () => watched(world, 'policyStore', policyStore(world)) as ReturnType<Mesh['policyStore']>,
		replica: () => watched(world, 'replica', replica(world)) as ReturnType<Mesh['replica']>,
		registry: () => watched(world, 'registry', registry(world)) as ReturnType<Mesh['registry']>,
		telemetry: (region) =>
			watched(world, `telemetry.${region}`, {
				read: () => world.telemetry[region],
				isolates: () => world.telemetry[region]?.isolates,
				samples: () => world.samples[region] ?? [],
			} as object) as ReturnType<Mesh['telemetry']>,
		keyRing: () =>
			watched(
				world,
				'keyRing',
				keyRingOf(world.keyRing, () => world.nowMs),
			) as ReturnType<Mesh['keyRing']>,
		regionOf: () => 'local',
		settings: { meshDomain: 'mesh.localhost', issuer: 'http://admin.mesh.localhost', addresses: 'names', ...settings },
		now: () => world.nowMs,
		sleep: async (ms) => {
			world.nowMs += ms
			world.onSleep()
		},
		afterwards: (_, work) => {
			world.afterwards.push(work)
		},
		fetch: async (url) => world.outside.get(url)?.() ?? new Response(null, { status: 404 }),
		report: (error, _request, id) => {
			world.reported.push({ error, id })
		},
	}
}

/** Does what was left for after the answers. */
export async function settle(world: World): Promise<void> {
	for (const work of world.afterwards.splice(0)) await work()
}

export type Ask = (
	method: string,
	path: string,
	options?: { as?: Role | null; headers?: Record<string, string>; body?: BodyInit },
) => Promise<Response>

/** Asks the API as the holder of a role's token; as an admin unless said, with no token as null. */
export function asker(mesh: Mesh): Ask {
	const app = createApp(mesh)
	return async (method, path, { as = 'admin', headers = {}, body } = {}) => {
		const authorization: Record<string, string> = as === null ? {} : { authorization: `Bearer ${tokens[as]}` }
		const init = { method, headers: { ...authorization, ...headers }, body: body ?? null, duplex: 'half' }
		return app.fetch(new Request(`http://admin.mesh.localhost${path}`, init as RequestInit))
	}
}
