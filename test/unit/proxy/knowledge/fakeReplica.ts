/** A region's replica in memory: answers as the real one does, and fails, hangs, pages or moves on when told. */
import { addToFilter, createFilter } from '../../../../src/matching/bloomFilter.ts'
import { patternsFor } from '../../../../src/matching/host.ts'
import {
	canonicalMeshHost,
	isVirtualHostHead,
	MESH_PART,
	namespacePart,
	type PartName,
	routeSlicePart,
	servicePart,
	virtualHostPart,
} from '../../../../src/names.ts'
import type { Delta, LoadAnswer, LoadRequest } from '../../../../src/ports.ts'
import type { ControlPlane } from '../../../../src/proxy/ports.ts'
import type { Cursor, Endpoint, MeshDefaults, Part, PartBody, Rule } from '../../../../src/snapshot/snapshot.ts'
import type { TrafficRules } from '../../../../src/snapshot/trafficPolicy.ts'

export const DOMAIN = 'mesh.test'

export interface FakeReplica {
	readonly controlPlane: ControlPlane
	readonly parts: Map<PartName, Part>
	readonly loads: LoadRequest[]
	syncs: number
	cursor: Cursor
	revision: number
	failing: boolean
	/** Deltas that name more parts than this reset. */
	deltaParts: number
	pageParts: number
	/** Runs before each sync is answered. */
	beforeSync: () => void | Promise<void>
	/** Runs before each load is answered. */
	beforeLoad: () => void | Promise<void>
	/** Runs after an answer to a load was made, before it arrives. */
	afterLoad: () => void | Promise<void>
	patience: (ms: number) => Promise<void>
	/** One revision: all of these parts; null takes one away. */
	change(parts: Readonly<Record<PartName, PartBody | null>>): void
	/** Another history with the same parts. */
	startAnew(epoch: string): void
}

export function fakeReplica(): FakeReplica {
	const replica: FakeReplica = {
		controlPlane: {
			sync: (cursor) => sync(replica, cursor),
			load: (request) => load(replica, request),
			patience: (ms) => replica.patience(ms),
		},
		parts: new Map(),
		loads: [],
		syncs: 0,
		cursor: { epoch: 'first', sequence: 0 },
		revision: 0,
		failing: false,
		deltaParts: 100,
		pageParts: 1_000,
		beforeSync: () => {},
		beforeLoad: () => {},
		afterLoad: () => {},
		patience: () => new Promise(() => {}),
		change(parts) {
			replica.revision++
			for (const [name, body] of Object.entries(parts)) {
				const { epoch, sequence } = replica.cursor
				replica.cursor = { epoch, sequence: sequence + 1 }
				const text = body === null ? null : JSON.stringify(body)
				replica.parts.set(name, {
					name,
					sequence: sequence + 1,
					revision: replica.revision,
					hash: text ?? '',
					body: text,
				})
			}
		},
		startAnew(epoch) {
			replica.cursor = { epoch, sequence: replica.parts.size }
			replica.revision = 1
		},
	}
	return replica
}

async function sync(replica: FakeReplica, cursor: Cursor): Promise<Delta> {
	replica.syncs++
	await replica.beforeSync()
	if (replica.failing) throw new Error('unreachable')
	const answer = { cursor: replica.cursor, revision: replica.revision }
	const changed = [...replica.parts.values()]
		.filter(({ sequence }) => sequence > cursor.sequence)
		.map(({ name }) => name)
	const reset =
		cursor.epoch !== replica.cursor.epoch ||
		cursor.sequence > replica.cursor.sequence ||
		changed.length > replica.deltaParts
	return { ...answer, changed: reset ? [] : changed, reset }
}

