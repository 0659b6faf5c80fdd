/** What a change is said to do to traffic is what it does: to whom, how, and nothing more. */
import { describe, expect, it } from 'vitest'
import { patternOf } from '../../../src/names.ts'
import { seeded } from '../../random.ts'
import { changesBetween, effectIn, effectOf, nothing } from './effectOf.ts'
import { type MemoryMesh, memoryMesh } from './memoryIndex.ts'
import { randomChange, randomEndpoints, randomServiceName, resourceOf } from './randomMesh.ts'

// === documents ===

const GATEWAY_API = 'gateway.networking.k8s.io/v1'
const gateway = (...hostnames: string[]) =>
	resourceOf({
		apiVersion: GATEWAY_API,
		kind: 'Gateway',
		metadata: { name: 'public' },
		spec: {
			gatewayClassName: 'mesh',
			listeners: hostnames.map((hostname, i) => ({ name: `l${i}`, hostname, port: 80, protocol: 'HTTP' })),
		},
	})
const service = (name: string, namespace = 'default', ...urls: string[]) =>
	resourceOf({
		apiVersion: 'selvedge.dev/v1',
		kind: 'Service',
		metadata: { name, namespace },
		spec: { endpoints: urls.map((url, i) => ({ id: `e${i}`, url })) },
	})
const route = (...rules: object[]) =>
	resourceOf({
		apiVersion: GATEWAY_API,
		kind: 'HTTPRoute',
		metadata: { name: 'shop' },
		spec: { parentRefs: [{ name: 'public' }], rules },
	})
const to = (name: string, weight = 1, namespace?: string) => ({ name, weight, ...(namespace ? { namespace } : {}) })
const all = (...backendRefs: object[]) => ({ name: 'all', backendRefs })
const grant = () =>
	resourceOf({
		apiVersion: GATEWAY_API,
		kind: 'ReferenceGrant',
		metadata: { name: 'open', namespace: 'bank' },
		spec: {
			from: [{ group: 'gateway.networking.k8s.io', kind: 'HTTPRoute', namespace: 'default' }],
			to: [{ group: '', kind: 'Service' }],
		},
	})

function shop(...rules: object[]): MemoryMesh {
	const mesh = memoryMesh()
	mesh.apply({
		put: [gateway('shop.example.com'), service('a'), service('b'), service('vault', 'bank'), grant(), route(...rules)],
	})
	return mesh
}
const HOST = { pattern: 'shop.example.com', change: 'changed', fields: [] }
const RULE = { rule: 'default/shop/all', route: 'default/shop', change: 'changed' }

