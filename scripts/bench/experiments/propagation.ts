/** How long a change takes from the admin API's answer to the first request of a busy virtual host that sees it. */
import { BENCH_HOST, gateway, ruleRoutes, service, switchRoute } from '../documents.ts'
import { ask } from '../http.ts'
import { type Mesh, startMesh } from '../mesh.ts'
import { fixed, table } from '../report.ts'
import { quantile } from '../statistics.ts'
import type { Bench, Experiment } from './experiment.ts'

const RULES = 1_000
const BACKGROUND_CONNECTIONS = 4
/** Changes come at any moment of the isolates' rhythm. */
const MAX_PAUSE_MS = 1_000
const LIMIT_MS = 30_000
/** Requests after the first that saw a change, none of which may miss it. */
const PROOF_REQUESTS = 20

interface Observed {
	readonly delaysMs: readonly number[]
	readonly appliesMs: readonly number[]
	readonly relapses: number
}

export const propagation: Experiment = async (bench) => {
	const { changes } = bench.options
	const mesh = await startMesh('propagation', bench.directory, bench.bundles)
	const services = [service('backend-a', bench.backends.a), service('backend-b', bench.backends.b)]
	await mesh.apply([gateway(), ...services, switchRoute('backend-a'), ...ruleRoutes(RULES, 'backend-a')])
	await mesh.served(BENCH_HOST, '/switch')
	const busy = keepBusy(bench, mesh)
	const { delaysMs, appliesMs, relapses } = await makeChanges(mesh, changes).finally(busy.end)
	const row = (what: string, samples: readonly number[]): string[] => [
		what,
		...[0.5, 0.99, 1].map((q) => fixed(quantile(samples, q))),
	]
	const rows = [row("from the API's answer to enforcement", delaysMs), row('the API call itself', appliesMs)]
	return (
		`${table(['ms', 'p50', 'p99', 'max'], rows)}\n\n` +
		`${changes} changes, ${RULES} other rules, ${BACKGROUND_CONNECTIONS} connections busy. ` +
		`Requests that missed a change after another had seen it: ${relapses}.`
	)
}

async function makeChanges(mesh: Mesh, changes: number): Promise<Observed> {
	const delaysMs: number[] = []
	const appliesMs: number[] = []
	let relapses = 0
	for (let turn = 0; turn < changes; turn++) {
		await new Promise((resolve) => setTimeout(resolve, Math.random() * MAX_PAUSE_MS))
		const letter = turn % 2 === 0 ? 'b' : 'a'
		appliesMs.push(await mesh.apply([switchRoute(`backend-${letter}`)]))
		delaysMs.push(await timeUntil(mesh, letter))
		for (let i = 0; i < PROOF_REQUESTS; i++) if ((await letterNow(mesh)) !== letter) relapses++
	}
	return { delaysMs, appliesMs, relapses }
}

/** Loads the virtual host, slice after slice, until it is told to end. */
function keepBusy(bench: Bench, mesh: Mesh): { end(): Promise<void> } {
	const target = 'propagation'
	bench.generator.add({ name: target, port: mesh.proxyPort, requests: [{ host: BENCH_HOST, path: '/switch/busy' }] })
	let wanted = true
	const loop = async (): Promise<void> => {
		while (wanted) {
			const order = { target, connections: BACKGROUND_CONNECTIONS, durationMs: 500 }
			const { failures, firstFailure } = await bench.generator.slice(order)
			if (failures > 0) throw new Error(`${failures} requests failed during changes, first: ${firstFailure}`)
		}
	}
	const ended = loop()
	// Reported by end(), which may come much later.
	ended.catch(() => undefined)
	return {
		end: async () => {
			wanted = false
			await ended
		},
	}
}

async function letterNow(mesh: Mesh): Promise<string | undefined> {
	const answer = await ask({ port: mesh.proxyPort, host: BENCH_HOST, path: '/switch' })
	if (answer.status !== 200)
		throw new Error(`a request during changes got ${answer.status}: ${answer.body.slice(0, 400)}`)
	return answer.body[0]
}

async function timeUntil(mesh: Mesh, letter: string): Promise<number> {
	const startedAt = performance.now()
	while ((await letterNow(mesh)) !== letter) {
		if (performance.now() - startedAt > LIMIT_MS) throw new Error(`a change was not seen within ${LIMIT_MS} ms`)
	}
	return performance.now() - startedAt
}
