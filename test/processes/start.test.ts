import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { runCurl } from './curl.ts'
import {
	admin,
	childrenLike,
	eventually,
	freePort,
	isAlive,
	ready,
	type Started,
	start,
	stopped,
	TOKEN,
} from './mesh.ts'

let state: string
let port: number
let running: Started[]

beforeEach(async () => {
	state = mkdtempSync(join(tmpdir(), 'selvedge-start-'))
	port = await freePort()
	running = []
})

afterEach(async () => {
	for (const mesh of running) await stopped(mesh, 'SIGTERM')
	rmSync(state, { recursive: true, force: true })
})

function startMesh(...args: string[]): Started {
	const mesh = start(['--port', String(port), '--state', state, ...args])
	running.push(mesh)
	return mesh
}

async function startBare(): Promise<Started> {
	const mesh = startMesh('--no-demo', '--admin-token', TOKEN)
	await ready(mesh)
	return mesh
}

const isListening = (): Promise<boolean> =>
	new Promise((resolve) => {
		const socket = connect({ host: '127.0.0.1', port })
		socket.on('connect', () => resolve(socket.destroy() !== undefined))
		socket.on('error', () => resolve(false))
	})

const GATEWAY = {
	apiVersion: 'gateway.networking.k8s.io/v1',
	kind: 'Gateway',
	metadata: { name: 'kept' },
	spec: {
		gatewayClassName: 'selvedge',
		listeners: [{ name: 'http', hostname: 'kept.test', port: 80, protocol: 'HTTP' }],
	},
}

async function applyGateway(): Promise<void> {
	const { status, body } = await admin(port, 'POST', '/v1/apply', [GATEWAY])
	expect(status, body).toBe(200)
}

/** What applying the Secret did: nothing, when an equal value is there that the same key sealed. */
async function applySecret(): Promise<string> {
	const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'kept' }, stringData: { token: 'x' } }
	const { status, body } = await admin(port, 'POST', '/v1/apply', [secret])
	expect(status, body).toBe(200)
	return JSON.parse(body).results[0].action
}

async function expectGateway(): Promise<void> {
	const { status, body } = await admin(port, 'GET', '/v1/resources/Gateway/default/kept')
	expect(status, body).toBe(200)
	expect(JSON.parse(body)).toMatchObject({ spec: { listeners: [{ hostname: 'kept.test' }] } })
}

const mainOf = (mesh: Started): number => childrenLike(mesh.process.pid ?? 0, /start\.ts/)[0] ?? 0
const recordedRuntime = (): number => JSON.parse(readFileSync(join(state, 'workerd.json'), 'utf8')).pid

