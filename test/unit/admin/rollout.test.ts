/** Whether a revision is live, over HTTP: whom it asks, and how long it waits. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { RegionTelemetry } from '../../../src/ports.ts'
import { type Ask, asker, createWorld, meshOf, type World } from './fakeMesh.ts'

let world: World
let ask: Ask

const region = (name: string, ...revisions: number[]): RegionTelemetry => ({
	...{ region: name, series: [], overflow: 0, syncFailures: 0, ejections: [] },
	isolates: revisions.map((revision, i) => ({ isolate: `${name}-${i}`, revision, snapshotAgeMs: 100 * (i + 1) })),
})
const rollout = async (revision: number, query = ''): Promise<unknown> =>
	(await ask('GET', `/v1/revisions/${revision}/rollout${query}`, { as: 'viewer' })).json()

beforeEach(async () => {
	world = await createWorld()
	world.revision = 7
	world.telemetry = { weur: region('weur', 7, 5), enam: region('enam') }
	ask = asker(meshOf(world))
})

describe('the rollout of a revision', () => {
	it('says of every region what its replica shows and how many isolates run it', async () => {
		expect(await rollout(7)).toEqual({
			revision: 7,
			live: false,
			regions: [
				{
					region: 'weur',
					live: false,
					reachable: true,
					replicaRevision: 7,
					isolates: 2,
					running: 1,
					behind: 1,
					oldestRevision: 5,
					oldestSnapshotAgeMs: 200,
				},
				{
					region: 'enam',
					live: true,
					reachable: true,
					replicaRevision: 7,
					isolates: 0,
					running: 0,
					behind: 0,
					oldestRevision: null,
					oldestSnapshotAgeMs: 0,
				},
			],
			oldestSnapshotAgeMs: 200,
		})
		expect(await rollout(5)).toMatchObject({ live: true, regions: [{ running: 2, behind: 0 }, {}] })
	})

	it('that never was is a 404, at once, and asks no region', async () => {
		const response = await ask('GET', '/v1/revisions/8/rollout?wait=30s')
		expect([response.status, world.nowMs]).toEqual([404, 1_000_000])
		expect(world.calls.filter((call) => !call.startsWith('policyStore'))).toEqual([])
	})

	it.each(['replica.sync', 'telemetry.enam.isolates'])('is not claimed while %s has no answer', async (method) => {
		world.telemetry = { enam: region('enam', 7) }
		world.failing.set(method, Object.assign(new Error('lost'), { retryable: true }))
		const body = await rollout(7)
		expect(body).toMatchObject({ live: false, regions: [{ region: 'enam', reachable: false, live: false }] })
	})

	it('is not claimed of a replica that shows the numbers of another history', async () => {
		world.telemetry = { enam: region('enam') }
		world.shown = { enam: { epoch: 'before the restore', revision: 9 } }
		const body = (await rollout(7)) as { live: boolean; regions: object[] }
		expect(body.live).toBe(false)
		expect(body.regions[0]).not.toHaveProperty('replicaRevision')
	})
})

describe('waiting for it', () => {
	it('ends as soon as it is live', async () => {
		world.onSleep = () => {
			if (world.nowMs >= 1_003_000) world.telemetry = { weur: region('weur', 7, 7), enam: region('enam') }
		}
		expect(await rollout(7, '?wait=30s')).toMatchObject({ live: true })
		expect(world.nowMs).toBe(1_003_000)
	})

	it('ends when the time is up, to the millisecond, and says how far it is', async () => {
		expect(await rollout(7, '?wait=2500ms')).toMatchObject({ live: false, regions: [{ behind: 1 }, {}] })
		expect(world.nowMs).toBe(1_002_500)
	})

	it('is not begun where it is live already, nor where nobody asked to wait', async () => {
		world.onSleep = () => expect.unreachable('waited')
		await rollout(5, '?wait=30s')
		await rollout(7)
	})

	it.each(['wait=61s', 'wait=30', 'wait=-1s', 'wait=forever'])('refuses ?%s', async (query) => {
		expect(await rollout(7, `?${query}`)).toMatchObject({ status: 400, errors: [{ path: 'query.wait' }] })
	})

	it('is bounded: the 33rd who waits at once is sent away, and the others get their answer', async () => {
		let release = () => {}
		const released = new Promise<void>((resolve) => {
			release = resolve
		})
		const waiter = asker({
			...meshOf(world),
			sleep: async (ms) =>
				released.then(() => {
					world.nowMs += ms
				}),
		})
		const all = Array.from({ length: 33 }, () => waiter('GET', '/v1/revisions/7/rollout?wait=30s'))
		expect((await Promise.race(all)).status).toBe(503)
		world.telemetry = { weur: region('weur', 7) }
		release()
		expect((await Promise.all(all)).filter(({ status }) => status === 200)).toHaveLength(32)
		world.telemetry = { weur: region('weur', 5) }
		expect((await waiter('GET', '/v1/revisions/7/rollout?wait=30s')).status).toBe(200)
	})
})
