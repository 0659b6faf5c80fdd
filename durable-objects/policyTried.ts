/** What a change would make of the policies that requests meet: built for real, read, and rolled back. */
import { MESH_PART, namespacePart, type PartName, resourceKey, servicePart } from '../src/names.ts'
import type { AccessLayer, AccessLayers, AccessScope, ChangeRefusal, ChangeRequest, TriedAccess } from '../src/ports.ts'
import { err, ok, type Result } from '../src/result.ts'
import type { ResourceIndex } from '../src/snapshot/resourceIndex.ts'
import type { MeshDefaults, NamespaceDefaults, PartBody, RouteSlice, ServiceTarget } from '../src/snapshot/snapshot.ts'
import { type CommitContext, commit } from './policyCommit.ts'
import { documentTooLarge, TooLarge } from './policyLimits.ts'
import { storedBody } from './policyParts.ts'

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
			const before = readLayers(sql, scope)
			const done = commit(sql, index, { ...request, dryRun: true }, context)
			if (!done.ok) return done
			const { currentRevision = 0, results } = done.value
			throw new Tried({ revision: currentRevision, results, before, after: readLayers(sql, scope) })
		})
	} catch (error) {
		if (error instanceof Tried) return ok(error.tried)
		if (error instanceof TooLarge) return err({ reason: 'too_large', detail: `${error.message}. Nothing was changed` })
		throw error
	}
}

function readLayers(sql: SqlStorage, { services, rules }: AccessScope): AccessLayers {
	let left = MAX_CHARACTERS
	const read = <T extends PartBody>(name: PartName): T | undefined => {
		const body = storedBody(sql, name)
		return body === null ? undefined : (JSON.parse(body) as T)
	}
	const layerOf = (said: AccessLayer | undefined): AccessLayer => {
		const { access, users, external } = said ?? {}
		const layer = { ...(access && { access }), ...(users && { users }), ...(external && { external }) }
		left -= JSON.stringify(layer).length
		if (left < 0) throw new TooLarge('The policies of the sampled services are too many to be replayed at once')
		return layer
	}
	const mesh = read<MeshDefaults>(MESH_PART)
	const namespaces = new Set(services.map((service) => service.slice(0, service.indexOf('/'))))
	return {
		defaultAccess: mesh?.defaultAccess ?? 'open',
		...(mesh?.trustDomainAliases && { trustDomainAliases: mesh.trustDomainAliases }),
		mesh: layerOf(mesh),
		namespaces: new Map(
			Array.from(namespaces, (name) => [name, layerOf(read<NamespaceDefaults>(namespacePart(name)))]),
		),
		services: new Map(services.map((name) => [name, layerOf(read<ServiceTarget>(servicePart(name)))])),
		rules: new Map([...ruleLayers(sql, rules, read)].map(([name, layer]) => [name, layerOf(layer)])),
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
