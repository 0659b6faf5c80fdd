/** Random documents over a small world, so that they refer to each other, and to what is not there. */
import type { ResourceKey } from '../../../src/names.ts'
import { parseDocuments } from '../../../src/resources/documents.ts'
import { keyOf, type Resource } from '../../../src/resources/resource.ts'
import type { Endpoint } from '../../../src/snapshot/snapshot.ts'
import { MESH_DOMAIN } from './memoryIndex.ts'
import {
	randomAuthorizationPolicy,
	randomLabels,
	randomProviders,
	randomRequestAuthentication,
} from './randomAccess.ts'
import { randomConduct, randomExtension, randomFilters } from './randomFilters.ts'
import { randomPeerAuthentication, randomPolicy } from './randomPolicies.ts'

type Random = () => number
const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)]!
const some = <T>(random: Random, max: number, make: (i: number) => T): T[] =>
	Array.from({ length: Math.floor(random() * (max + 1)) }, (_, i) => make(i))

const NAMESPACES = ['default', 'shop', 'ops']
const NAMES = ['a', 'b', 'c']
const GATEWAY_API = 'gateway.networking.k8s.io/v1'
const LISTENER_HOSTS = ['*.example.com', 'a.example.com', '*.a.example.com', `orders.${MESH_DOMAIN}`, undefined]
const ROUTE_HOSTS = ['*.example.com', 'a.example.com', 'x.a.example.com', '*.com', 'other.org']

export function resourceOf(document: unknown): Resource {
	const parsed = parseDocuments(JSON.stringify(document), 'json', { addresses: 'any', meshDomain: MESH_DOMAIN })
	if (!parsed.ok) throw new Error(`${JSON.stringify(parsed.error)} in ${JSON.stringify(document)}`)
	return parsed.value[0]!
}

const maybe = <T extends object>(random: Random, chance: number, fields: T): Partial<T> =>
	random() < chance ? fields : {}

function randomGateway(random: Random, namespace: string) {
	const listeners = [0, ...some(random, 2, Number)].map((_, i) => {
		const hostname = pick(random, LISTENER_HOSTS)
		const selector = { matchLabels: { team: pick(random, ['x', 'y']) } }
		const from = pick(random, ['All', 'Same', 'None', 'Selector'])
		return {
			name: `l${i}`,
			port: 8000 + i,
			protocol: pick(random, ['HTTP', 'HTTP', 'HTTPS', 'TLS']),
			...(hostname === undefined ? {} : { hostname }),
			allowedRoutes: {
				namespaces: { from, ...(from === 'Selector' ? { selector } : {}) },
				...maybe(random, 0.1, { kinds: [{ kind: 'GRPCRoute' }] }),
			},
		}
	})
	const served = listeners.map((l) => (l.protocol === 'TLS' ? { ...l, tls: { mode: 'Passthrough' } } : l))
	return {
		apiVersion: GATEWAY_API,
		kind: 'Gateway',
		metadata: { name: pick(random, ['g', 'h']), namespace },
		spec: { gatewayClassName: 'mesh', listeners: served },
	}
}

function randomRoute(random: Random, namespace: string) {
	const parents = some(random, 3, () => {
		const isService = random() < 0.4
		return {
			...(isService ? { group: '', kind: 'Service' } : {}),
			name: isService ? pick(random, NAMES) : pick(random, ['g', 'h']),
			...maybe(random, 0.4, { namespace: pick(random, NAMESPACES) }),
			...(isService ? {} : maybe(random, 0.2, { sectionName: `l${Math.floor(random() * 3)}` })),
		}
	})
	const unique = new Map(parents.map((parent) => [`${parent.kind} ${parent.namespace} ${parent.name}`, parent]))
	const rule = (i: number) => ({ ...maybe(random, 0.7, { name: `n${i}` }), ...randomRule(random) })
	return {
		apiVersion: GATEWAY_API,
		kind: 'HTTPRoute',
		metadata: { name: `r${Math.floor(random() * 4)}`, namespace },
		spec: {
			parentRefs: [...unique.values()],
			hostnames: some(random, 2, () => pick(random, ROUTE_HOSTS)),
			rules: [rule(0), ...some(random, 1, () => rule(1))],
		},
	}
}

function randomRule(random: Random) {
	const matches = some(random, 2, () => ({ path: { value: pick(random, ['/', '/a/', '/a/b']) } }))
	const isAlone = random() < 0.2
	const around = { namespaces: NAMESPACES, services: NAMES, hasPrefix: matches.length < 2 }
	const backendRef = () => ({
		...maybe(random, 0.1, { kind: 'Bucket', group: 'storage.example.com' }),
		name: pick(random, NAMES),
		...maybe(random, 0.4, { namespace: pick(random, NAMESPACES) }),
		weight: pick(random, [0, 1, 5]),
		...maybe(random, 0.2, { filters: randomFilters(random, { ...around, isRule: false, mayRedirect: true }) }),
	})
	return {
		matches,
		filters: randomFilters(random, { ...around, isRule: true, mayRedirect: isAlone }),
		backendRefs: isAlone ? [] : some(random, 3, backendRef),
		...randomConduct(random),
	}
}

