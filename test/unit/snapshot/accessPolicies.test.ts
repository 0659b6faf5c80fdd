/** Policies that add up: where they end up, in which order, and what a change of them, or of what they depend on, builds. */
import { describe, expect, it } from 'vitest'
import type { ConditionedStatus } from '../../../src/resources/status.ts'
import type { Rule } from '../../../src/snapshot/snapshot.ts'
import { type BuiltMap, type MemoryMesh, memoryMesh } from './memoryIndex.ts'
import { resourceOf } from './randomMesh.ts'

const documentOf = (kind: string, name: string, spec: object, labels: Record<string, string> = {}) =>
	resourceOf({ apiVersion: 'selvedge.dev/v1', kind, metadata: { name, labels }, spec })
const service = (name: string, labels: Record<string, string> = {}) => documentOf('Service', name, {}, labels)
const access = (name: string, spec: object = {}) => documentOf('AuthorizationPolicy', name, spec)
const users = (name: string, spec: object = {}, issuer = 'https://a.example') =>
	documentOf('RequestAuthentication', name, { ...spec, jwtRules: [{ issuer }] })
const route = (name: string, ...rules: string[]) =>
	resourceOf({
		apiVersion: 'gateway.networking.k8s.io/v1',
		kind: 'HTTPRoute',
		metadata: { name },
		spec: {
			parentRefs: [{ group: '', kind: 'Service', name: 'a' }],
			rules: rules.map((rule) => ({ name: rule, backendRefs: [{ name: 'a' }] })),
		},
	})
const meshOf = (spec: object) => documentOf('Mesh', 'default', spec)
const provider = (name: string, timeout = '5s', service = 'default/auth') => ({
	...{ name, envoyExtAuthzHttp: { service, timeout } },
})

const toMesh = { targetRefs: [{ kind: 'Mesh', name: 'default' }] }
const to = (...names: string[]) => ({ targetRefs: names.map((name) => ({ kind: 'Service', name })) })
const toRoute = (name: string, sectionName?: string) => ({
	targetRefs: [{ kind: 'HTTPRoute', name, ...(sectionName === undefined ? {} : { sectionName }) }],
})
const labelled = (matchLabels: Record<string, string>) => ({ selector: { matchLabels } })
const asking = (name: string) => ({ action: 'CUSTOM', provider: { name }, rules: [{}] })

type Said = {
	access?: { name: string; authorizer?: { invalid?: string; timeoutMs: number } }[]
	users?: { issuer: string }[]
}
const saidIn = (mesh: MemoryMesh, part: string) => mesh.parts()[part] as Said | undefined
const accessIn = (mesh: MemoryMesh, part: string) => saidIn(mesh, part)?.access?.map(({ name }) => name)
const usersIn = (mesh: MemoryMesh, part: string) => saidIn(mesh, part)?.users?.map(({ issuer }) => issuer)
const ofA = 'service/default/a'
const keysOf = (built: BuiltMap) => [...built.keys()].sort()
const partsOf = (built: BuiltMap) => [...built.values()].flatMap(({ parts }) => [...parts.keys()]).sort()

const KEYS = { access: 'AuthorizationPolicy/default/', users: 'RequestAuthentication/default/' }
/** `status reason` of each target's Accepted, or of the one that there is for a selector. */
function accepted(mesh: MemoryMesh, name: string, kind: keyof typeof KEYS = 'access'): string[] {
	const { ancestors, conditions = [] } = mesh.statuses()[`${KEYS[kind]}${name}`] as ConditionedStatus
	const all = ancestors === undefined ? conditions : ancestors.flatMap((ancestor) => ancestor.conditions)
	return all.map(({ type, status, reason }) => `${type}=${status} ${reason}`)
}
const FINE = 'Accepted=True Accepted'
const MISSING = 'Accepted=False TargetNotFound'
const UNASKABLE = 'Accepted=False InvalidProvider'

