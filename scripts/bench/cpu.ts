/** CPU time of a process, from what the Linux scheduler keeps about each of its threads. */
import { readdirSync, readFileSync } from 'node:fs'

/** Nanoseconds on a CPU so far, by thread. Source: Documentation/scheduler/sched-stats.rst, `/proc/<pid>/schedstat`. */
export type CpuReading = ReadonlyMap<string, number>

export function readCpu(pid: number): CpuReading {
	const reading = new Map<string, number>()
	for (const thread of readdirSync(`/proc/${pid}/task`)) {
		try {
			reading.set(thread, Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]))
		} catch {
			// The thread ended between the listing and the reading.
		}
	}
	if (reading.size === 0) throw new Error('no /proc/<pid>/task/*/schedstat: CPU time can only be read on Linux')
	return reading
}

/** Microseconds of CPU between two readings. A thread that began in between counts in full. */
export function cpuMicrosBetween(before: CpuReading, after: CpuReading): number {
	let nanos = 0
	for (const [thread, value] of after) nanos += value - (before.get(thread) ?? 0)
	return nanos / 1_000
}
