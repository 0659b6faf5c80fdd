/** What a change of parts means for traffic: virtual hosts, rules and services that become different, and in which fields. */
import { patternsFor } from '../../matching/host.ts'
import { type PartName, patternOf, type ServiceName } from '../../names.ts'
import type { MeshDefaults, NamespaceDefaults, PartBody, RouteSlice, ServiceTarget, VirtualHost } from '../snapshot.ts'
import { namedRules } from './accessEffect.ts'
import { type FieldChange, fieldChanges } from './fieldChanges.ts'
import { type RuleEffect, ruleEffects } from './ruleEffect.ts'
import { type EndpointEffect, endpointEffects, serviceFieldChanges } from './serviceEffect.ts'

/** A part as it was and as it is; null where it is not there. */
export interface PartChange {
	readonly name: PartName
	readonly before: PartBody | null
	readonly after: PartBody | null
}

type Change = 'added' | 'removed' | 'changed'

export interface VirtualHostEffect {
	readonly pattern: string
	readonly change: Change
	/** The virtual host that answers for these hosts while this one does not stand; only where this one comes or goes. */
	readonly shadowed?: string
	readonly fields: readonly FieldChange[]
	readonly rules: readonly RuleEffect[]
}

export interface ServiceEffect {
	readonly service: ServiceName
	readonly change: Change
	readonly fields: readonly FieldChange[]
	readonly endpoints: readonly EndpointEffect[]
}

/** What policies ask for all Services of a namespace. */
export interface NamespaceEffect {
	readonly namespace: string
	readonly change: Change
	/** Removed defaults have none: all of them went. */
	readonly fields: readonly FieldChange[]
}

export interface Effect {
	/** In order of pattern. */
	readonly virtualHosts: readonly VirtualHostEffect[]
	/** In order of name. */
	readonly services: readonly ServiceEffect[]
	/** In order of name; absent where there are none. */
	readonly namespaces?: readonly NamespaceEffect[]
	/** What holds for the whole mesh. */
	readonly mesh: readonly FieldChange[]
	/** How many there are, those that are left out included. */
	readonly counts: Readonly<Record<Counted, number>>
	/** Whether something is left out. */
	readonly truncated: boolean
}

type Counted = 'virtualHosts' | 'rules' | 'services' | 'endpoints'

/** Virtual hosts, rules, services, endpoints and namespaces shown, all together. */
export const MAX_ENTRIES = 1_000
/** Of JSON. An effect goes through one RPC message and into one answer. */
const MAX_CHARACTERS = 1_000_000

/** Takes in one changed part after the other, and holds no more of them than is shown. */
export interface EffectCollector {
	readonly add: (change: PartChange) => void
	/** `stands`: whether the mesh answers for a pattern now, after the change. */
	readonly effect: (stands: (pattern: string) => boolean) => Effect
}

export function collectEffect(): EffectCollector {
	const shown = createShown()
	return { add: (change) => addChange(shown, change), effect: (stands) => finish(shown, stands) }
}

interface HostShown {
	readonly pattern: string
	change: Change
	fields: readonly FieldChange[]
	readonly rules: RuleEffect[]
}

interface Shown {
	entriesLeft: number
	charactersLeft: number
	truncated: boolean
	/** Every pattern met; null for one that is left out. */
	readonly hosts: Map<string, HostShown | null>
	readonly services: ServiceEffect[]
	readonly namespaces: NamespaceEffect[]
	readonly mesh: FieldChange[]
	readonly counts: Record<Counted, number>
}

const createShown = (): Shown => ({
	entriesLeft: MAX_ENTRIES,
	charactersLeft: MAX_CHARACTERS,
	truncated: false,
	hosts: new Map(),
	services: [],
	namespaces: [],
	mesh: [],
	counts: { virtualHosts: 0, rules: 0, services: 0, endpoints: 0 },
})

function addChange(shown: Shown, { name, before, after }: PartChange): void {
	const kind = (after ?? before)?.kind
	// What a part is goes by its name: both of its states are of one kind.
	if (kind === 'virtualHost') addHead(shown, before as VirtualHost | null, after as VirtualHost | null)
	if (kind === 'routeSlice')
		addRules(shown, patternOf(name)!, ruleEffects(before as RouteSlice | null, after as RouteSlice | null))
	if (kind === 'service') addService(shown, before as ServiceTarget | null, after as ServiceTarget | null)
	if (kind === 'namespace') addNamespace(shown, before as NamespaceDefaults | null, after as NamespaceDefaults | null)
	if (kind === 'mesh')
		shown.mesh.push(...fieldChanges(settings(before as MeshDefaults | null), settings(after as MeshDefaults | null)))
}

