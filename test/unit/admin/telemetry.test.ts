/** What people and Prometheus see of the regions. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { RegionTelemetry, RequestSeries } from '../../../src/ports.ts'
import { type Ask, asker, createWorld, meshOf, type World } from './fakeMesh.ts'

let world: World
let ask: Ask

const series = (service: string, status: number, refusal: string, count: number): RequestSeries => ({
	...{ service, rule: 'default/r/0', status, refusal, count },
	...{ requestBytes: 0, responseBytes: 0, unsizedBodies: 0, retries: 0, latency: [], latencySumMs: 10 * count },
})
const region = (name: string, revisions: number[], of: RequestSeries[]): RegionTelemetry => ({
	region: name,
	series: of,
	overflow: 0,
	syncFailures: 0,
	access: [{ policy: 'default/p', service: 'default/cart', rule: '', effect: 'denied', count: revisions.length }],
	ejections: [{ service: 'default/cart', total: 3, current: [{ id: `${name}-dead`, until: 0 }] }],
	isolates: revisions.map((revision, i) => ({ isolate: `${name}-${i}`, revision, snapshotAgeMs: 100 * (i + 1) })),
})

beforeEach(async () => {
	world = await createWorld()
	world.revision = 7
	world.telemetry = {
		weur: region('weur', [7, 5], [series('default/cart', 200, '', 8), series('default/cart', 503, 'no_endpoint', 1)]),
		enam: region('enam', [7], [series('default/cart', 0, '', 1), series('default/shop', 404, '', 2)]),
	}
	ask = asker(meshOf(world))
})

describe('the summary', () => {
	it('adds a service up over all regions, and says which region lags', async () => {
		expect(await (await ask('GET', '/v1/telemetry/summary')).json()).toEqual({
			revision: 7,
			regions: [
				{
					region: 'weur',
					reachable: true,
					overflow: 0,
					syncFailures: 0,
					isolates: 2,
					oldestRevision: 5,
					oldestSnapshotAgeMs: 200,
					ejected: [{ service: 'default/cart', endpoint: 'weur-dead' }],
				},
				{
					region: 'enam',
					reachable: true,
					overflow: 0,
					syncFailures: 0,
					isolates: 1,
					oldestRevision: 7,
					oldestSnapshotAgeMs: 100,
					ejected: [{ service: 'default/cart', endpoint: 'enam-dead' }],
				},
			],
			services: [
				{ service: 'default/cart', requests: 10, errors: 2, refusals: 1, latencySumMs: 100 },
				{ service: 'default/shop', requests: 2, errors: 0, refusals: 0, latencySumMs: 20 },
			],
			servicesLeftOut: 0,
			access: [{ policy: 'default/p', service: 'default/cart', rule: '', effect: 'denied', count: 3 }],
			accessLeftOut: 0,
		})
	})

	it('shows the other regions when one does not answer, and says so', async () => {
		world.failing.set('telemetry.weur.read', Object.assign(new Error('lost'), { retryable: true }))
		const body = (await (await ask('GET', '/v1/telemetry/summary')).json()) as { regions: object[] }
		expect(body.regions).toMatchObject([
			{ region: 'weur', reachable: false },
			{ region: 'enam', reachable: true },
		])
	})
})

describe('a revision', () => {
	it('says in each region how many isolates run it or a later one', async () => {
		expect(await (await ask('GET', '/v1/revisions/6')).json()).toMatchObject({
			revision: 6,
			regions: [
				{ region: 'weur', isolates: 2, running: 1, oldestSnapshotAgeMs: 200 },
				{ region: 'enam', isolates: 1, running: 1 },
			],
		})
		const older = await (await ask('GET', '/v1/revisions/5')).json()
		expect(older).toMatchObject({ regions: [{ isolates: 2, running: 2 }, { running: 1 }] })
	})

	it('that never was is a 404, and no rollback goes to it', async () => {
		expect((await ask('GET', '/v1/revisions/8')).status).toBe(404)
		expect((await ask('POST', '/v1/revisions/8/rollback')).status).toBe(404)
		expect((await ask('POST', '/v1/revisions/x/rollback')).status).toBe(400)
		expect((await ask('POST', '/v1/revisions/7/rollback')).status).toBe(200)
	})
})

describe('/metrics', () => {
	it('is Prometheus text of every region that answers', async () => {
		world.failing.set('telemetry.enam.read', Object.assign(new Error('lost'), { overloaded: true }))
		const response = await ask('GET', '/metrics')
		expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
		const text = await response.text()
		expect(text).toContain('region="weur"')
		expect(text).not.toContain('region="enam"')
		expect(text).toContain('selvedge_endpoint_health{service="checked",namespace="default",state="unhealthy"} 1\n')
	})

	it('goes without the endpoints’ health where the store is of a version that does not tell', async () => {
		world.failing.set('policyStore.endpointHealth', new TypeError('The RPC receiver does not implement the method'))
		const response = await ask('GET', '/metrics')
		expect(response.status).toBe(200)
		expect(await response.text()).not.toContain('selvedge_endpoint_health{')
	})
})
