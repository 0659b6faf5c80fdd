/** Random documents over a small world, so that they refer to each other, to what is not there, and to what is not theirs. */
import { maybe, pick, type Random, some, upTo } from './chance.ts'
import {
	type BackendRef,
	type Document,
	documentsOf,
	type ExtensionFilter,
	GATEWAY_API,
	type GatewayDocument,
	type ListenerDocument,
	type MatchDocument,
	type ParentRef,
	type RouteDocument,
	type RuleDocument,
	type World,
} from './documents.ts'
import { HEADER_NAMES, METHODS, PARAM_NAMES, randomPathMatch, randomValueMatch } from './randomValues.ts'

export const NAMESPACES = ['default', 'shop', 'shop-2']
export const SERVICES = ['a', 'b', 'c', 'd', 'e']
/** Services that no route speaks of. */
export const QUIET = ['f', 'g']
export const WORKLOADS = ['web', 'job']
const GATEWAYS = ['g', 'h']
const TRAFFIC = ['t1', 't2', 't3', 't4']
const LISTENER_HOSTS = [
	'*.example.com',
	'a.example.com',
	'*.a.example.com',
	'x.a.example.com',
	'b.example.com',
	'*.com',
	'*.test',
	'shop.test',
	'*.shop.test',
]
const apiVersion = `${GATEWAY_API}/v1`

function randomGateway(random: Random, namespace: string, meshDomain: string): GatewayDocument {
	const listeners = some(random, 2, 5, (i): ListenerDocument => {
		const from = pick(random, ['All', 'All', 'All', 'Same', 'None', 'Selector'] as const)
		const protocol = pick(random, ['HTTP', 'HTTP', 'HTTP', 'HTTPS', 'TLS'])
		const hostname = random() < 0.04 ? pick(random, [undefined, `a.${meshDomain}`]) : pick(random, LISTENER_HOSTS)
		return {
			name: `l${i}`,
			port: 8000 + i,
			protocol,
			...(protocol === 'TLS' ? { tls: { mode: 'Passthrough' } } : {}),
			...(hostname === undefined ? {} : { hostname }),
			allowedRoutes: {
				namespaces: {
					from,
					...(from === 'Selector' ? { selector: { matchLabels: { team: pick(random, ['x', 'y']) } } } : {}),
				},
				...maybe(random, 0.1, () => ({ kinds: [{ kind: pick(random, ['GRPCRoute', 'HTTPRoute']) }] })),
			},
		}
	})
	return {
		apiVersion,
		kind: 'Gateway',
		metadata: { name: pick(random, GATEWAYS), namespace },
		spec: { gatewayClassName: 'mesh', listeners },
	}
}

/** A route that often repeats a match, parents and hostnames of another, so that only the last criteria tell them apart. */
export function randomRoute(random: Random, namespace: string, name: string, world: World): RouteDocument {
	const model = random() < 0.4 ? pick(random, documentsOf(world, 'HTTPRoute')) : undefined
	const parentRefs =
		model !== undefined && model.metadata.namespace === namespace
			? model.spec.parentRefs
			: randomParents(random, namespace, world)
	const hostnames = model?.spec.hostnames ?? randomHostnames(random, parentRefs, namespace, world)
	const known = model?.spec.rules.flatMap(({ matches = [] }) => matches) ?? []
	const match = () => (known.length > 0 && random() < 0.6 ? pick(random, known) : randomMatch(random))
	const rules = some(random, 1, 3, (i): RuleDocument => {
		const matches = some(random, random() < 0.01 ? 0 : 1, 3, match)
		const filters = randomTraffic(random)
		return {
			...maybe(random, 0.3, () => ({ name: `rule-${i}` })),
			// One match of the first rule again, in a later one: the first must win.
			matches: i > 0 && random() < 0.2 ? [...matches, ...known.slice(0, 1)] : matches,
			...(filters.length > 0 ? { filters } : {}),
			...maybe(random, 0.95, () => ({ backendRefs: some(random, 1, 4, () => randomBackend(random)) })),
		}
	})
	return { apiVersion, kind: 'HTTPRoute', metadata: { name, namespace }, spec: { parentRefs, hostnames, rules } }
}

/** Conditions on who calls and on chance, some of which name what is not there. The one place that knows of them. */
function randomTraffic(random: Random): ExtensionFilter[] {
	if (random() > 0.15) return []
	const name = random() < 0.05 ? 'absent' : pick(random, TRAFFIC)
	const kind = random() < 0.05 ? 'Unheard' : 'TrafficMatch'
	return [{ type: 'ExtensionRef', extensionRef: { group: 'selvedge.dev', kind, name } }]
}

