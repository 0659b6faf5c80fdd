/** The build keeps up with changes: whatever the order of events, the snapshot is that of the resources as they are. */
import { describe, expect, it } from 'vitest'
import type { ConditionedStatus } from '../../../src/resources/status.ts'
import { seeded } from '../../random.ts'
import { type MemoryMesh, memoryMesh } from './memoryIndex.ts'
import { randomChange, randomEndpoints, randomServiceName, resourceOf } from './randomMesh.ts'

const GATEWAY_API = 'gateway.networking.k8s.io/v1'

/** Statuses without the times, which tell when things came about. */
const timeless = (statuses: Record<string, ConditionedStatus>) =>
	JSON.parse(JSON.stringify(statuses, (key, value) => (key === 'lastTransitionTime' ? undefined : value)))

const service = (name: string, port = 80) =>
	resourceOf({
		apiVersion: 'selvedge.dev/v1',
		kind: 'Service',
		metadata: { name },
		spec: { endpoints: [{ url: `http://${name}.internal:${port}` }] },
	})

const gateway = (listeners: object[] = [{ name: 'web', hostname: '*.example.com', port: 80, protocol: 'HTTP' }]) =>
	resourceOf({
		apiVersion: GATEWAY_API,
		kind: 'Gateway',
		metadata: { name: 'public' },
		spec: { gatewayClassName: 'mesh', listeners },
	})

const route = (name: string, backend: string, path = '/') =>
	resourceOf({
		apiVersion: GATEWAY_API,
		kind: 'HTTPRoute',
		metadata: { name },
		spec: {
			parentRefs: [{ name: 'public' }],
			rules: [{ matches: [{ path: { value: path } }], backendRefs: [{ name: backend }] }],
		},
	})

const FEATURES = ['faults', 'directResponse', 'only', 'methods', 'mirrors', 'invalid', 'redirect', 'ports'] as const
/** Kinds of parts that policies speak of. */
const WITH_TRAFFIC = ['routeSlice', 'service', 'namespace', 'mesh'] as const

/** What a mesh's slices use, each as often as they do: fields of filters and rules, wherever they stand. */
function featuresOf(mesh: MemoryMesh): string[] {
	const slices = Object.values(mesh.parts()).filter(({ kind }) => kind === 'routeSlice')
	const text = JSON.stringify(slices)
	return [
		...slices.map(() => 'routeSlice'),
		...FEATURES.flatMap((feature) => Array<string>(text.split(`"${feature}":`).length - 1).fill(feature)),
		...Object.values(mesh.parts()).flatMap((part) =>
			JSON.stringify(part).includes('"traffic":') ? `traffic of ${part.kind}` : [],
		),
		...(JSON.stringify(mesh.statuses()).match(/"(TargetNotFound|Conflicted)","message"/g) ?? []),
	]
}

describe('the incremental build', () => {
	it('ends where a build from scratch ends, after any sequence of changes', () => {
		const met = new Map<string, number>()
		for (let seed = 1; seed <= 25; seed++) {
			const random = seeded(seed)
			const mesh = memoryMesh()
			for (let step = 0; step < 80; step++) {
				if (random() < 0.8) mesh.apply(randomChange(random, mesh.keys()), step)
				else mesh.lease(randomServiceName(random), random() < 0.3 ? undefined : randomEndpoints(random), step)
				if (step % 2 === 0) continue
				const scratch = mesh.fromScratch()
				expect(mesh.parts(), `parts, seed ${seed}, step ${step}`).toEqual(scratch.parts())
				expect(timeless(mesh.statuses()), `statuses, seed ${seed}, step ${step}`).toEqual(timeless(scratch.statuses()))
				for (const feature of featuresOf(mesh)) met.set(feature, (met.get(feature) ?? 0) + 1)
			}
		}
		expect(met.get('routeSlice'), 'routes that found a virtual host').toBeGreaterThan(400)
		for (const feature of FEATURES) expect(met.get(feature), `rules with ${feature}`).toBeGreaterThan(20)
		for (const kind of WITH_TRAFFIC) expect(met.get(`traffic of ${kind}`), `policies of ${kind}`).toBeGreaterThan(100)
		for (const reason of ['TargetNotFound', 'Conflicted'])
			expect(met.get(`"${reason}","message"`), reason).toBeGreaterThan(100)
	})

	it('leaves nothing behind once everything is removed', () => {
		for (let seed = 1; seed <= 40; seed++) {
			const random = seeded(seed)
			const mesh = memoryMesh()
			for (let step = 0; step < 30; step++) mesh.apply(randomChange(random, mesh.keys()))
			for (const key of mesh.keys().sort(() => random() - 0.5)) mesh.apply({ remove: [key] })
			expect(mesh.parts(), `seed ${seed}`).toEqual({})
		}
	})
})

