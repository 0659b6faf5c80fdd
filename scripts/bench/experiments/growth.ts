/** Whether a mesh gets slower as it grows: the same requests against meshes of several sizes, in turn. */
import type { BenchRequest, Document } from '../documents.ts'
import { type Mesh, startMesh } from '../mesh.ts'
import { fixed, ranged, table } from '../report.ts'
import { alternate, idleCpuMicros } from '../rounds.ts'
import { median, pairedRatios, spread } from '../statistics.ts'
import type { Bench } from './experiment.ts'

export interface Growth {
	/** What is counted, as the first column's title. */
	readonly what: string
	readonly sizes: readonly number[]
	documents(size: number): Iterable<Document>
	requests(size: number): readonly BenchRequest[]
	/** One document that changes each time it is made; applying it is timed in a mesh of every size. */
	change(turn: number): Document
}

interface Grown {
	readonly size: number
	readonly name: string
	readonly mesh: Mesh
	readonly loadMs: number
	readonly changesMs: readonly number[]
	readonly idleMicros: number
}

const CHANGES = 20
const IDLE_MS = 2_000

/** One row per size. The smallest is the baseline of the growth factors. */
export async function measureGrowth(bench: Bench, growth: Growth): Promise<string> {
	const grown: Grown[] = []
	for (const size of growth.sizes) {
		grown.push(await grow(bench, growth, size))
		bench.say(`${fixed(size)} ${growth.what}: loaded in ${fixed(grown.at(-1)!.loadMs / 1_000, 1)} s`)
	}
	const variants = grown.map(({ name, mesh }) => ({ name, pid: mesh.pid }))
	const slices = await alternate(bench.generator, variants, bench.options)
	const cpuOf = (name: string): number[] => slices.get(name)!.map((slice) => slice.cpuMicros)
	const rows = grown.map(({ size, name, mesh, loadMs, changesMs, idleMicros }) => [
		fixed(size),
		ranged(spread(cpuOf(name)), 0),
		ranged(spread(pairedRatios(cpuOf(name), cpuOf(grown[0]!.name)))),
		`${fixed(median(changesMs), 1)} (max ${fixed(Math.max(...changesMs), 1)})`,
		fixed(loadMs / 1_000, 1),
		fixed(idleMicros / 10_000, 2),
		fixed(mesh.memoryMb()),
	])
	const header = [growth.what, 'CPU µs per request', `÷ ${fixed(grown[0]!.size)}`, 'apply one change, ms']
	return table([...header, 'load all, s', 'idle CPU, %', 'memory, MB'], rows)
}

async function grow(bench: Bench, growth: Growth, size: number): Promise<Grown> {
	const name = `${growth.what}-${size}`
	const mesh = await startMesh(name, bench.directory, bench.bundles)
	const loadMs = await mesh.apply(growth.documents(size))
	const changesMs: number[] = []
	for (let turn = 0; turn < CHANGES; turn++) changesMs.push(await mesh.apply([growth.change(turn)]))
	const requests = growth.requests(size)
	for (const { host, path } of [requests[0]!, requests.at(-1)!]) await mesh.served(host, path)
	bench.generator.add({ name, port: mesh.proxyPort, requests })
	return { size, name, mesh, loadMs, changesMs, idleMicros: await idleCpuMicros(mesh.pid, IDLE_MS) }
}
