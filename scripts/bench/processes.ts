/** The processes that a bench run starts: pinned to a CPU where the machine can, and ended by their own ids. */
import { type ChildProcess, type StdioOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'

export interface Started {
	readonly pid: number
	readonly child: ChildProcess
	stop(): Promise<void>
}

const GRACE_MS = 3_000
const running = new Set<ChildProcess>()

/** Whether processes can be kept on one CPU here. Without that, neighbours disturb the figures more. */
export const canPin: boolean = works('taskset', '-c', '1', 'true')

/** Where the machine has it, a child ends with this process even when that is killed outright. */
const canFollow: boolean = works('setpriv', '--pdeathsig', 'KILL', 'true')

/** Starts a program on one CPU. It is ended by `stop`, or with this process at the latest. */
export function start(
	command: string,
	args: readonly string[],
	options: { cpu: number; stdio: StdioOptions },
): Started {
	const line = [
		...(canFollow ? ['setpriv', '--pdeathsig', 'KILL'] : []),
		...(canPin ? ['taskset', '-c', String(options.cpu)] : []),
		command,
		...args,
	]
	const child = spawn(line[0]!, line.slice(1), { stdio: options.stdio })
	if (child.pid === undefined) throw new Error(`could not start ${command}`)
	running.add(child)
	child.once('exit', () => running.delete(child))
	return { pid: child.pid, child, stop: () => stop(child) }
}

function works(tool: string, ...args: readonly string[]): boolean {
	return spawnSync(tool, args).status === 0
}

async function stop(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return
	const exited = once(child, 'exit')
	child.kill('SIGTERM')
	const impatient = setTimeout(() => child.kill('SIGKILL'), GRACE_MS)
	await exited
	clearTimeout(impatient)
}

/** Ends every process that is still running. */
export async function endAll(): Promise<void> {
	await Promise.all([...running].map(stop))
}

process.on('exit', () => {
	for (const child of running) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(130))
