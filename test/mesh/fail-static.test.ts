/** The control plane gone: proxies go on with what they know, say how old it is, and tell of it once it is back. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, echo, startBackend } from './backend.ts'
import { eventually } from './client.ts'
import { service } from './documents.ts'
import { DOMAIN, type Mesh, runningClock, startMesh } from './meshHarness.ts'
import { sample } from './metrics.ts'

const WARM = `warm.${DOMAIN}`
const COLD = `cold.${DOMAIN}`
/** How long proxies wait for a replica that does not answer. */
const TIMEOUT_MS = 5_000
let mesh: Mesh
let backend: Backend

beforeAll(async () => {
	backend = await startBackend(echo)
	mesh = await startMesh({ regions: ['weur', 'enam'], gated: true })
	await mesh.apply(service('warm', backend.url), service('cold', backend.url))
	for (const region of ['weur', 'enam']) expect((await mesh.via(WARM, '/', { region })).status).toBe(200)
})
afterAll(async () => {
	await mesh?.stop()
	await backend?.stop()
})

const ages = (region: string): number[] =>
	mesh.log
		.filter((line) => line.region === region && line.status === 200)
		.map(({ snapshotAgeMs }) => Number(snapshotAgeMs))

const falls = (numbers: readonly number[]) => numbers.filter((number, i) => i > 0 && number < numbers[i - 1]!).length

describe('while the control plane answers with errors', () => {
	it('a warm host is served without one failure, and the log shows how old the snapshot grows', async () => {
		await mesh.gate('weur', 'throw')
		const before = ages('weur').length
		await eventually(
			async () => {
				expect((await mesh.via(WARM)).status).toBe(200)
				return ages('weur').slice(before)
			},
			(seen) => (seen.at(-1) ?? 0) > 2_500 && seen.length > 10,
		)
		// It grows from line to line, but for the last answer from before.
		expect(falls(ages('weur').slice(before))).toBeLessThanOrEqual(1)
	})

	it('a cold host is refused at once, and says why and when to come back', async () => {
		const answer = await mesh.via(COLD)
		expect(answer.status).toBe(503)
		expect(JSON.parse(answer.text)).toMatchObject({ reason: 'control_plane_unreachable', owner: 'mesh' })
		expect(answer.headers['retry-after']).toBe('1')
		expect(answer.headers['proxy-status']).toContain('control_plane_unreachable')
	})

	it('a host that was known to be unknown stays so', async () => {
		expect((await mesh.via('none.test')).status).toBe(404)
	})

	it('another region is not touched', async () => {
		expect((await mesh.via(COLD, '/', { region: 'enam' })).status).toBe(200)
	})
})

it('once the control plane is back, what changed meanwhile takes effect and the failures are told', async () => {
	const other = await startBackend((_, response) => void response.end('moved'))
	await mesh.apply(service('warm', other.url))
	expect(JSON.parse((await mesh.via(WARM)).text)).toHaveProperty('rawHeaders')
	await mesh.gate('weur', 'open')
	await eventually(
		() => mesh.via(WARM),
		({ text }) => text === 'moved',
	)
	expect((await mesh.via(COLD)).status).toBe(200)
	// What was counted while the store could not be reached was not lost: it may come in two reports.
	const refusals = { region: 'weur', refusal: 'control_plane_unreachable' }
	const metrics = await eventually(
		async () => {
			expect((await mesh.via(WARM)).status).toBe(200)
			return mesh.metrics()
		},
		(page) =>
			(sample(page, 'selvedge_sync_failures_total', { region: 'weur' }) ?? 0) > 0 &&
			sample(page, 'selvedge_requests_total', refusals) !== undefined,
	)
	expect(sample(metrics, 'selvedge_requests_total', refusals)).toBe(1)
	expect(sample(metrics, 'selvedge_sync_failures_total', { region: 'enam' })).toBe(0)
	await other.stop()
})

it('while the control plane hangs, a busy isolate keeps nobody waiting', async () => {
	await mesh.gate('enam', 'hang')
	// Nothing is the matter with the other region: its answers tell a machine that stands still from a proxy that waits.
	const clock = runningClock(() => mesh.via(COLD))
	const began = clock.now()
	let slowestMs = 0
	await eventually(
		async () => {
			const sent = clock.now()
			expect((await mesh.via(WARM, '/', { region: 'enam' })).status).toBe(200)
			slowestMs = Math.max(slowestMs, clock.now() - sent)
			return clock.now() - began
		},
		(ms) => ms > TIMEOUT_MS,
		40_000,
	).finally(clock.stop)
	// After the pause before this test one request may wait a quarter of a second; none waits for the timeout.
	expect(slowestMs).toBeLessThan(TIMEOUT_MS / 4)
})
