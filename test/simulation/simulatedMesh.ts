/** A world's documents on the mesh's own way: parsed, built, shipped as parts, compiled in one isolate, and asked for routes. */
import { addToFilter, createFilter } from '../../src/matching/bloomFilter.ts'
import { patternsFor } from '../../src/matching/host.ts'
import { canonicalMeshHost, isVirtualHostHead, patternOf } from '../../src/names.ts'
import type { CompiledRule } from '../../src/proxy/compile/compileRule.ts'
import { admit, type Exchange } from '../../src/proxy/exchange.ts'
import {
	applyAnswer,
	createRoutingTable,
	type ResolvedHost,
	type RoutingTable,
	resolveHost,
} from '../../src/proxy/knowledge/routingTable.ts'
import type { Refusal } from '../../src/proxy/refusal.ts'
import { filter } from '../../src/proxy/stages/filter.ts'
import { match } from '../../src/proxy/stages/match.ts'
import { pickService } from '../../src/proxy/stages/pick.ts'
import { type DocumentFormat, parseDocuments } from '../../src/resources/documents.ts'
import type { Part } from '../../src/snapshot/snapshot.ts'
import { callerOf } from '../unit/matching/caller.ts'
import { type BuiltMap, MESH_DOMAIN, memoryMesh } from '../unit/snapshot/memoryIndex.ts'
import type { Random } from './chance.ts'
import type { Asked } from './documents.ts'

/** What became of a request: a refusal's reason, or a rule and the backend that was drawn. */
export interface Routed {
	readonly outcome: string
	/** '' for default forwarding. */
	readonly rule?: string
	/** `<namespace>/<name>`, or '500'. */
	readonly backend?: string
	readonly compiled?: CompiledRule
	/** How often chance was asked whether the request belongs to a share. */
	readonly draws: number
}

export interface SimulatedMesh {
	/** One revision. `text` holds what is put, `removed` the keys of what goes. */
	apply(text: string, format: DocumentFormat, removed: readonly string[], now: number): void
	register(service: string): void
	route(asked: Asked): Routed
}

/** What the control plane has sent to the one isolate of the mesh, which holds every part. */
interface Shipped {
	readonly table: RoutingTable
	readonly heads: Set<string>
	sequence: number
}

export function simulatedMesh(random: Random, ownPort: number): SimulatedMesh {
	const mesh = memoryMesh()
	const shipped: Shipped = {
		table: createRoutingTable(MESH_DOMAIN, random, 'names', ownPort),
		heads: new Set(),
		sequence: 0,
	}
	return {
		apply(text, format, removed, now) {
			const parsed = parseDocuments(text, format, { addresses: 'any', meshDomain: MESH_DOMAIN })
			if (!parsed.ok) throw new Error(`${JSON.stringify(parsed.error)} in ${text}`)
			ship(shipped, mesh.apply({ put: parsed.value, remove: removed }, now))
		},
		register: (service) => ship(shipped, mesh.lease(service, [{ id: 'e', url: 'http://10.1.0.1', weight: 1 }])),
		route(asked) {
			let draws = 0
			const chance = () => {
				draws++
				return asked.chance
			}
			const exchange = admit(
				arriving(asked),
				0,
				chance,
				'',
				asked.caller && callerOf(asked.caller.namespace, asked.caller.workload),
			)
			const refusal = place(shipped, exchange)
			const { rule, backend } = exchange
			if (rule === undefined) return { outcome: refusal!.reason, draws }
			const drawn = refusal === undefined && backend !== undefined && 'service' in backend ? backend.service : '500'
			return { outcome: refusal?.reason ?? 'routed', rule: rule.name, backend: drawn, compiled: rule, draws }
		},
	}
}

/** Takes in what a revision built, as the region's replica would send it. */
function ship(shipped: Shipped, built: BuiltMap): void {
	const { table, heads } = shipped
	const parts = [...built.values()].flatMap((one) =>
		[...one.parts].map(([name, part]): Part => {
			const body = part && JSON.stringify(part)
			shipped.sequence++
			return { name, sequence: shipped.sequence, revision: shipped.sequence, hash: body ?? '', body }
		}),
	)
	// A slice before its head would belong to nothing.
	const [headParts, others] = [true, false].map((isHead) =>
		parts.filter(({ name }) => isVirtualHostHead(name) === isHead),
	)
	for (const { name, body } of headParts!) {
		if (body === null) heads.delete(name)
		else heads.add(name)
	}
	const filter = createFilter(heads.size)
	for (const name of heads) addToFilter(filter, patternOf(name)!)
	applyAnswer(table, { ...positionOf(shipped), hosts: {}, parts: [...headParts!, ...others!], filter })
}

const positionOf = ({ sequence }: Shipped) => ({ cursor: { epoch: 'only', sequence }, revision: sequence })

/** The stages that choose where a request goes, in the order of the pipeline. */
function place(shipped: Shipped, exchange: Exchange): Refusal | undefined {
	const { table } = shipped
	const known = resolveHost(table, exchange.host)
	const host = known === undefined ? askReplica(shipped, exchange.host) : known
	if (host === null) return { reason: 'unknown_host', host: exchange.host }
	const refusal = match(exchange, host)
	if (refusal !== undefined) return refusal
	const filtered = filter(exchange, exchange.rule!.plan?.().filters, shipped.sequence, {
		wait: () => Promise.resolve(),
	})
	if (filtered !== undefined) return filtered as Refusal
	const picked = pickService(exchange, table)
	if (picked === undefined || 'reason' in picked) return picked
	throw new Error(`a rule names ${picked.missing}, which was not shipped`)
}

/** A host that the filter took for known. The replica has the same heads as this isolate. */
function askReplica(shipped: Shipped, host: string): ResolvedHost | null {
	const { table } = shipped
	const meshHost = canonicalMeshHost(host, MESH_DOMAIN)
	const patterns = meshHost === undefined ? patternsFor(host) : [meshHost]
	const pattern = patterns.find((candidate) => table.hosts.has(candidate)) ?? null
	applyAnswer(table, { ...positionOf(shipped), hosts: { [host]: pattern }, parts: [] })
	return resolveHost(table, host)!
}

/** As workerd hands a request over: with its URL as the client wrote it, which Node's own Request would tidy up. */
function arriving({ url, method, headers }: Asked): Request {
	const fields = new Headers(headers.map(([name, value]) => [name, value] as [string, string]))
	return { url, method, headers: fields } as Request
}

/** The shares in which a compiled rule draws its backends, from `steps` evenly spread draws. */
export function drawnShares({ backend }: CompiledRule, steps: number): ReadonlyMap<string, number> {
	const shares = new Map<string, number>()
	for (let i = 0; i < steps; i++) {
		const drawn = backend((i + 0.5) / steps)
		const target = 'invalid' in drawn ? '500' : drawn.service
		shares.set(target, (shares.get(target) ?? 0) + 1 / steps)
	}
	return shares
}
