/** Every key of a mesh is rotated, again and again, while workloads call a service that believes nobody: nobody notices. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call, eventually } from '../mesh/client.ts'
import {
	type Admin,
	type Certificate,
	certified,
	type Identity,
	joined,
	jwtSvid,
	made,
	operate,
	renewed,
} from '../mesh/identities.ts'
import { proofOf } from '../mesh/workload.ts'
import { activeKeys, adminOf, documents, ringOf, verifier } from './identity.ts'
import { LANES, startLoad } from './load.ts'
import { freePort, ready, type Started, start, stopped, TOKEN } from './mesh.ts'
import { openWorkshop, requestOf, verify } from './openssl.ts'
import { meet } from './tlsPeers.ts'

const ROUNDS = 5
const REQUESTS = 10_000
const PURPOSES = 5
const RENEW_EVERY_MS = 50

const script = fileURLToPath(new URL('./verifyingService.ts', import.meta.url))
const shop = openWorkshop()
let state: string
let port: number
let admin: Admin
let mesh: Started
let service: ChildProcess

beforeAll(async () => {
	state = mkdtempSync(join(tmpdir(), 'selvedge-rotation-'))
	port = await freePort()
	admin = adminOf(port)
	service = spawn(process.execPath, [script, String(port), 'ledger'], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
	const [servicePort] = await once(service, 'message')
	await startMesh()
	const url = `http://127.0.0.1:${servicePort}`
	await made(operate(admin, 'POST', '/v1/apply', documents('ledger', url, ['orders', 'payments'])))
})
afterAll(async () => {
	if (mesh !== undefined) await stopped(mesh, 'SIGTERM')
	service?.kill('SIGKILL')
	rmSync(state, { recursive: true, force: true })
	shop.remove()
})

async function startMesh(): Promise<void> {
	mesh = start(['--port', String(port), '--state', state, '--no-demo', '--admin-token', TOKEN])
	await ready(mesh)
}

/** All that the mesh gives to a workload, as of one moment. */
interface Papers {
	readonly identity: Identity
	readonly token: string
	readonly certificate: Certificate
}

async function papersFor(identity: Identity): Promise<Papers> {
	const token = await jwtSvid(admin, identity, `http://ledger.mesh.localhost:${port}`)
	return { identity, token, certificate: await certified(admin, identity, requestOf(shop).csr) }
}

const proof = ({ wit, key }: Identity, path: string) => proofOf(wit, key, `http://ledger.mesh.localhost:${port}${path}`)

const askLedger = async (identity: Identity) =>
	call({ port, host: `ledger.mesh.localhost:${port}`, path: '/', headers: await proof(identity, '/') })

/** Renews again and again, so that each key has hardly begun to sign when what it signed is shown. */
function startRenewals(first: Identity, renewedTo: (identity: Identity) => void) {
	let isOver = false
	const renewing = async () => {
		for (let latest = first; !isOver; await new Promise((resolve) => setTimeout(resolve, RENEW_EVERY_MS))) {
			latest = await renewed(admin, latest)
			renewedTo(latest)
		}
	}
	const ended = renewing().then(
		() => undefined,
		(error: unknown) => error,
	)
	const stop = async () => {
		isOver = true
		const error = await ended
		if (error !== undefined) throw error
	}
	return { stop }
}

/** Answers when every purpose has another key that signs. */
async function rotateAll(): Promise<readonly string[]> {
	const before = activeKeys(await ringOf(admin))
	await made(operate(admin, 'POST', '/v1/keys/rotate', {}))
	const isOther = (keys: readonly string[]) => keys.length === PURPOSES && keys.every((key, i) => key !== before[i])
	return eventually(async () => activeKeys(await ringOf(admin)), isOther, 60_000)
}

