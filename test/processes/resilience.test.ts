/** Real endpoint processes that are killed, frozen, replaced and sick under steady load: what the callers notice of it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { until200 } from '../../scripts/local/http.ts'
import { endEndpoints, startEndpoint, startThree } from './endpoints.ts'
import { type Answer, LANES, type Load, startLoad } from './load.ts'
import { admin, eventually, freePort, ready, type Started, start, stopped, TOKEN } from './mesh.ts'

/** Of three endpoints, none is passed over so often by chance. */
const MANY = 300
/** Decides only when a test fails: nothing that comes takes so long, whatever the machine does meanwhile. */
const PATIENCE_MS = 60_000

let state: string
let port: number
let mesh: Started
let load: Load | undefined

beforeAll(async () => {
	state = mkdtempSync(join(tmpdir(), 'selvedge-resilience-'))
	port = await freePort()
	mesh = start(['--port', String(port), '--state', state, '--no-demo', '--admin-token', TOKEN])
	await ready(mesh)
})
afterEach(async () => {
	await load?.stop()
	load = undefined
	await endEndpoints()
})
afterAll(async () => {
	if (mesh !== undefined) await stopped(mesh, 'SIGTERM')
	rmSync(state, { recursive: true, force: true })
})

/** A TrafficPolicy for a service whose endpoints register themselves. */
async function apply(service: string, policy: object): Promise<void> {
	const metadata = { name: service }
	const targetRefs = [{ kind: 'Service', name: service }]
	const { status, body } = await admin(port, 'POST', '/v1/apply', [
		{ apiVersion: 'selvedge.dev/v1', kind: 'Service', metadata },
		{ apiVersion: 'selvedge.dev/v1', kind: 'TrafficPolicy', metadata, spec: { targetRefs, ...policy } },
	])
	expect(status, body).toBe(200)
	expect(body).not.toContain('"type":"Accepted","status":"False"')
}

/** Load that all of the endpoints take part in. */
async function loadOn(service: string, ids: readonly string[], methods?: readonly ('GET' | 'POST')[]): Promise<Load> {
	expect(await until200({ port, host: `${service}.mesh.localhost`, path: '/' }, PATIENCE_MS)).toBeUndefined()
	const started = startLoad(port, service, methods)
	load = started
	await eventually(() => ids.every((id) => answeredBy(started, id, 0)), PATIENCE_MS)
	return started
}

const answeredBy = ({ answers }: Load, id: string, from: number): boolean =>
	answers.slice(from).some(({ endpoint }) => endpoint === id)
const failuresOf = ({ answers }: Load, from = 0): string[] =>
	answers.slice(from).flatMap(({ failure }) => failure ?? [])
/** Waits for as many more answers. */
const more = ({ answers }: Load, count: number): Promise<void> => {
	const enough = answers.length + count
	return eventually(() => answers.length >= enough, PATIENCE_MS)
}
/** Waits until the endpoint has no part any more in what the service answers, nor a request that it has yet to answer. */
const takesNone = (running: Load, id: string): Promise<void> =>
	eventually(() => {
		const from = running.answers.length - MANY
		return from > 0 && running.oldest() >= from && !answeredBy(running, id, from)
	}, PATIENCE_MS)
const takesSome = (running: Load, id: string): Promise<void> => {
	const from = running.answers.length
	return eventually(() => answeredBy(running, id, from), PATIENCE_MS)
}

test('when one of three endpoints is killed, no client of idempotent requests sees an error', async () => {
	const [a] = await startThree(port, 'killed')
	const running = await loadOn('killed', ['a', 'b', 'c'])
	await more(running, 500)
	a!.kill('SIGKILL')
	expect(await a!.ended).toBe('SIGKILL')
	await more(running, 1_000)
	await running.stop()
	expect(failuresOf(running)).toEqual([])
})

