/** Endpoint processes for tests: started, stopped in every way there is, and ended by pid. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const script = fileURLToPath(new URL('./endpoint.ts', import.meta.url))

export interface EndpointProcess {
	readonly id: string
	/** Where it listens. */
	readonly port: number
	/** Its exit code, or the signal that ended it. */
	readonly ended: Promise<number | NodeJS.Signals>
	kill(signal: NodeJS.Signals): void
	/** What it answers health checks from now on; whatever that is, it serves. */
	say(health: 'healthy' | 'unhealthy'): void
}

const running = new Set<ChildProcess>()

/** Resolves when it has its lease. On a port that it had before, it is the endpoint that it was. */
export async function startEndpoint(meshPort: number, service: string, id: string, port = 0): Promise<EndpointProcess> {
	const args = [script, String(meshPort), service, id, String(port)]
	const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
	running.add(child)
	const ended = once(child, 'exit').then(([code, signal]) => {
		running.delete(child)
		return code ?? signal
	})
	const gone = ended.then((code) => Promise.reject(new Error(`endpoint ${id} ended with ${code}`)))
	gone.catch(() => {}) // it may end later, as told
	const [ownPort] = await Promise.race([once(child, 'message'), gone])
	return { id, port: ownPort, ended, kill: (signal) => child.kill(signal), say: (health) => child.send(health) }
}

/** Three of a service, named a, b and c. */
export const startThree = (meshPort: number, service: string): Promise<EndpointProcess[]> =>
	Promise.all(['a', 'b', 'c'].map((id) => startEndpoint(meshPort, service, id)))

/** Ends them all, frozen ones too. */
export async function endEndpoints(): Promise<void> {
	const children = [...running]
	for (const child of children) child.kill('SIGKILL')
	await Promise.all(children.map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')))
}
