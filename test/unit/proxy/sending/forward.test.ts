/** One attempt at an endpoint, and what comes back. */
import { describe, expect, it } from 'vitest'
import type { Credential } from '../../../../src/snapshot/snapshot.ts'
import { shop, verdict, warm } from '../fakeProxy.ts'
import { service } from '../knowledge/fakeReplica.ts'

describe('an endpoint', () => {
	it('that answers is answered with: the very same response', async () => {
		const proxy = await warm()
		const answer = new Response('hello', { status: 418, headers: { 'x-a': '1' } })
		proxy.answer = () => answer
		expect(await proxy.get('http://shop.test/')).toBe(answer)
	})

	it.each([301, 302, 307, 308])('that answers %i is not followed', async (status) => {
		const proxy = await warm()
		proxy.answer = () => new Response(null, { status, headers: { location: 'http://elsewhere.test/' } })
		const response = await proxy.get('http://shop.test/')
		expect([response.status, response.headers.get('location')]).toEqual([status, 'http://elsewhere.test/'])
		expect(proxy.sent.length).toBe(2)
	})

	it.each([
		[new Error('Network connection lost.'), 'endpoint web1: Network connection lost.'],
		[
			new Error('internal error; reference = 1234secret'),
			'endpoint web1: the address cannot be resolved or refuses TLS',
		],
		['a string', 'endpoint web1: a string'],
		[new Error('x'.repeat(10_000)), `endpoint web1: ${'x'.repeat(200)}`],
	])('that fails is named, with what went wrong, in a line (%#)', async (error, detail) => {
		const proxy = await warm()
		proxy.answer = () => Promise.reject(error)
		const response = await proxy.get('http://shop.test/')
		expect(response.status).toBe(503)
		expect(await response.json()).toMatchObject({ reason: 'upstream_failed', detail })
		expect(proxy.bugs).toEqual([])
	})

	it.each(['answers', 'fails'])('that %s has nothing in flight after', async (way) => {
		const proxy = await warm()
		const state = proxy.knowledge.table.states.get('d/web')!.endpoints.get('web1')!
		let during = 0
		proxy.answer = () => {
			during = state.load.inFlight
			if (way === 'fails') throw new Error('lost')
			return new Response()
		}
		await proxy.get('http://shop.test/')
		expect([during, state.load.inFlight]).toEqual([1, 0])
	})
})

it('loses the fields that the endpoint meant for one hop', async () => {
	const proxy = await warm()
	proxy.answer = () => new Response('x', { headers: { connection: 'x-hop', 'x-hop': '1', 'x-a': '1' } })
	const { headers } = await proxy.get('http://shop.test/')
	expect([headers.get('x-hop'), headers.get('x-a')]).toEqual([null, '1'])
	expect(await verdict(proxy.get('http://shop.test/'))).toBe(200)
})

describe('a service with a secret', () => {
	const withSecret = (credential: Credential) => {
		const part = Object.values(service('d/web', { id: 'web1' }))[0]!
		return warm({ ...shop, 'service/d/web': { ...part, credential } as typeof part })
	}

	it('is not asked without it', async () => {
		const proxy = await withSecret({ invalid: 'spec.credential.bearer.secretRef: Secret d/x not found' })
		const response = await proxy.get('http://shop.test/')
		expect(await response.json()).toMatchObject({
			status: 500,
			reason: 'credential_unavailable',
			detail: 'Service d/web: spec.credential.bearer.secretRef: Secret d/x not found',
		})
		expect(proxy.sent).toEqual([])
	})

	it('is not made to repeat it', async () => {
		const proxy = await withSecret({ in: 'header', name: 'x-key', value: { before: '', secret: 's' } })
		const before = proxy.sent.length
		// Requests of Node cannot be of this method; those of the platform can.
		const trace = Object.defineProperty(new Request('http://shop.test/'), 'method', { value: 'TRACE' })
		expect(await verdict(proxy.get(trace))).toBe('method_refused')
		expect(proxy.sent.length).toBe(before)
	})
})

describe('a native gRPC call', () => {
	const call = (contentType: string) =>
		new Request('http://shop.test/', { method: 'POST', body: 'x', headers: { 'content-type': contentType } })

	it.each(['application/grpc', 'application/grpc+proto', 'application/grpc;charset=x'])(
		'of type %s is told in its own words that it cannot pass',
		async (contentType) => {
			const proxy = await warm()
			const before = proxy.sent.length
			const response = await proxy.get(call(contentType))
			expect([response.status, response.headers.get('content-type'), response.headers.get('grpc-status')]).toEqual([
				200,
				'application/grpc',
				'12',
			])
			expect(response.headers.get('grpc-message')).toContain('use gRPC-Web')
			expect(response.headers.get('proxy-status')).toContain('details="native_grpc"')
			expect(proxy.sent.length).toBe(before)
		},
	)

	it.each(['application/grpc-web', 'application/grpc-web+proto', 'application/grpc-web-text', 'application/json'])(
		'is not one of type %s',
		async (contentType) => {
			expect(await verdict((await warm()).get(call(contentType)))).toBe(200)
		},
	)
})
