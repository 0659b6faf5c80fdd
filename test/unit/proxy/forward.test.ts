/** One attempt at an endpoint, and what comes back. */
import { describe, expect, it } from 'vitest'
import { verdict, warm } from './fakeProxy.ts'

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
			during = state.inFlight
			if (way === 'fails') throw new Error('lost')
			return new Response()
		}
		await proxy.get('http://shop.test/')
		expect([during, state.inFlight]).toEqual([1, 0])
	})
})

it('loses the fields that the endpoint meant for one hop', async () => {
	const proxy = await warm()
	proxy.answer = () => new Response('x', { headers: { connection: 'x-hop', 'x-hop': '1', 'x-a': '1' } })
	const { headers } = await proxy.get('http://shop.test/')
	expect([headers.get('x-hop'), headers.get('x-a')]).toEqual([null, '1'])
	expect(await verdict(proxy.get('http://shop.test/'))).toBe(200)
})
