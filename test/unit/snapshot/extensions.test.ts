/** A route follows what its filters name: extensions, mirrors and grants that come, go and change. */
import { describe, expect, it } from 'vitest'
import type { HTTPRoute } from '../../../src/resources/httpRoute.ts'
import type { Filters } from '../../../src/snapshot/filters.ts'
import type { ResourceIndex } from '../../../src/snapshot/resourceIndex.ts'
import { resolveFilters } from '../../../src/snapshot/routes/ruleFilters.ts'
import type { RouteSlice, Rule } from '../../../src/snapshot/snapshot.ts'
import { type MemoryMesh, memoryMesh } from './memoryIndex.ts'
import { resourceOf } from './randomMesh.ts'

const GATEWAY_API = 'gateway.networking.k8s.io/v1'
const SLICE = 'virtualHost/orders.mesh.example.com/default/r'

const service = (name: string, port = 80, namespace = 'default') =>
	resourceOf({
		apiVersion: 'selvedge.dev/v1',
		kind: 'Service',
		metadata: { name, namespace },
		spec: { endpoints: [{ url: `http://${name}.internal:${port}` }] },
	})

const extension = (kind: string, spec: object, namespace = 'default') =>
	resourceOf({ apiVersion: 'selvedge.dev/v1', kind, metadata: { name: 'x', namespace }, spec })

const refTo = (kind: string) => ({ type: 'ExtensionRef', extensionRef: { group: 'selvedge.dev', kind, name: 'x' } })

const mirrorTo = (backendRef: object) => ({ type: 'RequestMirror', requestMirror: { backendRef } })

const ofService = { name: 'orders', group: '', kind: 'Service' }

const route = (filters: object[], rule: object = {}, ...otherParents: object[]) =>
	resourceOf({
		apiVersion: GATEWAY_API,
		kind: 'HTTPRoute',
		metadata: { name: 'r' },
		spec: {
			parentRefs: [ofService, ...otherParents],
			rules: [{ filters, backendRefs: [{ name: 'orders' }], ...rule }],
		},
	})

const ruleIn = (mesh: MemoryMesh): Rule => (mesh.parts()[SLICE] as RouteSlice).rules[0]!

function resolvedRefs(mesh: MemoryMesh): string {
	const conditions = mesh.statuses()['HTTPRoute/default/r']!.parents![0]!.conditions
	const { reason, message } = conditions.find(({ type }) => type === 'ResolvedRefs')!
	return reason === 'ResolvedRefs' ? reason : `${reason}: ${message}`
}

const built = (result: ReadonlyMap<string, unknown>) => [...result.keys()].sort()

const abort = (status: number): Filters => ({ faults: [{ abort: { status, share: 1 } }] })
const answer = (status: number): Filters => ({ directResponse: { status, headers: [], body: '' } })

