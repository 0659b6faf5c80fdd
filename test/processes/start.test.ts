import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test as plain } from 'vitest'
import { runningClock } from '../mesh/meshHarness.ts'
import { runCurl } from './curl.ts'
import {
	admin,
	childrenLike,
	eventually,
	freePort,
	isAlive,
	killOutright,
	ready,
	type Started,
	start,
	stopped,
	TOKEN,
} from './mesh.ts'

/** A folder and a port of a test's own, so that tests can run beside each other, and the meshes that it starts there. */
interface Place {
	readonly state: string
	readonly port: number
	start(...args: string[]): Started
	/** Without the demo, and ready. */
	startBare(): Promise<Started>
}

const test = plain.extend<{ place: Place }>({
	// biome-ignore lint/correctness/noEmptyPattern: vitest reads from it what a fixture needs
	place: async ({}, use) => {
		const state = mkdtempSync(join(tmpdir(), 'selvedge-start-'))
		const port = await freePort()
		const running: Started[] = []
		const startHere = (...args: string[]) => {
			const mesh = start(['--port', String(port), '--state', state, ...args])
			running.push(mesh)
			return mesh
		}
		const startBare = async () => {
			const mesh = startHere('--no-demo', '--admin-token', TOKEN)
			await ready(mesh)
			return mesh
		}
		await use({ state, port, start: startHere, startBare })
		for (const mesh of running) await stopped(mesh, 'SIGTERM')
		rmSync(state, { recursive: true, force: true })
	},
})

const isListening = ({ port }: Place): Promise<boolean> =>
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

async function applyGateway({ port }: Place): Promise<void> {
	const { status, body } = await admin(port, 'POST', '/v1/apply', [GATEWAY])
	expect(status, body).toBe(200)
}

/** What applying the Secret did: nothing, when an equal value is there that the same key sealed. */
async function applySecret({ port }: Place): Promise<string> {
	const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'kept' }, stringData: { token: 'x' } }
	const { status, body } = await admin(port, 'POST', '/v1/apply', [secret])
	expect(status, body).toBe(200)
	return JSON.parse(body).results[0].action
}

async function expectGateway({ port }: Place): Promise<void> {
	const { status, body } = await admin(port, 'GET', '/v1/resources/Gateway/default/kept')
	expect(status, body).toBe(200)
	expect(JSON.parse(body)).toMatchObject({ spec: { listeners: [{ hostname: 'kept.test' }] } })
}

function onlyChild(parent: number, command: RegExp): number {
	const [child, ...others] = childrenLike(parent, command)
	if (child === undefined || others.length > 0) throw new Error(`of ${parent} there is not one ${command}`)
	return child
}
const mainOf = (mesh: Started): number => onlyChild(mesh.process.pid!, /start\.ts/)
const recordedRuntime = ({ state }: Place): number => JSON.parse(readFileSync(join(state, 'workerd.json'), 'utf8')).pid