describe('policies of one target', () => {
	it('all apply, the oldest first, then the first by name, and none is told that it lost', () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [service('a'), access('z', to('a')), users('z', to('a'), 'https://z.example')] }, 1_000)
		mesh.apply({ put: [access('c', to('a')), access('b', to('a')), users('b', to('a'), 'https://b.example')] }, 2_000)
		mesh.apply({ put: [access('a', to('a'))] }, 3_000)
		expect(accessIn(mesh, ofA)).toEqual(['default/z', 'default/b', 'default/c', 'default/a'])
		expect(usersIn(mesh, ofA)).toEqual(['https://z.example', 'https://b.example'])
		for (const name of ['z', 'b', 'c', 'a']) expect(accepted(mesh, name)).toEqual([FINE])
		mesh.apply({ remove: ['AuthorizationPolicy/default/z', 'RequestAuthentication/default/b'] }, 4_000)
		expect(accessIn(mesh, ofA)).toEqual(['default/b', 'default/c', 'default/a'])
		expect(usersIn(mesh, ofA)).toEqual(['https://z.example'])
	})

	it('stand in the parts of their levels, and say nothing where there are none', () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [service('a'), access('n'), access('m', toMesh), users('n'), users('m', toMesh)] })
		expect(accessIn(mesh, 'namespace/default')).toEqual(['default/n'])
		expect(accessIn(mesh, 'mesh')).toEqual(['default/m'])
		expect(usersIn(mesh, 'namespace/default')).toHaveLength(1)
		expect(usersIn(mesh, 'mesh')).toHaveLength(1)
		expect(mesh.parts()[ofA]).toEqual({ kind: 'service', service: 'default/a', endpoints: [] })
		for (const name of ['n', 'm']) mesh.apply({ remove: [`${KEYS.access}${name}`, `${KEYS.users}${name}`] })
		expect(Object.keys(mesh.parts())).toEqual([ofA, 'virtualHost/a.mesh.example.com'])
	})

	it('in Istio’s root namespace are those of the mesh, unless they are attached to something else', () => {
		const mesh = memoryMesh()
		const inRoot = (name: string, spec: object) =>
			resourceOf({
				...{ apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy' },
				metadata: { name, namespace: 'istio-system' },
				spec: { action: 'DENY', rules: [{}], ...spec },
			})
		const ofItself = { targetRefs: [{ kind: 'Namespace', name: 'istio-system' }] }
		mesh.apply({ put: [service('a'), inRoot('all', {}), inRoot('own', ofItself)] })
		expect(accessIn(mesh, 'mesh')).toEqual(['istio-system/all'])
		expect(accessIn(mesh, 'namespace/istio-system')).toEqual(['istio-system/own'])
	})

	it('of a route hold for all of its rules, and those of a rule for that one', () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [service('a'), route('r', 'one', 'two')] })
		const ofRules = () => {
			const slice = mesh.parts()['virtualHost/a.mesh.example.com/default/r'] as unknown as { rules: Rule[] }
			return slice.rules.map((rule) => rule.access?.map(({ name }) => name))
		}
		mesh.apply({ put: [access('rule', toRoute('r', 'two')), access('gone', toRoute('r', 'three'))] }, 1_000)
		mesh.apply({ put: [access('all', toRoute('r'))] }, 2_000)
		expect(ofRules()).toEqual([['default/all'], ['default/rule', 'default/all']])
		expect(accepted(mesh, 'gone')).toEqual([MISSING])
		mesh.apply({ put: [route('r', 'one', 'three')] })
		expect(ofRules()).toEqual([['default/all'], ['default/gone', 'default/all']])
		expect([accepted(mesh, 'rule'), accepted(mesh, 'gone')]).toEqual([[MISSING], [FINE]])
		expect(accessIn(mesh, ofA)).toBeUndefined()
	})
})

describe('the mesh part', () => {
	it('says how access is by default whenever it is there', () => {
		const mesh = memoryMesh()
		const stated = () => (mesh.parts().mesh as { defaultAccess?: string } | undefined)?.defaultAccess
		expect(stated()).toBeUndefined()
		mesh.apply({ put: [users('m', toMesh)] })
		expect(stated()).toBe('open')
		mesh.apply({ put: [meshOf({ defaultAccess: 'closed' })] })
		expect(stated()).toBe('closed')
		mesh.apply({ remove: ['RequestAuthentication/default/m'] })
		expect(mesh.parts().mesh).toEqual({ kind: 'mesh', egress: 'registryOnly', defaultAccess: 'closed' })
	})
})

it('the mesh part says how many requests are remembered, where the Mesh does', () => {
	const mesh = memoryMesh()
	mesh.apply({ put: [meshOf({ samples: { share: 0 } })] })
	expect(mesh.parts().mesh).toMatchObject({ sampleShare: 0 })
	mesh.apply({ put: [meshOf({})] })
	expect(mesh.parts().mesh).not.toHaveProperty('sampleShare')
})