describe('an extension', () => {
	it.each<[kind: string, specs: [object, object], rule: object, outcomes: [Partial<Rule>, Partial<Rule>]]>([
		[
			'FaultInjection',
			[{ abort: { httpStatus: 500 } }, { abort: { httpStatus: 503 } }],
			{},
			[{ filters: abort(500) }, { filters: abort(503) }],
		],
		[
			'DirectResponse',
			[{ statusCode: 200 }, { statusCode: 410 }],
			{},
			[{ filters: answer(200) }, { filters: answer(410) }],
		],
		['TrafficMatch', [{ percent: 10 }, { percent: 20 }], {}, [{ only: [{ share: 0.1 }] }, { only: [{ share: 0.2 }] }]],
		[
			'RetryPolicy',
			[{ methods: ['POST'] }, { maxBodyBytes: 0 }],
			{ retry: {} },
			[
				{ retry: { attempts: 1, codes: [], backoffMs: 25, methods: ['POST'], maxBodyBytes: 65_536 } },
				{ retry: { attempts: 1, codes: [], backoffMs: 25, methods: [], maxBodyBytes: 0 } },
			],
		],
	])('of kind %s is followed when it comes, changes and goes', (kind, specs, rule, outcomes) => {
		const mesh = memoryMesh()
		mesh.apply({ put: [service('orders'), route([refTo(kind)], rule)] })
		const missing = `spec.rules[0].filters[0].extensionRef: ${kind} default/x not found`
		expect(ruleIn(mesh).filters).toEqual({ invalid: missing })
		expect(resolvedRefs(mesh)).toBe(`FilterNotFound: ${missing}`)
		for (const [i, spec] of specs.entries()) {
			expect(built(mesh.apply({ put: [extension(kind, spec)] }))).toEqual(
				[`${kind}/default/x`, 'HTTPRoute/default/r'].sort(),
			)
			const { filters, only, retry } = ruleIn(mesh)
			expect({ ...(filters && { filters }), ...(only && { only }), ...(retry && { retry }) }).toEqual(outcomes[i])
			expect(resolvedRefs(mesh)).toBe('ResolvedRefs')
		}
		mesh.apply({ remove: [`${kind}/default/x`] })
		expect(ruleIn(mesh).filters).toEqual({ invalid: missing })
		expect(resolvedRefs(mesh)).toBe(`FilterNotFound: ${missing}`)
	})

	it('of another namespace is not found, and its changes rebuild nothing', () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [service('orders'), route([refTo('FaultInjection')])] })
		const elsewhere = extension('FaultInjection', { abort: { httpStatus: 500 } }, 'ops')
		expect(built(mesh.apply({ put: [elsewhere] }))).toEqual(['FaultInjection/ops/x'])
		expect(ruleIn(mesh).filters).toHaveProperty('invalid')
	})

	it('says who it is about in its own namespace where it names none', () => {
		const mesh = memoryMesh()
		mesh.apply({
			put: [
				service('orders'),
				route([refTo('TrafficMatch')]),
				extension('TrafficMatch', { sources: [{ workload: 'web' }, { namespace: 'ops' }], percent: 100 }),
			],
		})
		expect(ruleIn(mesh).only).toEqual([{ sources: [{ namespace: 'default', workload: 'web' }, { namespace: 'ops' }] }])
	})

	it('asks for users as it says, beside a share that takes all', () => {
		const mesh = memoryMesh()
		const when = [
			{ key: 'request.auth.claims[realm][roles]', values: ['a', 'b*'], notValues: ['c'] },
			{ key: 'request.auth.principal', notValues: ['https://id.example/*'] },
		]
		mesh.apply({
			put: [service('orders'), route([refTo('TrafficMatch')]), extension('TrafficMatch', { when, percent: 100 })],
		})
		expect(ruleIn(mesh).only).toEqual([
			{
				when: [
					{ key: { of: 'claim', path: ['realm', 'roles'] }, values: ['a', 'b*'], notValues: ['c'] },
					{ key: { of: 'requestPrincipal' }, notValues: ['https://id.example/*'] },
				],
			},
		])
	})

	it.each([
		['TrafficMatch', { percent: 1 }],
		['RetryPolicy', { methods: ['POST'] }],
	])('of kind %s is refused on a backendRef, should one get there', (kind, spec) => {
		const here = { route: route([]) as HTTPRoute, ruleIndex: 0, field: 'spec.rules[0].backendRefs[1]', isRule: false }
		const index = { get: () => ({ resource: extension(kind, spec) }) } as unknown as ResourceIndex
		const filters = [{ type: 'ExtensionRef', extensionRef: { group: 'selvedge.dev', kind, name: 'x' } }] as const
		const resolved = resolveFilters(filters, here, index)
		const message = `spec.rules[0].backendRefs[1].filters[0].extensionRef: a ${kind} belongs to a rule, not to a backendRef`
		expect(resolved.filters).toEqual({ invalid: message })
		expect(resolved.unresolved).toEqual([{ reason: 'InvalidKind', message }])
	})
})

