/** Alternated slices: every variant gets a short turn in each round, so that a disturbance of the machine meets all alike. */
import { cpuMicrosBetween, readCpu } from './cpu.ts'
import type { Generator } from './generator.ts'
import { quantile } from './statistics.ts'

export interface Variant {
	/** Name of the load target. */
	readonly name: string
	/** Process whose CPU is counted. */
	readonly pid: number
}

export interface Slice {
	readonly requests: number
	readonly cpuMicros: number
	readonly requestsPerSecond: number
	readonly p50Ms: number
	readonly p99Ms: number
}

export interface RoundOptions {
	readonly rounds: number
	readonly sliceMs: number
	readonly connections: number
}

/** Slices by variant, in order of rounds. Throws on the first answer that is not 200: its figures would mean nothing. */
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
	const result = await generator.slice({
		target: variant.name,
		connections: options.connections,
		durationMs: options.sliceMs,
	})
	const cpuMicros = cpuMicrosBetween(before, readCpu(variant.pid))
	if (result.failures > 0) {
		throw new Error(`${variant.name}: ${result.failures} of ${result.requests} failed, first: ${result.firstFailure}`)
	}
	return {
		requests: result.requests,
		cpuMicros: cpuMicros / result.requests,
		requestsPerSecond: (result.requests * 1_000) / result.elapsedMs,
		p50Ms: quantile(result.latenciesMs, 0.5),
		p99Ms: quantile(result.latenciesMs, 0.99),
	}
}

/** Microseconds of CPU per second that a process uses while nobody asks it anything. */
export async function idleCpuMicros(pid: number, durationMs: number): Promise<number> {
	const before = readCpu(pid)
	await new Promise((resolve) => setTimeout(resolve, durationMs))
	return (cpuMicrosBetween(before, readCpu(pid)) * 1_000) / durationMs
}