const settings = (mesh: MeshDefaults | null): object => ({ ...(mesh && namedRules(mesh)), kind: null })

const changeOf = (before: unknown, after: unknown): Change =>
	before === null ? 'added' : after === null ? 'removed' : 'changed'

function addHead(shown: Shown, before: VirtualHost | null, after: VirtualHost | null): void {
	const host = hostIn(shown, (after ?? before)!.pattern)
	if (host === null) return
	host.change = changeOf(before, after)
	host.fields = fieldChanges(
		{ defaultService: before?.defaultService ?? null },
		{ defaultService: after?.defaultService ?? null },
	)
}

function addRules(shown: Shown, pattern: string, rules: readonly RuleEffect[]): void {
	if (rules.length === 0) return
	shown.counts.rules += rules.length
	const host = hostIn(shown, pattern)
	const fitting = rules.filter((rule) => host !== null && fits(shown, rule))
	host?.rules.push(...fitting)
}

function hostIn(shown: Shown, pattern: string): HostShown | null {
	const found = shown.hosts.get(pattern)
	if (found !== undefined) return found
	shown.counts.virtualHosts++
	const host: HostShown = { pattern, change: 'changed', fields: [], rules: [] }
	const entry = fits(shown, host) ? host : null
	shown.hosts.set(pattern, entry)
	return entry
}

function addService(shown: Shown, before: ServiceTarget | null, after: ServiceTarget | null): void {
	const fields = serviceFieldChanges(before, after)
	const endpoints = endpointEffects(before?.endpoints ?? [], after?.endpoints ?? [])
	const entry = { service: (after ?? before)!.service, change: changeOf(before, after), fields }
	if (entry.change === 'changed' && fields.length + endpoints.length === 0) return
	shown.counts.services++
	shown.counts.endpoints += endpoints.length
	if (!fits(shown, entry)) return
	shown.services.push({ ...entry, endpoints: endpoints.filter((endpoint) => fits(shown, endpoint)) })
}

function addNamespace(shown: Shown, before: NamespaceDefaults | null, after: NamespaceDefaults | null): void {
	const fields = after === null ? [] : fieldChanges(asked(before), asked(after))
	const entry = { namespace: (after ?? before)!.namespace, change: changeOf(before, after), fields }
	if (entry.change === 'changed' && fields.length === 0) return
	if (fits(shown, entry)) shown.namespaces.push(entry)
}

/** What its policies ask for: sections of traffic by their own names. */
function asked(defaults: NamespaceDefaults | null): object {
	if (defaults === null) return {}
	const { kind: _, namespace: __, traffic, ...rules } = defaults
	return { ...traffic, ...namedRules(rules) }
}

function fits(shown: Shown, entry: object): boolean {
	const characters = shown.entriesLeft === 0 ? 0 : JSON.stringify(entry).length
	if (shown.entriesLeft === 0 || characters > shown.charactersLeft) {
		shown.truncated = true
		return false
	}
	shown.entriesLeft--
	shown.charactersLeft -= characters
	return true
}

function finish(shown: Shown, stands: (pattern: string) => boolean): Effect {
	const { hosts, services, namespaces, mesh, counts, truncated } = shown
	const virtualHosts = [...hosts.values()].flatMap((host) => (host === null ? [] : [hostEffect(host, stands)]))
	return {
		virtualHosts: virtualHosts.sort((a, b) => compare(a.pattern, b.pattern)),
		services: services.toSorted((a, b) => compare(a.service, b.service)),
		...(namespaces.length > 0 && { namespaces: namespaces.toSorted((a, b) => compare(a.namespace, b.namespace)) }),
		mesh,
		counts,
		truncated,
	}
}

function hostEffect(host: HostShown, stands: (pattern: string) => boolean): VirtualHostEffect {
	const { pattern, change, fields, rules } = host
	// A Service's own host: no wildcard reaches below the mesh domain.
	const isServices = fields.length > 0
	const shadowed =
		change === 'changed' || isServices
			? undefined
			: patternsFor(pattern).find((other) => other !== pattern && stands(other))
	return {
		pattern,
		change,
		...(shadowed === undefined ? {} : { shadowed }),
		fields,
		// Of one route they came in its order; routes came in any.
		rules: rules.toSorted((a, b) => compare(a.route, b.route)),
	}
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