function randomMatch(random: Random): MatchDocument {
	return {
		...maybe(random, 0.97, () => ({ path: randomPathMatch(random) })),
		...maybe(random, 0.3, () => ({ method: pick(random, METHODS) })),
		...maybe(random, 0.4, () => ({ headers: some(random, 1, 3, () => randomValueMatch(random, HEADER_NAMES)) })),
		...maybe(random, 0.3, () => ({ queryParams: some(random, 1, 2, () => randomValueMatch(random, PARAM_NAMES)) })),
	}
}

/** Mostly Gateways and Services that exist; each parent named once, as a document must. */
function randomParents(random: Random, namespace: string, world: World): ParentRef[] {
	const refs = some(random, 1, 2, (): ParentRef => {
		if (random() < 0.3)
			return {
				group: '',
				kind: 'Service',
				name: pick(random, SERVICES),
				...maybe(random, 0.2, () => ({ namespace: pick(random, NAMESPACES) })),
				...maybe(random, 0.3, () => ({ port: pick(random, [80, 8080, 9090]) })),
			}
		const { metadata, spec } = pick(random, documentsOf(world, 'Gateway'))
		const { name, port } = pick(random, spec.listeners)
		const own = metadata.namespace === namespace
		return {
			name: random() < 0.02 ? 'absent' : metadata.name,
			...(own && random() < 0.5 ? {} : { namespace: metadata.namespace }),
			...maybe(random, 0.3, () => ({ sectionName: random() < 0.05 ? 'absent' : name })),
			...maybe(random, 0.1, () => ({ port })),
		}
	})
	return [...new Map(refs.map((ref) => [`${ref.kind} ${ref.namespace} ${ref.name}`, ref])).values()]
}

/** None, or such as match what the route's listeners match: the same, above, below, or something else. */
function randomHostnames(random: Random, parents: readonly ParentRef[], namespace: string, world: World): string[] {
	const listeners = documentsOf(world, 'Gateway')
		.filter(({ metadata }) =>
			parents.some((ref) => ref.name === metadata.name && (ref.namespace ?? namespace) === metadata.namespace),
		)
		.flatMap(({ spec }) => spec.listeners)
	const hostname = () => {
		const { hostname: offered = '*.org' } = pick(random, listeners) ?? {}
		const bare = offered.replace('*.', '')
		return pick(random, [offered, offered, bare, `x.${bare}`, `*.${bare}`, `*.${bare.split('.').at(-1)}`, 'other.org'])
	}
	return random() < 0.4 ? [] : [...new Set(some(random, 1, 3, hostname))]
}

function randomBackend(random: Random): BackendRef {
	return {
		...maybe(random, 0.04, () => ({ group: 'storage.example.com', kind: 'Bucket' })),
		...maybe(random, 0.25, () => ({ namespace: pick(random, NAMESPACES) })),
		name: random() < 0.05 ? 'absent' : pick(random, SERVICES),
		...maybe(random, 0.5, () => ({ port: 80 })),
		...maybe(random, 0.6, () => ({ weight: pick(random, [0, 1, 5, 90]) })),
	}
}

const randomGrant = (random: Random, namespace: string): Document => ({
	apiVersion: `${GATEWAY_API}/v1beta1`,
	kind: 'ReferenceGrant',
	metadata: { name: pick(random, ['g1', 'g2']), namespace },
	spec: {
		from: [{ group: GATEWAY_API, kind: 'HTTPRoute', namespace: pick(random, NAMESPACES) }],
		to: [{ group: '', kind: 'Service', ...maybe(random, 0.5, () => ({ name: pick(random, SERVICES) })) }],
	},
})

const randomService = (random: Random, namespace: string): Document => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'Service',
	metadata: { name: pick(random, [...SERVICES, ...QUIET]), namespace },
	spec: { endpoints: some(random, 0, 2, (i) => ({ url: `http://10.0.0.${i}:${8000 + upTo(random, 9)}` })) },
})

const randomTrafficMatch = (random: Random, namespace: string): Document => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'TrafficMatch',
	metadata: { name: pick(random, TRAFFIC), namespace },
	spec: pick(random, [
		{ percent: pick(random, [0, 12.5, 50, 100]) },
		{ fraction: { numerator: 1, denominator: 3 } },
		{ sources: [{ workload: pick(random, WORKLOADS) }, { namespace: pick(random, NAMESPACES) }], percent: 75 },
		{ sources: [{ namespace: pick(random, NAMESPACES), workload: pick(random, WORKLOADS) }] },
	]),
})

const randomNamespace = (random: Random, name: string): Document => ({
	apiVersion: 'v1',
	kind: 'Namespace',
	metadata: { name, ...maybe(random, 0.8, () => ({ labels: { team: pick(random, ['x', 'y']) } })) },
})

const MAKERS = [randomService, randomGrant, randomTrafficMatch, randomNamespace]

/** Anything but a route. */
export function randomDocument(random: Random, { meshDomain }: World): Document {
	const namespace = pick(random, NAMESPACES)
	return random() < 0.3 ? randomGateway(random, namespace, meshDomain) : pick(random, MAKERS)(random, namespace)
}
