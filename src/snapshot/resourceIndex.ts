/** What a build asks about the resources: looked up by key or by reference, never by walking all of them. */
import type { PartName, ResourceKey, ServiceName } from '../names.ts'
import type { Resource } from '../resources/resource.ts'
import type { ConditionedStatus } from '../resources/status.ts'
import type { Endpoint } from './snapshot.ts'

/** A resource with what the store adds to it. */
export interface IndexedResource {
	readonly resource: Resource
	readonly generation: number
	/** ms since the epoch. */
	readonly createdAt: number
	readonly status?: ConditionedStatus
}

export interface ResourceIndex {
	get(key: ResourceKey): IndexedResource | undefined
	/** Resources that mention the target, as `referencesOf` told. */
	referrers(target: string): readonly ResourceKey[]
	/** Resources of a kind in one namespace. Used for ReferenceGrants, of which a namespace has few. */
	inNamespace(kind: string, namespace: string): readonly Resource[]
	/** Leased endpoints of a service; undefined when nothing ever registered for it. */
	leased(service: ServiceName): readonly Endpoint[] | undefined
	/** Ids of the service's endpoints, fixed ones too, whose health checks fail. */
	unhealthy(service: ServiceName): readonly string[]
	/** Parts that this resource made in earlier builds. */
	produced(key: ResourceKey): readonly PartName[]
}
