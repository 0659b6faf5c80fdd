/** Health checks through a whole mesh: an endpoint that says it is unwell gets no traffic, and gets it back when it is well. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, startBackend } from './backend.ts'
import { eventually } from './client.ts'
import { service } from './documents.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'
import { sample } from './metrics.ts'

const INTERVAL_MS = 1_000
const UNHEALTHY_THRESHOLD = 2
const HOST = `checked.${DOMAIN}`

let mesh: Mesh
/** Each answers its number at any path, and on its health path what is arranged. */
let backends: Backend[] = []
const healthStatus = [200, 200, 200]
const checks: (string | undefined)[] = []
const failedAtMs: number[] = []

beforeAll(async () => {
	mesh = await startMesh({ regions: ['weur'] })
	backends = await Promise.all(
		healthStatus.map((_, i) =>
			startBackend(({ url, headers }, response) => {
				const isCheck = url === '/base/healthz'
				if (isCheck) checks.push(headers['user-agent'])
				response.statusCode = isCheck ? healthStatus[i]! : 200
				if (response.statusCode !== 200) failedAtMs.push(Date.now())
				response.end(String(i))
			}),
		),
	)
	const urls = backends.map(({ url }) => `${url}/base`)
	const healthCheck = { path: '/healthz', interval: '1s', timeout: '1s', unhealthyThreshold: UNHEALTHY_THRESHOLD }
	await mesh.apply(
		service('checked', urls),
		policy('checked', { healthCheck }),
		// Who is not asked in one round is not available: with draws, that could be chance.
		policy('in-turn', { loadBalancer: { type: 'RoundRobin' } }),
	)
})
afterAll(async () => {
	await mesh?.stop()
	for (const backend of backends) await backend.stop()
})

const policy = (name: string, spec: object) => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'TrafficPolicy',
	metadata: { name },
	spec: { targetRefs: [{ kind: 'Service', name: 'checked' }], ...spec },
})

/** Who answers twenty requests, each once, in order. */
async function whoAnswers(): Promise<string> {
	const answers = new Set<string>()
	for (let i = 0; i < 20; i++) answers.add((await mesh.via(HOST)).text)
	return [...answers].sort().join('')
}

interface Shown {
	readonly endpoints: readonly {
		readonly id: string
		readonly health: { readonly healthy: boolean; readonly lastFailure?: string; readonly since?: string }
	}[]
}
const counted = async () => {
	const page = await mesh.metrics()
	return ['healthy', 'unhealthy'].map((state) =>
		sample(page, 'selvedge_endpoint_health', { service: 'checked', namespace: 'default', state }),
	)
}
const shownHealth = async () =>
	(await mesh.api<Shown>('GET', '/v1/services/default/checked')).endpoints.map(({ health }) => health)

describe('an endpoint', () => {
	it('is asked how it is, by the mesh’s own name, and takes traffic while it is well', async () => {
		await eventually(
			async () => checks.length,
			(count) => count >= 3,
		)
		expect(new Set(checks)).toEqual(new Set(['selvedge-health/1']))
		expect(await eventually(whoAnswers, (who) => who === '012')).toBe('012')
		expect(await shownHealth()).toEqual([{ healthy: true }, { healthy: true }, { healthy: true }])
		expect(await counted()).toEqual([3, 0])
	})

	it('that turns 503 gets no request after as many intervals as it may fail, and gets them again when it recovers', async () => {
		healthStatus[1] = 503
		await eventually(whoAnswers, (who) => who === '02')
		for (let i = 0; i < 5; i++) expect(await whoAnswers()).toBe('02')
		const shown = (await shownHealth())[1]
		expect(shown).toEqual({ healthy: false, lastFailure: 'status 503', since: expect.stringMatching(/^20.*Z$/) })
		// It is so since the check began that decided it: those before were too few.
		const before = failedAtMs.filter((atMs) => atMs < Date.parse(shown!.since!))
		expect(before.length).toBeLessThan(UNHEALTHY_THRESHOLD)
		expect(await counted()).toEqual([2, 1])

		healthStatus[1] = 200
		await eventually(whoAnswers, (who) => who === '012')
		expect(await shownHealth()).toEqual([{ healthy: true }, { healthy: true }, { healthy: true }])
	})

	it('that is not checked any more is as good as any', async () => {
		healthStatus[0] = 500
		await eventually(whoAnswers, (who) => who === '12')
		await mesh.remove(policy('checked', {}))
		await eventually(whoAnswers, (who) => who === '012')
		const before = checks.length
		await new Promise((resolve) => setTimeout(resolve, 2 * INTERVAL_MS))
		expect(checks.length).toBe(before)
		expect(await counted()).toEqual([undefined, undefined])
	})
})
