/** How much of the processor this thread has had, in ms: unlike by the clock, nothing else on the machine makes it more. */
export function cpuTimeMs(): number {
	const { user, system } = process.threadCpuUsage()
	return (user + system) / 1_000
}
