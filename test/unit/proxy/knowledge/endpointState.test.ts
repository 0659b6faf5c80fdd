/** What an isolate has learnt about endpoints, over changes of the snapshot. */
import { describe, expect, it } from 'vitest'
import { type EndpointStates, reconcile } from '../../../../src/proxy/knowledge/endpointState.ts'
import { aSecondOn, warm } from '../fakeProxy.ts'
import { gone, service, slice } from './fakeReplica.ts'

const NOW = 1_000

describe('the state of an endpoint', () => {
	it('survives while the endpoint does, and vanishes with it', () => {
		const states: EndpointStates = new Map()
		const before = reconcile(states, 'd/s', ['a', 'b'], () => 0, NOW)
		before.endpoints.get('a')!.load.inFlight = 3
		const after = reconcile(states, 'd/s', ['c', 'a'], () => 0, NOW)
		expect([...after.endpoints].map(([id, { load }]) => [id, load.inFlight])).toEqual([
			['a', 3],
			['c', 0],
		])
		expect(after).toBe(before)
		reconcile(states, 'd/s', ['c'], () => 0, NOW)
		expect(reconcile(states, 'd/s', ['a'], () => 0, NOW).endpoints.get('a')!.load.inFlight).toBe(0)
	})

	it('belongs to its service: equal ids elsewhere are other endpoints', () => {
		const states: EndpointStates = new Map()
		reconcile(states, 'd/s', ['a'], () => 0, NOW).endpoints.get('a')!.load.inFlight = 1
		expect(reconcile(states, 'd/t', ['a'], () => 0, NOW).endpoints.get('a')!.load.inFlight).toBe(0)
	})

	it('counts a request under way through a new snapshot, and is even when it is answered', async () => {
		const proxy = await warm()
		let answer = (_: Response) => {}
		proxy.answer = () => new Promise((resolve) => (answer = resolve))
		const slow = proxy.start('http://shop.test/')
		await new Promise(setImmediate)
		const inFlight = () => proxy.knowledge.table.states.get('d/web')?.endpoints.get('web1')?.load.inFlight
		expect(inFlight()).toBe(1)
		const arrived = answer
		proxy.answer = () => new Response('ok')
		proxy.replica.change(service('d/web', { id: 'web1', weight: 5 }, { id: 'web2' }))
		await aSecondOn(proxy)
		expect(inFlight()).toBe(1)
		arrived(new Response('late'))
		await slow
		expect(inFlight()).toBe(0)
	})

	it('is forgotten with its service', async () => {
		const proxy = await warm()
		proxy.replica.change({ ...gone(service('d/web')), ...gone(slice('shop.test', 'shop', '')) })
		await aSecondOn(proxy)
		expect(proxy.knowledge.table.states.size).toBe(0)
	})
})
