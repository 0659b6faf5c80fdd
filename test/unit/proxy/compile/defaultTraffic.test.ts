/** How services are treated that no TrafficPolicy speaks of. */
import { describe, expect, it } from 'vitest'
import { head, service } from '../knowledge/fakeReplica.ts'
import { answers, loses, type TimedProxy, timed } from '../timedProxy.ts'

const plain = (...ids: readonly string[]) =>
	timed({ ...head('h.test', 'd/s'), ...service('d/s', ...ids.map((id) => ({ id }))) } as Parameters<typeof timed>[0])
const requestsOf = (proxy: TimedProxy, id: string) => proxy.sent.filter(({ endpoint }) => endpoint === id).length

describe('without any policy', () => {
	it('a dead endpoint costs nobody an error, and after five lost connections it is left alone for half a minute', async () => {
		const proxy = await plain('a', 'b', 'c')
		proxy.behave = ({ endpoint }) => (endpoint === 'a' ? loses(1) : answers(5))
		for (let i = 0; i < 300; i++) expect((await proxy.get()).status).toBe(200)
		expect(requestsOf(proxy, 'a')).toBe(5)
		await proxy.pass(34_000)
		proxy.sent.length = 0
		for (let i = 0; i < 100; i++) expect((await proxy.get()).status).toBe(200)
		expect(requestsOf(proxy, 'a')).toBe(1)
	})

	it('endpoints that answer 5xx are not ejected: the service has spoken', async () => {
		const proxy = await plain('a', 'b')
		proxy.behave = ({ endpoint }) => answers(5, endpoint === 'a' ? 500 : 200)
		for (let i = 0; i < 200; i++) await proxy.get()
		expect(requestsOf(proxy, 'a')).toBeGreaterThan(60)
	})

	it('an endpoint that asks for less gets less', async () => {
		const proxy = await plain('a', 'b')
		proxy.behave = ({ endpoint }) => answers(5, endpoint === 'a' ? 429 : 200, { 'retry-after': '30' })
		for (let i = 0; i < 200; i++) await proxy.get()
		expect(requestsOf(proxy, 'a')).toBeLessThan(40)
	})

	it('nothing is limited, hedged or timed', async () => {
		const proxy = await plain('a', 'b')
		proxy.behave = () => answers(60_000)
		for (let i = 0; i < 500; i++) void proxy.start()
		await proxy.pass(59_000)
		expect(proxy.sent.map(({ timeoutMs }) => timeoutMs)).toEqual(Array.from({ length: 500 }, () => undefined))
	})

	it('a request goes to the endpoint that has fewer under way', async () => {
		const proxy = await plain('a', 'b')
		proxy.behave = ({ endpoint }) => (endpoint === 'a' ? answers(1_000) : answers(10))
		for (let i = 0; i < 300; i++) {
			void proxy.start()
			await proxy.pass(20)
		}
		expect(requestsOf(proxy, 'b')).toBeGreaterThan(200)
	})
})
