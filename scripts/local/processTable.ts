/** The operating system's processes: from /proc on Linux, where `ps` may be missing, from `ps` elsewhere. */
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** Start time and command line of a process; undefined when there is none, or only what is left of one. */
export function identityOf(pid: number): string | undefined {
	try {
		if (process.platform !== 'linux')
			return execFileSync('ps', ['-o', 'lstart=,command=', '-p', String(pid)], { encoding: 'utf8' }).trim() || undefined
		const { state, started } = stat(pid)
		if (state === 'Z') return undefined
		return `${started} ${readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()}`
	} catch {
		return undefined
	}
}

/** proc_pid_stat(5); the command name in parentheses may itself hold spaces and parentheses. */
function stat(pid: number): { state: string; parent: number; started: string } {
	const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
	const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
	return { state: fields[0] ?? '', parent: Number(fields[1]), started: fields[19] ?? '' }
}

/** Processes that this one started and that still run. */
export function childrenOf(parent: number): number[] {
	if (process.platform !== 'linux')
		return execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' })
			.split('\n')
			.map((line) => line.trim().split(/\s+/).map(Number))
			.filter(([, of]) => of === parent)
			.map(([pid]) => pid ?? 0)
	return readdirSync('/proc')
		.map(Number)
		.filter((pid) => pid > 0 && parentOf(pid) === parent)
}

function parentOf(pid: number): number | undefined {
	try {
		return stat(pid).parent
	} catch {
		return undefined // it ended meanwhile
	}
}
