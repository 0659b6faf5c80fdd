/** The demo shop beside the local mesh: its resources applied, its services running as processes of their own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { send, until200 } from './http.ts'
import { ADMIN_HOST, MESH_DOMAIN } from './workers.ts'

const folder = new URL('../../examples/shop/', import.meta.url)
const SERVICES = [['web.ts'], ['orders.ts'], ['payments.ts', 'v1'], ['payments.ts', 'v2']] as const

const READY_WITHIN_MS = 20_000
/** Leaving takes a service some tenths of a second. */
const STOP_WITHIN_MS = 1_200

export interface Shop {
	readonly stop: () => Promise<void>
}

export async function startShop(port: number, adminToken: string): Promise<Shop> {
	await applyResources(port, adminToken)
	const env = {
		...process.env,
		MESH_URL: `http://127.0.0.1:${port}`,
		MESH_DOMAIN,
		MESH_TOKEN: adminToken,
	}
	const services = SERVICES.map(([file, ...args]) =>
		// The channel ends when this process does, however it does: services leave then.
		spawn(process.execPath, [fileURLToPath(new URL(file, folder)), ...args], {
			env,
			stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
		}),
	)
	const stop = async () => void (await Promise.all(services.map(endService)))
	// Asked before they are all there, the proxy would learn of empty services, and the dashboard would begin with errors.
	await Promise.race([
		Promise.all(services.map((service) => once(service, 'message'))),
		new Promise((resolve) => setTimeout(resolve, READY_WITHIN_MS).unref()),
	])
	const failure = await until200({ port, host: 'shop.localhost', path: '/' }, READY_WITHIN_MS)
	if (failure === undefined) return { stop }
	await stop()
	throw new Error(`the demo shop did not come up: ${failure}`)
}

async function applyResources(port: number, adminToken: string): Promise<void> {
	const { status, body } = await send({
		port,
		host: ADMIN_HOST,
		path: '/v1/apply',
		method: 'POST',
		headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/yaml' },
		body: readFileSync(new URL('mesh.yaml', folder), 'utf8'),
	})
	if (status !== 200) throw new Error(`the demo shop's resources were refused: ${status} ${body}`)
}

async function endService(service: ChildProcess): Promise<void> {
	if (service.exitCode !== null || service.signalCode !== null) return
	service.disconnect()
	const overdue = setTimeout(() => service.kill('SIGKILL'), STOP_WITHIN_MS)
	await once(service, 'exit')
	clearTimeout(overdue)
}