/** Who knows only the roots of one time verifies the chains of another. */
function expectChains(certificates: readonly Certificate[]): void {
	const newest = certificates.at(-1)!
	for (const each of certificates)
		for (const [leaf, roots] of [
			[each, each.bundle],
			[each, newest.bundle],
			[newest, each.bundle],
		] as const) {
			const verification = { leaf: leaf.certificate, chain: leaf.chain.slice(1), roots, at: Date.now() }
			expect(verify(shop, verification)).toMatchObject({ succeeded: true })
		}
}

test('10,000 requests during rotations of every key: none is refused, and what was issued before goes on to count', async () => {
	const first = await papersFor(await joined(admin, 'orders'))
	await eventually(
		() => askLedger(first.identity),
		({ status }) => status === 200,
	)
	const papers = [first]
	let latest = first.identity
	// By WIT and by bearer token, each the first and the latest: every kind of key old and new.
	const fields = async (n: number, path: string): Promise<Record<string, string>> => {
		if (n % 4 === 0) return proof(first.identity, path)
		if (n % 4 === 1) return { authorization: `Bearer ${first.token}` }
		return n % 4 === 2 ? proof(latest, path) : { authorization: `Bearer ${papers.at(-1)!.token}` }
	}
	const load = startLoad(port, 'ledger', ['GET'], fields)
	const renewals = startRenewals(first.identity, (identity) => {
		latest = identity
	})
	const signed: (readonly string[])[] = [activeKeys(await ringOf(admin))]
	try {
		for (let round = 0; round < ROUNDS; round++) {
			signed.push(await rotateAll())
			papers.push(await papersFor(latest))
		}
		const wanted = Math.max(REQUESTS, load.answers.length + LANES)
		await eventually(
			async () => load.answers.length,
			(count) => count >= wanted,
			300_000,
		)
	} finally {
		await Promise.all([renewals.stop(), load.stop()])
	}

	expect(load.answers.flatMap(({ failure }) => failure ?? [])).toEqual([])
	for (let i = 0; i < PURPOSES; i++) expect(new Set(signed.map((keys) => keys[i])).size).toBe(ROUNDS + 1)
	const verifies = await verifier(admin)
	for (const { identity, token } of papers) for (const each of [identity.wit, token]) await verifies(each)
	expectChains(papers.map(({ certificate }) => certificate))
}, 600_000)

test('isolates that start after a rotation sign under the new key, and services learn of it', async () => {
	const orders = await joined(admin, 'orders')
	const before = (await askLedger(orders)).headers['x-delegated-by']
	await rotateAll()
	await stopped(mesh, 'SIGTERM')
	await startMesh()
	// One that has just begun may not have the keys yet, and says so.
	const answer = await eventually(
		() => askLedger(orders),
		({ status }) => status !== 503,
	)
	expect([answer.status, answer.text]).toEqual([200, 'GET / '])
	expect(answer.headers['x-caller']).toBe('spiffe://mesh.localhost/ns/default/sa/orders')
	expect((await ringOf(admin)).purposes.map(({ active }) => active)).toContain(answer.headers['x-delegated-by'])
	expect(answer.headers['x-delegated-by']).not.toBe(before)
})

test('two processes that the mesh has certified, one before and one after a rotation, meet over mutual TLS', async () => {
	const peerOf = async (workload: string, other: string) => {
		const { key, csr } = requestOf(shop)
		const { chain, bundle } = await certified(admin, await joined(admin, workload), csr)
		return { key, chain, bundle, expects: `spiffe://mesh.localhost/ns/default/sa/${other}` }
	}
	const payments = await peerOf('payments', 'orders')
	await rotateAll()
	const orders = await peerOf('orders', 'payments')
	const seen = ({ expects }: { expects: string }) => ({ met: `URI:${expects}`, protocol: 'TLSv1.3' })
	expect(await meet(payments, orders)).toEqual({ server: seen(payments), client: seen(orders) })
	expect(await meet(orders, payments)).toEqual({ server: seen(orders), client: seen(payments) })
	const { server } = await meet({ ...payments, expects: payments.expects.replace('orders', 'stock') }, orders)
	expect(server).toEqual({ refused: `the client is URI:${payments.expects}` })
})
