/** The services that an isolate holds, each compiled with what its namespace and the mesh ask for. */
import { MESH_PART, type PartName, type ServiceName } from '../names.ts'
import type { MeshDefaults, NamespaceDefaults, Part, ServiceTarget } from '../snapshot/snapshot.ts'
import type { TrafficRules } from '../snapshot/trafficPolicy.ts'
import { type CompiledService, compileService } from './compileService.ts'
import type { RoutingTable } from './routingTable.ts'

const NAMESPACE = 'namespace/'

/** Parts that bear on services, and so are taken in before them. */
export const isDefaults = (part: PartName): boolean => part === MESH_PART || part.startsWith(NAMESPACE)

export function putService(table: RoutingTable, target: ServiceTarget): void {
	table.targets.set(target.service, target)
	table.services.set(target.service, compileTarget(table, target))
}

export function removeService(table: RoutingTable, service: ServiceName): void {
	table.targets.delete(service)
	table.services.delete(service)
	table.states.delete(service)
}

/** Takes in what holds for a namespace or for the mesh. Held even while there is none, so that a sync brings it once it comes. */
export function applyDefaults(table: RoutingTable, { name, hash, body }: Part): void {
	table.held.set(name, body === null ? '' : hash)
	const said = body === null ? undefined : (JSON.parse(body) as MeshDefaults | NamespaceDefaults)
	if (name !== MESH_PART) {
		applyNamespace(table, name.slice(NAMESPACE.length), said?.traffic)
		return
	}
	table.egress = (said as MeshDefaults | undefined)?.egress ?? 'registryOnly'
	if (isSame(table.traffic, said?.traffic)) return
	table.traffic = said?.traffic
	recompileServices(table)
}

function applyNamespace(table: RoutingTable, namespace: string, traffic: TrafficRules | undefined): void {
	if (isSame(table.namespaces.get(namespace), traffic)) return
	if (traffic === undefined) table.namespaces.delete(namespace)
	else table.namespaces.set(namespace, traffic)
	recompileServices(table, namespace)
}

/** Every answer with a service brings its defaults along, and hardly ever others than before. */
const isSame = (a: TrafficRules | undefined, b: TrafficRules | undefined): boolean =>
	JSON.stringify(a) === JSON.stringify(b)

/** Those of one namespace, or all. What was learnt of their endpoints stays. */
function recompileServices(table: RoutingTable, namespace?: string): void {
	for (const [service, target] of table.targets)
		if (namespace === undefined || namespaceOf(service) === namespace)
			table.services.set(service, compileTarget(table, target))
}

/** Section by section the nearest policy counts: the service's own, its namespace's, the mesh's. */
function compileTarget(table: RoutingTable, target: ServiceTarget): CompiledService {
	const traffic = { ...table.traffic, ...table.namespaces.get(namespaceOf(target.service)), ...target.traffic }
	const { region, now } = table.place
	return compileService(target, table.states, table.random, { traffic, region, now: now() })
}

const namespaceOf = (service: ServiceName): string => service.slice(0, service.indexOf('/'))
