/** What each feature of a rule adds to a request's CPU time, and what those that a rule does not use add to it. */
import { BENCH_HOST, type Document, gateway, route, service } from '../documents.ts'
import { FEATURES } from '../features/all.ts'
import { BACKEND, EXTERNAL, type Feature, OTHER, to } from '../features/feature.ts'
import { prove } from '../features/prove.ts'
import type { WireRequest } from '../httpFraming.ts'
import { type Mesh, startMesh } from '../mesh.ts'
import { ranged, table } from '../report.ts'
import { alternate, type RoundOptions, type Slice } from '../rounds.ts'
import { pairedDifferences, pairedRatios, spread } from '../statistics.ts'
import type { Bench, Experiment } from './experiment.ts'

/** A host with rules for the same paths, none of which uses any feature. */
const PLAIN_HOST = 'plain.example.com'
const PLAIN = 'plain'
/** Slices are this much shorter than others', since there are so many. */
const SHORTER = 7
/** What an isolate runs through its first thousands of requests is compiled meanwhile. */
const WARM_UP_MS = 3_000

export const features: Experiment = async (bench) => {
	const mesh = await startMesh('features', bench.directory, bench.bundles)
	const measured = await proveAll(bench, mesh)
	bench.say(`${measured.length} features act`)
	const options = { ...bench.options, sliceMs: Math.ceil(bench.options.sliceMs / SHORTER) }
	const rows: string[][] = []
	for (const one of measured) rows.push([one.feature.title, ...(await compare(bench, mesh, one, options))])
	const costs = table(['feature', 'plain rule, µs', 'with the feature, µs', 'added µs', '÷ plain'], rows)
	return `${costs}\n\n${await measureUnused(bench, mesh, options)}`
}

interface Measured {
	readonly feature: Feature
	readonly request: WireRequest
}

/** Loads the mesh with what shows that each feature acts, then with what is to be measured. */
async function proveAll(bench: Bench, mesh: Mesh): Promise<Measured[]> {
	const shown = FEATURES.flatMap(({ documents = [], proof }) => proof.documents ?? documents)
	await mesh.apply([...everything(bench), ...shown])
	await mesh.served(BENCH_HOST, pathOf(PLAIN))
	const measured: Measured[] = []
	for (const feature of FEATURES) {
		const request = { host: BENCH_HOST, path: pathOf(feature.name), ...feature.request }
		const learned = await prove(bench, mesh, request, feature)
		measured.push({ feature, request: { ...request, headers: { ...request.headers, ...learned } } })
	}
	const changed = FEATURES.filter(({ proof }) => proof.documents !== undefined)
	await mesh.apply(changed.flatMap(({ documents = [] }) => documents))
	for (const { name } of changed) await mesh.served(BENCH_HOST, pathOf(name))
	return measured
}

/** The services, and for each feature a route that uses it and one on another host that does not. */
function everything({ backends }: Bench): Document[] {
	const external = {
		endpoints: [{ url: backends.a }],
		external: true,
		credential: { bearer: { secretRef: { name: 'token', key: 'token' } } },
	}
	return [
		...plainDocuments(backends.a),
		gateway(BENCH_HOST, PLAIN_HOST),
		service(OTHER, backends.b),
		{ apiVersion: 'selvedge.dev/v1', kind: 'Service', metadata: { name: EXTERNAL }, spec: external },
		route(PLAIN, [matching(PLAIN, to(BACKEND))], [BENCH_HOST]),
		...FEATURES.map(({ name, rules }) =>
			route(
				name,
				rules.map((rule) => matching(name, rule)),
				[BENCH_HOST],
			),
		),
	]
}

/** The same rules without what they do. */
const plainDocuments = (url: string): Document[] => [
	service(BACKEND, url),
	...[PLAIN, ...FEATURES.map(({ name }) => name)].map((name) =>
		route(`without-${name}`, [matching(name, to(BACKEND))], [PLAIN_HOST]),
	),
]

const matching = (name: string, rule: Document): Document => ({
	matches: [{ path: { type: 'PathPrefix', value: `/${name}` } }],
	...rule,
})

const pathOf = (name: string): string => `/${name}/item`

/** The feature's rule in turn with the plain rule, which is sent the same request. */
async function compare(
	{ generator }: Bench,
	{ pid, proxyPort: port }: Mesh,
	{ feature, request }: Measured,
	options: RoundOptions,
): Promise<string[]> {
	const plain = `${feature.name} without`
	generator.add({ name: plain, port, requests: [{ ...request, path: pathOf(PLAIN) }] })
	generator.add({ name: feature.name, port, requests: [request], status: feature.status ?? 200 })
	const slices = await alternate(
		generator,
		[
			{ name: plain, pid },
			{ name: feature.name, pid },
		],
		options,
	)
	const [without, used] = [cpuOf(slices.get(plain)!), cpuOf(slices.get(feature.name)!)]
	return [
		ranged(spread(without), 0),
		ranged(spread(used), 0),
		ranged(spread(pairedDifferences(used, without)), 0),
		ranged(spread(pairedRatios(used, without))),
	]
}

const cpuOf = (slices: readonly Slice[]): number[] => slices.map((slice) => slice.cpuMicros)

/** A plain rule beside all the features, against plain rules that have no such neighbours. */
async function measureUnused(bench: Bench, mesh: Mesh, options: RoundOptions): Promise<string> {
	const alone = await startMesh('features-none', bench.directory, bench.bundles)
	await alone.apply([gateway(PLAIN_HOST), ...plainDocuments(bench.backends.a)])
	await alone.served(PLAIN_HOST, pathOf(PLAIN))
	await mesh.served(PLAIN_HOST, pathOf(PLAIN))
	const variants = [
		{ name: 'beside all features', mesh, host: BENCH_HOST },
		{ name: 'the same, once more', mesh, host: BENCH_HOST },
		{ name: 'on a host without any, in the same isolate', mesh, host: PLAIN_HOST },
		{ name: 'in a mesh without any', mesh: alone, host: PLAIN_HOST },
	].map(({ name, mesh: { pid, proxyPort: port }, host }) => ({ name, pid, port, host }))
	for (const { name, port, host } of variants)
		bench.generator.add({ name, port, requests: [{ host, path: pathOf(PLAIN) }] })
	const { connections } = options
	await bench.generator.slice({ target: variants.at(-1)!.name, connections, durationMs: WARM_UP_MS })
	const slices = await alternate(bench.generator, variants, { ...options, rounds: 2 * options.rounds })
	const beside = cpuOf(slices.get(variants[0]!.name)!)
	const rows = [...slices].map(([name, own]) => [
		name,
		ranged(spread(cpuOf(own)), 0),
		ranged(spread(pairedRatios(beside, cpuOf(own)))),
	])
	return table(['a rule that uses none', 'CPU µs per request', 'beside all ÷ this'], rows)
}
