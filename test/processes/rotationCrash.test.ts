/** A mesh that is killed while its keys rotate, again and again: its ring works, and all that it ever signed is believed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { KeyInfo, KeyRingInfo, KeyState } from '../../src/ports.ts'
import { type Backend, startBackend } from '../mesh/backend.ts'
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
import { seeded } from '../random.ts'
import { adminOf, documents, LEAD_MS, ringOf, verifier } from './identity.ts'
import { freePort, killed, ready, type Started, start, stopped, TOKEN } from './mesh.ts'
import { openWorkshop, requestOf, verify } from './openssl.ts'

const KILLS = 5
/** Within which a rotation that was asked for is made, its key activated and the outcome published. */
const ROTATION_MS = 200

const shop = openWorkshop()
let state: string
let port: number
let admin: Admin
let backend: Backend
let mesh: Started | undefined

beforeAll(async () => {
	state = mkdtempSync(join(tmpdir(), 'selvedge-rotation-crash-'))
	port = await freePort()
	admin = adminOf(port)
	backend = await startBackend((_, response) => void response.end('welcome'))
})
afterAll(async () => {
	if (mesh !== undefined) await stopped(mesh, 'SIGTERM')
	await backend?.stop()
	rmSync(state, { recursive: true, force: true })
	shop.remove()
})

async function startMesh(): Promise<Started> {
	mesh = start(['--port', String(port), '--state', state, '--no-demo', '--admin-token', TOKEN])
	await ready(mesh)
	return mesh
}

/** All that the ring gave since it began. */
interface Given {
	readonly identities: Identity[]
	readonly tokens: string[]
	readonly certificates: Certificate[]
}

/** Everything there is to be had, on the word of the workload that has been one for longest. */
async function giveMore({ identities, tokens, certificates }: Given): Promise<void> {
	const oldest = identities[0] ?? (await joined(admin, 'orders'))
	identities.push(await renewed(admin, oldest))
	tokens.push(await jwtSvid(admin, oldest, 'https://bank.example'))
	certificates.push(await certified(admin, oldest, requestOf(shop).csr))
}

const count = ({ keys }: KeyRingInfo, purpose: string, state: KeyState): number =>
	keys.filter((key) => key.purpose === purpose && key.state === state).length

/** When the first of the standbys may take over, in ms since the epoch: they do when somebody has asked for it. */
const firstDueAt = ({ purposes, keys }: KeyRingInfo): number =>
	Math.min(
		...keys
			.filter(({ kid }) => purposes.some(({ pending }) => pending === kid))
			.map(({ publishedAt }) => Date.parse(publishedAt!) + LEAD_MS),
	)

/** Of each purpose one key signs, one stands by, and every other one verifies what it signed. */
function expectWhole(ring: KeyRingInfo): void {
	expect(ring.purposes).toHaveLength(5)
	for (const { purpose, active, pending } of ring.purposes) {
		expect([count(ring, purpose, 'active'), count(ring, purpose, 'pending')], purpose).toEqual([1, 1])
		expect(ring.keys.find(({ kid }) => kid === active)).toMatchObject({ purpose, state: 'active' })
		expect(ring.keys.find(({ kid }) => kid === pending)).toMatchObject({ purpose, state: 'pending' })
	}
	// What nothing holds to any more may be gone: a key that signed nothing, on a machine that takes long.
	const isMissed = ({ state, signedUntil }: KeyInfo) =>
		state === 'revoked' || (state === 'removed' && Date.parse(signedUntil ?? '') > Date.now())
	expect(ring.keys.filter(isMissed)).toEqual([])
}

async function expectBelieved({ identities, tokens, certificates }: Given): Promise<void> {
	const verifies = await verifier(admin)
	for (const token of [...tokens, ...identities.map(({ wit }) => wit)]) await verifies(token)
	const newest = certificates.at(-1)!
	for (const { certificate: leaf, chain } of certificates)
		expect(verify(shop, { leaf, chain: chain.slice(1), roots: newest.bundle, at: Date.now() })).toMatchObject({
			succeeded: true,
		})
	for (const { wit, key } of identities) {
		const ask = async () => {
			const headers = await proofOf(wit, key, `http://ledger.mesh.localhost:${port}`)
			return call({ port, host: `ledger.mesh.localhost:${port}`, headers })
		}
		// An isolate that has just begun may not have the keys yet, and says so.
		const { status, text } = await eventually(ask, ({ status }) => status !== 503)
		expect([status, text]).toEqual([200, 'welcome'])
	}
}

test('a ring that is killed while it rotates has one key of each purpose that signs, and goes on', async () => {
	const seed = Math.floor(Math.random() * 2 ** 32)
	console.log(`seed ${seed}`)
	const random = seeded(seed)
	const given: Given = { identities: [], tokens: [], certificates: [] }
	let running = await startMesh()
	await made(operate(admin, 'POST', '/v1/apply', documents('ledger', backend.url, ['orders'])))
	for (let kill = 0; kill < KILLS; kill++) {
		await giveMore(given)
		// Every other time when it has only been asked for.
		const dueInMs = kill % 2 === 0 ? firstDueAt(await ringOf(admin)) - Date.now() : 0
		const rotating = operate(admin, 'POST', '/v1/keys/rotate', {}).catch(() => undefined)
		// It is cut off wherever it is then.
		await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueInMs) + random() * ROTATION_MS))
		await killed(running, state, random() < 0.5)
		await rotating
		running = await startMesh()
		expectWhole(await ringOf(admin))
		await expectBelieved(given)
	}
	await giveMore(given)
	await expectBelieved(given)
	const before = await ringOf(admin)
	await made(operate(admin, 'POST', '/v1/keys/rotate', {}))
	const after = await eventually(
		() => ringOf(admin),
		({ purposes }) => purposes.every(({ active }, i) => active !== before.purposes[i]!.active),
		60_000,
	)
	expectWhole(after)
	await expectBelieved(given)
	expect(after.keys.length).toBeGreaterThan(15)
}, 600_000)
