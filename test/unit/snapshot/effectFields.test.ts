/** Every field of a part that decides about traffic shows in the effect; secrets never do; and no effect is too long to answer. */
import { describe, expect, it } from 'vitest'
import { type Effect, MAX_ENTRIES } from '../../../src/snapshot/effect/effect.ts'
import type { PartBody, RouteSlice, Rule, ServiceTarget } from '../../../src/snapshot/snapshot.ts'
import { effectOf, nothing, ofMesh } from './effectOf.ts'

const aRule: Rule = {
	name: 'default/r/0',
	matches: [{ path: { type: 'PathPrefix', value: '' } }],
	backends: [{ weight: 1, service: 'default/a' }],
}
const slice = (rule: Partial<Rule>, more: Partial<RouteSlice> = {}): RouteSlice => ({
	...{ kind: 'routeSlice', route: 'default/r', createdAt: 0, hostnames: [] },
	rules: [{ ...aRule, ...rule }],
	...more,
})
const fieldsBetween = (before: RouteSlice, after: RouteSlice) =>
	effectOf([{ name: 'virtualHost/h/default/r', before, after }]).virtualHosts[0]?.rules[0]?.fields

describe('of a rule are compared', () => {
	const retry = { attempts: 1, codes: [503], backoffMs: 25, methods: [], maxBodyBytes: 65_536 }
	const session = { type: 'Cookie', name: 's', permanent: false, path: '/' } as const
	const fault = (share: number) => ({ faults: [{ abort: { status: 503, share } }] })
	it.each<[string, RouteSlice, RouteSlice, object[]]>([
		[
			'its filters',
			slice({ filters: fault(0.1) }),
			slice({ filters: fault(1) }),
			[{ path: 'filters.faults[0].abort.share', before: 0.1, after: 1 }],
		],
		[
			'a filter that comes',
			slice({}),
			slice({ filters: fault(1) }),
			[{ path: 'filters', before: null, after: fault(1) }],
		],
		[
			'a filter that cannot be followed',
			slice({ filters: { redirect: { statusCode: 301 } } }),
			slice({ filters: { invalid: 'gone' } }),
			[
				{ path: 'filters.redirect', before: { statusCode: 301 }, after: null },
				{ path: 'filters.invalid', before: null, after: 'gone' },
			],
		],
		[
			'header edits, as fields are written',
			slice({ filters: { requestHeaders: { set: [['x-a', '1']] } } }),
			slice({ filters: { requestHeaders: { set: [['x-a', '2']] } } }),
			[{ path: 'filters.requestHeaders.set', before: ['x-a: 1'], after: ['x-a: 2'] }],
		],
		[
			"a backend's own filters, where the split stays",
			slice({ backends: [{ weight: 1, service: 'default/a', filters: { rewrite: { hostname: 'x' } } }] }),
			slice({ backends: [{ weight: 1, service: 'default/a', filters: { rewrite: { hostname: 'y' } } }] }),
			[{ path: 'backends[0].filters.rewrite.hostname', before: 'x', after: 'y' }],
		],
		[
			'its timeouts',
			slice({ timeouts: { requestMs: 1_000 } }),
			slice({ timeouts: { requestMs: 2_000, backendRequestMs: 500 } }),
			[
				{ path: 'timeouts.requestMs', before: 1_000, after: 2_000 },
				{ path: 'timeouts.backendRequestMs', before: null, after: 500 },
			],
		],
		[
			'its retries',
			slice({ retry }),
			slice({ retry: { ...retry, attempts: 3, codes: [500, 503] } }),
			[
				{ path: 'retry.attempts', before: 1, after: 3 },
				{ path: 'retry.codes', before: [503], after: [500, 503] },
			],
		],
		['its sessions', slice({ session }), slice({}), [{ path: 'session', before: session, after: null }]],
		[
			'whom else it asks for',
			slice({ only: [{ share: 0.5 }] }),
			slice({ only: [{ share: 0.5, sources: [{ namespace: 'x' }] }] }),
			[{ path: 'only[0].sources', before: null, after: [{ namespace: 'x' }] }],
		],
		[
			'the hosts, callers and ports that it is for, and the ports that its redirects name',
			slice({}, { hostnames: ['a.test'] }),
			slice({}, { callerNamespace: 'x', servicePorts: [80], ports: { http: 8080 } }),
			[
				{ path: 'hostnames', before: ['a.test'], after: null },
				{ path: 'callerNamespace', before: null, after: 'x' },
				{ path: 'servicePorts', before: null, after: [80] },
				{ path: 'ports', before: null, after: { http: 8080 } },
			],
		],
		[
			'its age, by which it wins or loses against an equal one',
			slice({}),
			slice({}, { createdAt: 86_400_000 }),
			[{ path: 'createdAt', before: '1970-01-01T00:00:00.000Z', after: '1970-01-02T00:00:00.000Z' }],
		],
	])('%s', (_, before, after, fields) => {
		expect(fieldsBetween(before, after)).toEqual(fields)
	})

	it('long texts by their beginnings', () => {
		const answer = (body: string) => slice({ filters: { directResponse: { status: 200, headers: [], body } } })
		const [field] = fieldsBetween(answer('a'.repeat(16_000)), answer('b'))!
		expect(field).toEqual({
			path: 'filters.directResponse.body',
			before: `${'a'.repeat(500)}… (16000 characters)`,
			after: 'b',
		})
	})
})

