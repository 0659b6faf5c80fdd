/** Where policies act, which of several decides, and how little is built anew when one of them changes. */
import { describe, expect, it } from 'vitest'
import { keyOf, type Resource } from '../../../src/resources/resource.ts'
import type { ConditionedStatus } from '../../../src/resources/status.ts'
import type { TrafficPolicy } from '../../../src/resources/trafficPolicy.ts'
import { healthCheckOf } from '../../../src/snapshot/policies/trafficRules.ts'
import type { HealthCheck } from '../../../src/snapshot/trafficPolicy.ts'
import { seeded } from '../../random.ts'
import { type BuiltMap, type MemoryMesh, memoryMesh } from './memoryIndex.ts'
import { randomChange, resourceOf } from './randomMesh.ts'

const service = (name: string, namespace = 'default') =>
	resourceOf({ apiVersion: 'selvedge.dev/v1', kind: 'Service', metadata: { name, namespace } })

const route = (name: string, ...rules: string[]) =>
	resourceOf({
		apiVersion: 'gateway.networking.k8s.io/v1',
		kind: 'HTTPRoute',
		metadata: { name },
		spec: {
			parentRefs: [{ kind: 'Service', group: '', name: 'a' }],
			rules: rules.map((rule) => ({ name: rule, backendRefs: [{ name: 'a' }] })),
		},
	})

const policy = (name: string, targetRefs: object[], sections: object = { panicThresholdPercent: 50 }) =>
	resourceOf({
		apiVersion: 'selvedge.dev/v1',
		kind: 'TrafficPolicy',
		metadata: { name },
		spec: { targetRefs, ...sections },
	})

const toMesh = { kind: 'Mesh', name: 'default' }
const toNamespace = { kind: 'Namespace', name: 'default' }
const to = (name: string) => ({ kind: 'Service', name })
const toRoute = (name: string, sectionName?: string) => ({
	kind: 'HTTPRoute',
	name,
	...(sectionName === undefined ? {} : { sectionName }),
})

const retry = (attempts: number) => ({ retry: { attempts } })
const trafficOf = (mesh: MemoryMesh, part: string) => (mesh.parts()[part] as { traffic?: object } | undefined)?.traffic
const keysOf = (built: BuiltMap) => [...built.keys()].sort()
const statusOf = (mesh: MemoryMesh, name: string) =>
	mesh.statuses()[`TrafficPolicy/default/${name}`] as Required<Pick<ConditionedStatus, 'ancestors'>>
/** `type=status reason` of every condition that is not as it should be, target by target. */
const troubles = (mesh: MemoryMesh, name: string) =>
	statusOf(mesh, name).ancestors.map(({ conditions }) =>
		conditions
			.filter(({ type, status }) => (type === 'Accepted') !== (status === 'True'))
			.map(({ type, status, reason }) => `${type}=${status} ${reason}`),
	)

describe('a change of a policy', () => {
	const many = Array.from({ length: 500 }, (_, i) => service(`s${i}`))

	it.each([
		['the mesh', toMesh, 'Mesh/-/default', 'mesh'],
		['a namespace', toNamespace, 'Namespace/-/default', 'namespace/default'],
	])('of %s builds one part, however many services there are', (_, target, key, part) => {
		const mesh = memoryMesh()
		mesh.apply({ put: many })
		for (const percent of [10, 20]) {
			const before = mesh.cost()
			const built = mesh.apply({ put: [policy('p', [target], { panicThresholdPercent: percent })] })
			expect(keysOf(built)).toEqual([key, 'TrafficPolicy/default/p'])
			expect([...built.values()].flatMap(({ parts }) => [...parts.keys()])).toEqual([part])
			expect(mesh.cost() - before).toBeLessThan(20)
			expect(trafficOf(mesh, part)).toEqual({ panicShare: percent / 100 })
		}
		mesh.apply({ remove: ['TrafficPolicy/default/p'] })
		expect(mesh.parts()[part]).toBeUndefined()
	})

	it('builds the targets that it leaves and those that it comes to, and who else speaks for them', () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [service('a'), service('b'), service('c'), route('r', 'one')] })
		mesh.apply({ put: [policy('other', [to('b'), to('c')], retry(1)), policy('apart', [to('c')], retry(1))] })
		mesh.apply({ put: [policy('p', [to('a')], retry(2))] })
		const built = mesh.apply({ put: [policy('p', [to('b'), toRoute('r')], retry(2))] })
		expect(keysOf(built)).toEqual([
			'HTTPRoute/default/r',
			'Service/default/a',
			'Service/default/b',
			'TrafficPolicy/default/other',
			'TrafficPolicy/default/p',
		])
		expect(trafficOf(mesh, 'service/default/a')).toBeUndefined()
	})

	it('costs the same for one service, whether no route or 10,000 send to it', () => {
		const costAmong = (routes: number) => {
			const mesh = memoryMesh()
			mesh.apply({ put: [service('a'), ...Array.from({ length: routes }, (_, i) => route(`r${i}`, 'one'))] })
			const before = mesh.cost()
			mesh.apply({ put: [policy('p', [to('a')])] })
			return mesh.cost() - before
		}
		expect(costAmong(10_000)).toBe(costAmong(0))
	})

	it('is read once for a route, however many rules it has', () => {
		const costOf = (rules: number, policies: number) => {
			const mesh = memoryMesh()
			mesh.apply({ put: Array.from({ length: policies }, (_, i) => policy(`p${i}`, [toRoute('r')], retry(1))) })
			const before = mesh.cost()
			mesh.apply({ put: [route('r', ...Array.from({ length: rules }, (_, i) => `n${i}`))] })
			return mesh.cost() - before
		}
		expect(costOf(16, 20) - costOf(16, 0)).toBe(costOf(1, 20) - costOf(1, 0))
	})

	it('costs in proportion to the policies of its targets, not to their square', () => {
		const costAmong = (policies: number) => {
			const mesh = memoryMesh()
			mesh.apply({ put: Array.from({ length: policies }, (_, i) => policy(`p${i}`, [toMesh])) })
			const before = mesh.cost()
			mesh.apply({ put: [policy('p0', [toMesh], retry(2))] })
			return mesh.cost() - before
		}
		expect(costAmong(400)).toBeLessThan(5 * costAmong(100))
	})
})

