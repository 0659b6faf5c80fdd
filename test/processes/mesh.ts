/** Real `npm start` processes for tests: started, read, ended by pid. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { send } from '../../scripts/local/http.ts'
import { childrenOf, identityOf } from '../../scripts/local/processTable.ts'

const script = join(dirname(dirname(dirname(fileURLToPath(import.meta.url)))), 'scripts', 'run.mjs')

export const TOKEN = 'slv_test-of-the-local-mesh'

export interface Started {
	readonly process: ChildProcess
	/** What it has written so far. */
	readonly output: () => string
	/** Its exit code, or the signal that ended it. */
	readonly ended: Promise<number | NodeJS.Signals>
}

export function start(args: readonly string[]): Started {
	const child = spawn(process.execPath, [script, 'start', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
	let output = ''
	for (const stream of [child.stdout, child.stderr])
		stream.on('data', (chunk) => {
			output += chunk
		})
	const ended = once(child, 'exit').then(([code, signal]) => code ?? signal)
	return { process: child, output: () => output, ended }
}

/** Resolves when the mesh says that it is ready; rejects with its output when it ends before. */
export async function ready(mesh: Started): Promise<void> {
	const gone = mesh.ended.then((code) => Promise.reject(new Error(`ended with ${code}: ${mesh.output()}`)))
	await Promise.race([eventually(() => mesh.output().includes('Ctrl-C stops the mesh'), 60_000), gone])
	gone.catch(() => {}) // it may end later, as told
}

/** Polls real processes, which have no clock to pass in. */
export async function eventually(holds: () => boolean | Promise<boolean>, withinMs: number): Promise<void> {
	const deadline = Date.now() + withinMs
	while (!(await holds())) {
		if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${holds}`)
		await new Promise((resolve) => setTimeout(resolve, 50))
	}
}

export const stopped = async (mesh: Started, signal: NodeJS.Signals): Promise<number | NodeJS.Signals> => {
	mesh.process.kill(signal)
	return mesh.ended
}

/** Kills the runtime and the process that keeps it, in either order; answers when both are gone. */
export async function killed(mesh: Started, stateDir: string, runtimeFirst: boolean): Promise<void> {
	const main = childrenLike(mesh.process.pid ?? 0, /start\.ts/)[0] ?? 0
	const runtime: number = JSON.parse(readFileSync(join(stateDir, 'workerd.json'), 'utf8')).pid
	if (Math.min(main, runtime) <= 1) throw new Error(`found only ${main} and ${runtime}`)
	for (const pid of runtimeFirst ? [runtime, main] : [main, runtime]) killOutright(pid)
	await mesh.ended
	await eventually(() => !isAlive(runtime) && !isAlive(main), 20_000)
}

/** One that another has taken along meanwhile is as dead. */
export function killOutright(pid: number): void {
	try {
		process.kill(pid, 'SIGKILL')
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
	}
}

export const isAlive = (pid: number): boolean => identityOf(pid) !== undefined

/** Children of a process whose command line matches. */
export const childrenLike = (pid: number, command: RegExp): number[] =>
	childrenOf(pid).filter((child) => command.test(identityOf(child) ?? ''))

/** Below what systems give to outgoing connections: nobody gets the port by chance while its mesh is gone. */
const LOWEST_PORT = 10_000
/** Nor does another file that runs at the same time: each has ports of its own. */
const [RANGES, PORTS] = [16, 1_000]
const lowest = LOWEST_PORT + (Number(process.env.VITEST_POOL_ID ?? 0) % RANGES) * PORTS
const given = new Set<number>()

export async function freePort(): Promise<number> {
	for (;;) {
		const port = lowest + Math.floor(Math.random() * PORTS)
		if (given.has(port)) continue
		given.add(port)
		const probe = createServer()
		const isFree = await new Promise<boolean>((resolve) => {
			probe.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => resolve(true))
		})
		await new Promise((resolve) => probe.close(resolve))
		if (isFree) return port
	}
}

/** What gives no answer for so long is lost: longer than anything takes on a machine that stands still for a while. */
export const SILENCE_MS = 60_000

export const admin = (port: number, method: string, path: string, body?: unknown, token = TOKEN) =>
	send({
		port,
		timeoutMs: SILENCE_MS,
		host: 'admin.mesh.localhost',
		path,
		method,
		headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
		...(body === undefined ? {} : { body: JSON.stringify(body) }),
	})