describe.concurrent('npm start with the demo shop', () => {
	test('prints three curl lines that work as printed, and keeps its secrets for their owner only', async ({
		place,
	}) => {
		const mesh = place.start()
		await ready(mesh)
		const lines = [...mesh.output().matchAll(/^\s+(curl .*)$/gm)].map((found) => found[1] ?? '')
		expect(lines).toHaveLength(3)
		const [shop, order, catalog] = (await Promise.all(lines.map(runCurl))).map((body) => JSON.parse(body))
		expect(shop).toMatchObject({ service: 'web', order: { service: 'orders', payment: { service: 'payments' } } })
		expect(order.payment.version).toMatch(/^v[12]$/)
		expect(JSON.stringify(catalog)).toContain('"orders"')

		const token = readFileSync(join(place.state, 'admin-token'), 'utf8').trim()
		expect(token).toMatch(/^slv_[\w-]{43}$/)
		expect(lines[2]).toContain(token)
		expect(readFileSync(join(place.state, 'master-key'), 'utf8')).toMatch(/^slv_[\w-]{43}\n$/)
		for (const kept of ['admin-token', 'master-key']) expect(statSync(join(place.state, kept)).mode & 0o777).toBe(0o600)
	})

	test('sends calls that ask for v2 to v2, through every service in between', async ({ place }) => {
		const mesh = place.start()
		await ready(mesh)
		for (let call = 0; call < 8; call++) {
			const body = await runCurl(`curl -H 'x-version: v2' http://shop.localhost:${place.port}/`)
			expect(JSON.parse(body).order.payment.version).toBe('v2')
		}
	})

	test.for(['SIGINT', 'SIGTERM'] as const)(
		'%s ends it and the shop within 2 s, exit 0, port free',
		async (signal, { place, expect }) => {
			const mesh = place.start()
			await ready(mesh)
			const main = mainOf(mesh)
			const services = childrenLike(main, /examples\/shop\//)
			expect(services).toHaveLength(4)
			const runtime = recordedRuntime(place)
			const clock = runningClock(async () => {})
			const told = clock.now()
			expect(await stopped(mesh, signal)).toBe(0)
			await eventually(() => ![...services, runtime, main].some(isAlive), 20_000)
			await eventually(async () => !(await isListening(place)), 20_000)
			expect(clock.now() - told).toBeLessThan(2_000)
			await clock.stop()
		},
	)

	test('the shop dies with a mesh that is killed outright', async ({ place }) => {
		const mesh = place.start()
		await ready(mesh)
		const main = mainOf(mesh)
		const services = childrenLike(main, /examples\/shop\//)
		process.kill(main, 'SIGKILL')
		for (const pid of services) await eventually(() => !isAlive(pid), 20_000)
		await eventually(async () => !(await isListening(place)), 20_000)
	})
})

describe.concurrent('state', () => {
	test('survives Ctrl-C, and what sealed its Secrets does too', async ({ place }) => {
		const mesh = await place.startBare()
		await applyGateway(place)
		expect(await applySecret(place)).toBe('created')
		expect(await stopped(mesh, 'SIGINT')).toBe(0)
		await place.startBare()
		await expectGateway(place)
		expect(await applySecret(place)).toBe('unchanged')
	})

	test('survives kill -9 of what the user started, and the port is free for the next start', async ({ place }) => {
		const mesh = await place.startBare()
		await applyGateway(place)
		expect(await stopped(mesh, 'SIGKILL')).toBe('SIGKILL')
		await place.startBare()
		await expectGateway(place)
	})

	test('a workerd whose every keeper was killed is ended by the next start, which says so', async ({ place }) => {
		const mesh = await place.startBare()
		await applyGateway(place)
		const main = mainOf(mesh)
		const runtime = recordedRuntime(place)
		for (const pid of [onlyChild(main, /guard\.ts/), main, mesh.process.pid!]) killOutright(pid)
		await mesh.ended
		expect(isAlive(runtime)).toBe(true)
		expect(await isListening(place)).toBe(true)

		const next = await place.startBare()
		expect(next.output()).toContain(`Ended workerd (pid ${runtime})`)
		expect(isAlive(runtime)).toBe(false)
		await expectGateway(place)
	})

	test('belongs to one mesh at a time: a second start refuses and names the folder', async ({ place }) => {
		await place.startBare()
		const second = start(['--port', String(await freePort()), '--state', place.state, '--no-demo'])
		expect(await second.ended).toBe(1)
		expect(second.output()).toContain(`Another mesh is running on ${place.state}`)
	})
})

describe.concurrent('npm start refuses', () => {
	test('a busy port, by name', async ({ place }) => {
		await place.startBare()
		const other = mkdtempSync(join(tmpdir(), 'selvedge-start-'))
		const second = start(['--port', String(place.port), '--state', other, '--no-demo'])
		expect(await second.ended).toBe(1)
		expect(second.output()).toContain(`Port ${place.port} is in use`)
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