describe('the mesh part', () => {
	it('is there while the Mesh document or a policy is, and says registryOnly where the document does not speak', () => {
		const mesh = memoryMesh()
		const document = resourceOf({
			apiVersion: 'selvedge.dev/v1',
			kind: 'Mesh',
			metadata: { name: 'default' },
			spec: { egress: 'allowAny' },
		})
		const part = (egress: string) => ({ kind: 'mesh', egress, defaultAccess: 'open' })
		mesh.apply({ put: [policy('p', [toMesh])] })
		expect(mesh.parts()).toEqual({ mesh: { ...part('registryOnly'), traffic: { panicShare: 0.5 } } })
		mesh.apply({ put: [document] })
		expect(mesh.parts()).toEqual({ mesh: { ...part('allowAny'), traffic: { panicShare: 0.5 } } })
		mesh.apply({ remove: ['TrafficPolicy/default/p'] })
		expect(mesh.parts()).toEqual({ mesh: part('allowAny') })
		mesh.apply({ remove: ['Mesh/-/default'] })
		expect(mesh.parts()).toEqual({})
	})
})

describe('of several policies of one target', () => {
	it('the oldest decides, whatever its name, and the next one when it goes', () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [service('a'), policy('z', [to('a')], retry(1))] }, 1_000)
		mesh.apply({ put: [policy('b', [to('a')], retry(2))] }, 2_000)
		mesh.apply({ put: [policy('a', [to('a')], { ...retry(3), ...{ panicThresholdPercent: 1 } })] }, 3_000)
		const part = 'service/default/a'
		expect(trafficOf(mesh, part)).toMatchObject({ retry: { attempts: 1 }, panicShare: 0.01 })
		expect(['z', 'b', 'a'].map((name) => troubles(mesh, name))).toEqual([
			[[]],
			[['Accepted=False Conflicted', 'Conflicted=True Conflicted']],
			[['Conflicted=True Conflicted']],
		])
		mesh.apply({ remove: ['TrafficPolicy/default/z'] }, 4_000)
		expect(trafficOf(mesh, part)).toMatchObject({ retry: { attempts: 2 } })
		expect(['b', 'a'].map((name) => troubles(mesh, name))).toEqual([[[]], [['Conflicted=True Conflicted']]])
	})

	it('those of a rule and those of its route are no rivals', () => {
		const mesh = memoryMesh()
		mesh.apply({
			put: [
				service('a'),
				route('r', 'one', 'two'),
				policy('p', [toRoute('r')], retry(1)),
				policy('q', [toRoute('r', 'two')], retry(2)),
			],
		})
		expect([troubles(mesh, 'p'), troubles(mesh, 'q')]).toEqual([[[]], [[]]])
		const slice = mesh.parts()['virtualHost/a.mesh.example.com/default/r'] as { rules?: object[] }
		expect(slice.rules).toMatchObject([
			{ traffic: { retry: { attempts: 1 } } },
			{ traffic: { retry: { attempts: 2 } } },
		])
	})
})