it('the mesh part says what else the trust domain is called, where the Mesh does', () => {
	const mesh = memoryMesh()
	mesh.apply({ put: [meshOf({ trustDomainAliases: ['old-td'] })] })
	expect(mesh.parts().mesh).toMatchObject({ trustDomainAliases: ['old-td'] })
	mesh.apply({ put: [meshOf({})] })
	expect(mesh.parts().mesh).not.toHaveProperty('trustDomainAliases')
})

describe('a selector', () => {
	it('chooses Services that have all of its labels, as these come, change and go', () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [access('p', labelled({ app: 'x', tier: 'y' })), users('u', labelled({ tier: 'y' }))] })
		const seen = () => [
			accessIn(mesh, ofA),
			usersIn(mesh, ofA)?.length,
			accepted(mesh, 'p'),
			accepted(mesh, 'u', 'users'),
		]
		expect(seen()).toEqual([undefined, undefined, [MISSING], [MISSING]])
		mesh.apply({ put: [service('a', { app: 'x', tier: 'z' })] })
		expect(seen()).toEqual([undefined, undefined, [MISSING], [MISSING]])
		mesh.apply({ put: [service('a', { app: 'x', tier: 'y', more: 'z' })] })
		expect(seen()).toEqual([['default/p'], 1, [FINE], [FINE]])
		mesh.apply({ put: [service('a', { tier: 'y' })] })
		expect(seen()).toEqual([undefined, 1, [MISSING], [FINE]])
		mesh.apply({ remove: ['Service/default/a'] })
		expect(seen()).toEqual([undefined, undefined, [MISSING], [MISSING]])
	})

	it('that changes leaves the Services that it chose', () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [service('a', { app: 'x' }), service('b', { app: 'y' }), service('c', { app: 'x' })] })
		mesh.apply({ put: [access('p', labelled({ app: 'x' }))] })
		const built = mesh.apply({ put: [access('p', labelled({ app: 'y' }))] })
		const services = ['a', 'b', 'c'].map((name) => `Service/default/${name}`)
		expect(keysOf(built)).toEqual(['AuthorizationPolicy/default/p', ...services])
		expect(['a', 'b', 'c'].map((name) => accessIn(mesh, `service/default/${name}`))).toEqual([
			undefined,
			['default/p'],
			undefined,
		])
		mesh.apply({ put: [access('p', to('c'))] })
		expect(['a', 'b', 'c'].map((name) => accessIn(mesh, `service/default/${name}`))).toEqual([
			undefined,
			undefined,
			['default/p'],
		])
	})

	it('chooses no Service that is known by registration alone, which has no labels', () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [access('p', labelled({ app: 'x' })), access('q', to('a'))] })
		mesh.lease('default/a', [{ id: 'e', url: 'http://e', weight: 1 }])
		expect(accessIn(mesh, ofA)).toEqual(['default/q'])
		mesh.apply({ put: [service('a', { app: 'x' })] })
		expect(accessIn(mesh, ofA)).toEqual(['default/p', 'default/q'])
		expect(accepted(mesh, 'p')).toEqual([FINE])
	})

	it('is asked for again when labels change, and not when only endpoints do', () => {
		const mesh = memoryMesh()
		const a = (port: number, labels: object) =>
			resourceOf({
				apiVersion: 'selvedge.dev/v1',
				kind: 'Service',
				metadata: { name: 'a', labels },
				spec: { endpoints: [{ url: `http://a.internal:${port}` }] },
			})
		mesh.apply({ put: [a(1, { app: 'x' }), access('p', labelled({ app: 'x' }))] })
		expect(keysOf(mesh.apply({ put: [a(2, { app: 'x' })] }))).toEqual(['Service/default/a'])
		const leased = mesh.lease('default/b', [{ id: 'e', url: 'http://e', weight: 1 }])
		expect(keysOf(leased)).toEqual(['Service/default/b'])
		expect(keysOf(mesh.apply({ put: [a(2, { app: 'y' })] }))).toEqual([
			'AuthorizationPolicy/default/p',
			'Service/default/a',
		])
	})
})