describe('the cost of a change, in look-ups and their answers', () => {
	function meshOf(routes: number): MemoryMesh {
		const mesh = memoryMesh()
		mesh.apply({ put: [gateway(), service('orders')] })
		mesh.apply({ put: Array.from({ length: routes }, (_, i) => route(`r${i}`, 'orders', `/${i}`)) })
		return mesh
	}
	const costOf = (mesh: MemoryMesh, change: () => void) => {
		const before = mesh.cost()
		change()
		return mesh.cost() - before
	}
	const small = meshOf(10)
	const large = meshOf(20_000)

	it.each<[string, (mesh: MemoryMesh) => void]>([
		['changing a route', (mesh) => mesh.apply({ put: [route('r5', 'orders', '/changed')] })],
		['adding a route', (mesh) => mesh.apply({ put: [route('new', 'orders')] })],
		['removing a route', (mesh) => mesh.apply({ remove: ['HTTPRoute/default/r6'] })],
		["changing a service's endpoints", (mesh) => mesh.apply({ put: [service('orders', 8080)] })],
		['leasing an endpoint', (mesh) => mesh.lease('default/new', [{ id: 'e', url: 'http://10.0.0.1', weight: 1 }])],
	])('%s is the same among 10 routes and among 20,000', (_, change) => {
		const cost = costOf(small, () => change(small))
		expect(cost).toBeGreaterThan(0)
		expect(costOf(large, () => change(large))).toBe(cost)
	})

	it('builds what mentions the change and nothing else', () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [gateway(), service('a'), service('b'), route('to-a', 'a'), route('to-b', 'b')] })
		const built = (result: ReadonlyMap<string, unknown>) => [...result.keys()].sort()
		expect(built(mesh.apply({ put: [service('a', 81)] }))).toEqual(['Service/default/a'])
		expect(built(mesh.apply({ remove: ['Service/default/a'] }))).toEqual([
			'HTTPRoute/default/to-a',
			'Service/default/a',
		])
		expect(built(mesh.apply({ put: [route('to-b', 'b', '/b')] }))).toEqual(['HTTPRoute/default/to-b'])
		expect(built(mesh.apply({}))).toEqual([])
	})
})

describe('transition times', () => {
	const timesOf = (mesh: MemoryMesh) =>
		Object.fromEntries(
			mesh
				.statuses()
				['HTTPRoute/default/r']!.parents![0]!.conditions.map((c) => [c.type, Date.parse(c.lastTransitionTime)]),
		)

	it('move only when the status of a condition does', () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [gateway(), route('r', 'orders')] }, 1_000)
		expect(timesOf(mesh)).toEqual({ Accepted: 1_000, ResolvedRefs: 1_000 })
		mesh.apply({ put: [service('orders')] }, 2_000)
		expect(timesOf(mesh)).toEqual({ Accepted: 1_000, ResolvedRefs: 2_000 })
		mesh.apply({ put: [route('r', 'orders', '/else')] }, 3_000)
		expect(timesOf(mesh)).toEqual({ Accepted: 1_000, ResolvedRefs: 2_000 })
	})

	it('follow a parentRef to its new place in the list', () => {
		const mesh = memoryMesh()
		const withParents = (names: string[]) => {
			const parentRefs = names.map((name) => ({ name }))
			return resourceOf({ apiVersion: GATEWAY_API, kind: 'HTTPRoute', metadata: { name: 'r' }, spec: { parentRefs } })
		}
		mesh.apply({ put: [gateway(), withParents(['absent', 'public'])] }, 1_000)
		mesh.apply({ put: [withParents(['public', 'absent'])] }, 2_000)
		expect(timesOf(mesh).Accepted).toBe(1_000)
	})
})

describe("a route's age", () => {
	it('stays when it changes, and begins anew when it is removed and put again', () => {
		const mesh = memoryMesh()
		const slice = 'virtualHost/*.example.com/default/r'
		mesh.apply({ put: [gateway(), route('r', 'orders')] }, 1_000)
		mesh.apply({ put: [route('r', 'orders', '/else')] }, 2_000)
		expect(mesh.parts()[slice]).toMatchObject({ createdAt: 1_000 })
		mesh.apply({ remove: ['HTTPRoute/default/r'] }, 3_000)
		expect(mesh.parts()[slice]).toBeUndefined()
		mesh.apply({ put: [route('r', 'orders')] }, 4_000)
		expect(mesh.parts()[slice]).toMatchObject({ createdAt: 4_000 })
	})
})
