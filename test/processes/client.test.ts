import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { decodeJwt } from 'jose'
import {
	convertV4MiniflareOptions,
	Miniflare,
	type Request as WorkerRequest,
	Response as WorkerResponse,
} from 'miniflare'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { localFetch } from '../../examples/shop/localFetch.ts'
import { bundleClient } from '../../scripts/client/bundle.ts'
import { requireCaller } from '../../src/client/index.ts'
import { admin, eventually, freePort, ready, type Started, start, stopped, TOKEN } from './mesh.ts'

let folder: string
let port: number
let mesh: Started
let sdk: string

/** The machine's own Node beside the project's, whatever its version: the project asks for 20 or later. */
const machinesNode = (process.env.PATH ?? '')
	.split(delimiter)
	.filter((path) => !path.includes('node_modules'))
	.map((path) => join(path, 'node'))
	.find((path) => existsSync(path))

/** What shows one proof again and again, which its service allows. */
const REUSING = 'with-machines-node'
const NAMES = ['with-own-node', 'with-machines-node', 'in-workerd']

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'selvedge-client-'))
	port = await freePort()
	mesh = start(['--port', String(port), '--state', folder, '--admin-token', TOKEN, '--no-demo'])
	await ready(mesh)
	const documents = NAMES.flatMap((name) => [
		{ kind: 'Service', metadata: { name } },
		{ kind: 'WorkloadTrust', metadata: { name }, spec: { workload: name, joinToken: {} } },
		{
			kind: 'PeerAuthentication',
			metadata: { name },
			spec: {
				targetRefs: [{ group: 'selvedge.dev', kind: 'Service', name }],
				mode: 'STRICT',
				proofReuse: name === REUSING ? 'UntilExpiry' : 'Never',
			},
		},
	]).map((document) => ({ apiVersion: 'selvedge.dev/v1', ...document }))
	const { status, body } = await admin(port, 'POST', '/v1/apply', documents)
	expect(status, body).toBe(200)
	sdk = join(folder, 'client.js')
	writeFileSync(sdk, await bundleClient())
	writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
	await build({
		entryPoints: [fileURLToPath(new URL('./member.ts', import.meta.url))],
		bundle: true,
		outfile: join(folder, 'member.js'),
		format: 'esm',
		platform: 'node',
		target: 'node20',
	})
})

afterAll(async () => {
	await stopped(mesh, 'SIGTERM')
	rmSync(folder, { recursive: true, force: true })
})

async function joinToken(workload: string): Promise<string> {
	const { status, body } = await admin(port, 'POST', '/v1/identity/join-tokens', { namespace: 'default', workload })
	expect(status, body).toBe(201)
	return JSON.parse(body).token
}
const url = () => `http://admin.mesh.localhost:${port}`
const idOf = (name: string) => `spiffe://mesh.localhost/ns/default/sa/${name}`

describe('the SDK as one file', () => {
	test.each([
		['with-own-node', process.execPath],
		['with-machines-node', machinesNode ?? process.execPath],
	])('joins, is called, calls and verifies %s', async (name, node) => {
		const env = {
			SDK: sdk,
			MESH_URL: url(),
			JOIN_TOKEN: await joinToken(name),
			NAME: name,
			PROOFS: name === REUSING ? 'reuse' : 'each',
		}
		const { stdout } = await promisify(execFile)(node, [join(folder, 'member.js')], { env, timeout: 60_000 })
		const { token, runtime, ...told } = JSON.parse(stdout)
		console.log(`${name}: ${runtime}`)
		expect(told).toEqual({
			spiffeId: idOf(name),
			through: { status: 200, text: idOf(name) },
			again: [200],
			past: { status: 403, reason: 'identity_required' },
			certificate: { hasKey: true, chain: 2, bundle: expect.any(Number) },
			problems: [],
		})
		expect(decodeJwt(token)).toMatchObject({ sub: idOf(name), aud: ['https://example.com'] })
		const { body } = await admin(port, 'GET', `/v1/services/default/${name}/endpoints`)
		expect(JSON.parse(body).items).toEqual([])
	})

	test('joins, calls and verifies in workerd, one membership for many requests', async () => {
		const name = 'in-workerd'
		const audience = `http://${name}.mesh.localhost`
		const { node: guard } = requireCaller({ mesh: url(), audience, fetch: localFetch })
		const server = createServer((request, response) =>
			guard(request, response, () => response.end(request.headers['selvedge-caller'])),
		)
		server.listen(0, '127.0.0.1')
		await once(server, 'listening')
		const lease = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ttlSeconds: 60 }
		await admin(port, 'PUT', `/v1/services/default/${name}/endpoints/only`, lease)
		const worker = await startWorker(name)
		try {
			const answer = async () => (await worker.dispatchFetch('http://worker.test/')).json()
			await eventually(async () => ((await answer()) as { status: number }).status === 200, 20_000)
			for (let i = 0; i < 3; i++)
				expect(await answer()).toMatchObject({ status: 200, caller: { ok: true, value: { spiffeId: idOf(name) } } })
		} finally {
			await worker.dispose()
			server.close()
		}
	})
})

async function startWorker(name: string): Promise<Miniflare> {
	return new Miniflare(
		convertV4MiniflareOptions({
			modules: [
				{ type: 'ESModule', path: 'worker.js', contents: WORKER },
				{ type: 'ESModule', path: 'client.js', contents: await bundleClient() },
			],
			compatibilityDate: '2026-10-20',
			bindings: { MESH_URL: url(), JOIN_TOKEN: await joinToken(name), NAME: name },
			serviceBindings: { NETWORK: relay },
		}),
	)
}

/** What workerd asks of the network: its resolver is this machine's, which may not know `*.localhost`. */
async function relay(request: WorkerRequest): Promise<WorkerResponse> {
	const body = ['GET', 'HEAD'].includes(request.method) ? {} : { body: await request.arrayBuffer() }
	const response = await localFetch(request.url, { method: request.method, headers: [...request.headers], ...body })
	return new WorkerResponse(await response.text(), { status: response.status, headers: [...response.headers] })
}

/** Joins at its first request, as Workers must, and verifies what its own service was told of it. */
const WORKER = `
	import { join } from './client.js'
	let joined
	export default {
		async fetch(request, env) {
			joined ??= join({
				mesh: env.MESH_URL,
				service: env.NAME,
				token: env.JOIN_TOKEN,
				fetch: (input, init) => env.NETWORK.fetch(input, init),
			})
			const mesh = await joined
			const response = await mesh.fetch(env.MESH_URL.replace('admin', env.NAME))
			const { status } = response
			const caller = await mesh.verifyCaller({ headers: { 'selvedge-caller': await response.text() } })
			return Response.json({ status, caller })
		},
	}
`