test('a frozen endpoint makes p99 slow for no longer than an interval, and has its part again when it thaws', async () => {
	const [attemptMs, intervalMs] = [1_000, 2_000]
	await apply('frozen', {
		// Goes by turns, so that nothing but the ejection keeps requests from the frozen one.
		loadBalancer: { type: 'RoundRobin' },
		timeouts: { backendRequest: `${attemptMs}ms` },
		retry: { attempts: 2, backoff: '10ms' },
		retryBudget: { percent: 20, interval: '10s' },
		outlierDetection: {
			consecutiveLocalOriginFailures: 3,
			interval: `${intervalMs}ms`,
			baseEjectionTime: '2s',
			maxEjectionTime: '2s',
		},
	})
	const [a] = await startThree(port, 'frozen')
	const running = await loadOn('frozen', ['a', 'b', 'c'])
	await more(running, 500)
	a!.kill('SIGSTOP')
	const frozenAt = Date.now()
	const sentAfter = (ms: number) => running.answers.filter(({ sentAt }) => sentAt > frozenAt + ms)
	const slow = (answers: readonly Answer[]) => answers.filter(({ tookMs }) => tookMs >= 0.9 * attemptMs)
	// It is ejected by then, and now and then one request finds out that it is still frozen.
	await eventually(() => slow(sentAfter(intervalMs)).length > 0, PATIENCE_MS)
	await more(running, MANY)
	expect(slow(sentAfter(0)).length).toBeGreaterThan(3)
	expect(slow(sentAfter(intervalMs)).length / sentAfter(intervalMs).length).toBeLessThan(0.01)
	a!.kill('SIGCONT')
	await takesSome(running, 'a')
	await running.stop()
	expect(failuresOf(running)).toEqual([])
})

test('a frozen endpoint that hedging hides is ejected all the same, and costs nobody the wait any more', async () => {
	const hedgeMs = 250
	await apply('hidden', {
		loadBalancer: { type: 'RoundRobin' },
		hedging: { delay: `${hedgeMs}ms`, maxExtraRequests: 1 },
		retryBudget: { percent: 100, interval: '10s' },
	})
	const [a] = await startThree(port, 'hidden')
	const running = await loadOn('hidden', ['a', 'b', 'c'])
	const slow = (answers: readonly Answer[]) => answers.filter(({ tookMs }) => tookMs >= hedgeMs)
	a!.kill('SIGSTOP')
	const from = running.answers.length
	await eventually(() => slow(running.answers.slice(from)).length >= 20, PATIENCE_MS)
	// Those that were under way with the twentieth.
	await more(running, 2 * LANES)
	const ejected = running.answers.length
	await more(running, 2 * MANY)
	// A third, were it still asked. On a busy machine others are slow now and then.
	expect(slow(running.answers.slice(ejected)).length / (2 * MANY)).toBeLessThan(0.1)
	await running.stop()
	expect(failuresOf(running)).toEqual([])
})

test('when all endpoints are down callers hear so at once, and when they are back all is well without a restart', async () => {
	const three = await startThree(port, 'down')
	const running = await loadOn('down', ['a', 'b', 'c'])
	for (const endpoint of three) endpoint.kill('SIGKILL')
	await Promise.all(three.map(({ ended }) => ended))
	await more(running, LANES)
	const from = running.answers.length
	await more(running, 300)
	const down = running.answers.slice(from)
	expect(new Set(down.map(({ status }) => status))).toEqual(new Set([503]))
	expect(Math.max(...down.map(({ tookMs }) => tookMs))).toBeLessThan(1_000)

	await Promise.all(three.map(({ id, port: itsOwn }) => startEndpoint(port, 'down', id, itsOwn)))
	await eventually(() => running.answers.length > from + 300 && failuresOf(running, -MANY).length === 0, PATIENCE_MS)
	const back = running.answers.length
	await more(running, MANY)
	await running.stop()
	expect(failuresOf(running, back)).toEqual([])
	// The one that was ejected when it died comes back when its time is over.
	expect(new Set(running.answers.slice(back).map(({ endpoint }) => endpoint)).size).toBeGreaterThanOrEqual(2)
})

test('all endpoints are replaced one by one under load, and of 10,000 requests none fails, POSTs neither', async () => {
	const old = await startThree(port, 'replaced')
	const running = await loadOn('replaced', ['a', 'b', 'c'], ['GET', 'POST'])
	for (const { id, ended, kill } of old) {
		await startEndpoint(port, 'replaced', `${id}-new`)
		await takesSome(running, `${id}-new`)
		const { status, body } = await admin(port, 'POST', `/v1/services/default/replaced/endpoints/${id}/drain`)
		expect(status, body).toBe(200)
		await takesNone(running, id)
		kill('SIGTERM')
		expect(await ended).toBe(0)
	}
	await eventually(() => running.answers.length >= 10_000, 2 * PATIENCE_MS)
	await running.stop()
	expect(failuresOf(running)).toEqual([])
})

test('an endpoint that fails its health checks gets no traffic until it passes them again', async () => {
	await apply('sick', {
		healthCheck: { path: '/healthz', interval: '1s', timeout: '500ms', healthyThreshold: 1, unhealthyThreshold: 1 },
	})
	const [a] = await startThree(port, 'sick')
	const running = await loadOn('sick', ['a', 'b', 'c'])
	a!.say('unhealthy')
	await takesNone(running, 'a')
	a!.say('healthy')
	await takesSome(running, 'a')
	await running.stop()
	expect(failuresOf(running)).toEqual([])
})
