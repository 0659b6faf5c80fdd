/** What an explanation tells of hosts, backends and endpoints, and in what order. */
import { describe, expect, it } from 'vitest'
import { MESH_PART } from '../../../src/names.ts'
import { fakeProxy, shop } from '../proxy/fakeProxy.ts'
import { fakeReplica, head, service } from '../proxy/knowledge/fakeReplica.ts'
import { CLIENT, explained, explainOn, stageOf, to } from './explained.ts'

describe('a plain request', () => {
	it('passes every stage of the data path, in its order', async () => {
		const explanation = await explained(shop, 'http://shop.test/cart?x=1')
		expect(explanation).toMatchObject({
			revision: 1,
			percent: 100,
			outcome: 'The request goes to d/web (1 endpoint)',
			outcomes: [{ percent: 100, rule: 'default/shop/0', outcome: 'sent', service: 'd/web', endpoints: 1 }],
			rule: { name: 'default/shop/0', route: 'default/shop', match: { path: { type: 'PathPrefix', value: '/' } } },
			nearMisses: [],
			edits: {
				request: [
					{
						...{ service: 'd/web', url: 'http://web1.test/cart?x=1', forwardedHost: 'shop.test', headersSet: {} },
						...{ headersRemoved: [], headersAdded: { 'x-forwarded-for': CLIENT, traceparent: 'a new trace' } },
					},
				],
				response: [],
			},
		})
		expect(explanation.stages.map(({ stage, verdict }) => `${stage} ${verdict}`)).toEqual([
			'host passed',
			'match passed',
			'session skipped',
			'pick passed',
			'authenticate skipped',
			'authorize skipped',
			'filter skipped',
			'backendFilter skipped',
			'mirrors skipped',
			'forward passed',
			'response skipped',
		])
	})

	it('is told the same way each time', async () => {
		const replica = fakeReplica()
		replica.change(to({ weight: 3, service: 'd/web' }, { weight: 1, service: 'd/other' }))
		const ask = () => explainOn(replica, new Request('http://h.test/'))
		expect(await ask()).toEqual(await ask())
	})

	it('to a Service without routes goes to it as usual', async () => {
		const explanation = await explained(
			{ ...head('web.mesh.test', 'd/web'), ...service('d/web', { id: 'w' }) },
			'http://web.mesh.test/',
		)
		expect(explanation).toMatchObject({ rule: { name: '' }, outcome: 'The request goes to d/web (1 endpoint)' })
	})
})

describe('backends', () => {
	it('are told with their odds, and with what becomes of the requests for each', async () => {
		const detail = 'spec.rules[0].backendRefs[1]: Service default/x not found'
		const explanation = await explained(
			to({ weight: 4, service: 'd/web' }, { weight: 1, invalid: detail }, { weight: 0, service: 'd/other' }),
			'http://h.test/',
		)
		expect(explanation.outcome).toBe(`80 % go to d/web (2 endpoints), 20 % are refused with 500: ${detail}`)
		expect(stageOf(explanation, 'pick')).toMatchObject({
			verdict: 'divided',
			backends: [
				{ service: 'd/web', weight: 4, percent: 80, endpointCount: 2 },
				{ weight: 1, percent: 20, refusal: { reason: 'invalid_backend', status: 500, detail, owner: 'config' } },
				{ service: 'd/other', weight: 0, percent: 0 },
			],
		})
	})

	it('show the share of each endpoint, and not those that take nothing', async () => {
		const endpoints = service('d/web', { id: 'a', weight: 3 }, { id: 'b' }, { id: 'c', weight: 0 })
		const explanation = await explained({ ...to({ weight: 1, service: 'd/web' }), ...endpoints }, 'http://h.test/')
		expect(stageOf(explanation, 'pick')!.backends[0]!.endpoints).toEqual([
			{ id: 'a', url: 'http://a.test', percent: 75 },
			{ id: 'b', url: 'http://b.test', percent: 25 },
		])
	})

	it('of many endpoints show the first twenty', async () => {
		const many = service('d/web', ...Array.from({ length: 50 }, (_, i) => ({ id: `e${i}` })))
		const [backend] = stageOf(await explained({ ...shop, ...many }, 'http://shop.test/'), 'pick')!.backends
		expect(backend).toMatchObject({ endpointCount: 50 })
		expect(backend!.endpoints).toHaveLength(20)
	})

	it.each([
		['nobody has heard of', to({ weight: 1, service: 'd/nowhere' }), 'd/nowhere'],
		['without endpoints', { ...to({ weight: 1, service: 'd/web' }), ...service('d/web') }, 'd/web'],
	])('that %s are refused as the data path does', async (_, parts, name) => {
		const detail = `Service ${name} has no endpoint that takes traffic`
		expect((await explained(parts, 'http://h.test/')).outcomes).toEqual([
			{
				...{ percent: 100, rule: 'default/r/0', outcome: 'refused' },
				refusal: { reason: 'no_endpoint', status: 503, detail, owner: 'capacity' },
			},
		])
	})
})

describe('hosts', () => {
	it('that are unknown are refused, with the way out that the mesh could open', async () => {
		const explanation = await explained(shop, new Request('https://api.example.com/', { method: 'HEAD' }))
		expect(explanation.stages).toMatchObject([
			{ stage: 'host', verdict: 'refused', refusal: { reason: 'unknown_host', status: 404 } },
		])
		expect(explanation.outcome).toMatch(/^The request is refused with 404: no Service .* Mesh\.spec\.egress: allowAny$/)
	})

	it.each(['http://nobody.mesh.test/', 'http://10.0.0.1/'])(
		'%s could not be let out, and nobody says so',
		async (url) => {
			const { outcomes } = await explained(shop, url)
			expect(outcomes).toMatchObject([{ outcome: 'refused', refusal: { reason: 'unknown_host' } }])
			expect(JSON.stringify(outcomes)).not.toContain('hint')
		},
	)

	it('that are unknown and let out are told as they leave', async () => {
		const open = { [MESH_PART]: { kind: 'mesh', egress: 'allowAny', defaultAccess: 'open' } as const }
		const request = new Request('https://api.example.com/v1?a=b', { headers: { 'cf-connecting-ip': CLIENT } })
		const explanation = await explained(open, request)
		expect(explanation).toMatchObject({
			outcomes: [{ percent: 100, outcome: 'passedThrough', to: 'https://api.example.com' }],
			edits: { request: [{ url: 'https://api.example.com/v1?a=b', headersRemoved: ['cf-connecting-ip'] }] },
		})
		expect(explanation.edits!.request[0]).not.toHaveProperty('forwardedHost')
	})

	it('that are none are refused', async () => {
		expect((await explained(shop, 'http://a,b.test/')).outcomes).toMatchObject([
			{ refusal: { reason: 'malformed_url', status: 400 } },
		])
	})
})

it('an explanation leaves the isolates that serve alone', async () => {
	const proxy = fakeProxy()
	proxy.replica.change(shop)
	await explainOn(proxy.replica, new Request('http://shop.test/'))
	expect(proxy.sent).toEqual([])
	expect(proxy.knowledge.table.held.size).toBe(0)
})
