/** The whole mesh on this machine, from an empty port to a greeting, and back. */
import { createServer } from 'node:net'
import { greeting } from './greeting.ts'
import { until200 } from './http.ts'
import type { Options } from './options.ts'
import { endRuntime, recordedOrphan } from './orphans.ts'
import { guardRuntime, startClock, startRuntime } from './runtime.ts'
import { startShop } from './shop.ts'
import { keptSecret, lockState } from './state.ts'
import { ADMIN_HOST, localMesh } from './workers.ts'

const READY_WITHIN_MS = 30_000
const STOP_WITHIN_MS = 1_800

/** What must be undone, in order of doing. */
const undo: (() => void | Promise<void>)[] = []
let stopping = false

/** Undoes everything, last things first, and leaves. Overdue steps are cut off: no process may be left to hang. */
async function stop(code: number): Promise<void> {
	if (stopping) return
	stopping = true
	setTimeout(() => process.exit(code), STOP_WITHIN_MS).unref()
	for (const step of undo.reverse()) await step()
	process.exit(code)
}

async function fail(sentence: string): Promise<never> {
	if (!stopping) console.error(sentence)
	await stop(1)
	return new Promise(() => {}) // until the stop that is under way ends the process
}

/** The port if it is free, any free one for 0, undefined if it is taken. */
function freePort(port: number): Promise<number | undefined> {
	return new Promise((resolve) => {
		const probe = createServer()
		probe.on('error', () => resolve(undefined))
		probe.listen({ port, host: '127.0.0.1' }, () => {
			const address = probe.address()
			probe.close(() => resolve(typeof address === 'object' ? address?.port : undefined))
		})
	})
}

async function endOrphan(stateDir: string): Promise<void> {
	const orphan = recordedOrphan(stateDir)
	if (orphan === undefined) return
	await endRuntime(orphan)
	console.error(`Ended workerd (pid ${orphan.pid}): an earlier start of this mesh was killed and left it running.`)
}

async function bringUp({ stateDir, demo, region, accessLogRate, ...options }: Options): Promise<void> {
	if (!lockState(stateDir)) return fail(`Another mesh is running on ${stateDir}. Stop it, or choose another --state.`)
	await endOrphan(stateDir)
	const port = await freePort(options.port)
	if (port === undefined) return fail(`Port ${options.port} is in use by another program. Choose another --port.`)
	const adminToken = options.adminToken ?? keptSecret(stateDir, 'admin-token')
	const masterKey = keptSecret(stateDir, 'master-key')

	const guard = guardRuntime(stateDir)
	undo.push(guard.stop)
	const onRuntimeRestart = () => void guard.note()
	const mesh = await localMesh({ port, stateDir, adminToken, masterKey, region, accessLogRate, onRuntimeRestart })
	const runtime = await startRuntime(mesh, guard)
	undo.push(() => runtime.dispose())
	undo.push(startClock(runtime))
	const failure = await until200({ port, host: ADMIN_HOST, path: '/readyz' }, READY_WITHIN_MS)
	if (failure !== undefined) return fail(`The control plane is not ready: ${failure}`)

	if (demo) undo.push((await startShop(port, adminToken)).stop)
	if (!stopping) console.log(greeting({ port, adminToken, stateDir, demo }))
}

/** Runs until a signal, or until the process that started this one is gone. */
export async function launch(options: Options): Promise<void> {
	for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop(0))
	process.on('disconnect', () => void stop(0))
	await bringUp(options).catch((error: Error) => fail(error.message))
}