describe('the status of a policy', () => {
	it('follows its targets as they come and go, a Service by registration alone included', () => {
		const mesh = memoryMesh()
		const missing = ['Accepted=False TargetNotFound']
		mesh.apply({ put: [policy('p', [to('a'), toRoute('r'), toRoute('r', 'two')], retry(1))] })
		expect(troubles(mesh, 'p')).toEqual([missing, missing, missing])
		mesh.lease('default/a', [{ id: 'e', url: 'http://e', weight: 1 }])
		mesh.apply({ put: [route('r', 'one')] })
		expect(troubles(mesh, 'p')).toEqual([[], [], missing])
		mesh.apply({ put: [route('r', 'one', 'two')] })
		expect(troubles(mesh, 'p')).toEqual([[], [], []])
		mesh.lease('default/a', undefined)
		mesh.apply({ remove: ['HTTPRoute/default/r'] })
		expect(troubles(mesh, 'p')).toEqual([missing, missing, missing])
	})

	it('tells since when, and by which generation', () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [policy('p', [to('a'), to('b')])] }, 1_000)
		mesh.apply({ put: [service('b')] }, 2_000)
		mesh.apply({ put: [policy('p', [to('b'), to('a')])] }, 3_000)
		const conditions = statusOf(mesh, 'p').ancestors.map((ancestor) => ancestor.conditions[0])
		expect(conditions).toMatchObject([
			{ status: 'True', observedGeneration: 2, lastTransitionTime: new Date(2_000).toISOString() },
			{ status: 'False', observedGeneration: 2, lastTransitionTime: new Date(1_000).toISOString() },
		])
	})
})

describe('health checks', () => {
	const check = (path: string) => ({ healthCheck: { path } })

	it('are told with the Service that they are for, and null where there are none any more', () => {
		const mesh = memoryMesh()
		const healthIn = (built: BuiltMap) => built.get('Service/default/a')?.health
		expect(healthIn(mesh.apply({ put: [policy('p', [to('a')], check('/x'))] }))).toBeNull()
		const expected: HealthCheck = {
			path: '/x',
			method: 'GET',
			intervalMs: 10_000,
			timeoutMs: 1_000,
			healthyThreshold: 2,
			unhealthyThreshold: 3,
			expectedStatuses: [[200, 299]],
			jitterShare: 0.1,
		}
		expect(healthIn(mesh.apply({ put: [service('a')] }))).toEqual(expected)
		expect(trafficOf(mesh, 'service/default/a')).toBeUndefined()
		expect(healthIn(mesh.apply({ remove: ['TrafficPolicy/default/p'] }))).toBeNull()
	})

	it('that were told last are those that the documents ask for, after any sequence of changes', () => {
		let checked = 0
		for (let seed = 1; seed <= 30; seed++) {
			const random = seeded(seed)
			const mesh = memoryMesh()
			const told = new Map<string, HealthCheck | null>()
			const documents = new Map<string, { resource: Resource; createdAt: number }>()
			for (let step = 0; step < 60; step++) {
				const change = randomChange(random, mesh.keys())
				for (const resource of change.put)
					documents.set(keyOf(resource), { createdAt: step, ...documents.get(keyOf(resource)), resource })
				for (const key of change.remove) documents.delete(key)
				for (const [key, { health }] of mesh.apply(change, step)) if (health !== undefined) told.set(key, health)
				for (const [key, health] of told) {
					expect(health, `${key}, seed ${seed}, step ${step}`).toEqual(expectedHealth(key, documents))
					if (health !== null) checked++
				}
			}
		}
		expect(checked).toBeGreaterThan(50)
	})

	function expectedHealth(key: string, documents: Map<string, { resource: Resource; createdAt: number }>) {
		const policies = [...documents.values()]
			.filter(({ resource }) => resource.kind === 'TrafficPolicy')
			.map(({ resource, createdAt }) => ({ resource: resource as TrafficPolicy, createdAt }))
			.filter(({ resource: { metadata, spec } }) =>
				spec.targetRefs.some(({ kind, name }) => `${kind}/${metadata.namespace}/${name}` === key),
			)
			.filter(({ resource }) => resource.spec.healthCheck !== undefined)
			.sort((a, b) => a.createdAt - b.createdAt || (a.resource.metadata.name < b.resource.metadata.name ? -1 : 1))
		const check = policies[0]?.resource.spec.healthCheck
		return check === undefined || !documents.has(key) ? null : healthCheckOf(check)
	}
})
