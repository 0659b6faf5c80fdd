/** What one isolate knows of the mesh: the parts of the snapshot that its traffic uses, compiled. Data and free functions. */
import type { Addresses } from '../../hosts.ts'
import { addToFilter, type BloomFilter, mayContain } from '../../matching/bloomFilter.ts'
import { patternsFor } from '../../matching/host.ts'
import { createRuleIndex, indexesFor, type RuleIndex } from '../../matching/ruleIndex.ts'
import {
	canonicalMeshHost,
	isVirtualHostHead,
	type PartName,
	patternOf,
	type ServiceName,
	servicePart,
} from '../../names.ts'
import type { LoadAnswer } from '../../ports.ts'
import type { Cursor, Part, PartBody, RouteSlice, VirtualHost } from '../../snapshot/snapshot.ts'
import { type CompiledRule, ruleTo } from '../compile/compileRule.ts'
import { addSlice, type CompiledSlice, compileSlice, removeSlice } from '../compile/compileSlice.ts'
import {
	applyDefaults,
	DEFAULT_SAMPLE_SHARE,
	isDefaults,
	type Place,
	putService,
	removeService,
	type ServedServices,
} from './servedServices.ts'

interface CompiledHost {
	readonly pattern: string
	readonly index: RuleIndex<CompiledRule>
	readonly slices: Map<PartName, CompiledSlice>
	/** Rules of consumer routes, by the namespace of the callers that they are for. */
	readonly consumers: Map<string, RuleIndex<CompiledRule>>
	readonly consumerSlices: Map<PartName, ConsumerSlice>
	/** The rule that applies while no route does: everything to the service itself. */
	defaultRule?: CompiledRule
}

interface ConsumerSlice {
	readonly callerNamespace: string
	readonly compiled: CompiledSlice
}

/** A host's virtual host, and its indexes in order of precedence. */
export interface ResolvedHost {
	readonly virtualHost: CompiledHost
	readonly indexes: ReturnType<typeof indexesFor<CompiledRule>>
}

export interface RoutingTable extends ServedServices {
	readonly hosts: Map<string, CompiledHost>
	/** Remembered answers of `resolveHost`; null: unknown host. Bounded, and dropped whenever hosts come or go. */
	readonly resolved: Map<string, ResolvedHost | null>
	/** Which hosts such requests may be sent on to. */
	readonly addresses: Addresses
	/** Where callers reach the mesh. Unknown: the port that they name tells nothing. */
	readonly ownPort: number | undefined
	patterns?: BloomFilter
	cursor?: Cursor
	revision: number
}

/** More distinct hosts than this in one isolate and the memory of them starts anew. */
const MAX_RESOLVED = 10_000
/** At most this many served hosts are placed anew beside the path; the rest ask when they are next asked for. */
const MAX_REPLACED = 1_000

const NOWHERE: Place = { region: '', now: () => 0 }

export function createRoutingTable(
	meshDomain: string,
	random: () => number,
	addresses: Addresses = 'names',
	ownPort?: number,
	place: Place = NOWHERE,
): RoutingTable {
	return {
		meshDomain,
		random,
		egress: 'registryOnly',
		defaultAccess: 'open',
		trustDomains: undefined,
		layers: new WeakMap(),
		sampleShare: DEFAULT_SAMPLE_SHARE,
		addresses,
		ownPort,
		place,
		hosts: new Map(),
		services: new Map(),
		targets: new Map(),
		namespaces: new Map(),
		defaults: {},
		trust: undefined,
		states: new Map(),
		held: new Map(),
		resolved: new Map(),
		revision: 0,
	}
}

/** The host's virtual host; null when the mesh does not know it; undefined when only the control plane can tell. */
export function resolveHost(table: RoutingTable, host: string): ResolvedHost | null | undefined {
	const known = table.resolved.get(host)
	if (known !== undefined) return known
	if (table.patterns === undefined) return undefined
	for (const pattern of candidates(table, host)) {
		const virtualHost = table.hosts.get(pattern)
		if (virtualHost !== undefined) return remember(table, host, virtualHost)
		if (mayContain(table.patterns, pattern)) return undefined
	}
	return remember(table, host, null)
}

/** The patterns that may serve a host, in order of precedence. */
function candidates({ meshDomain }: RoutingTable, host: string): string[] {
	const meshHost = canonicalMeshHost(host, meshDomain)
	return meshHost === undefined ? patternsFor(host) : [meshHost]
}

function remember(table: RoutingTable, host: string, virtualHost: CompiledHost | null): ResolvedHost | null {
	if (table.resolved.size >= MAX_RESOLVED) table.resolved.clear()
	const resolved = virtualHost && { virtualHost, indexes: indexesFor(virtualHost.index, host) }
	table.resolved.set(host, resolved)
	return resolved
}

/** Takes a complete answer of the control plane in. Synchronous, so that no request sees half of it. */
export function applyAnswer(table: RoutingTable, answer: Omit<LoadAnswer, 'next'>): void {
	if (answer.filter !== undefined) {
		table.patterns = answer.filter
		table.resolved.clear()
	}
	for (const part of answer.parts) if (isDefaults(part.name)) applyPart(table, part)
	for (const part of answer.parts) if (!isDefaults(part.name)) applyPart(table, part)
	for (const [host, pattern] of Object.entries(answer.hosts)) {
		const virtualHost = pattern === null ? null : (table.hosts.get(pattern) ?? null)
		remember(table, host, virtualHost)
	}
}

