/** A mesh that is killed at random moments, again and again: what it acknowledged is there, whole, and reaches the proxy. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { send } from '../../scripts/local/http.ts'
import { seeded } from '../random.ts'
import { admin, eventually, freePort, killed, ready, SILENCE_MS, type Started, start, stopped, TOKEN } from './mesh.ts'

/** Beside each other, since a mesh that starts keeps only one core busy. */
const MESHES = 2
/** Of each mesh. */
const APPLIES = 100
const KILLS = 6
/** So that a kill finds changes in every state: being read, committed, pushed, answered. */
const LANES = 3

interface Acknowledged {
	readonly n: number
	readonly revision: number
}

/** Where a mesh keeps what it acknowledged, and where it listens. */
interface Place {
	readonly state: string
	readonly port: number
}

let backend: Server
const places: Place[] = []
const meshes = new Map<Place, Started>()

beforeAll(async () => {
	for (let i = 0; i < MESHES; i++)
		places.push({ state: mkdtempSync(join(tmpdir(), 'selvedge-crash-')), port: await freePort() })
	backend = createServer((request, response) => response.end(request.url)).listen(0, '127.0.0.1')
})
afterAll(async () => {
	for (const mesh of meshes.values()) await stopped(mesh, 'SIGTERM')
	backend.close()
	for (const { state } of places) rmSync(state, { recursive: true, force: true })
})

/** Three resources that say the same number. Half applied, they would disagree. */
function documents(n: number): object[] {
	const gateway = { apiVersion: 'gateway.networking.k8s.io/v1', metadata: { name: 'crash' } }
	const listeners = [
		{ name: 'kept', hostname: 'crash.test', port: 80, protocol: 'HTTP' },
		{ name: `n${n}`, hostname: `n${n}.test`, port: 80, protocol: 'HTTP' },
	]
	const rules = [{ name: `n${n}`, backendRefs: [{ name: 'crash', port: 80 }] }]
	const url = `http://127.0.0.1:${(backend.address() as AddressInfo).port}/n${n}`
	return [
		{ ...gateway, kind: 'Gateway', spec: { gatewayClassName: 'selvedge', listeners } },
		{ ...gateway, kind: 'HTTPRoute', spec: { parentRefs: [{ name: 'crash' }], rules } },
		{ apiVersion: 'selvedge.dev/v1', kind: 'Service', metadata: { name: 'crash' }, spec: { endpoints: [{ url }] } },
	]
}

/** The number that a document says. */
const numberIn = (document: unknown): number => Number(/[/"]n(\d+)["]/.exec(JSON.stringify(document))?.[1])

async function read<T>({ port }: Place, path: string): Promise<T> {
	const { status, body } = await admin(port, 'GET', path)
	expect(status, `${path}: ${body}`).toBe(200)
	return JSON.parse(body)
}

async function startMesh(place: Place): Promise<Started> {
	const { state, port } = place
	const mesh = start(['--port', String(port), '--state', state, '--no-demo', '--admin-token', TOKEN])
	meshes.set(place, mesh)
	await ready(mesh)
	return mesh
}

/** Applies one after the other on every lane, until all are made or `isDown`. */
async function applyUntil(
	{ port }: Place,
	isDown: () => boolean,
	take: () => number | undefined,
	acknowledged: Acknowledged[],
) {
	const lane = async () => {
		while (!isDown()) {
			const n = take()
			if (n === undefined) return
			// No answer, or one from a runtime that is dying: not acknowledged.
			const answer = await admin(port, 'POST', '/v1/apply', documents(n)).catch(() => undefined)
			if (answer?.status === 200) acknowledged.push({ n, revision: JSON.parse(answer.body).revision })
			else if (!isDown()) throw new Error(`apply ${n}: ${answer?.status} ${answer?.body}`)
		}
	}
	await Promise.all(Array.from({ length: LANES }, lane))
}

