/** The objects of one mesh as tests reach them: stubs, documents, what is stored, and a link to the replicas that can fail. */
import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect } from 'vitest'
import type { PolicyStore } from '../../durable-objects/policyStore/policyStore.ts'
import type { SnapshotReplica } from '../../durable-objects/snapshotReplica/snapshotReplica.ts'
import type {
	ChangeOutcome,
	ChangeRequest,
	PartBatch,
	PolicyStorePort,
	Principal,
	ResourceRef,
	SnapshotReplicaPort,
} from '../../src/ports.ts'
import { parseDocuments } from '../../src/resources/documents.ts'
import type { Resource } from '../../src/resources/resource.ts'
import type { Endpoint, Part } from '../../src/snapshot/snapshot.ts'

const bindings = env as unknown as {
	POLICY_STORE: DurableObjectNamespace<PolicyStore>
	SNAPSHOT_REPLICA: DurableObjectNamespace<SnapshotReplica>
}
const MESH_DOMAIN = 'mesh.localhost'
export const ACTOR: Principal = { token: 't1', name: 'ana', role: 'operator' }

export const rootStub = () => bindings.POLICY_STORE.getByName('mesh')
export const replicaStub = (region: string) => bindings.SNAPSHOT_REPLICA.getByName(region)
/** The classes declare that they are the ports; RPC types cannot say so. */
export const root = () => rootStub() as unknown as PolicyStorePort
export const replica = (region: string) => replicaStub(region) as unknown as SnapshotReplicaPort

export const inRoot = <T>(work: (storage: DurableObjectStorage) => T | Promise<T>): Promise<T> =>
	runInDurableObject(rootStub(), (_: PolicyStore, { storage }) => work(storage)) as Promise<T>
export const inReplica = <T>(region: string, work: (storage: DurableObjectStorage) => T | Promise<T>): Promise<T> =>
	runInDurableObject(replicaStub(region), (_: SnapshotReplica, { storage }) => work(storage)) as Promise<T>

// === documents ===

/** Documents as the API would pass them on. */
export function documents(...values: readonly object[]): readonly Resource[] {
	const parsed = parseDocuments(JSON.stringify(values), 'json', { addresses: 'any', meshDomain: MESH_DOMAIN })
	if (!parsed.ok) throw new Error(JSON.stringify(parsed.error))
	return parsed.value
}

export const service = (name: string, ...urls: readonly string[]) => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'Service',
	metadata: { name },
	spec: { endpoints: urls.map((url) => ({ url })) },
})

export const gateway = (name: string, ...hostnames: readonly string[]) => ({
	apiVersion: 'gateway.networking.k8s.io/v1',
	kind: 'Gateway',
	metadata: { name },
	spec: {
		gatewayClassName: 'selvedge',
		listeners: hostnames.map((hostname, i) => ({ name: `l${i}`, hostname, port: 80, protocol: 'HTTP' })),
	},
})

export const route = (name: string, parent: string, backend: string, path = '/') => ({
	apiVersion: 'gateway.networking.k8s.io/v1',
	kind: 'HTTPRoute',
	metadata: { name },
	spec: {
		parentRefs: [{ name: parent }],
		rules: [{ matches: [{ path: { type: 'PathPrefix', value: path } }], backendRefs: [{ name: backend, port: 80 }] }],
	},
})

export const refTo = (kind: string, name: string): ResourceRef => ({
	apiVersion: kind === 'Service' ? 'selvedge.dev/v1' : 'gateway.networking.k8s.io/v1',
	kind,
	namespace: 'default',
	name,
})

export const endpoint = (id: string, url = `http://${id}.internal:8080`): Endpoint => ({ id, url, weight: 1 })

export async function change(request: Omit<ChangeRequest, 'actor'>): Promise<ChangeOutcome> {
	const result = await root().change({ actor: ACTOR, ...request })
	if (!result.ok) throw new Error(JSON.stringify(result.error))
	return result.value
}
export const apply = (...values: readonly object[]) => change({ put: documents(...values) })
export const remove = (kind: string, name: string) => change({ remove: [refTo(kind, name)] })

