/** Where it is said who may call, and which of several documents decides: of peers, and of other trust domains. */
import { describe, expect, it } from 'vitest'
import type { ConditionedStatus } from '../../../src/resources/status.ts'
import { type BuiltMap, type MemoryMesh, memoryMesh } from './memoryIndex.ts'
import { resourceOf } from './randomMesh.ts'

const documentOf = (kind: string, name: string, spec: object) =>
	resourceOf({ apiVersion: 'selvedge.dev/v1', kind, metadata: { name }, spec })
const service = (name: string) => documentOf('Service', name, {})
const peers = (name: string, targetRefs: object[], sections: object = { mode: 'STRICT' }) =>
	documentOf('PeerAuthentication', name, { targetRefs, ...sections })
const traffic = (name: string, targetRefs: object[]) =>
	documentOf('TrafficPolicy', name, { targetRefs, panicThresholdPercent: 50 })

const toMesh = { kind: 'Mesh', name: 'default' }
const toNamespace = { kind: 'Namespace', name: 'default' }
const to = (name: string) => ({ kind: 'Service', name })

const keysOf = (built: BuiltMap) => [...built.keys()].sort()
const peersIn = (mesh: MemoryMesh, part: string) => (mesh.parts()[part] as { peers?: object } | undefined)?.peers
/** `type=status reason` of every condition that is not as it should be. */
const troublesOf = (conditions: ConditionedStatus['conditions'] = []) =>
	conditions
		.filter(({ type, status }) => (type === 'Accepted') !== (status === 'True'))
		.map(({ type, status, reason }) => `${type}=${status} ${reason}`)
const troubles = (mesh: MemoryMesh, name: string) =>
	mesh.statuses()[`PeerAuthentication/default/${name}`]!.ancestors!.map(({ conditions }) => troublesOf(conditions))

const LOST = ['Accepted=False Conflicted', 'Conflicted=True Conflicted']
const MISSING = ['Accepted=False TargetNotFound']

describe('a change of a PeerAuthentication', () => {
	const many = Array.from({ length: 500 }, (_, i) => service(`s${i}`))

	it.each([
		['the mesh', toMesh, 'Mesh/-/default', 'mesh'],
		['a namespace', toNamespace, 'Namespace/-/default', 'namespace/default'],
	])('of %s builds one part, however many services there are', (_, target, key, part) => {
		const mesh = memoryMesh()
		mesh.apply({ put: many })
		for (const mode of ['STRICT', 'DISABLE']) {
			const before = mesh.cost()
			const built = mesh.apply({ put: [peers('p', [target], { mode })] })
			expect(keysOf(built)).toEqual([key, 'PeerAuthentication/default/p'])
			expect([...built.values()].flatMap(({ parts }) => [...parts.keys()])).toEqual([part])
			expect(mesh.cost() - before).toBeLessThan(20)
			expect(peersIn(mesh, part)).toEqual({ mode })
		}
		mesh.apply({ remove: ['PeerAuthentication/default/p'] })
		expect(mesh.parts()[part]).toBeUndefined()
	})

	it('asks no TrafficPolicy of the same target to think again, and takes nothing from it', () => {
		const mesh = memoryMesh()
		const [said, asked] = [{ mode: 'STRICT' }, { panicShare: 0.5 }]
		const targets = [to('a'), toNamespace, toMesh]
		mesh.apply({ put: [service('a'), traffic('t', targets)] })
		const built = mesh.apply({ put: [peers('p', targets)] })
		expect(keysOf(built)).not.toContain('TrafficPolicy/default/t')
		const parts = ['service/default/a', 'namespace/default', 'mesh']
		for (const part of parts) expect(mesh.parts()[part]).toMatchObject({ peers: said, traffic: asked })
		mesh.apply({ remove: ['TrafficPolicy/default/t'] })
		for (const part of parts) expect(peersIn(mesh, part)).toEqual(said)
		mesh.apply({ put: [traffic('t', targets)], remove: ['PeerAuthentication/default/p'] })
		for (const part of parts) {
			expect(mesh.parts()[part]).toMatchObject({ traffic: asked })
			expect(peersIn(mesh, part)).toBeUndefined()
		}
	})
})