describe('npm start with the demo shop', () => {
	test('prints three curl lines that work as printed, and keeps its secrets for their owner only', async () => {
		const mesh = startMesh()
		await ready(mesh)
		const lines = [...mesh.output().matchAll(/^\s+(curl .*)$/gm)].map((found) => found[1] ?? '')
		expect(lines).toHaveLength(3)
		const [shop, payments, catalog] = (await Promise.all(lines.map(runCurl))).map((body) => JSON.parse(body))
		expect(shop).toMatchObject({ service: 'web', order: { service: 'orders', payment: { service: 'payments' } } })
		expect(payments.version).toMatch(/^v[12]$/)
		expect(JSON.stringify(catalog)).toContain('"orders"')

		const token = readFileSync(join(state, 'admin-token'), 'utf8').trim()
		expect(token).toMatch(/^slv_[\w-]{43}$/)
		expect(lines[2]).toContain(token)
		expect(readFileSync(join(state, 'master-key'), 'utf8')).toMatch(/^slv_[\w-]{43}\n$/)
		for (const kept of ['admin-token', 'master-key']) expect(statSync(join(state, kept)).mode & 0o777).toBe(0o600)
	})

	test('sends calls that ask for v2 to v2, through every service in between', async () => {
		const mesh = startMesh()
		await ready(mesh)
		for (let call = 0; call < 8; call++) {
			const body = await runCurl(`curl -H 'x-version: v2' http://shop.localhost:${port}/`)
			expect(JSON.parse(body).order.payment.version).toBe('v2')
		}
	})

	test.for(['SIGINT', 'SIGTERM'] as const)(
		'%s ends it and the shop within 2 s, exit 0, port free',
		async (signal, { expect }) => {
			const mesh = startMesh()
			await ready(mesh)
			const main = mainOf(mesh)
			const services = childrenLike(main, /examples\/shop\//)
			expect(services).toHaveLength(4)
			const runtime = recordedRuntime()
			const told = performance.now()
			expect(await stopped(mesh, signal)).toBe(0)
			expect(performance.now() - told).toBeLessThan(2_000)
			expect(await isListening()).toBe(false)
			for (const pid of [...services, runtime, main]) expect(isAlive(pid)).toBe(false)
		},
	)

	test('the shop dies with a mesh that is killed outright', async () => {
		const mesh = startMesh()
		await ready(mesh)
		const main = mainOf(mesh)
		const services = childrenLike(main, /examples\/shop\//)
		process.kill(main, 'SIGKILL')
		for (const pid of services) await eventually(() => !isAlive(pid), 5_000)
		expect(await isListening()).toBe(false)
	})
})

describe('state', () => {
	test('survives Ctrl-C, and what sealed its Secrets does too', async () => {
		const mesh = await startBare()
		await applyGateway()
		expect(await applySecret()).toBe('created')
		expect(await stopped(mesh, 'SIGINT')).toBe(0)
		await startBare()
		await expectGateway()
		expect(await applySecret()).toBe('unchanged')
	})

	test('survives kill -9 of what the user started, and the port is free for the next start', async () => {
		const mesh = await startBare()
		await applyGateway()
		expect(await stopped(mesh, 'SIGKILL')).toBe('SIGKILL')
		await startBare()
		await expectGateway()
	})

	test('a workerd whose every keeper was killed is ended by the next start, which says so', async () => {
		const mesh = await startBare()
		await applyGateway()
		const main = mainOf(mesh)
		const runtime = recordedRuntime()
		const [guard] = childrenLike(main, /guard\.ts/)
		for (const pid of [guard ?? 0, main, mesh.process.pid ?? 0]) process.kill(pid, 'SIGKILL')
		await mesh.ended
		expect(isAlive(runtime)).toBe(true)
		expect(await isListening()).toBe(true)

		const next = await startBare()
		expect(next.output()).toContain(`Ended workerd (pid ${runtime})`)
		expect(isAlive(runtime)).toBe(false)
		await expectGateway()
	})

	test('belongs to one mesh at a time: a second start refuses and names the folder', async () => {
		await startBare()
		const second = start(['--port', String(await freePort()), '--state', state, '--no-demo'])
		expect(await second.ended).toBe(1)
		expect(second.output()).toContain(`Another mesh is running on ${state}`)
	})
})

describe('npm start refuses', () => {
	test('a busy port, by name', async () => {
		await startBare()
		const other = mkdtempSync(join(tmpdir(), 'selvedge-start-'))
		const second = start(['--port', String(port), '--state', other, '--no-demo'])
		expect(await second.ended).toBe(1)
		expect(second.output()).toContain(`Port ${port} is in use`)
		rmSync(other, { recursive: true, force: true })
	})

	test.for([
		[['--frobnicate'], '--frobnicate'],
		[['--port', '70000'], '--port 70000'],
		[['--access-log', '2'], '--access-log 2'],
		[['--region', 'A B'], '--region A B'],
		[['--admin-token', 'two words'], '--admin-token'],
		[['stray'], 'stray'],
	] as const)('%s, naming it, with exit code 2', async ([args, named], { expect }) => {
		const refused = start(args)
		expect(await refused.ended).toBe(2)
		expect(refused.output()).toContain(named)
	})
})
