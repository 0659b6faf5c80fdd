/** What a mirror does to the requests that it copies, whatever its target does: nothing, one hopes. */

import { readCpu } from '../cpu.ts'
import { BENCH_HOST, type Document, gateway, route, service } from '../documents.ts'
import { startTroubleMakers, type TroubleMakers } from '../generator.ts'
import type { WireRequest } from '../httpFraming.ts'
import { type Mesh, startMesh } from '../mesh.ts'
import { fixed, ranged, table } from '../report.ts'
import { alternate, cpuOfCycles, type Slice } from '../rounds.ts'
import { pairedRatios, quantile, spread } from '../statistics.ts'
import type { Trouble } from '../troubleMakers.ts'
import type { Bench, Experiment } from './experiment.ts'

/** Bounds the copies that hang at a time: a target that never answers holds each for 10 s. */
const REQUESTS_PER_SECOND = 200
const CONNECTIONS = 4
const SLOW_MS = 2_000
/** From a request until its copy is over: sent up to 20 ms later, given up after 10 s. */
const SETTLE_MS = { answered: 300, slow: SLOW_MS + 300, silent: 10_500 }
const ARRIVAL_LIMIT_MS = 5_000
const EXPECTED_BODY = 'a'.repeat(100)
const REQUESTS: readonly WireRequest[] = [
	{ host: BENCH_HOST, path: '/read' },
	{ host: BENCH_HOST, path: '/write', method: 'POST', body: 'k'.repeat(1_024) },
]

type Target = Trouble | 'fast'

interface Variant {
	readonly name: string
	readonly target?: Target
	/** The share of requests that a mirror gets whose rule sends it none. */
	readonly percent?: 0
	readonly settleMs?: number
}

const WITHOUT = 'none'
const VARIANTS: readonly Variant[] = [
	{ name: WITHOUT },
	{ name: 'none, in another process' },
	{ name: 'gets 0 % of the requests', percent: 0 },
	{ name: 'answers at once', target: 'fast', settleMs: SETTLE_MS.answered },
	{ name: 'never answers', target: 'silent', settleMs: SETTLE_MS.silent },
	{ name: 'refuses connections', target: 'refusing', settleMs: SETTLE_MS.answered },
	{ name: `answers after ${SLOW_MS / 1_000} s`, target: 'slow', settleMs: SETTLE_MS.slow },
	{ name: 'resets connections', target: 'resetting', settleMs: SETTLE_MS.answered },
]

interface Running extends Variant {
	readonly mesh: Mesh
	readonly pid: number
}

/** Each variant has a process of its own, so that what hangs in one disturbs no other. */
export const mirrors: Experiment = async (bench) => {
	const trouble = await startTroubleMakers(SLOW_MS)
	const arrived = arrivals(bench, trouble)
	const running: Running[] = []
	for (const [i, variant] of VARIANTS.entries()) {
		const { target } = variant
		const earlier = target === undefined ? 0 : await arrived(target)
		running.push(await start(bench, trouble, `mirrors-${i}`, variant))
		if (target !== undefined) await moreArrived(target, earlier, arrived)
	}
	await trouble.refuse()
	const before = await counted(running, arrived)
	for (const { name, mesh } of running)
		bench.generator.add({ name, port: mesh.proxyPort, requests: REQUESTS, body: EXPECTED_BODY })
	const options = { ...bench.options, connections: CONNECTIONS, requestsPerSecond: REQUESTS_PER_SECOND }
	const slices = await alternate(bench.generator, running, options)
	const memory = running.map(({ mesh }) => mesh.memoryMb())
	const after = await counted(running, arrived)
	const cycles = new Map(running.map(({ name, pid }) => [name, cpuOfCycles(slices.get(name)!, readCpu(pid))]))
	const rows = running.map(({ name }, i) => [
		name,
		...rowOf(slices.get(name)!, slices.get(WITHOUT)!),
		ranged(spread(cycles.get(name)!), 0),
		ranged(spread(pairedRatios(cycles.get(name)!, cycles.get(WITHOUT)!))),
		after[i] === undefined ? '' : fixed(after[i] - before[i]!),
		fixed(memory[i]!),
	])
	const header = ['mirror target', 'p50 ms', '÷ none', 'p99 ms', '÷ none', 'CPU µs per request, all in', '÷ none']
	return `${table([...header, 'copies that arrived', 'memory, MB'], rows)}\n\n${note(slices)}`
}

async function start(bench: Bench, trouble: TroubleMakers, name: string, variant: Variant): Promise<Running> {
	const { target, percent } = variant
	const mesh = await startMesh(name, bench.directory, bench.bundles)
	const url = target === undefined || target === 'fast' ? bench.backends.b : `http://127.0.0.1:${trouble.ports[target]}`
	const share = percent === undefined ? {} : { percent }
	const mirror = { type: 'RequestMirror', requestMirror: { backendRef: { name: 'mirror', port: 80 }, ...share } }
	const rule: Document = {
		backendRefs: [{ name: 'backend', port: 80 }],
		...(target === undefined && percent === undefined ? {} : { filters: [mirror] }),
	}
	await mesh.apply([gateway(), service('backend', bench.backends.a), service('mirror', url), route('all', [rule])])
	await mesh.served(BENCH_HOST, REQUESTS[0]!.path)
	return { ...variant, mesh, pid: mesh.pid }
}

/** How many copies a target got so far. One that refuses gets none. */
const arrivals =
	(bench: Bench, trouble: TroubleMakers) =>
	async (target: Target): Promise<number> =>
		target === 'fast' ? (await bench.received())[1]! : (await trouble.received())[target]

type Arrivals = ReturnType<typeof arrivals>

async function counted(running: readonly Running[], arrived: Arrivals): Promise<(number | undefined)[]> {
	const counts: (number | undefined)[] = []
	for (const { target } of running) counts.push(target === undefined ? undefined : await arrived(target))
	return counts
}

/** Throws when no copy comes. */
async function moreArrived(target: Target, earlier: number, arrived: Arrivals): Promise<void> {
	const deadline = performance.now() + ARRIVAL_LIMIT_MS
	while ((await arrived(target)) === earlier) {
		if (performance.now() > deadline) throw new Error(`no copy reached the target called ${target}`)
		await new Promise((resolve) => setTimeout(resolve, 50))
	}
}

function rowOf(own: readonly Slice[], without: readonly Slice[]): string[] {
	const all = own.flatMap((slice) => slice.latenciesMs)
	const ratios = (of: (slice: Slice) => number): string => ranged(spread(pairedRatios(own.map(of), without.map(of))))
	return [
		fixed(quantile(all, 0.5), 2),
		ratios((slice) => slice.p50Ms),
		fixed(quantile(all, 0.99), 2),
		ratios((slice) => slice.p99Ms),
	]
}

function note(slices: ReadonlyMap<string, readonly Slice[]>): string {
	const requests = [...slices.values()].flat().reduce((sum, slice) => sum + slice.requests, 0)
	return (
		`${fixed(requests)} requests, GET and POST of 1 KB in turn, ${REQUESTS_PER_SECOND} a second over ${CONNECTIONS} connections. ` +
		'Answers with another status or body than without a mirror: 0; one would fail the run.'
	)
}
