/** A mesh in memory, kept and built as the PolicyStore does, with every look-up counted. */
import type { PartName, ResourceKey, ServiceName } from '../../../src/names.ts'
import type { Resource } from '../../../src/resources/resource.ts'
import type { ConditionedStatus } from '../../../src/resources/status.ts'
import type { Changed } from '../../../src/snapshot/affected.ts'
import { type Built, build } from '../../../src/snapshot/build.ts'
import type { ResourceIndex } from '../../../src/snapshot/resourceIndex.ts'
import type { Endpoint, PartBody } from '../../../src/snapshot/snapshot.ts'
import { createTables, enterResource, putResource, removeResource, storeBuilt, type Tables } from './memoryTables.ts'

export const MESH_DOMAIN = 'mesh.example.com'

export type BuiltMap = ReadonlyMap<ResourceKey, Built>

export interface MemoryMesh {
	/** One commit: puts that change nothing are left out, as the store does. Returns what was built. */
	apply(change: { put?: readonly Resource[]; remove?: readonly ResourceKey[] }, now?: number): BuiltMap
	/** What a registry tells; undefined: the service is forgotten. */
	lease(service: ServiceName, endpoints: readonly Endpoint[] | undefined, now?: number): BuiltMap
	/** What a registry tells of health: ids of the endpoints whose checks fail. */
	unhealthy(service: ServiceName, ids: readonly string[], now?: number): BuiltMap
	parts(): Record<PartName, PartBody>
	/** With each listener's routes counted, as the store shows them. */
	statuses(): Record<ResourceKey, ConditionedStatus>
	keys(): ResourceKey[]
	/** Look-ups so far, and the items that they answered. */
	cost(): number
	/** A mesh of the same resources, built as if all of them had just arrived. */
	fromScratch(): MemoryMesh
}

export function memoryMesh(tables: Tables = createTables()): MemoryMesh {
	const { index, cost } = countedIndex(tables)
	const rebuild = (changes: readonly (Changed | undefined)[], now: number): BuiltMap => {
		const real = changes.filter((change) => change !== undefined)
		const built = build(real, index, { meshDomain: MESH_DOMAIN, now })
		storeBuilt(tables, built)
		return built
	}
	return {
		apply: ({ put = [], remove = [] }, now = 0) =>
			rebuild(
				[
					...put.map((resource) => putResource(tables, resource, now)),
					...remove.map((key) => removeResource(tables, key)),
				],
				now,
			),
		lease: (service, endpoints, now = 0) => {
			const existence = (endpoints !== undefined) !== tables.leased.has(service)
			if (endpoints === undefined) tables.leased.delete(service)
			else tables.leased.set(service, endpoints)
			return rebuild([{ key: `Service/${service}`, existence }], now)
		},
		unhealthy: (service, ids, now = 0) => {
			tables.unhealthy.set(service, ids)
			return rebuild([{ key: `Service/${service}`, existence: false }], now)
		},
		parts: () => Object.fromEntries([...tables.parts].sort(byKey)),
		statuses: () => statusesOf(tables),
		keys: () => [...tables.resources.keys()].sort(),
		cost,
		fromScratch: () => memoryMesh(scratch(tables)),
	}
}

const byKey = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => (a < b ? -1 : 1)

function countedIndex(tables: Tables): { index: ResourceIndex; cost: () => number } {
	let cost = 0
	const counted = <T>(items: T[]): T[] => {
		cost += 1 + items.length
		return items
	}
	const index: ResourceIndex = {
		get: (key) => counted([tables.resources.get(key)])[0],
		referrers: (target) => counted(tables.refs.get(target)),
		inNamespace: (kind, namespace) =>
			counted(tables.namespaces.get(`${kind}/${namespace}`)).map((key) => tables.resources.get(key)!.resource),
		leased: (service) => counted([tables.leased.get(service)])[0],
		unhealthy: (service) => counted([...(tables.unhealthy.get(service) ?? [])]),
		produced: (key) => counted(tables.produced.get(key)),
	}
	return { index, cost: () => cost }
}

/** Only what users wrote and registries told goes over; everything else is built anew, in one go. */
function scratch(tables: Tables): Tables {
	const fresh = createTables()
	for (const [key, { status: _, ...entry }] of tables.resources) enterResource(fresh, key, entry)
	for (const [service, endpoints] of tables.leased) fresh.leased.set(service, endpoints)
	for (const [service, ids] of tables.unhealthy) fresh.unhealthy.set(service, ids)
	const keys = new Set([...fresh.resources.keys(), ...[...fresh.leased.keys()].map((service) => `Service/${service}`)])
	const changes = [...keys].map((key) => ({ key, existence: true }))
	storeBuilt(fresh, build(changes, countedIndex(fresh).index, { meshDomain: MESH_DOMAIN, now: 0 }))
	return fresh
}

function statusesOf({ resources, attached }: Tables): Record<ResourceKey, ConditionedStatus> {
	const counts = new Map<string, number>()
	for (const listener of [...attached.values()].flat()) counts.set(listener, (counts.get(listener) ?? 0) + 1)
	const withRoutes = (key: ResourceKey, status: ConditionedStatus): ConditionedStatus =>
		status.listeners === undefined
			? status
			: {
					...status,
					listeners: status.listeners.map((listener) => ({
						...listener,
						attachedRoutes: counts.get(`${key.slice('Gateway/'.length)}/${listener.name}`) ?? 0,
					})),
				}
	return Object.fromEntries([...resources].sort(byKey).map(([key, { status }]) => [key, withRoutes(key, status!)]))
}
