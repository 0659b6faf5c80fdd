/** What a mirror does to the requests that it copies, whatever its target does: nothing, one hopes. */

import { BENCH_HOST, type Document, gateway, route, service } from '../documents.ts'
import { startTroubleMakers, type TroubleMakers } from '../generator.ts'
import type { WireRequest } from '../httpFraming.ts'
import { type Mesh, startMesh } from '../mesh.ts'
import { fixed, ranged, table } from '../report.ts'
import { alternate, type Slice } from '../rounds.ts'
import { pairedRatios, quantile, spread } from '../statistics.ts'
import type { Trouble } from '../troubleMakers.ts'
import type { Bench, Experiment } from './experiment.ts'

/** With room on the CPU for whatever else is to be done: with none left, a copy costs latency like any other load. */
const REQUESTS_PER_SECOND = 50
const CONNECTIONS = 4
const SLOW_MS = 2_000
/** From a request until its copy is over: sent up to 20 ms later, given up after 10 s. */
const SETTLE_MS = { answered: 300, slow: SLOW_MS + 300, silent: 10_500 }
const ARRIVAL_LIMIT_MS = 5_000
const EXPECTED_BODY = 'a'.repeat(100)
/** The same twice: of a rule without a mirror and of one with it. */
const PATHS = { without: '/plain', mirrored: '/copied' }

const requestsTo = (path: string): readonly WireRequest[] => [
	{ host: BENCH_HOST, path: `${path}/read` },
	{ host: BENCH_HOST, path: `${path}/write`, method: 'POST', body: 'k'.repeat(1_024) },
]

type Target = Trouble | 'fast'

interface Variant {
	readonly name: string
	readonly target?: Target
	/** The share of requests that a mirror gets whose rule sends it none. */
	readonly percent?: 0
	readonly settleMs?: number
}

const VARIANTS: readonly Variant[] = [
	{ name: 'none' },
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

/** What the requests of the same process are called that no mirror gets. */
const withoutMirror = (name: string): string => `${name}, without`

/**
 * Each variant has a process of its own, so that what hangs in one disturbs no other, and is paired with requests to the same process
 * that a rule without a mirror sends on: processes differ among each other by more than what is looked for.
 */
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
	const slices = await measure(bench, running)
	const memory = running.map(({ mesh }) => mesh.memoryMb())
	const after = await counted(running, arrived)
	const rows = running.map(({ name }, i) => [
		name,
		...rowOf(slices.get(name)!, slices.get(withoutMirror(name))!),
		after[i] === undefined ? '' : fixed(after[i] - before[i]!),
		fixed(memory[i]!),
	])
	const header = [
		'mirror target',
		'p50 ms',
		'÷ without',
		'p99 ms',
		'÷ without',
		'CPU µs per request, all in',
		'÷ without',
	]
	return `${table([...header, 'copies that arrived', 'memory, MB'], rows)}\n\n${note(slices)}`
}

function measure(
	{ generator, options }: Bench,
	running: readonly Running[],
): Promise<ReadonlyMap<string, readonly Slice[]>> {
	const variants = running.flatMap(({ name, pid, settleMs = 0, mesh: { proxyPort: port } }) => {
		const without = withoutMirror(name)
		generator.add({ name: without, port, requests: requestsTo(PATHS.without), body: EXPECTED_BODY })
		generator.add({ name, port, requests: requestsTo(PATHS.mirrored), body: EXPECTED_BODY })
		return [
			{ name: without, pid },
			{ name, pid, settleMs },
		]
	})
	return alternate(generator, variants, {
		...options,
		connections: CONNECTIONS,
		requestsPerSecond: REQUESTS_PER_SECOND,
	})
}

async function start(bench: Bench, trouble: TroubleMakers, name: string, variant: Variant): Promise<Running> {
	const { target, percent } = variant
	const mesh = await startMesh(name, bench.directory, bench.bundles)
	const url = target === undefined || target === 'fast' ? bench.backends.b : `http://127.0.0.1:${trouble.ports[target]}`
	const share = percent === undefined ? {} : { percent }
	const mirror = { type: 'RequestMirror', requestMirror: { backendRef: { name: 'mirror', port: 80 }, ...share } }
	const rule = (path: string, more: Document): Document => ({
		matches: [{ path: { type: 'PathPrefix', value: path } }],
		backendRefs: [{ name: 'backend', port: 80 }],
		...more,
	})
	const rules = [
		rule(PATHS.without, {}),
		rule(PATHS.mirrored, target === undefined && percent === undefined ? {} : { filters: [mirror] }),
	]
	await mesh.apply([gateway(), service('backend', bench.backends.a), service('mirror', url), route('all', rules)])
	for (const path of Object.values(PATHS)) await mesh.served(BENCH_HOST, path)
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
		ranged(spread(own.map(({ cpuMicros }) => cpuMicros)), 0),
		ratios((slice) => slice.cpuMicros),
	]
}

function note(slices: ReadonlyMap<string, readonly Slice[]>): string {
	const requests = [...slices.values()].flat().reduce((sum, slice) => sum + slice.requests, 0)
	return (
		`${fixed(requests)} requests, GET and POST of 1 KB in turn, ${REQUESTS_PER_SECOND} a second over ${CONNECTIONS} connections. ` +
		'Answers with another status or body than without a mirror: 0; one would fail the run.'
	)
}