describe('a credential', () => {
	const target = (credential?: ServiceTarget['credential']): ServiceTarget => ({
		...{ kind: 'service', service: 'default/s', endpoints: [] },
		...(credential && { credential }),
	})
	const bearer = (secret: string) =>
		target({ in: 'header', name: 'authorization', value: { before: 'Bearer ', secret, basic: { username: secret } } })
	it.each<[string, ServiceTarget | null, ServiceTarget | null, object[]]>([
		[
			'that comes is told by its place',
			target(),
			bearer('s3cret-1'),
			[{ path: 'credential', before: null, after: { in: 'header', name: 'authorization' } }],
		],
		[
			'that changes is told as another',
			bearer('s3cret-1'),
			bearer('s3cret-2'),
			[{ path: 'credential.value', before: 'secret', after: 'another secret' }],
		],
		[
			'that cannot be added any more is told with the reason',
			bearer('s3cret-1'),
			target({ invalid: 'Secret x not found' }),
			[
				{ path: 'credential.in', before: 'header', after: null },
				{ path: 'credential.name', before: 'authorization', after: null },
				{ path: 'credential.invalid', before: null, after: 'Secret x not found' },
			],
		],
		[
			'of a new service is told by its place',
			null,
			bearer('s3cret-1'),
			[{ path: 'credential', before: null, after: { in: 'header', name: 'authorization' } }],
		],
		['of a service that goes is not told', bearer('s3cret-1'), null, []],
	])('%s, and never shown', (_, before, after, fields) => {
		const effect = effectOf([{ name: 'service/default/s', before, after }])
		expect(JSON.stringify(effect)).not.toContain('s3cret')
		expect(effect.services[0]!.fields).toEqual(fields)
	})
})

it('a part that says the same in another order of fields has no effect', () => {
	const endpoint = { id: 'e', url: 'http://e', weight: 1 }
	const service: ServiceTarget = { kind: 'service', service: 'default/s', endpoints: [endpoint] }
	const reordered: ServiceTarget = { endpoints: [endpoint], service: 'default/s', kind: 'service' }
	const { rules, ...rest } = slice({})
	expect(
		effectOf([
			{ name: 'service/default/s', before: service, after: reordered },
			{ name: 'virtualHost/h/default/r', before: slice({}), after: { rules, ...rest } },
		]),
	).toEqual(nothing)
})

it('what holds for the whole mesh is told by itself', () => {
	const mesh = (egress: 'registryOnly' | 'allowAny'): PartBody => ({ ...ofMesh, egress })
	expect(effectOf([{ name: 'mesh', before: mesh('registryOnly'), after: mesh('allowAny') }])).toEqual({
		...nothing,
		mesh: [{ path: 'egress', before: 'registryOnly', after: 'allowAny' }],
	})
	const added = effectOf([{ name: 'mesh', before: null, after: ofMesh }]).mesh
	expect(added.map(({ path, after }) => [path, after].join(' '))).toEqual(['egress registryOnly', 'defaultAccess open'])
})

