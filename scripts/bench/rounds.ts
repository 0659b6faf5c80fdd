/** Alternated slices: every variant gets a short turn in each round, so that a disturbance of the machine meets all alike. */
import { cpuMicrosBetween, readCpu } from './cpu.ts'
import type { Generator } from './generator.ts'
import type { SliceResult } from './load.ts'
import { quantile } from './statistics.ts'

export interface Variant {
	/** Name of the load target. */
	readonly name: string
	/** Process whose CPU is counted. */
	readonly pid: number
	/**
	 * It is loaded for this long before each slice, and nobody is for as long after it: what its requests leave behind meets its own
	 * slices, and no other's. 0 when left out.
	 */
	readonly settleMs?: number
}

export interface Slice {
	/** With those before it, which only its CPU time counts. */
	readonly requests: number
	/** Of one request, with what it leaves to be done after it. */
	readonly cpuMicros: number
	readonly requestsPerSecond: number
	readonly p50Ms: number
	readonly p99Ms: number
	readonly latenciesMs: readonly number[]
}

export interface RoundOptions {
	readonly rounds: number
	readonly sliceMs: number
	readonly connections: number
	/** Over all connections. As many as are answered when left out. */
	readonly requestsPerSecond?: number
}

/** Slices by variant, in order of rounds. Throws when an answer is not as expected: its figures would mean nothing. */
export async function alternate(
	generator: Generator,
	variants: readonly Variant[],
	options: RoundOptions,
): Promise<ReadonlyMap<string, readonly Slice[]>> {
	for (const variant of variants) await runSlice(generator, variant, options)
	const slices = new Map<string, Slice[]>(variants.map(({ name }) => [name, []]))
	for (let round = 0; round < options.rounds; round++) {
		for (let turn = 0; turn < variants.length; turn++) {
			const variant = variants[(turn + round) % variants.length]!
			slices.get(variant.name)!.push(await runSlice(generator, variant, options))
		}
	}
	return slices
}

async function runSlice(generator: Generator, variant: Variant, options: RoundOptions): Promise<Slice> {
	const before = readCpu(variant.pid)
	const { settleMs = 0 } = variant
	const settling = settleMs === 0 ? 0 : (await load(generator, variant, options, settleMs)).requests
	const result = await load(generator, variant, options, options.sliceMs)
	const requests = settling + result.requests
	if (settleMs > 0) await new Promise((resolve) => setTimeout(resolve, settleMs))
	const cpuMicros = cpuMicrosBetween(before, readCpu(variant.pid)) / requests
	return {
		requests,
		cpuMicros,
		requestsPerSecond: (result.requests * 1_000) / result.elapsedMs,
		p50Ms: quantile(result.latenciesMs, 0.5),
		p99Ms: quantile(result.latenciesMs, 0.99),
		latenciesMs: result.latenciesMs,
	}
}

async function load(
	generator: Generator,
	{ name }: Variant,
	{ connections, requestsPerSecond }: RoundOptions,
	durationMs: number,
): Promise<SliceResult> {
	const pace = requestsPerSecond === undefined ? {} : { requestsPerSecond }
	const result = await generator.slice({ target: name, connections, durationMs, ...pace })
	const { failures, requests, firstFailure } = result
	if (failures > 0) throw new Error(`${name}: ${failures} of ${requests} failed, first: ${firstFailure}`)
	return result
}

/** Microseconds of CPU per second that a process uses while nobody asks it anything. */
export async function idleCpuMicros(pid: number, durationMs: number): Promise<number> {
	const before = readCpu(pid)
	await new Promise((resolve) => setTimeout(resolve, durationMs))
	return (cpuMicrosBetween(before, readCpu(pid)) * 1_000) / durationMs
}