async function load(replica: FakeReplica, request: LoadRequest): Promise<LoadAnswer> {
	replica.loads.push(request)
	await replica.beforeLoad()
	if (replica.failing) throw new Error('unreachable')
	const hosts = Object.fromEntries((request.hosts ?? []).map((host) => [host, patternFor(replica, host)]))
	const names = new Set(request.parts)
	for (const pattern of Object.values(hosts))
		if (pattern !== null) for (const name of partsOf(replica, pattern)) names.add(name)
	const left = [...names].sort().filter((name) => request.after === undefined || name > request.after)
	const page = left.slice(0, replica.pageParts)
	const partOf = (name: PartName) => replica.parts.get(name) ?? { name, sequence: 0, revision: 0, hash: '', body: null }
	const answer: LoadAnswer = {
		cursor: replica.cursor,
		revision: replica.revision,
		hosts,
		parts: [...page, ...defaultsOf(page)].map(partOf),
		...(request.filter ? { filter: filterOf(replica) } : {}),
		...(left.length > page.length ? { next: page.at(-1)! } : {}),
	}
	await replica.afterLoad()
	return answer
}

/** What bears on the services of a page comes along. */
function defaultsOf(page: readonly PartName[]): PartName[] {
	const names = page
		.filter((name) => name.startsWith('service/'))
		.flatMap((name) => [MESH_PART, namespacePart(name.split('/')[1]!)])
	return [...new Set(names)].filter((name) => !page.includes(name))
}

function patternFor({ parts }: FakeReplica, host: string): string | null {
	const meshHost = canonicalMeshHost(host, DOMAIN)
	const patterns = meshHost === undefined ? patternsFor(host) : [meshHost]
	return patterns.find((pattern) => (parts.get(virtualHostPart(pattern))?.body ?? null) !== null) ?? null
}

const partsOf = ({ parts }: FakeReplica, pattern: string): PartName[] =>
	[...parts.values()]
		.filter(
			({ name, body }) =>
				body !== null && (name === virtualHostPart(pattern) || name.startsWith(`virtualHost/${pattern}/`)),
		)
		.map(({ name }) => name)

function filterOf({ parts }: FakeReplica) {
	const filter = createFilter(parts.size)
	for (const { name, body } of parts.values())
		if (body !== null && isVirtualHostHead(name)) addToFilter(filter, name.slice('virtualHost/'.length))
	return filter
}

// === parts, by what they say ===

export const head = (pattern: string, defaultService?: string): Record<PartName, PartBody> => ({
	[virtualHostPart(pattern)]: {
		kind: 'virtualHost',
		pattern,
		...(defaultService === undefined ? {} : { defaultService }),
	},
})

/** A route that sends everything below a prefix to one service, or as its rules say. */
export const slice = (
	pattern: string,
	route: string,
	to: string | readonly Rule[],
	more: { hostnames?: string[]; callerNamespace?: string; servicePorts?: number[]; prefix?: string } = {},
): Record<PartName, PartBody> => {
	const { prefix = '', hostnames = [], ...rest } = more
	const rules = typeof to === 'string' ? [rule(`default/${route}/0`, prefix, to)] : to
	return {
		[routeSlicePart(pattern, 'default', route)]: {
			kind: 'routeSlice',
			route: `default/${route}`,
			createdAt: 0,
			hostnames,
			rules,
			...rest,
		},
	}
}

export const rule = (name: string, prefix: string, ...services: string[]): Rule => ({
	name,
	matches: [{ path: { type: 'PathPrefix', value: prefix } }],
	backends: services.map((service) => ({ weight: 1, service })),
})

export const service = (
	name: string,
	...endpoints: readonly (Partial<Endpoint> & { id: string })[]
): Record<PartName, PartBody> => ({
	[servicePart(name)]: {
		kind: 'service',
		service: name,
		endpoints: endpoints.map((endpoint) => ({ url: `http://${endpoint.id}.test`, weight: 1, ...endpoint })),
	},
})

/** What policies ask for all services of a namespace. */
export const namespace = (name: string, traffic: TrafficRules): Record<PartName, PartBody> => ({
	[namespacePart(name)]: { kind: 'namespace', namespace: name, traffic },
})

/** What holds for the whole mesh. */
export const mesh = (body: Omit<MeshDefaults, 'kind'>): Record<PartName, PartBody> => ({
	[MESH_PART]: { kind: 'mesh', ...body },
})

export const gone = (...parts: readonly Record<PartName, unknown>[]): Record<PartName, null> =>
	Object.fromEntries(parts.flatMap((one) => Object.keys(one)).map((name) => [name, null]))
