/** Random policies: of every level, on what is there and what is not, and on what others speak of too. */
import type { seeded } from '../../random.ts'

type Random = ReturnType<typeof seeded>
export const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)]!

const ofRoutes = (random: Random) => ({
	loadBalancer: pick(random, [
		{ type: 'Random' },
		{ type: 'RingHash', hashOn: { header: 'X-A' } },
		{ type: 'Maglev', hashOn: { source: 'ClientIP' } },
	]),
	timeouts: pick(random, [{ request: '0s' }, { request: '1s', backendRequest: '500ms' }, { backendRequest: '2s' }]),
	retry: { attempts: pick(random, [0, 1, 3]) },
})

const ofServices = (random: Random) => ({
	circuitBreaker: { maxRequests: pick(random, [1, 10]) },
	outlierDetection: { consecutive5xxErrors: pick(random, [0, 5]) },
	panicThresholdPercent: pick(random, [0, 33.3, 100]),
})

/** Each with even odds, and one in any case. */
function some<T extends object>(random: Random, fields: T): Partial<T> {
	const entries = Object.entries(fields)
	const kept = entries.filter(() => random() < 0.5)
	return Object.fromEntries(kept.length === 0 ? [pick(random, entries)] : kept) as Partial<T>
}

export type Ref = { kind: string; name: string }

export const refsOfServices = (random: Random, namespace: string, services: readonly string[]): (() => Ref)[] => [
	() => ({ kind: 'Service', name: pick(random, services) }),
	() => ({ kind: 'Service', name: pick(random, services) }),
	() => ({ kind: 'Namespace', name: namespace }),
	...(namespace === 'default' ? [() => ({ kind: 'Mesh', name: 'default' })] : []),
]

/** One to three, each once. */
export function someRefs(random: Random, makers: readonly (() => Ref)[]): Ref[] {
	const refs = Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(random, makers)())
	return [...new Map(refs.map((ref) => [JSON.stringify(ref), ref])).values()]
}

export function randomPeerAuthentication(random: Random, namespace: string, services: readonly string[]) {
	const sections = {
		mode: pick(random, ['STRICT', 'PERMISSIVE', 'DISABLE']),
		methods: pick(random, [['WorkloadProof'], ['JWTSVID', 'WorkloadProof'], ['WorkloadProof', 'ClientCertificate']]),
		proofReuse: pick(random, ['Never', 'UntilExpiry']),
	}
	return {
		apiVersion: 'selvedge.dev/v1',
		kind: 'PeerAuthentication',
		metadata: { name: pick(random, ['p', 'q', 's']), namespace },
		spec: { targetRefs: someRefs(random, refsOfServices(random, namespace, services)), ...some(random, sections) },
	}
}

export function randomPolicy(random: Random, namespace: string, services: readonly string[]) {
	const route = () => ({
		kind: 'HTTPRoute',
		name: `r${Math.floor(random() * 4)}`,
		...(random() < 0.5 ? { sectionName: `n${Math.floor(random() * 2)}` } : {}),
	})
	const isOfRoutes = random() < 0.5
	const targetRefs = someRefs(random, isOfRoutes ? [route] : refsOfServices(random, namespace, services))
	const mayCheck = targetRefs.every(({ kind }) => kind === 'Service')
	return {
		apiVersion: 'selvedge.dev/v1',
		kind: 'TrafficPolicy',
		metadata: { name: pick(random, ['p', 'q', 's']), namespace },
		spec: {
			targetRefs,
			...some(random, isOfRoutes ? ofRoutes(random) : { ...ofRoutes(random), ...ofServices(random) }),
			...(mayCheck && random() < 0.6 ? { healthCheck: { path: pick(random, ['/a', '/b']) } } : {}),
		},
	}
}