/** Every revision there is, newest first, with the numbers that its documents say. */
async function history(place: Place): Promise<{ revision: number; numbers: number[] }[]> {
	const entries: { revision: number; numbers: number[] }[] = []
	for (let after = ''; ; ) {
		const page = await read<{
			items: { revision: number; changes: { after: unknown }[] }[]
			next?: string
		}>(place, `/v1/audit?limit=40${after}`)
		for (const { revision, changes } of page.items)
			entries.push({ revision, numbers: changes.map((change) => numberIn(change.after)) })
		if (page.next === undefined) return entries
		after = `&after=${page.next}`
	}
}

/** What must hold whenever the mesh is up. Answers the number in force. */
async function expectWhole(place: Place, acknowledged: readonly Acknowledged[]): Promise<number> {
	const entries = await history(place)
	expect(entries.map(({ revision }) => revision)).toEqual(entries.map((_, i) => entries.length - i))
	for (const { revision, numbers } of entries) {
		expect(numbers, `revision ${revision} changed all three`).toHaveLength(3)
		expect(new Set(numbers).size, `revision ${revision} says one number`).toBe(1)
	}
	const numberOf = new Map(entries.map(({ revision, numbers }) => [revision, numbers[0]]))
	for (const { n, revision } of acknowledged) expect(numberOf.get(revision), `apply ${n}`).toBe(n)
	expect(new Set(acknowledged.map(({ revision }) => revision)).size).toBe(acknowledged.length)

	const newest = entries[0]
	if (newest === undefined) return 0
	for (const kind of ['Gateway', 'HTTPRoute', 'Service']) {
		const resource = await read<{ spec: unknown; metadata: unknown }>(place, `/v1/resources/${kind}/default/crash`)
		expect(numberIn(resource.spec), kind).toBe(newest.numbers[0])
		expect(resource.metadata, kind).toMatchObject({ resourceVersion: String(newest.revision) })
	}
	return newest.numbers[0] ?? 0
}

/** The route and the service as the data plane and the catalog have them. */
async function expectConverged(place: Place, n: number): Promise<void> {
	const { port } = place
	const bodyFrom = async (host: string) => (await send({ port, host, path: '/x', timeoutMs: SILENCE_MS })).body
	for (const host of [`n${n}.test`, 'crash.test'])
		await eventually(async () => (await bodyFrom(host)) === `/n${n}/x`, SILENCE_MS)
	const { items } = await read<{ items: { name: string; endpoints: { url: string }[] }[] }>(place, '/v1/services')
	expect(items).toMatchObject([{ name: 'crash', endpoints: [{ url: expect.stringMatching(new RegExp(`/n${n}$`)) }] }])
}

async function crashAgainAndAgain(place: Place): Promise<void> {
	const seed = Math.floor(Math.random() * 2 ** 32)
	console.log(`seed ${seed}`)
	const random = seeded(seed)
	const acknowledged: Acknowledged[] = []
	let next = 1
	const take = () => (next > APPLIES ? undefined : next++)
	for (let kill = 1; kill <= KILLS; kill++) {
		const running = await startMesh(place)
		await expectConvergedTo(place, await expectWhole(place, acknowledged))
		const share = Math.floor((APPLIES * kill) / (KILLS + 1))
		let down = false
		const applying = applyUntil(place, () => down, take, acknowledged)
		await eventually(() => next > share, SILENCE_MS)
		// Up to about two applies later.
		await new Promise((resolve) => setTimeout(resolve, random() * 30))
		down = true
		await killed(running, place.state, random() < 0.5)
		await applying
	}
	await startMesh(place)
	await expectWhole(place, acknowledged)
	await applyUntil(place, () => false, take, acknowledged)
	const last = await expectWhole(place, acknowledged)
	await expectConvergedTo(place, last)
	for (const { n, revision } of acknowledged)
		expect((await read<{ changes: unknown[] }>(place, `/v1/revisions/${revision}`)).changes, `apply ${n}`).toHaveLength(
			3,
		)
	expect(acknowledged.length).toBeGreaterThanOrEqual(APPLIES - KILLS * LANES)
}

test('no acknowledged change is lost, halved or kept from the proxies by kill -9 at random moments', async () => {
	await Promise.all(places.map(crashAgainAndAgain))
}, 600_000)

/** Before the first change there is nothing to see. */
const expectConvergedTo = async (place: Place, n: number): Promise<void> =>
	n === 0 ? undefined : expectConverged(place, n)