describe("a mirror's target", () => {
	const target = 'spec.rules[0].filters[0].requestMirror.backendRef'

	it('is left out while its Service is not there, and the rule works on', () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [service('orders'), route([mirrorTo({ name: 'shadow' })])] })
		expect(ruleIn(mesh)).not.toHaveProperty('filters')
		expect(ruleIn(mesh).backends).toEqual([{ weight: 1, service: 'default/orders' }])
		expect(resolvedRefs(mesh)).toBe(`BackendNotFound: ${target}: Service default/shadow not found`)
		mesh.apply({ put: [service('shadow')] })
		expect(ruleIn(mesh).filters).toEqual({ mirrors: [{ service: 'default/shadow' }] })
		expect(resolvedRefs(mesh)).toBe('ResolvedRefs')
		expect(built(mesh.apply({ put: [service('shadow', 81)] })), 'new endpoints').toEqual(['Service/default/shadow'])
		mesh.apply({ remove: ['Service/default/shadow'] })
		expect(ruleIn(mesh)).not.toHaveProperty('filters')
	})

	it.each([
		['of the rule', [mirrorTo({ name: 'audit', namespace: 'vault' })], {}, (rule: Rule) => rule.filters],
		[
			'of a backendRef',
			[],
			{ backendRefs: [{ name: 'orders', filters: [mirrorTo({ name: 'audit', namespace: 'vault' })] }] },
			(rule: Rule) => (rule.backends[0] as { filters?: Filters }).filters,
		],
	])(
		'in another namespace needs a grant where a Gateway is a parent, also %s, and follows it',
		(_, filters, rule, filtersIn) => {
			const mesh = memoryMesh()
			const grant = resourceOf({
				apiVersion: GATEWAY_API,
				kind: 'ReferenceGrant',
				metadata: { name: 'g', namespace: 'vault' },
				spec: {
					from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'default' }],
					to: [{ group: '', kind: 'Service' }],
				},
			})
			mesh.apply({ put: [service('orders'), service('audit', 80, 'vault'), route(filters, rule, { name: 'public' })] })
			expect(filtersIn(ruleIn(mesh))).toBeUndefined()
			expect(resolvedRefs(mesh)).toContain('RefNotPermitted: spec.rules[0].')
			mesh.apply({ put: [grant] })
			expect(filtersIn(ruleIn(mesh))).toEqual({ mirrors: [{ service: 'vault/audit' }] })
			expect(resolvedRefs(mesh)).toBe('ResolvedRefs')
			mesh.apply({ remove: ['ReferenceGrant/vault/g'] })
			expect(filtersIn(ruleIn(mesh))).toBeUndefined()
		},
	)

	it('in another namespace needs none where only Services are parents (GEP-1294)', () => {
		const mesh = memoryMesh()
		const there = { name: 'audit', namespace: 'vault' }
		mesh.apply({
			put: [service('audit', 80, 'vault'), service('orders'), route([mirrorTo(there)], { backendRefs: [there] })],
		})
		expect(ruleIn(mesh)).toMatchObject({
			backends: [{ service: 'vault/audit' }],
			filters: { mirrors: [{ service: 'vault/audit' }] },
		})
		expect(resolvedRefs(mesh)).toBe('ResolvedRefs')
	})
})

describe("a listener's port", () => {
	it('reaches the slices of its routes when it changes', () => {
		const mesh = memoryMesh()
		const gateway = (port: number) =>
			resourceOf({
				apiVersion: GATEWAY_API,
				kind: 'Gateway',
				metadata: { name: 'public' },
				spec: {
					gatewayClassName: 'mesh',
					listeners: [{ name: 'web', hostname: 'a.example.com', port, protocol: 'HTTPS' }],
				},
			})
		const away = resourceOf({
			apiVersion: GATEWAY_API,
			kind: 'HTTPRoute',
			metadata: { name: 'r' },
			spec: {
				parentRefs: [{ name: 'public' }],
				rules: [{ filters: [{ type: 'RequestRedirect', requestRedirect: { hostname: 'b.example.com' } }] }],
			},
		})
		const slice = () => mesh.parts()['virtualHost/a.example.com/default/r'] as RouteSlice
		mesh.apply({ put: [gateway(8443), away] })
		expect(slice().ports).toEqual({ https: 8443 })
		mesh.apply({ put: [gateway(443)] })
		expect(slice()).not.toHaveProperty('ports')
	})
})