// === what is stored ===

/** Every part with its whole body, in order of name. */
export const storedParts = ({ sql }: DurableObjectStorage): Part[] =>
	sql
		.exec(
			`SELECT name, sequence, revision, hash, body || COALESCE((SELECT GROUP_CONCAT(text, '') FROM
				(SELECT text FROM long_texts WHERE kind = 'parts' AND name = parts.name ORDER BY position)), '') AS body
				FROM parts ORDER BY name`,
		)
		.toArray() as unknown as Part[]

/** Names and bodies of the parts that stand. */
export const standing = (parts: readonly Part[]): Record<string, unknown> =>
	Object.fromEntries(parts.flatMap(({ name, body }) => (body === null ? [] : [[name, JSON.parse(body)]])))

/** Every row of every table. */
export function everything({ sql }: DurableObjectStorage): Record<string, unknown[]> {
	const tables = sql
		.exec<{ name: string }>("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
		.toArray()
	return Object.fromEntries(
		tables
			.filter(({ name }) => !name.startsWith('_cf_'))
			.map(({ name }) => [name, sql.exec(`SELECT * FROM ${name}`).toArray()]),
	)
}

const utf8Length = (value: unknown): number => (typeof value === 'string' ? new TextEncoder().encode(value).length : 8)

/** Production refuses rows above 2 MB; the local runtime is more generous, so tests measure. */
export function longestRowBytes(storage: DurableObjectStorage): number {
	const rows = Object.values(everything(storage)).flat() as Record<string, unknown>[]
	return Math.max(0, ...rows.map((row) => Object.values(row).reduce<number>((sum, v) => sum + utf8Length(v), 0)))
}

export async function expectSameAsRoot(...regions: readonly string[]): Promise<void> {
	const expected = await inRoot(storedParts)
	const { revision } = await root().ready()
	for (const region of regions) {
		expect(await inReplica(region, storedParts), region).toEqual(expected)
		expect((await replica(region).load(region, {})).revision).toBe(revision)
	}
}

// === the way from the root to the replicas ===

/** What the root pushes, and which regions it cannot reach. */
export interface Link {
	readonly pushed: { region: string; batch: PartBatch }[]
	/** Fails before the replica hears of the batch, or after it took it; is never heard of again; or is not taken. */
	readonly failing: Map<string, 'before' | 'after' | 'silent' | 'refused'>
}

/** Puts the link into the root. Lost with the object's memory, as real bindings are not: see `evictRoot`. */
export async function connect(link: Link): Promise<void> {
	await runInDurableObject(rootStub(), (instance: PolicyStore) => {
		const getByName = (region: string) => ({
			push: async (_: string, batch: PartBatch) => {
				link.pushed.push({ region, batch })
				if (link.failing.get(region) === 'before') throw new Error(`${region} is unreachable`)
				if (link.failing.get(region) === 'silent') await new Promise(() => {})
				if (link.failing.get(region) === 'refused') return { epoch: '', sequence: 0 }
				const cursor = await replica(region).push(region, batch)
				if (link.failing.get(region) === 'after') throw new Error(`the answer of ${region} is lost`)
				return cursor
			},
		})
		Object.assign(instance, { env: { ...env, SNAPSHOT_REPLICA: { getByName } } })
	})
}

export async function evictRoot(link: Link): Promise<void> {
	await root().ready()
	await evictDurableObject(rootStub())
	await connect(link)
}

export async function evictReplica(region: string): Promise<void> {
	await inReplica(region, () => {})
	await evictDurableObject(replicaStub(region))
}

/** As if the object were new: its storage is empty. */
export async function wipeReplica(region: string): Promise<void> {
	await inReplica(region, (storage) => storage.deleteAll())
	await evictDurableObject(replicaStub(region))
}
