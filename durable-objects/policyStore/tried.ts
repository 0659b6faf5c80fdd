/** What a change would make of the policies that requests meet: built for real, read, and rolled back. */
import {
	MESH_PART,
	meshHost,
	namespacePart,
	type PartName,
	patternOf,
	resourceKey,
	type ServiceName,
	servicePart,
} from '../../src/names.ts'
import type {
	AccessLayer,
	AccessLayers,
	AccessScope,
	ChangeRefusal,
	ChangeRequest,
	TriedAccess,
} from '../../src/ports.ts'
import { err, ok, type Result } from '../../src/result.ts'
import type { ResourceIndex } from '../../src/snapshot/resourceIndex.ts'
import { namespacesAsking } from '../../src/snapshot/routeUsers.ts'
import type {
	MeshDefaults,
	NamespaceDefaults,
	PartBody,
	RouteSlice,
	ServiceTarget,
} from '../../src/snapshot/snapshot.ts'
import { type CommitContext, commit } from './commit.ts'
import { documentTooLarge, TooLarge } from './limits.ts'
import { storedBody } from './parts.ts'

/** Of JSON: it goes through one RPC message, and is compiled by who asked. */
const MAX_CHARACTERS = 8_000_000

/** Ends the transaction. Never leaves this file. */
class Tried extends Error {
	readonly tried: TriedAccess
	constructor(tried: TriedAccess) {
		super('tried out')
		this.tried = tried
	}
}

export function tryAccess(
	storage: DurableObjectStorage,
	index: ResourceIndex,
	request: ChangeRequest,
	scope: AccessScope,
	meshDomain: string,
): Result<TriedAccess, ChangeRefusal> {
	const refusal = documentTooLarge(request.put ?? [])
	if (refusal !== undefined) return err(refusal)
	const { sql } = storage
	const context: CommitContext = { meshDomain, now: Date.now(), cause: 'replay' }
	try {
		return storage.transactionSync(() => {
			const asking = askingAt(index, meshDomain)
			const before = readLayers(sql, scope, asking)
			const done = commit(sql, index, { ...request, dryRun: true }, context)
			if (!done.ok) return done
			const { currentRevision = 0, results } = done.value
			throw new Tried({ revision: currentRevision, results, before, after: readLayers(sql, scope, asking) })
		})
	} catch (error) {
		if (error instanceof Tried) return ok(error.tried)
		if (error instanceof TooLarge) return err({ reason: 'too_large', detail: `${error.message}. Nothing was changed` })
		throw error
	}
}

/** Namespaces whose routes ask who the user is, where requests come to a service by no rule, or by a rule of a route. */
interface Asking {
	readonly ofService: (service: ServiceName) => readonly string[]
	readonly ofRule: (rule: string) => readonly string[]
}

/** Changes of policies do not change it. */
function askingAt(index: ResourceIndex, meshDomain: string): Asking {
	const asking = namespacesAsking(index)
	const at = (patterns: readonly string[]) => [...new Set(patterns.flatMap((each) => [...(asking.get(each) ?? [])]))]
	return {
		ofService: (service) => at([meshHost(service, meshDomain)]),
		ofRule: (rule) => {
			const [namespace = '', route = ''] = rule.split('/')
			return at(index.produced(resourceKey('HTTPRoute', namespace, route)).flatMap((part) => patternOf(part) ?? []))
		},
	}
}

function readLayers(sql: SqlStorage, scope: AccessScope, asking: Asking): AccessLayers {
	let left = MAX_CHARACTERS
	const read = <T extends PartBody>(name: PartName): T | undefined => {
		const body = storedBody(sql, name)
		return body === null ? undefined : (JSON.parse(body) as T)
	}
	const layerOf = (said: AccessLayer | undefined, askedBy: readonly string[] = []): AccessLayer => {
		const { access, users, external } = said ?? {}
		const layer = {
			...(access && { access }),
			...(users && { users }),
			...(external && { external }),
			...(askedBy.length > 0 && { askedBy }),
		}
		left -= JSON.stringify(layer).length
		if (left < 0) throw new TooLarge('The policies of the sampled services are too many to be replayed at once')
		return layer
	}
	const mesh = read<MeshDefaults>(MESH_PART)
	const services = scope.services.map((name): [ServiceName, AccessLayer] => [
		name,
		layerOf(read<ServiceTarget>(servicePart(name)), asking.ofService(name)),
	])
	const rules = Array.from(ruleLayers(sql, scope.rules, read), ([name, layer]): [string, AccessLayer] => [
		name,
		layerOf(layer, asking.ofRule(name)),
	])
	const namespaces = new Set([
		...scope.services.map((service) => service.slice(0, service.indexOf('/'))),
		...[...services, ...rules].flatMap(([, { askedBy = [] }]) => askedBy),
	])
	return {
		defaultAccess: mesh?.defaultAccess ?? 'open',
		...(mesh?.trustDomainAliases && { trustDomainAliases: mesh.trustDomainAliases }),
		mesh: layerOf(mesh),
		namespaces: new Map(
			Array.from(namespaces, (name) => [name, layerOf(read<NamespaceDefaults>(namespacePart(name)))]),
		),
		services: new Map(services),
		rules: new Map(rules),
	}
}

/** By the names of rules. A route's rules are the same in all virtual hosts that it serves: one of its slices says it all. */
function ruleLayers(
	sql: SqlStorage,
	rules: readonly string[],
	read: (name: PartName) => RouteSlice | undefined,
): Map<string, AccessLayer> {
	const layers = new Map<string, AccessLayer>()
	const wanted = new Set(rules)
	for (const route of new Set(rules.map((rule) => rule.split('/', 2).join('/')))) {
		const [namespace, name] = route.split('/')
		if (namespace === undefined || name === undefined) continue
		const key = resourceKey('HTTPRoute', namespace, name)
		const [slice] = sql
			.exec<{ part: string }>("SELECT part FROM produced WHERE source = ? AND part LIKE 'virtualHost/%' LIMIT 1", key)
			.toArray()
		for (const rule of (slice === undefined ? undefined : read(slice.part))?.rules ?? [])
			if (wanted.has(rule.name)) layers.set(rule.name, rule)
	}
	return layers
}
