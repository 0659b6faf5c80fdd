/** What it costs a region's replica that look-ups bring along whatever else has changed. */
import { describe, expect, it } from 'vitest'
import { aSecondOn, reached, shop, until, warm } from '../fakeProxy.ts'
import { head, service, slice } from './fakeReplica.ts'

describe('what look-ups cost the replica', () => {
	const others = Array.from({ length: 20 }, (_, i) => `o${i}`)
	const parts = Object.assign(
		{},
		...others.map((id) => ({
			...head(`${id}.test`),
			...slice(`${id}.test`, id, `d/${id}`),
			...service(`d/${id}`, { id }),
		})),
	)

	it('all that is held is reloaded once for a crowd of them', async () => {
		const proxy = await warm({ ...shop, ...parts })
		await aSecondOn(proxy)
		proxy.replica.startAnew('second')
		proxy.replica.loads.length = 0
		const crowd = await Promise.all(others.map((id) => proxy.start(`http://${id}.test/`)))
		expect(crowd.map(({ status }) => status)).toEqual(others.map(() => 200))
		expect(proxy.replica.loads.filter((load) => load.parts?.includes('service/d/web'))).toHaveLength(1)
	})

	it('nobody waits long for a reload that belonged to a request which was cancelled', async () => {
		const proxy = await warm({ ...shop, ...parts })
		proxy.replica.startAnew('second')
		proxy.replica.beforeLoad = () =>
			proxy.replica.loads.at(-1)?.parts?.includes('service/d/web') ? new Promise(() => {}) : undefined
		void proxy.start('http://o0.test/')
		await until(() => proxy.replica.loads.some((load) => load.parts?.includes('service/d/web')))
		proxy.replica.beforeLoad = () => {}
		proxy.replica.patience = () => new Promise((resolve) => setImmediate(resolve))
		expect((await proxy.start('http://o1.test/')).status).toBe(200)
		expect(proxy.knowledge.table.cursor?.epoch).toBe('second')
	})

	it('endpoints that come and go within a revision make nobody ask again', async () => {
		const proxy = await warm({ ...shop, ...parts })
		let n = 0
		const endpointMoves = () => {
			const { revision } = proxy.replica
			proxy.replica.change(service('d/web', { id: `web${n++}` }))
			proxy.replica.revision = revision
		}
		endpointMoves()
		proxy.replica.beforeLoad = endpointMoves
		proxy.replica.loads.length = 0
		proxy.now += 1_000
		await proxy.get('http://shop.test/')
		expect(proxy.replica.loads).toHaveLength(1)
		proxy.replica.beforeLoad = () => {}
		await aSecondOn(proxy)
		expect(await reached(proxy)).toBe(`web${n - 1}.test`)
	})
})
