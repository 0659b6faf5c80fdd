/** POST /v1/explain over HTTP: who may ask, what is refused and which field is named, and what a good question is answered. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Explanation } from '../../../src/explain/explanation.ts'
import type { SnapshotReplicaPort } from '../../../src/ports.ts'
import { DOMAIN, type FakeReplica, fakeReplica, head, rule, service, slice } from '../proxy/knowledge/fakeReplica.ts'
import { type Ask, asker, createWorld, meshOf, type tokens } from './fakeMesh.ts'

let replica: FakeReplica
let ask: Ask
/** Regions whose replicas were asked. */
let regions: string[]

beforeEach(async () => {
	replica = fakeReplica()
	regions = []
	const mesh = meshOf(await createWorld(), { meshDomain: DOMAIN })
	const load: SnapshotReplicaPort['load'] = (region, request) => {
		regions.push(region)
		return replica.controlPlane.load(request)
	}
	const sync: SnapshotReplicaPort['sync'] = (region, cursor) => {
		regions.push(region)
		return replica.controlPlane.sync(cursor)
	}
	ask = asker({ ...mesh, replica: () => ({ load, sync }) as SnapshotReplicaPort })
	const only = [{ sources: [{ namespace: 'inner', workload: 'cart' }] }]
	replica.change({
		...head('shop.test'),
		...slice('shop.test', 'shop', [
			{ ...rule('default/shop/inner', '', 'd/inner'), only },
			rule('default/shop/all', '', 'd/web'),
		]),
		...service('d/web', { id: 'web1' }),
		...service('d/inner', { id: 'inner1' }),
	})
})

const json = { 'content-type': 'application/json' }
const post = (body: unknown, as: keyof typeof tokens | null = 'viewer') =>
	ask('POST', '/v1/explain', { as, headers: json, body: JSON.stringify(body) })
async function explained(body: object): Promise<Explanation & { region: string }> {
	const response = await post(body)
	expect(response.status).toBe(200)
	return (await response.json()) as Explanation & { region: string }
}

it('needs a token, and the least role will do', async () => {
	expect((await post({ url: 'http://shop.test/' }, null)).status).toBe(401)
	expect((await post({ url: 'http://shop.test/' }, 'viewer')).status).toBe(200)
})

describe('a good question', () => {
	it('is answered from the replica of the region that it is asked in', async () => {
		expect(await explained({ url: 'http://shop.test/a?b=c' })).toMatchObject({
			...{ region: 'local', revision: 1, outcome: 'The request goes to d/web (1 endpoint)' },
			rule: { name: 'default/shop/all' },
			edits: { request: [{ url: 'http://web1.test/a?b=c', forwardedHost: 'shop.test' }] },
			nearMisses: [{ rule: 'default/shop/inner', failed: [{ condition: 'source', wanted: 'inner/cart' }] }],
		})
		expect(new Set(regions)).toEqual(new Set(['local']))
	})

	it('may say who asks, and from where', async () => {
		const body = {
			...{ method: 'POST', url: 'https://shop.test/', source: { namespace: 'inner', workload: 'cart' } },
			...{ headers: { 'X-A': ['1', '2'], 'content-length': '5' }, clientAddress: '2001:db8::1' },
		}
		const { rule: found, edits } = await explained(body)
		expect(found?.name).toBe('default/shop/inner')
		expect(edits!.request[0]!.headersAdded).toMatchObject({
			'x-forwarded-for': '2001:db8::1',
			forwarded: 'for="[2001:db8::1]";host=shop.test;proto=https',
		})
	})

	it('about a host that nobody registered is answered too', async () => {
		expect(await explained({ url: 'https://example.com/' })).toMatchObject({
			outcomes: [
				{ refusal: { reason: 'unknown_host', status: 404, hint: expect.stringContaining('Mesh.spec.egress') } },
			],
		})
	})
})

describe('a question that makes no sense is refused, and the field named:', () => {
	it.each([
		['url', {}],
		['url', { url: '/only/a/path' }],
		['url', { url: 'ftp://shop.test/' }],
		['url', { url: 'http://user:secret@shop.test/' }],
		['url', { url: 'http://shop.test/#part' }],
		['url', { url: 'http://[::1/' }],
		['method', { url: 'http://shop.test/', method: 'get' }],
		['method', { url: 'http://shop.test/', method: 'CONNECT' }],
		['headers["a b"]', { url: 'http://shop.test/', headers: { 'a b': '1' } }],
		['headers.x', { url: 'http://shop.test/', headers: { x: 'a\r\nb: c' } }],
		['headers.x', { url: 'http://shop.test/', headers: { x: 1 } }],
		['headers.Host', { url: 'http://shop.test/', headers: { Host: 'other.test' } }],
		['headers.cf-connecting-ip', { url: 'http://shop.test/', headers: { 'cf-connecting-ip': '1.1.1.1' } }],
		[
			'headers',
			{ url: 'http://shop.test/', headers: Object.fromEntries(Array.from({ length: 200 }, (_, i) => [i, ''])) },
		],
		['source.workload', { url: 'http://shop.test/', source: { namespace: 'n' } }],
		['source.namespace', { url: 'http://shop.test/', source: { namespace: 'N', workload: 'w' } }],
		['clientAddress', { url: 'http://shop.test/', clientAddress: 'localhost' }],
		['verb', { url: 'http://shop.test/', verb: 'GET' }],
	])('%s in %j', async (path, body) => {
		const response = await post(body)
		expect(response.status).toBe(400)
		const { errors } = (await response.json()) as { errors: { path: string }[] }
		expect(errors.map((error) => error.path)).toEqual([path])
		expect(regions).toEqual([])
	})
})

describe('a replica that cannot be reached', () => {
	it.each(['beforeLoad', 'beforeSync'] as const)(
		'is no explanation: the client is told to ask again (%s)',
		async (when) => {
			replica[when] = () => {
				throw Object.assign(new Error('lost'), { retryable: true })
			}
			const response = await post({ url: 'http://shop.test/' })
			expect([response.status, response.headers.get('retry-after')]).toEqual([503, '1'])
		},
	)

	it('and hangs holds up only so many questions at once', async () => {
		let open = () => {}
		const opened = new Promise<void>((resolve) => {
			open = resolve
		})
		replica.beforeLoad = () => opened
		const asked = Array.from({ length: 8 }, () => post({ url: 'http://shop.test/' }))
		while (replica.loads.length < 8) await new Promise(setImmediate)
		expect((await post({ url: 'http://shop.test/' })).status).toBe(503)
		open()
		expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(Array(8).fill(200))
		expect((await post({ url: 'http://shop.test/' })).status).toBe(200)
	})
})