describe('what policies ask for', () => {
	const namespace = (name: string, panicShare: number): PartBody => ({
		...{ kind: 'namespace', namespace: name },
		traffic: { panicShare, balancer: { type: 'Random' } },
	})

	it('is told of a namespace, section by section, in order of name', () => {
		const changes = [
			{ name: 'namespace/shop', before: namespace('shop', 0.5), after: namespace('shop', 0.1) },
			{ name: 'namespace/ops', before: null, after: namespace('ops', 0.5) },
			{ name: 'namespace/gone', before: namespace('gone', 0.5), after: null },
			{ name: 'namespace/same', before: namespace('same', 0.5), after: namespace('same', 0.5) },
		]
		expect(effectOf(changes)).toEqual({
			...nothing,
			namespaces: [
				{ namespace: 'gone', change: 'removed', fields: [] },
				{
					...{ namespace: 'ops', change: 'added' },
					fields: [
						{ path: 'panicShare', before: null, after: 0.5 },
						{ path: 'balancer', before: null, after: { type: 'Random' } },
					],
				},
				{ namespace: 'shop', change: 'changed', fields: [{ path: 'panicShare', before: 0.5, after: 0.1 }] },
			],
		})
	})

	it('is told of rules, services and the mesh by field', () => {
		const limits = (maxInFlight: number) => ({ traffic: { limits: { maxInFlight } } })
		const service = (most: number): ServiceTarget => ({
			...{ kind: 'service', service: 'default/s', endpoints: [] },
			...limits(most),
		})
		const mesh = (most: number): PartBody => ({ ...ofMesh, ...limits(most) })
		const fields = [{ path: 'traffic.limits.maxInFlight', before: 1, after: 2 }]
		const changes = [
			{ name: 'service/default/s', before: service(1), after: service(2) },
			{ name: 'mesh', before: mesh(1), after: mesh(2) },
			{ name: 'virtualHost/h/default/r', before: slice(limits(1)), after: slice(limits(2)) },
		]
		expect(effectOf(changes)).toMatchObject({
			services: [{ service: 'default/s', change: 'changed', fields }],
			mesh: fields,
			virtualHosts: [{ rules: [{ rule: 'default/r/0', change: 'changed', fields }] }],
		})
	})

	it('is told of who may call, field by field, wherever it is said', () => {
		const peers = (mode: 'STRICT' | 'DISABLE') => ({ peers: { mode, methods: ['JWTSVID' as const] } })
		const service = (mode: 'STRICT' | 'DISABLE'): PartBody => ({
			...{ kind: 'service', service: 'default/s', endpoints: [] },
			...peers(mode),
		})
		const mesh = (mode: 'STRICT' | 'DISABLE'): PartBody => ({ ...ofMesh, ...peers(mode) })
		const ofShop = (said: object): PartBody => ({ kind: 'namespace', namespace: 'shop', ...said })
		const fields = [{ path: 'peers.mode', before: 'STRICT', after: 'DISABLE' }]
		const changes = [
			{ name: 'service/default/s', before: service('STRICT'), after: service('DISABLE') },
			{ name: 'mesh', before: mesh('STRICT'), after: mesh('DISABLE') },
			{ name: 'namespace/shop', before: ofShop(peers('STRICT')), after: ofShop(peers('DISABLE')) },
		]
		expect(effectOf(changes)).toMatchObject({
			services: [{ service: 'default/s', change: 'changed', fields }],
			mesh: fields,
			namespaces: [{ namespace: 'shop', change: 'changed', fields }],
		})
		const traffic = { traffic: { panicShare: 0.5 } }
		const added = { name: 'namespace/shop', before: ofShop(traffic), after: ofShop({ ...traffic, ...peers('STRICT') }) }
		expect(effectOf([added]).namespaces).toEqual([
			{
				...{ namespace: 'shop', change: 'changed' },
				fields: [{ path: 'peers', before: null, after: { mode: 'STRICT', methods: ['JWTSVID'] } }],
			},
		])
	})

	it('is left out where there is too much of it, and the effect says so', () => {
		const changes = Array.from({ length: MAX_ENTRIES + 1 }, (_, i) => ({
			...{ name: `namespace/n${i}`, before: null },
			after: namespace(`n${i}`, 0.5),
		}))
		const effect = effectOf(changes)
		expect([effect.namespaces?.length, effect.truncated]).toEqual([MAX_ENTRIES, true])
	})
})

describe('an effect on very much', () => {
	const shownIn = ({ virtualHosts, services }: Effect) =>
		virtualHosts.length +
		services.length +
		[...virtualHosts.flatMap(({ rules }) => rules), ...services.flatMap(({ endpoints }) => endpoints)].length

	it.each([MAX_ENTRIES - 1, MAX_ENTRIES])('shows a thousand entries and counts all: a host with %i rules', (n) => {
		const rules = Array.from({ length: n }, (_, i) => ({ ...aRule, name: `r/${i}` }))
		const effect = effectOf([{ name: 'virtualHost/h/default/r', before: null, after: slice({}, { rules }) }])
		expect(effect.counts).toEqual({ ...nothing.counts, virtualHosts: 1, rules: n })
		expect([shownIn(effect), effect.truncated]).toEqual([MAX_ENTRIES, n === MAX_ENTRIES])
	})

	it('stays small whatever its fields hold', () => {
		const body = 'x'.repeat(16_000)
		const set = Array.from({ length: 16 }, (_, i): [string, string] => [`x-${i}`, body])
		const changes = Array.from({ length: 2_000 }, (_, i) => ({
			name: `virtualHost/${i}.test/default/r`,
			before: null,
			after: slice({ filters: { requestHeaders: { set } } }),
		}))
		const effect = effectOf(changes)
		expect(JSON.stringify(effect).length).toBeLessThan(1_200_000)
		expect(effect).toMatchObject({ truncated: true, counts: { virtualHosts: 2_000, rules: 2_000 } })
		const many = Array.from({ length: 5_000 }, (_, i) => ({ id: `e${i}`, url: 'http://x', weight: 1 }))
		const service: ServiceTarget = { kind: 'service', service: 'default/s', endpoints: many }
		const ofService = effectOf([{ name: 'service/default/s', before: null, after: service }])
		expect([shownIn(ofService), ofService.counts.endpoints, ofService.truncated]).toEqual([MAX_ENTRIES, 5_000, true])
	})
})