/**
 * What of `changed` this isolate has to fetch: parts it holds, new slices of hosts it holds, and the hosts it serves that a
 * virtual host which came or went may take over or leave to another.
 */
export function concerned(
	table: RoutingTable,
	changed: readonly PartName[],
): { readonly parts: readonly PartName[]; readonly hosts: readonly string[] } {
	const parts: PartName[] = []
	const heads = new Set<string>()
	for (const name of changed) {
		const pattern = patternOf(name)
		if (pattern !== undefined && isVirtualHostHead(name)) {
			if (table.patterns !== undefined) addToFilter(table.patterns, pattern)
			heads.add(pattern)
		}
		if (table.held.has(name) || (pattern !== undefined && table.hosts.has(pattern))) parts.push(name)
	}
	return { parts, hosts: heads.size === 0 ? [] : placeAnew(table, heads) }
}

/** Served hosts go on as they are until the answer is there. Unknown ones are forgotten, to be looked up when asked for. */
function placeAnew(table: RoutingTable, heads: ReadonlySet<string>): string[] {
	const served: string[] = []
	for (const [host, resolved] of table.resolved) {
		if (!candidates(table, host).some((pattern) => heads.has(pattern))) continue
		if (resolved !== null && served.length < MAX_REPLACED) served.push(host)
		else table.resolved.delete(host)
	}
	return served
}

/** A service that a rule names and the control plane does not know: without endpoints, until a sync says that it came. */
export function rememberAbsent(table: RoutingTable, service: ServiceName): void {
	table.held.set(servicePart(service), '')
	putService(table, { kind: 'service', service, endpoints: [] })
}

function applyPart(table: RoutingTable, part: Part): void {
	if (part.body !== null && table.held.get(part.name) === part.hash) return
	if (isDefaults(part.name)) {
		applyDefaults(table, part)
		return
	}
	const pattern = patternOf(part.name)
	if (part.body === null) {
		table.held.delete(part.name)
		if (pattern === undefined) removeService(table, part.name.slice('service/'.length))
		else if (isVirtualHostHead(part.name)) removeHost(table, pattern)
		else replaceSlice(table, pattern, part.name, undefined)
	} else {
		table.held.set(part.name, part.hash)
		const body = JSON.parse(part.body) as PartBody
		if (body.kind === 'service') putService(table, body)
		else if (body.kind === 'virtualHost') applyHead(table, body)
		else if (body.kind === 'routeSlice') replaceSlice(table, pattern!, part.name, body)
	}
	if (pattern !== undefined) table.resolved.clear()
}

function removeHost(table: RoutingTable, pattern: string): void {
	const host = table.hosts.get(pattern)
	for (const slice of host?.slices.keys() ?? []) table.held.delete(slice)
	for (const slice of host?.consumerSlices.keys() ?? []) table.held.delete(slice)
	table.hosts.delete(pattern)
}

function applyHead(table: RoutingTable, { pattern, defaultService }: VirtualHost): void {
	const host = table.hosts.get(pattern) ?? newHost(pattern)
	table.hosts.set(pattern, host)
	if (defaultService === undefined) delete host.defaultRule
	else host.defaultRule = ruleTo(defaultService)
}

function replaceSlice(table: RoutingTable, pattern: string, name: PartName, slice: RouteSlice | undefined): void {
	const host = table.hosts.get(pattern)
	if (host === undefined) return void table.held.delete(name)
	const old = host.slices.get(name)
	if (old !== undefined) removeSlice(host.index, old)
	host.slices.delete(name)
	removeConsumerSlice(host, name)
	if (slice === undefined) return
	const compiled = compileSlice(slice, table.meshDomain, table.ownPort)
	if (slice.callerNamespace === undefined) {
		host.slices.set(name, compiled)
		addSlice(host.index, compiled)
	} else addConsumerSlice(host, name, slice.callerNamespace, compiled)
}

/** A consumer route (GAMMA) is for callers of its own namespace only. */
function addConsumerSlice(host: CompiledHost, name: PartName, callerNamespace: string, compiled: CompiledSlice): void {
	const index = host.consumers.get(callerNamespace) ?? createRuleIndex<CompiledRule>()
	host.consumers.set(callerNamespace, index)
	host.consumerSlices.set(name, { callerNamespace, compiled })
	addSlice(index, compiled)
}

function removeConsumerSlice(host: CompiledHost, name: PartName): void {
	const slice = host.consumerSlices.get(name)
	if (slice === undefined) return
	const index = host.consumers.get(slice.callerNamespace)!
	removeSlice(index, slice.compiled)
	host.consumerSlices.delete(name)
	if (index.hostnames.size === 0) host.consumers.delete(slice.callerNamespace)
}

function newHost(pattern: string): CompiledHost {
	return { pattern, index: createRuleIndex(), slices: new Map(), consumers: new Map(), consumerSlices: new Map() }
}
