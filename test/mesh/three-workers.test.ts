/** The three Workers as they are configured for deployment, together: what one does, the others see. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createTestHarness } from 'wrangler'
import { type Backend, startBackend } from './backend.ts'
import { eventually } from './client.ts'

const TOKEN = 'the-first-token'
const REGION = 'local'
const SERVICE = 'default/hello'
const server = createTestHarness({
	workers: [
		{ configPath: 'wrangler.toml' },
		{ configPath: 'workers/admin/wrangler.toml', secrets: { ADMIN_TOKEN: TOKEN } },
		{ configPath: 'workers/scheduler/wrangler.toml' },
	],
})
const proxy = () => server.getWorker('selvedge-proxy')
const admin = () => server.getWorker('selvedge-admin')
const cron = () => server.getWorker('selvedge-scheduler').scheduled({ cron: '* * * * *', scheduledTime: new Date() })

let backend: Backend
beforeAll(async () => {
	await server.listen()
	backend = await startBackend((_, response) => response.end('hello'))
})
afterAll(async () => {
	await backend.stop()
	await server.close()
})

async function api(method: string, path: string, body?: object): Promise<unknown> {
	const headers = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' }
	const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) }
	const response = await admin().fetch(`http://admin.mesh.localhost${path}`, init)
	expect(response.ok, `${method} ${path}: ${response.status}`).toBe(true)
	return response.json()
}

const register = () => api('PUT', `/v1/services/${SERVICE}/endpoints/hello-1`, { url: backend.url, ttlSeconds: 600 })
const endpoints = async () => ((await api('GET', `/v1/services/${SERVICE}`)) as { endpoints: unknown[] }).endpoints

it('an endpoint registered with the admin Worker is called through the proxy', async () => {
	await register()
	const ask = () => proxy().fetch('http://hello.mesh.localhost/')
	expect(await (await eventually(ask, ({ status }) => status === 200)).text()).toBe('hello')
})

it('the scheduler pushes what a replica lacks and nobody was left to push', async () => {
	const root = await admin().getDurableObjectStorage('PolicyStore', { name: 'mesh' })
	const behind = () => root.exec('SELECT region FROM replicas WHERE sequence < (SELECT MAX(sequence) FROM parts)')
	await root.exec('UPDATE replicas SET sequence = 0')
	expect(await behind()).toEqual([{ region: REGION }])
	expect((await cron()).outcome).toBe('ok')
	expect(await behind()).toEqual([])
})

it('the scheduler ends a lease that its own alarm has missed', async () => {
	await register()
	await eventually(endpoints, ({ length }) => length === 1)
	const registry = await admin().getDurableObjectStorage('ServiceRegistry', { name: SERVICE })
	// Overdue, and on grace already: the lease that a watchdog must not forgive once more. Its alarm is ten minutes away.
	await registry.exec('UPDATE leases SET expires_at_ms = ?, on_grace = 1', Date.now() - 60_000)
	await admin().evictDurableObject('ServiceRegistry', { name: SERVICE })
	expect((await cron()).outcome).toBe('ok')
	expect(await endpoints()).toEqual([])
})