const randomGrant = (random: Random, namespace: string) => ({
	apiVersion: GATEWAY_API,
	kind: 'ReferenceGrant',
	metadata: { name: pick(random, ['g1', 'g2']), namespace },
	spec: {
		from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: pick(random, NAMESPACES) }],
		to: [{ group: '', kind: 'Service', ...maybe(random, 0.5, { name: pick(random, NAMES) }) }],
	},
})

const randomService = (random: Random, namespace: string) => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'Service',
	metadata: { name: pick(random, NAMES), namespace },
	spec: { endpoints: some(random, 2, (i) => ({ url: `http://10.0.0.${i}:${8000 + Math.floor(random() * 9)}` })) },
})

const randomNamespace = (random: Random, name: string) => ({
	apiVersion: 'v1',
	kind: 'Namespace',
	metadata: { name, ...maybe(random, 0.8, { labels: { team: pick(random, ['x', 'y']) } }) },
})

const randomMeshDocument = (random: Random) => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'Mesh',
	metadata: { name: 'default' },
	spec: { egress: pick(random, ['registryOnly', 'allowAny']) },
})

const randomTrafficPolicy = (random: Random, namespace: string) => randomPolicy(random, namespace, NAMES)

const randomPeers = (random: Random, namespace: string) => randomPeerAuthentication(random, namespace, NAMES)

const randomLabelled = (random: Random, namespace: string) => {
	const { metadata, ...service } = randomService(random, namespace)
	return { ...service, metadata: { ...metadata, labels: randomLabels(random) } }
}

const randomAsking = (random: Random) => {
	const { spec, ...mesh } = randomMeshDocument(random)
	const defaultAccess = pick(random, ['open', 'closed'])
	const providers = maybe(random, 0.8, { extensionProviders: randomProviders(random, NAMES) })
	return { ...mesh, spec: { ...spec, defaultAccess, ...providers } }
}

const randomAccess = (random: Random, namespace: string) => randomAuthorizationPolicy(random, namespace, NAMES)

const randomUsers = (random: Random, namespace: string) => randomRequestAuthentication(random, namespace, NAMES)

const randomUserMatch = (random: Random, namespace: string) => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'TrafficMatch',
	metadata: { name: pick(random, NAMES), namespace },
	spec: { percent: 50, ...maybe(random, 0.8, { when: [{ key: 'request.auth.principal', values: ['*'] }] }) },
})

const randomFederation = (random: Random) => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'FederatedTrustDomain',
	metadata: { name: pick(random, NAMES) },
	spec: {
		trustDomain: pick(random, ['partner.example', 'other.example', MESH_DOMAIN]),
		bundleEndpoint: { url: 'https://bundles.example.net', profile: { type: 'https_web' } },
	},
})

type Maker = (random: Random, namespace: string) => unknown

const makers: readonly Maker[] = [
	...[randomRoute, randomRoute, randomRoute, randomRoute],
	...[randomGateway, randomService, randomGrant, randomNamespace],
	...[randomExtension, randomExtension, randomExtension, randomExtension],
	...[randomMeshDocument, randomTrafficPolicy, randomTrafficPolicy, randomTrafficPolicy],
	...[randomPeers, randomPeers, randomFederation],
]

/** Of who may call, whose users are believed, and all that this depends on. */
export const OF_ACCESS: readonly Maker[] = [
	...[randomRoute, randomRoute, randomRoute, randomGateway, randomGateway, randomAsking],
	...[randomLabelled, randomLabelled, randomLabelled],
	...[randomAccess, randomAccess, randomAccess, randomAccess, randomAccess, randomUsers, randomUsers],
	randomUserMatch,
]

const randomResource = (random: Random, of: readonly Maker[]): Resource =>
	resourceOf(pick(random, of)(random, pick(random, NAMESPACES)))

export const randomServiceName = (random: Random) => `${pick(random, NAMESPACES)}/${pick(random, NAMES)}`

export const randomEndpoints = (random: Random): Endpoint[] =>
	some(random, 2, (i) => ({ id: pick(random, [`e${i}`, 'fixed-0']), url: 'http://10.1.0.1', weight: 1 + i }))

/** A change of up to five resources at once, each named once, as in a request. */
export function randomChange(random: Random, existing: readonly ResourceKey[], of = makers) {
	const put = new Map(some(random, 3, () => randomResource(random, of)).map((resource) => [keyOf(resource), resource]))
	const remove = some(random, 2, () => pick(random, existing)).filter((key) => key !== undefined && !put.has(key))
	return { put: [...put.values()], remove: [...new Set(remove)] }
}
