/** Two isolates of one region: an endpoint that one of them found to fail is left alone by both, and the operators see it. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Backend, startBackend } from './backend.ts'
import { eventually } from './client.ts'
import { service } from './documents.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'
import { sample } from './metrics.ts'

const HOST = `shop.${DOMAIN}`
const SHOP = { service: 'shop', namespace: 'default', region: 'weur' }
const CONSECUTIVE = 5
/** An endpoint that gets one request in three is met among so many: but for one run in thirty billion. */
const SURELY = 60
let mesh: Mesh
let backends: Backend[] = []
let isFirstBroken = false

beforeAll(async () => {
	mesh = await startMesh({ regions: ['weur', 'weur/2'] })
	backends = await Promise.all(
		[0, 1, 2].map((i) =>
			startBackend((_, response) => {
				response.statusCode = i === 0 && isFirstBroken ? 500 : 200
				response.end()
			}),
		),
	)
	await mesh.apply(
		service(
			'shop',
			backends.map(({ url }) => url),
		),
		{
			apiVersion: 'selvedge.dev/v1',
			kind: 'TrafficPolicy',
			metadata: { name: 'shop' },
			spec: {
				targetRefs: [{ kind: 'Service', name: 'shop' }],
				outlierDetection: { consecutive5xxErrors: CONSECUTIVE, baseEjectionTime: '120s', maxEjectionPercent: 50 },
			},
		},
	)
})
afterAll(async () => {
	await mesh?.stop()
	for (const backend of backends) await backend.stop()
})

/** How many of so many requests to an isolate fail. */
async function failures(region: string, count: number): Promise<number> {
	let failed = 0
	for (let i = 0; i < count; i++) if ((await mesh.via(HOST, '/', { region })).status === 500) failed++
	return failed
}

it('what the first one found out spares the second', async () => {
	for (const region of ['weur', 'weur/2']) expect(await failures(region, 10)).toBe(0)
	isFirstBroken = true
	expect(await failures('weur', 100)).toBe(CONSECUTIVE)
	await eventually(
		() => mesh.metrics(),
		(page) => sample(page, 'selvedge_ejections_total', SHOP) === 1,
	)
	// It is not to find out alone: it meets the endpoint once, unless it has heard by then. What it tells of that is answered with the rest.
	let met = 0
	for (let i = 0; i < SURELY && met === 0; i++) met += await failures('weur/2', 1)
	await eventually(
		() => mesh.metrics(),
		(page) => sample(page, 'selvedge_requests_total', { ...SHOP, code: '500' }) === CONSECUTIVE + met,
	)
	expect(await failures('weur/2', SURELY)).toBe(0)
})

it('operators see who is ejected, and how often that was', async () => {
	const page = await mesh.metrics()
	expect(sample(page, 'selvedge_endpoint_ejected', SHOP)).toBe(1)
	expect(sample(page, 'selvedge_ejections_total', SHOP)).toBe(1)
	const summary = await mesh.api<{ regions: { region: string; ejected: object[] }[] }>('GET', '/v1/telemetry/summary')
	expect(summary.regions).toMatchObject([{ region: 'weur', ejected: [{ service: 'default/shop', endpoint: 'e0' }] }])
})