describe('of several PeerAuthentications of one target', () => {
	it('the oldest decides each field, and the next one when it goes', () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [service('a'), peers('z', [to('a')], { mode: 'STRICT' })] }, 1_000)
		mesh.apply({ put: [peers('b', [to('a')], { mode: 'DISABLE' })] }, 2_000)
		mesh.apply({ put: [peers('a', [to('a')], { mode: 'PERMISSIVE', methods: ['JWTSVID'] })] }, 3_000)
		expect(peersIn(mesh, 'service/default/a')).toEqual({ mode: 'STRICT', methods: ['JWTSVID'] })
		expect(['z', 'b', 'a'].map((name) => troubles(mesh, name))).toEqual([
			[[]],
			[LOST],
			[['Conflicted=True Conflicted']],
		])
		mesh.apply({ remove: ['PeerAuthentication/default/z'] }, 4_000)
		expect(peersIn(mesh, 'service/default/a')).toEqual({ mode: 'DISABLE', methods: ['JWTSVID'] })
		expect(troubles(mesh, 'b')).toEqual([[]])
	})

	it('what they say together reads the same, whoever said what first', () => {
		const text = (first: object, second: object) => {
			const mesh = memoryMesh()
			mesh.apply({ put: [service('a'), peers('x', [to('a')], first), peers('y', [to('a')], second)] })
			return JSON.stringify(mesh.parts()['service/default/a'])
		}
		const [mode, reuse] = [{ mode: 'STRICT' }, { proofReuse: 'Never' }]
		expect(text(mode, reuse)).toBe(text(reuse, mode))
	})

	it('each follows its targets as they come and go, a Service by registration alone included', () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [peers('p', [to('a'), toMesh])] })
		expect(troubles(mesh, 'p')).toEqual([MISSING, []])
		mesh.lease('default/a', [{ id: 'e', url: 'http://e', weight: 1 }])
		expect(troubles(mesh, 'p')).toEqual([[], []])
		expect(peersIn(mesh, 'service/default/a')).toEqual({ mode: 'STRICT' })
		mesh.lease('default/a', undefined)
		expect(troubles(mesh, 'p')).toEqual([MISSING, []])
	})
})

describe('of several FederatedTrustDomains', () => {
	const federated = (name: string, trustDomain: string) =>
		documentOf('FederatedTrustDomain', name, {
			trustDomain,
			bundleEndpoint: { url: 'https://bundles.example.net', profile: { type: 'https_web' } },
		})
	const told = (mesh: MemoryMesh, ...names: string[]) =>
		names.map((name) => troublesOf(mesh.statuses()[`FederatedTrustDomain/-/${name}`]!.conditions))

	it('the oldest speaks for a trust domain, and the next one when it goes or speaks for another', () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [federated('z', 'a.example')] }, 1_000)
		mesh.apply({ put: [federated('b', 'a.example'), federated('c', 'a.example')] }, 2_000)
		expect(told(mesh, 'z', 'b', 'c')).toEqual([[], LOST, LOST])
		mesh.apply({ put: [federated('z', 'b.example')] }, 3_000)
		expect(told(mesh, 'z', 'b', 'c')).toEqual([[], [], LOST])
		mesh.apply({ put: [federated('z', 'a.example')] }, 4_000)
		expect(told(mesh, 'z', 'b', 'c')).toEqual([[], LOST, LOST])
		mesh.apply({ remove: ['FederatedTrustDomain/-/z', 'FederatedTrustDomain/-/b'] }, 5_000)
		expect(told(mesh, 'c')).toEqual([[]])
	})

	it("none speaks for the mesh's own, and each says why it does not count", () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [federated('ours', 'mesh.example.com'), federated('below', 'a.mesh.example.com')] })
		expect(told(mesh, 'ours', 'below')).toEqual([['Accepted=False Invalid'], []])
		expect(mesh.parts()).toEqual({})
	})

	it('a change costs as much as there are rivals for the trust domain, not their square', () => {
		const costAmong = (rivals: number) => {
			const mesh = memoryMesh()
			mesh.apply({ put: Array.from({ length: rivals }, (_, i) => federated(`p${i}`, 'a.example')) })
			const before = mesh.cost()
			mesh.apply({ put: [federated('p0', 'b.example')] })
			return mesh.cost() - before
		}
		expect(costAmong(400)).toBeLessThan(5 * costAmong(100))
	})
})