describe('the effect of', () => {
	it('another split is who gets how much, before and after', () => {
		const mesh = shop(all(to('a', 4), to('b', 1)))
		expect(effectIn(mesh, () => mesh.apply({ put: [route(all(to('a', 1), to('b', 2)))] }))).toEqual({
			...nothing,
			virtualHosts: [
				{
					...HOST,
					rules: [
						{
							...RULE,
							fields: [
								{
									path: 'backends',
									before: [
										{ weight: 4, service: 'default/a', percent: 80 },
										{ weight: 1, service: 'default/b', percent: 20 },
									],
									after: [
										{ weight: 1, service: 'default/a', percent: 33.33 },
										{ weight: 2, service: 'default/b', percent: 66.67 },
									],
								},
							],
						},
					],
				},
			],
			counts: { ...nothing.counts, virtualHosts: 1, rules: 1 },
		})
	})

	it('taking a Service away is that the rules of others refuse the share that it had', () => {
		const mesh = shop(all(to('a', 3), to('b', 1)))
		const effect = effectIn(mesh, () => mesh.apply({ remove: ['Service/default/b'] }))
		expect(effect.services).toEqual([{ service: 'default/b', change: 'removed', fields: [], endpoints: [] }])
		expect(effect.virtualHosts).toMatchObject([
			{ pattern: 'b.mesh.example.com', change: 'removed' },
			{
				pattern: 'shop.example.com',
				rules: [
					{
						fields: [
							{
								path: 'backends',
								before: [{ percent: 75 }, { service: 'default/b', percent: 25 }],
								after: [
									{ service: 'default/a', percent: 75 },
									{ invalid: 'spec.rules[0].backendRefs[1]: Service default/b not found', percent: 25 },
								],
							},
						],
					},
				],
			},
		])
	})

	it('taking a ReferenceGrant away is that the rules which relied on it refuse', () => {
		const mesh = shop(all(to('vault', 1, 'bank')))
		expect(effectIn(mesh, () => mesh.apply({ remove: ['ReferenceGrant/bank/open'] })).virtualHosts).toMatchObject([
			{
				...HOST,
				rules: [
					{
						...RULE,
						fields: [
							{
								path: 'backends',
								before: [{ service: 'bank/vault', percent: 100 }],
								after: [{ invalid: expect.stringContaining('no ReferenceGrant in namespace bank'), percent: 100 }],
							},
						],
					},
				],
			},
		])
	})

	it('other matches is which, with a pattern as it was written and without its program', () => {
		const match = (value: string) => ({
			path: { value },
			headers: [{ type: 'RegularExpression', name: 'X-Team', value: 'r(e|o)d' }],
		})
		const mesh = shop({ ...all(to('a')), matches: [match('/'), match('/old')] })
		const effect = effectIn(mesh, () => {
			mesh.apply({ put: [route({ ...all(to('a')), matches: [match('/'), match('/new')] })] })
		})
		expect(effect.virtualHosts[0]!.rules[0]!.fields).toEqual([
			{ path: 'matches[1].path.value', before: '/old', after: '/new' },
		])
		const fewer = effectIn(mesh, () => mesh.apply({ put: [route({ ...all(to('a')), matches: [match('/')] })] }))
		const shown = (value: string) => ({
			path: { type: 'PathPrefix', value },
			headers: [{ name: 'x-team', type: 'RegularExpression', value: 'r(e|o)d' }],
		})
		expect(fewer.virtualHosts[0]!.rules[0]!.fields).toEqual([
			{ path: 'matches', before: [shown('/'), shown('/new')], after: [shown('/')] },
		])
	})

	it('rules that come, go and change places is told by their names', () => {
		const named = (name: string) => ({ ...all(to('a')), name })
		const mesh = shop(named('one'), named('two'), named('three'))
		const effect = effectIn(mesh, () => mesh.apply({ put: [route(named('new'), named('three'), named('two'))] }))
		expect(effect.virtualHosts[0]!.rules.map(({ rule, change, fields }) => [rule, change, fields.length])).toEqual([
			['default/shop/new', 'added', 2],
			['default/shop/three', 'moved', 1],
			['default/shop/two', 'moved', 1],
			['default/shop/one', 'removed', 0],
		])
		expect(effect.virtualHosts[0]!.rules[1]!.fields).toEqual([{ path: 'position', before: 2, after: 1 }])
	})

	it('a rule put before others is that rule alone', () => {
		const named = (name: string) => ({ ...all(to('a')), name })
		const mesh = shop(named('one'), named('two'))
		const effect = effectIn(mesh, () => mesh.apply({ put: [route(named('new'), named('one'), named('two'))] }))
		expect(effect.virtualHosts[0]!.rules.map(({ rule }) => rule)).toEqual(['default/shop/new'])
	})

	it('a new host is what it takes from the wildcard that served it, and of its end what gets it back', () => {
		const mesh = shop(all(to('a')))
		mesh.apply({ put: [gateway('*.example.com')] })
		const added = effectIn(mesh, () => mesh.apply({ put: [gateway('*.example.com', 'shop.example.com')] }))
		expect(added.virtualHosts).toMatchObject([
			{ pattern: 'shop.example.com', change: 'added', shadowed: '*.example.com', rules: [{ change: 'added' }] },
		])
		const removed = effectIn(mesh, () => mesh.apply({ put: [gateway('*.example.com')] }))
		expect(removed.virtualHosts).toMatchObject([
			{ pattern: 'shop.example.com', change: 'removed', shadowed: '*.example.com', rules: [{ change: 'removed' }] },
		])
		expect(effectIn(mesh, () => mesh.apply({ put: [gateway('other.test')] })).virtualHosts).toMatchObject([
			{ pattern: '*.example.com', change: 'removed' },
			{ pattern: 'other.test', change: 'added' },
		])
	})

	it("a new Service is its host, which no wildcard had, and its endpoints' fields", () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [gateway('*.com')] })
		const effect = effectIn(mesh, () => mesh.apply({ put: [service('c', 'default', 'http://c.internal')] }))
		expect(effect).toEqual({
			...nothing,
			virtualHosts: [
				{
					pattern: 'c.mesh.example.com',
					change: 'added',
					fields: [{ path: 'defaultService', before: null, after: 'default/c' }],
					rules: [],
				},
			],
			services: [
				{
					service: 'default/c',
					change: 'added',
					fields: [],
					endpoints: [
						{
							endpoint: 'e0',
							change: 'added',
							fields: [
								{ path: 'url', before: null, after: 'http://c.internal' },
								{ path: 'weight', before: null, after: 1 },
							],
						},
					],
				},
			],
			counts: { virtualHosts: 1, rules: 0, services: 1, endpoints: 1 },
		})
	})

	it('endpoints that come, go and move is told by their ids', () => {
		const mesh = memoryMesh()
		mesh.apply({ put: [service('c', 'default', 'http://one', 'http://two')] })
		const leased = (zone: string) => ({
			id: 'leased',
			url: 'http://three',
			weight: 1,
			labels: { 'app.example/zone': zone },
		})
		mesh.lease('default/c', [leased('x')])
		const effect = effectIn(mesh, () => {
			mesh.apply({ put: [service('c', 'default', 'http://else')] })
			mesh.lease('default/c', [leased('y')])
		})
		expect(effect.services).toEqual([
			{
				service: 'default/c',
				change: 'changed',
				fields: [],
				endpoints: [
					{ endpoint: 'e0', change: 'changed', fields: [{ path: 'url', before: 'http://one', after: 'http://else' }] },
					{ endpoint: 'e1', change: 'removed', fields: [] },
					{
						endpoint: 'leased',
						change: 'changed',
						fields: [{ path: 'labels["app.example/zone"]', before: 'x', after: 'y' }],
					},
				],
			},
		])
	})
})

