/** The demo shop beside the local mesh: its resources applied, its services running as processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { send, until200 } from './http.ts'
import { ADMIN_HOST } from './workers.ts'

const folder = new URL('../../examples/shop/', import.meta.url)
/** Each with the workload that it joins as. */
const SERVICES = [
	['web', 'web.ts'],
	['orders', 'orders.ts'],
	['payments-v1', 'payments.ts', 'v1'],
	['payments-v2', 'payments.ts', 'v2'],
] as const

const READY_WITHIN_MS = 20_000
/** Leaving takes a service some tenths of a second. */
const STOP_WITHIN_MS = 1_200

export interface Shop {
	readonly stop: () => Promise<void>
}

export async function startShop(port: number, adminToken: string): Promise<Shop> {
	await applyResources(port, adminToken)
	const env = { ...process.env, MESH_URL: `http://${ADMIN_HOST}:${port}` }
	const services = SERVICES.map(([workload, file, ...args]) => {
		// The channel ends when this process does, however it does: services leave then.
		const service = spawn(process.execPath, [fileURLToPath(new URL(file, folder)), ...args], {
			env,
			stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
		})
		return { service, ready: attend(service, () => newJoinToken(port, adminToken, workload)) }
	})
	const stop = async () => void (await Promise.all(services.map(({ service }) => endService(service))))
	// Asked before they are all there, the proxy would learn of empty services, and the dashboard would begin with errors.
	await Promise.race([
		Promise.all(services.map(({ ready }) => ready)),
		new Promise((resolve) => setTimeout(resolve, READY_WITHIN_MS).unref()),
	])
	const failure = await until200({ port, host: 'shop.localhost', path: '/' }, READY_WITHIN_MS)
	if (failure === undefined) return { stop }
	await stop()
	throw new Error(`the demo shop did not come up: ${failure}`)
}

/** Gives a service a token to join with whenever it asks for one, and resolves when it is ready. */
function attend(service: ChildProcess, newToken: () => Promise<string>): Promise<void> {
	const { promise, resolve } = Promise.withResolvers<void>()
	service.on('message', async (message) => {
		if (message === 'ready') return resolve()
		try {
			const token = await newToken()
			if (service.connected) service.send(token)
		} catch (error) {
			console.error(`No join token for the demo shop: ${(error as Error).message}`)
		}
	})
	return promise
}

async function newJoinToken(port: number, adminToken: string, workload: string): Promise<string> {
	const asked = JSON.stringify({ namespace: 'default', workload })
	const { status, body } = await post(port, adminToken, '/v1/identity/join-tokens', 'application/json', asked)
	if (status !== 201) throw new Error(`${status} ${body}`)
	return JSON.parse(body).token
}

async function applyResources(port: number, adminToken: string): Promise<void> {
	const resources = readFileSync(new URL('mesh.yaml', folder), 'utf8')
	const { status, body } = await post(port, adminToken, '/v1/apply', 'application/yaml', resources)
	if (status !== 200) throw new Error(`the demo shop's resources were refused: ${status} ${body}`)
}

const post = (port: number, adminToken: string, path: string, type: string, body: string) =>
	send({
		port,
		host: ADMIN_HOST,
		path,
		method: 'POST',
		headers: { authorization: `Bearer ${adminToken}`, 'content-type': type },
		body,
		// A machine that has only just begun to run all this may stand still for a while; without an answer nothing starts.
		timeoutMs: 30_000,
	})

async function endService(service: ChildProcess): Promise<void> {
	if (service.exitCode !== null || service.signalCode !== null) return
	service.disconnect()
	const overdue = setTimeout(() => service.kill('SIGKILL'), STOP_WITHIN_MS)
	await once(service, 'exit')
	clearTimeout(overdue)
}
