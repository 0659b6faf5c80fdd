import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { transform } from 'esbuild'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bundleClient } from '../../scripts/client/bundle.ts'
import { admin, freePort, ready, type Started, start, stopped, TOKEN } from './mesh.ts'
import { type Relay, startRelay } from './relay.ts'
import { browse, chromium, RUNTIMES, run } from './runtimes.ts'
import type { Tour } from './sdkTour.ts'

const NAMES = [...RUNTIMES.map(({ name }) => name), 'workerd', 'chromium']
const API = 'selvedge.dev/v1'

let folder: string
let port: number
let mesh: Started
/** It answers with the caller assertion that it is sent. */
let service: Server
let relay: Relay
/** The SDK as it is shipped, and what is done with it. */
let sdk: string
let tour: string

beforeAll(async () => {
	folder = mkdtempSync(join(tmpdir(), 'selvedge-runtimes-'))
	port = await freePort()
	mesh = start(['--port', String(port), '--state', join(folder, 'state'), '--admin-token', TOKEN, '--no-demo'])
	sdk = await bundleClient()
	tour = (
		await transform(await readFile(fileURLToPath(new URL('./sdkTour.ts', import.meta.url)), 'utf8'), { loader: 'ts' })
	).code
	service = createServer((request, response) => response.end(request.headers['selvedge-caller']))
	service.listen(0, '127.0.0.1')
	await once(service, 'listening')
	relay = await startRelay({
		'/': { type: 'text/html', text: PAGE },
		'/client.js': { type: 'text/javascript', text: sdk },
		'/tour.js': { type: 'text/javascript', text: tour },
	})
	await ready(mesh)
	const { status, body } = await admin(port, 'POST', '/v1/apply', NAMES.flatMap(documents))
	expect(status, body).toBe(200)
})

/** A credential's least life, so that setting the clock makes its renewal due. */
const documents = (name: string) => [
	{ apiVersion: API, kind: 'Service', metadata: { name } },
	{ apiVersion: API, kind: 'WorkloadTrust', metadata: { name }, spec: { workload: name, joinToken: {}, maxTtl: '5m' } },
	{
		apiVersion: API,
		kind: 'PeerAuthentication',
		metadata: { name },
		spec: { targetRefs: [{ group: 'selvedge.dev', kind: 'Service', name }], mode: 'STRICT' },
	},
]

afterAll(async () => {
	relay.close()
	service.close()
	service.closeAllConnections()
	await stopped(mesh, 'SIGTERM')
	rmSync(folder, { recursive: true, force: true })
})

async function tourOf(name: string): Promise<Tour> {
	const workload = { namespace: 'default', workload: name }
	const { status, body } = await admin(port, 'POST', '/v1/identity/join-tokens', workload)
	expect(status, body).toBe(201)
	return {
		mesh: `http://admin.mesh.localhost:${port}`,
		service: name,
		joinToken: JSON.parse(body).token,
		endpoint: `http://127.0.0.1:${(service.address() as AddressInfo).port}`,
		relay: relay.to,
	}
}

async function expectWhole(name: string, told: unknown): Promise<void> {
	const spiffeId = `spiffe://mesh.localhost/ns/default/sa/${name}`
	expect(told).toEqual({
		spiffeId,
		joinedAtTry: 2,
		first: { status: 200, caller: spiffeId },
		forged: 'invalid_caller',
		bare: { status: 403, reason: 'identity_required' },
		certificate: { hasKey: true, chain: 2 },
		identities: [1, 2],
		renewed: { status: 200, caller: spiffeId },
		token: 3,
		problems: [],
	})
	const { body } = await admin(port, 'GET', `/v1/services/default/${name}/endpoints`)
	expect(JSON.parse(body).items).toEqual([])
}

/** Said aloud as well: a report of many files does not name what it skipped. */
function skipped(name: string, reason: string | undefined): string {
	if (reason === undefined) return ''
	console.log(`The SDK is not tested in ${name}: ${reason}.`)
	return ` (skipped: ${reason})`
}

describe('the SDK, on a clock that is wrong, joins, is called, calls, verifies, is certified and renews', () => {
	for (const runtime of RUNTIMES) {
		const { name, missing } = runtime
		test.skipIf(missing !== undefined)(`in ${name}${skipped(name, missing)}`, async () => {
			const home = mkdtempSync(join(folder, 'home-'))
			const main = `
				import * as sdk from './client.mjs'
				import { tour } from './tour.mjs'
				console.log(JSON.stringify(await tour(sdk, ${JSON.stringify(await tourOf(name))})))
			`
			for (const [file, text] of Object.entries({ 'client.mjs': sdk, 'tour.mjs': tour, 'main.mjs': main }))
				writeFileSync(join(home, file), text)
			await expectWhole(name, JSON.parse(await run(runtime, join(home, 'main.mjs'), home)))
		})
	}

	test('in workerd', async () => {
		const modules = { 'worker.js': WORKER, 'client.js': sdk, 'tour.js': tour }
		const worker = new Miniflare(
			convertV4MiniflareOptions({
				modules: Object.entries(modules).map(([path, contents]) => ({ type: 'ESModule' as const, path, contents })),
				compatibilityDate: '2026-10-20',
				bindings: { TOUR: JSON.stringify(await tourOf('workerd')) },
			}),
		)
		try {
			const response = await worker.dispatchFetch('http://worker.test/')
			await expectWhole('workerd', await response.json())
		} finally {
			await worker.dispose()
		}
	})

	const missing = chromium === undefined ? 'no chromium in PATH' : undefined
	test.skipIf(missing !== undefined)(`in chromium, as a module of a page${skipped('chromium', missing)}`, async () => {
		const home = mkdtempSync(join(folder, 'home-'))
		const page = `${relay.url}#${encodeURIComponent(JSON.stringify(await tourOf('chromium')))}`
		await expectWhole('chromium', JSON.parse(await browse(page, home, () => relay.told)))
	})
})

const WORKER = `
	import * as sdk from './client.js'
	import { tour } from './tour.js'
	export default { fetch: async (request, { TOUR }) => Response.json(await tour(sdk, JSON.parse(TOUR))) }
`

/** Of the relay's own origin: to a page of another one the mesh would have to say that it may (CORS). */
const PAGE = `<!doctype html>
	<script type="module">
		const tell = (told) => fetch('/told', { method: 'POST', body: JSON.stringify(told) })
		try {
			const [sdk, { tour }] = await Promise.all([import('/client.js'), import('/tour.js')])
			await tell(await tour(sdk, JSON.parse(decodeURIComponent(location.hash.slice(1)))))
		} catch (error) {
			await tell({ error: String(error) })
		}
	</script>
`
