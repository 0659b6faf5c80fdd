/** One mesh in two regions: one truth, two places that tell how it goes there. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, echo, startBackend } from './backend.ts'
import { eventually } from './client.ts'
import { gateway, route, service } from './documents.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'
import { sample } from './metrics.ts'

const REGIONS = ['weur', 'enam'] as const
let mesh: Mesh
let backend: Backend

beforeAll(async () => {
	backend = await startBackend(echo)
	mesh = await startMesh({ regions: REGIONS })
	await mesh.apply(service('shop', backend.url), gateway('g', 'g.test'), route('g', 'g', { name: 'shop' }))
})
afterAll(async () => {
	await mesh?.stop()
	await backend?.stop()
})

describe.each(REGIONS)('in %s', (region) => {
	it('the mesh is served', async () => {
		for (const host of ['g.test', `shop.${DOMAIN}`]) expect((await mesh.via(host, '/', { region })).status).toBe(200)
	})

	it('a host that no region had heard of is refused', async () => {
		expect((await mesh.via('none.test', '/', { region })).status).toBe(404)
	})
})

it('a change reaches every region, and refusals there name its revision', async () => {
	const revision = await mesh.apply(route('g', 'g', { name: 'nowhere' }))
	await Promise.all(
		REGIONS.map((region) =>
			eventually(
				() => mesh.via('g.test', '/', { region }),
				({ status, text }) => status === 500 && (JSON.parse(text) as { revision: number }).revision === revision,
			),
		),
	)
})

it('each region reports for itself: its requests, the revision it runs, and how old that is', async () => {
	const revision = await mesh.apply(route('g', 'g', { name: 'shop' }))
	// So that no report is under way with a revision from before.
	const metrics = await eventually(
		async () => {
			for (const region of REGIONS) await mesh.via('g.test', '/', { region })
			return mesh.metrics()
		},
		(page) =>
			REGIONS.every((region) => sample(page, 'selvedge_snapshot_revision', { region, bound: 'oldest' }) === revision),
		25_000,
	)
	for (const region of REGIONS) {
		expect(sample(metrics, 'selvedge_snapshot_revision', { region, bound: 'newest' })).toBe(revision)
		expect(sample(metrics, 'selvedge_isolates', { region, revision: String(revision) })).toBeGreaterThanOrEqual(1)
		expect(sample(metrics, 'selvedge_snapshot_age_seconds', { region })).toBeLessThan(10)
		expect(sample(metrics, 'selvedge_requests_total', { region, code: '404', refusal: 'unknown_host' })).toBe(1)
		expect(sample(metrics, 'selvedge_requests_total', { region, service: 'shop', code: '200' })).toBeGreaterThan(1)
		expect(mesh.log.some((line) => line.region === region)).toBe(true)
	}
})
