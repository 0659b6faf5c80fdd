/** The PolicyStore's tables in memory: resources, references, and what builds made of them. */
import type { PartName, ResourceKey, ServiceName } from '../../../src/names.ts'
import { keyOf, type Resource } from '../../../src/resources/resource.ts'
import type { Changed } from '../../../src/snapshot/affected.ts'
import type { Built } from '../../../src/snapshot/build.ts'
import { referencesOf } from '../../../src/snapshot/references.ts'
import type { IndexedResource } from '../../../src/snapshot/resourceIndex.ts'
import type { Endpoint, PartBody } from '../../../src/snapshot/snapshot.ts'

/** Several values for a key; the key goes with the last of them. */
interface Multimap {
	add(key: string, value: string): void
	delete(key: string, value: string): void
	get(key: string): string[]
}

function multimap(): Multimap {
	const map = new Map<string, Set<string>>()
	return {
		add: (key, value) => void map.set(key, (map.get(key) ?? new Set()).add(value)),
		delete: (key, value) => {
			const values = map.get(key)
			if (values?.delete(value) && values.size === 0) map.delete(key)
		},
		get: (key) => [...(map.get(key) ?? [])],
	}
}

export const createTables = () => ({
	resources: new Map<ResourceKey, IndexedResource>(),
	leased: new Map<ServiceName, readonly Endpoint[]>(),
	/** Ids of endpoints whose checks fail. */
	unhealthy: new Map<ServiceName, readonly string[]>(),
	/** From a target to the resources that mention it. */
	refs: multimap(),
	/** From `<kind>/<namespace>` to the resources there. */
	namespaces: multimap(),
	/** From a resource to the parts that it made. */
	produced: multimap(),
	/** From a resource to the listeners that it is attached to. */
	attached: new Map<ResourceKey, readonly string[]>(),
	parts: new Map<PartName, PartBody>(),
})
export type Tables = ReturnType<typeof createTables>

/** Undefined when the resource is there already, word for word. */
export function putResource(tables: Tables, resource: Resource, now: number): Changed | undefined {
	const key = keyOf(resource)
	const old = tables.resources.get(key)
	if (old !== undefined && JSON.stringify(old.resource) === JSON.stringify(resource)) return undefined
	if (old !== undefined) unlink(tables, key, old.resource)
	enterResource(tables, key, { createdAt: now, ...old, resource, generation: (old?.generation ?? 0) + 1 })
	return { key, before: old?.resource, existence: old === undefined }
}

/** Undefined when there is no such resource. */
export function removeResource(tables: Tables, key: ResourceKey): Changed | undefined {
	const old = tables.resources.get(key)
	if (old === undefined) return undefined
	unlink(tables, key, old.resource)
	tables.resources.delete(key)
	return { key, before: old.resource, existence: true }
}

export function enterResource(tables: Tables, key: ResourceKey, entry: IndexedResource): void {
	const { kind, metadata } = entry.resource
	tables.resources.set(key, entry)
	tables.namespaces.add(`${kind}/${metadata.namespace}`, key)
	for (const target of referencesOf(entry.resource)) tables.refs.add(target, key)
}

function unlink(tables: Tables, key: ResourceKey, resource: Resource): void {
	tables.namespaces.delete(`${resource.kind}/${resource.metadata.namespace}`, key)
	for (const target of referencesOf(resource)) tables.refs.delete(target, key)
}

export function storeBuilt(tables: Tables, built: ReadonlyMap<ResourceKey, Built>): void {
	for (const [key, { parts, status, listeners }] of built) {
		for (const [name, body] of parts) {
			if (body === null) tables.parts.delete(name)
			else tables.parts.set(name, body)
			if (body === null) tables.produced.delete(key, name)
			else tables.produced.add(key, name)
		}
		tables.attached.set(key, listeners)
		const entry = tables.resources.get(key)
		if (entry !== undefined && status !== undefined) tables.resources.set(key, { ...entry, status })
	}
}