describe('a CUSTOM policy', () => {
	const authorizer = (mesh: MemoryMesh) => saidIn(mesh, ofA)?.access?.[0]?.authorizer

	it('says why nobody can be asked, until the provider and its Service are there, and again when they go', () => {
		const mesh = memoryMesh()
		const seen = () => [authorizer(mesh)?.invalid, accepted(mesh, 'p')]
		const unknown = ['the Mesh has no extensionProvider named one', [UNASKABLE]]
		const homeless = ['extensionProvider one: Service default/auth not found', [UNASKABLE]]
		mesh.apply({ put: [service('a'), access('p', { ...to('a'), ...asking('one') })] })
		expect(seen()).toEqual(unknown)
		mesh.apply({ put: [meshOf({ extensionProviders: [provider('two')] })] })
		expect(seen()).toEqual(unknown)
		mesh.apply({ put: [meshOf({ extensionProviders: [provider('two'), provider('one')] })] })
		expect(seen()).toEqual(homeless)
		mesh.lease('default/auth', [{ id: 'e', url: 'http://e', weight: 1 }])
		expect(seen()).toEqual([undefined, [FINE]])
		mesh.lease('default/auth', undefined)
		expect(seen()).toEqual(homeless)
		mesh.apply({ put: [service('auth')] })
		expect(seen()).toEqual([undefined, [FINE]])
		mesh.apply({ remove: ['Mesh/-/default'] })
		expect(seen()).toEqual(unknown)
	})

	it('never lets requests by where nobody can be asked, whatever failOpen says', () => {
		const mesh = memoryMesh()
		const open = { name: 'one', envoyExtAuthzHttp: { service: 'default/auth', failOpen: true } }
		mesh.apply({
			put: [service('a'), access('p', { ...to('a'), ...asking('one') }), meshOf({ extensionProviders: [open] })],
		})
		expect(authorizer(mesh)).toMatchObject({ failOpen: false })
		mesh.apply({ put: [service('auth')] })
		expect(authorizer(mesh)).toMatchObject({ failOpen: true })
	})

	it('is built anew with all that it is attached to when its provider changes, and no other is', () => {
		const mesh = memoryMesh()
		const providers = (timeout: string) => meshOf({ extensionProviders: [provider('one', timeout), provider('two')] })
		mesh.apply({
			put: [
				...[service('a', { app: 'x' }), service('b'), service('c'), service('auth'), route('r', 'n'), providers('1s')],
				access('labels', { ...labelled({ app: 'x' }), ...asking('one') }),
				access('rule', { ...toRoute('r', 'n'), ...asking('one') }),
				access('other', { ...to('b'), ...asking('two') }),
				access('plain', to('c')),
			],
		})
		const built = mesh.apply({ put: [providers('2s')] })
		expect(keysOf(built)).toEqual([
			...['AuthorizationPolicy/default/labels', 'AuthorizationPolicy/default/rule'],
			...['HTTPRoute/default/r', 'Mesh/-/default', 'Service/default/a'],
		])
		expect(authorizer(mesh)).toMatchObject({ timeoutMs: 2_000 })
	})
})

describe('the cost of a change', () => {
	const many = Array.from({ length: 300 }, (_, i) => service(`s${i}`, { app: i < 3 ? 'few' : 'many' }))

	it.each<[string, object, string[], string[]]>([
		['the mesh', toMesh, ['Mesh/-/default'], ['mesh']],
		['a namespace', {}, ['Namespace/-/default'], ['namespace/default']],
		['a Service', to('s7'), ['Service/default/s7'], ['service/default/s7', 'virtualHost/s7.mesh.example.com']],
		[
			'labels',
			labelled({ app: 'few' }),
			['Service/default/s0', 'Service/default/s1', 'Service/default/s2'],
			[0, 1, 2].flatMap((i) => [`service/default/s${i}`, `virtualHost/s${i}.mesh.example.com`]),
		],
	])('of a policy of %s is that of its targets, and no other policy thinks again', (_, target, keys, parts) => {
		for (const [kind, make] of [['AuthorizationPolicy', access] as const, ['RequestAuthentication', users] as const]) {
			const mesh = memoryMesh()
			mesh.apply({ put: [...many, access('other', target), users('other', target)] })
			const before = mesh.cost()
			const built = mesh.apply({ put: [make('p', target)] })
			expect(keysOf(built)).toEqual([`${kind}/default/p`, ...keys].sort())
			expect(partsOf(built)).toEqual(parts.toSorted())
			expect(mesh.cost() - before).toBeLessThan(150)
		}
	})
})
