/** Real `npm start` processes for tests: started, read, ended by pid. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
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

export const isAlive = (pid: number): boolean => identityOf(pid) !== undefined

/** Children of a process whose command line matches. */
export const childrenLike = (pid: number, command: RegExp): number[] =>
	childrenOf(pid).filter((child) => command.test(identityOf(child) ?? ''))

export function freePort(): Promise<number> {
	const probe = createServer()
	return new Promise((resolve) => {
		probe.listen(0, '127.0.0.1', () => {
			const address = probe.address()
			probe.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0))
		})
	})
}

export const admin = (port: number, method: string, path: string, body?: unknown, token = TOKEN) =>
	send({
		port,
		host: 'admin.mesh.localhost',
		path,
		method,
		headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
		...(body === undefined ? {} : { body: JSON.stringify(body) }),
	})
