import { describe, expect, it } from 'vitest'
import { isMeshError, join } from '../../../src/client/index.ts'
import { until } from '../../until.ts'
import { ADMIN, createWorld, down, json, judged, type World } from './clientWorld.ts'

const ENDPOINT = '/v1/services/default/orders/endpoints/orders-1'
const LEASE = { url: 'https://orders-1.example.com', id: 'orders-1', ttlSeconds: 24 }
const joining = (world: World) => join({ mesh: ADMIN, service: 'orders', token: 't', ...world.platform })
/** Method and what follows the endpoint's path, of each request about it. */
const story = (world: World) =>
	world.asked
		.filter(({ url }) => url.includes(ENDPOINT))
		.map(({ method, url }) => `${method} ${url.slice((ADMIN + ENDPOINT).length)}`.trim())
const settled = (world: World, ms: number) => until(() => world.clock.waiting().some((each) => Math.abs(each - ms) < 1))

async function registered(world = createWorld()) {
	const mesh = await joining(world)
	const registration = await mesh.register(LEASE)
	await settled(world, 8_000)
	return { world, mesh, registration }
}

describe('an endpoint', () => {
	it('is registered in the name of the workload, and kept by a heartbeat every third of its time', async () => {
		const { world, mesh } = await registered()
		const put = world.to(ENDPOINT)[0]!
		expect(put.method).toBe('PUT')
		expect(JSON.parse(put.body)).toEqual({ url: LEASE.url, ttlSeconds: 24 })
		expect(await judged(put, world.clock.now())).toBe('ok')
		for (let beats = 1; beats <= 3; beats++) {
			world.clock.advance(7_999)
			expect(world.to('/heartbeat')).toHaveLength(beats - 1)
			world.clock.advance(1)
			await world.untilAsked('/heartbeat', beats)
			await settled(world, 8_000)
		}
		expect(await judged(world.to('/heartbeat')[2]!, world.clock.now())).toBe('ok')
		await mesh.close({ drainMs: 0 })
	})

	it('gets an id where none is given, another one for each', async () => {
		const world = createWorld()
		const mesh = await joining(world)
		const ids = await Promise.all([1, 2].map(async () => (await mesh.register({ url: LEASE.url })).id))
		expect(new Set(ids).size).toBe(2)
		for (const id of ids) expect(id).toMatch(/^[a-z0-9]{10,22}$/)
	})

	it('that the mesh no longer knows is registered anew', async () => {
		const { world } = await registered()
		world.next('/heartbeat', () => json({}, 404))
		world.clock.advance(8_000)
		await until(() => story(world).length === 3)
		expect(story(world)).toEqual(['PUT', 'POST /heartbeat', 'PUT'])
		expect(world.errors).toEqual([])
	})

	it('is renewed sooner after a heartbeat that failed, and every failure is told', async () => {
		const { world } = await registered()
		world.next('/heartbeat', down)
		world.next('/heartbeat', () => json({}, 503))
		world.clock.advance(8_000)
		await settled(world, 500)
		world.clock.advance(500)
		await settled(world, 1_000)
		world.clock.advance(1_000)
		await settled(world, 8_000)
		expect(story(world)).toEqual(['PUT', ...Array(3).fill('POST /heartbeat')])
		expect(world.errors.map(({ code }) => code)).toEqual(['unreachable', 'unreachable'])
	})

	it('waits as long as the mesh asks for', async () => {
		const { world } = await registered()
		world.next('/heartbeat', () => json({}, 429, { 'retry-after': '20' }))
		world.clock.advance(8_000)
		await settled(world, 20_500)
	})

	it('comes later when the mesh cannot be reached now, and is no endpoint when the mesh says no', async () => {
		const world = createWorld()
		const mesh = await joining(world)
		world.next(ENDPOINT, down)
		await mesh.register(LEASE)
		expect(world.errors.map(({ code }) => code)).toEqual(['unreachable'])
		await settled(world, 500)
		world.clock.advance(500)
		await until(() => story(world).length === 2)
		expect(story(world)).toEqual(['PUT', 'PUT'])
		world.next(ENDPOINT, () => json({ reason: 'forbidden', detail: 'not yours' }, 403))
		const error: unknown = await mesh.register(LEASE).catch((thrown) => thrown)
		expect(isMeshError(error) && error).toMatchObject({ code: 'refused', status: 403, reason: 'forbidden' })
	})

	it('gets no new requests first, and is given up once no proxy sends any', async () => {
		const { world, mesh } = await registered()
		const closed = mesh.close()
		await settled(world, 1_500)
		expect(story(world)).toEqual(['PUT', 'POST /drain'])
		world.clock.advance(1_500)
		await closed
		expect(story(world)).toEqual(['PUT', 'POST /drain', 'DELETE'])
		expect(world.clock.waiting()).toEqual([])
	})

	it('goes even without a mesh to tell, and only once', async () => {
		const { world, mesh, registration } = await registered()
		world.always('/drain', down)
		await registration.close()
		await registration.close()
		await mesh.close()
		expect(story(world)).toEqual(['PUT', 'POST /drain'])
		expect(world.errors).toHaveLength(1)
		world.clock.advance(3_600_000)
		expect(world.to('/heartbeat')).toEqual([])
	})
})
