/** A change from before it is made to when it is live everywhere: what it will do, and where it is done. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Effect } from '../../src/snapshot/effect/effect.ts'
import type { Rollout } from '../../src/telemetry/rollout.ts'
import { type Backend, echo, startBackend } from './backend.ts'
import { eventually } from './client.ts'
import { gateway, route, service } from './documents.ts'
import { type Mesh, startMesh } from './meshHarness.ts'

const REGIONS = ['weur', 'enam'] as const
let mesh: Mesh
let backend: Backend

beforeAll(async () => {
	backend = await startBackend(echo)
	mesh = await startMesh({ regions: REGIONS, gated: true })
	await mesh.apply(service('shop', backend.url), gateway('g', 'g.test'), route('g', 'g', { name: 'shop' }))
})
afterAll(async () => {
	await mesh?.stop()
	await backend?.stop()
})

/** Isolates learn and report beside requests only. */
async function traffic(): Promise<void> {
	for (const region of REGIONS) expect([200, 500]).toContain((await mesh.via('g.test', '/', { region })).status)
}
const rolloutOf = (revision: number, wait = '0s') =>
	mesh.api<Rollout>('GET', `/v1/revisions/${revision}/rollout?wait=${wait}`)
const eventuallyOf = (revision: number, holds: (rollout: Rollout) => boolean) =>
	eventually(
		async () => {
			await traffic()
			return rolloutOf(revision)
		},
		holds,
		25_000,
	)
const region = ({ regions }: Rollout, name: string) => regions.find((each) => each.region === name)!

describe('a revision', () => {
	it('is live once the isolates of every region run it', async () => {
		const rollout = await eventuallyOf(1, ({ live, regions }) => live && regions.every(({ isolates }) => isolates > 0))
		expect(rollout.regions.map((each) => [each.region, each.replicaRevision])).toEqual([
			['enam', 1],
			['weur', 1],
		])
	})

	it('is not live while a region keeps its isolates from it, and is when they have caught up', async () => {
		await mesh.gate('enam', 'throw')
		const revision = await mesh.apply(route('g', 'g', { name: 'nowhere' }))
		const lagging = await eventuallyOf(revision, (rollout) => region(rollout, 'weur').running > 0)
		expect(lagging.live).toBe(false)
		expect(region(lagging, 'weur')).toMatchObject({ live: true, behind: 0 })
		expect(region(lagging, 'enam')).toMatchObject({
			...{ live: false, reachable: true, replicaRevision: revision },
			...{ isolates: 1, running: 0, behind: 1, oldestRevision: revision - 1 },
		})
		expect(await rolloutOf(revision - 1)).toMatchObject({ live: true })

		await mesh.gate('enam', 'open')
		let waiting = true
		const waited = rolloutOf(revision, '30s').finally(() => {
			waiting = false
		})
		await eventually(traffic, () => !waiting, 30_000)
		expect(await waited).toMatchObject({ live: true })
	})

	it('that changed nothing for traffic is live in the same way', async () => {
		const revision = await mesh.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'prod' } })
		expect((await eventuallyOf(revision, ({ live }) => live)).regions.every((each) => each.running > 0)).toBe(true)
	})
})

it('what a change will do is told before, and is what it then does', async () => {
	await mesh.apply(route('g', 'g', { name: 'shop' }))
	const shop = service('shop', backend.url)
	const { effect, revision } = await mesh.api<{ revision: number; effect: Effect }>('POST', '/v1/diff?delete=true', [
		shop,
	])
	const told = effect.virtualHosts.find(({ pattern }) => pattern === 'g.test')
	expect(told?.rules).toMatchObject([{ rule: 'default/g/all', change: 'changed', fields: [{ path: 'backends' }] }])
	expect(await mesh.api('POST', '/v1/delete?dryRun=true', [shop])).toMatchObject({ effect })
	await eventuallyOf(revision, ({ live }) => live)
	expect((await mesh.via('g.test')).status).toBe(200)
	await eventuallyOf(await mesh.remove(shop), ({ live }) => live)
	const refused = await mesh.via('g.test')
	expect(JSON.parse(refused.text)).toMatchObject({ reason: 'invalid_backend', rule: told!.rules[0]!.rule })
})
