/** What routing over 1,000 rules costs, beside the two yardsticks. */
import { bundleYardstick } from '../bundle.ts'
import { BENCH_HOST, gateway, ruleRequests, ruleRoutes, service } from '../documents.ts'
import { startMesh } from '../mesh.ts'
import { fixed, ranged, table } from '../report.ts'
import { alternate, idleCpuMicros, type Slice, type Variant } from '../rounds.ts'
import { median, pairedRatios, spread } from '../statistics.ts'
import { serve } from '../workerd.ts'
import type { Bench, Experiment } from './experiment.ts'

const RULES = 1_000
const DISTINCT_REQUESTS = 1_000
const IDLE_MS = 3_000
const YARDSTICKS = ['bare', 'minimal']

export const routing: Experiment = async (bench) => {
	const requests = ruleRequests(RULES, DISTINCT_REQUESTS)
	const mesh = await startMesh('routing', bench.directory, bench.bundles)
	await mesh.apply([gateway(), service('backend', bench.backends.a), ...ruleRoutes(RULES, 'backend')])
	await mesh.served(BENCH_HOST, requests[0]!.path)
	const yardsticks = await startYardsticks(bench)
	const servers = [...yardsticks, { name: 'mesh', pid: mesh.pid, port: mesh.proxyPort }]
	for (const { name, port } of servers) bench.generator.add({ name, port, requests })
	const slices = await alternate(bench.generator, servers, bench.options)
	const idle = await idleCpuMicros(mesh.pid, IDLE_MS)
	const note = `The mesh's process used ${fixed(idle / 10_000, 2)} % of a CPU in the ${IDLE_MS / 1_000} s after the load.`
	return `${compare(slices, ['bare', 'minimal'])}\n\n${note}`
}

interface Yardstick extends Variant {
	readonly port: number
}

function startYardsticks(bench: Bench): Promise<Yardstick[]> {
	return Promise.all(
		YARDSTICKS.map(async (name) => {
			const yardstick = await bundleYardstick(name, bench.directory, { BACKEND: bench.backends.a })
			const server = await serve(name, bench.directory, {
				services: [yardstick.service],
				sockets: [{ name: 'proxy', service: name }],
			})
			return { name, pid: server.pid, port: server.ports.proxy! }
		}),
	)
}

/** One row per variant, with its CPU time over that of each baseline, round by round. */
function compare(slices: ReadonlyMap<string, readonly Slice[]>, baselines: readonly string[]): string {
	const cpuOf = (name: string): number[] => slices.get(name)!.map((slice) => slice.cpuMicros)
	return table(
		['variant', 'CPU µs per request', ...baselines.map((name) => `÷ ${name}`), 'requests/s', 'p50 ms', 'p99 ms'],
		[...slices].map(([name, own]) => [
			name,
			ranged(spread(cpuOf(name)), 0),
			...baselines.map((baseline) => ranged(spread(pairedRatios(cpuOf(name), cpuOf(baseline))))),
			fixed(median(own.map((slice) => slice.requestsPerSecond))),
			fixed(median(own.map((slice) => slice.p50Ms)), 1),
			fixed(median(own.map((slice) => slice.p99Ms)), 1),
		]),
	)
}
