/** The services that an isolate holds, each compiled with what its namespace and the mesh ask for. */
import { MESH_PART, type PartName, type ServiceName, TRUST_PART } from '../../names.ts'
import type { AccessPolicies } from '../../snapshot/authorization.ts'
import type { PeerRules } from '../../snapshot/peerAuthentication.ts'
import type { JwtRule } from '../../snapshot/requestAuthentication.ts'
import type { MeshDefaults, NamespaceDefaults, Part, ServiceTarget } from '../../snapshot/snapshot.ts'
import type { TrafficRules } from '../../snapshot/trafficPolicy.ts'
import type { Trust } from '../../snapshot/trust.ts'
import { type AccessLayers, layersOf } from '../access/accessLayers.ts'
import { type CompiledService, compileService } from '../compile/compileService.ts'
import { compileUsers } from '../compile/compileUsers.ts'
import type { EndpointStates } from './endpointState.ts'
import { type Trusted, trustedOf } from './trusting.ts'

/** What policies ask for all services of a namespace, or of the mesh. */
export interface Defaults {
	readonly traffic?: TrafficRules
	readonly peers?: PeerRules
	readonly users?: readonly JwtRule[]
	readonly access?: AccessPolicies
}

/** Where and when an isolate serves. */
export interface Place {
	readonly region: string
	/** ms since the epoch. */
	readonly now: () => number
}

export interface ServedServices extends AccessLayers {
	readonly random: () => number
	readonly services: Map<ServiceName, CompiledService>
	/** What these were compiled from: they are compiled anew when what their namespace or the mesh asks for changes. */
	readonly targets: Map<ServiceName, ServiceTarget>
	/** What policies ask for all services of a namespace, and of the mesh. */
	readonly namespaces: Map<string, Defaults>
	defaults: Defaults
	/** Undefined: nobody is believed. */
	trust: Trusted | undefined
	readonly states: EndpointStates
	/** Hash by part, to leave alone what did not change. */
	readonly held: Map<PartName, string>
	/** What becomes of requests to hosts that nobody registered. */
	egress: MeshDefaults['egress']
	/** Whether somebody may call whom no ALLOW policy speaks of. */
	defaultAccess: MeshDefaults['defaultAccess']
	/** All names of the mesh's own trust domain, where it has aliases. */
	trustDomains: readonly string[] | undefined
	/** Of the requests, how many are remembered to try out policies with, 0–1. */
	sampleShare: number
	readonly place: Place
}

const NAMESPACE = 'namespace/'
/** Unless the Mesh says another. */
export const DEFAULT_SAMPLE_SHARE = 0.01

/** Parts that bear on services, and so are taken in before them. */
export const isDefaults = (part: PartName): boolean =>
	part === MESH_PART || part === TRUST_PART || part.startsWith(NAMESPACE)

export function putService(table: ServedServices, said: ServiceTarget): void {
	const before = table.targets.get(said.service)?.access
	// Endpoints come and go every moment, and policies stay: the very same ones, which are compiled already.
	const target = before !== undefined && isEqual(before, said.access) ? { ...said, access: before } : said
	table.targets.set(target.service, target)
	table.services.set(target.service, compileTarget(table, target))
}

export function removeService(table: ServedServices, service: ServiceName): void {
	table.targets.delete(service)
	table.services.delete(service)
	table.states.delete(service)
}

/** Takes in what holds for a namespace, for the mesh, or for all who call. Held even while there is none, so that a sync brings it once it comes. */
export function applyDefaults(table: ServedServices, { name, hash, body }: Part): void {
	table.held.set(name, body === null ? '' : hash)
	const said = body === null ? undefined : (JSON.parse(body) as MeshDefaults | NamespaceDefaults | Trust)
	if (said?.kind === 'trust' || name === TRUST_PART) {
		table.trust = said?.kind === 'trust' ? trustedOf(said, table.trust) : undefined
		return
	}
	const defaults = defaultsOf(said)
	if (name !== MESH_PART) {
		applyNamespace(table, name.slice(NAMESPACE.length), defaults)
		return
	}
	const mesh = said as MeshDefaults | undefined
	table.egress = mesh?.egress ?? 'registryOnly'
	table.sampleShare = mesh?.sampleShare ?? DEFAULT_SAMPLE_SHARE
	table.defaultAccess = mesh?.defaultAccess ?? 'open'
	table.trustDomains = mesh?.trustDomainAliases && [table.meshDomain, ...mesh.trustDomainAliases]
	if (isEqual(table.defaults, defaults)) return
	table.defaults = defaults
	recompileServices(table)
}

const defaultsOf = ({ traffic, peers, users, access }: Defaults = {}): Defaults => ({
	...(traffic && { traffic }),
	...(peers && { peers }),
	...(users && { users }),
	...(access && { access }),
})

function applyNamespace(table: ServedServices, namespace: string, defaults: Defaults): void {
	if (isEqual(table.namespaces.get(namespace) ?? {}, defaults)) return
	if (Object.keys(defaults).length === 0) table.namespaces.delete(namespace)
	else table.namespaces.set(namespace, defaults)
	recompileServices(table, namespace)
}

/** Every answer with a service brings its defaults along, and hardly ever others than before. */
const isEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** Those of one namespace, or all. What was learnt of their endpoints stays. */
function recompileServices(table: ServedServices, namespace?: string): void {
	for (const [service, target] of table.targets)
		if (namespace === undefined || namespaceOf(service) === namespace)
			table.services.set(service, compileTarget(table, target))
}

/**
 * Section by section, and of peers field by field, the nearest policy counts: the service's own, its namespace's, the mesh's. Users and
 * access add up; but what is shown to a service outside of the mesh is its own affair, unless a policy speaks of that very service.
 */
function compileTarget(table: ServedServices, target: ServiceTarget): CompiledService {
	const { defaults, place } = table
	const nearer = table.namespaces.get(namespaceOf(target.service))
	const traffic = { ...defaults.traffic, ...nearer?.traffic, ...target.traffic }
	const peers = { ...defaults.peers, ...nearer?.peers, ...target.peers }
	const believing = target.external ? [target] : [defaults, nearer, target]
	const rules = believing.flatMap((layer) => layer?.users ?? [])
	const users = compileUsers(rules, table.services.get(target.service)?.users)
	const access = layersOf(table, [defaults.access, nearer?.access, target.access])
	const { region, now } = place
	return compileService(target, table.states, table.random, { traffic, peers, users, access, region, now: now() })
}

const namespaceOf = (service: ServiceName): string => service.slice(0, service.indexOf('/'))