describe('of random changes', () => {
	it('the effect is empty exactly where no part differs, and names every virtual host and service whose parts do', () => {
		let empty = 0
		let some = 0
		for (let seed = 1; seed <= 60; seed++) {
			const random = seeded(seed)
			const mesh = memoryMesh()
			for (let step = 0; step < 15; step++) {
				const before = mesh.parts()
				if (random() < 0.8) mesh.apply(randomChange(random, mesh.keys()), step)
				else mesh.lease(randomServiceName(random), random() < 0.2 ? undefined : randomEndpoints(random))
				const after = mesh.parts()
				const changes = changesBetween(before, after)
				const effect = effectOf(changes, after)
				const patterns = new Set(changes.flatMap(({ name }) => patternOf(name) ?? []))
				const services = changes.flatMap(({ name }) => (name.startsWith('service/') ? [name.slice(8)] : []))
				const where = `seed ${seed}, step ${step}`
				expect(
					effect.virtualHosts.map(({ pattern }) => pattern),
					where,
				).toEqual([...patterns].sort())
				expect(
					effect.services.map((each) => each.service),
					where,
				).toEqual(services.sort())
				expect(JSON.stringify(effect), where).not.toContain('instructions')
				if (changes.length === 0) expect(effect, where).toEqual(nothing)
				changes.length === 0 ? empty++ : some++
			}
		}
		expect(Math.min(empty, some)).toBeGreaterThan(50)
	})
})
