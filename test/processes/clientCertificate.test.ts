import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join as joinPath } from 'node:path'
import { connect, createServer, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { localFetch } from '../../examples/shop/localFetch.ts'
import { join, type Membership, type WorkloadCertificate } from '../../src/client/index.ts'
import { admin, eventually, freePort, ready, type Started, start, stopped, TOKEN } from './mesh.ts'

const SERVER = 'payments'
const CLIENT = 'orders'
const TTL_SECONDS = 300

let folder: string
let port: number
let mesh: Started
/** By how much the workloads' clock is set forward. */
let forwardMs = 0

beforeAll(async () => {
	folder = mkdtempSync(joinPath(tmpdir(), 'selvedge-certificate-'))
	port = await freePort()
	mesh = start(['--port', String(port), '--state', folder, '--admin-token', TOKEN, '--no-demo'])
	await ready(mesh)
	const documents = [SERVER, CLIENT].map((name) => ({
		apiVersion: 'selvedge.dev/v1',
		kind: 'WorkloadTrust',
		metadata: { name },
		spec: { workload: name, joinToken: {} },
	}))
	const { status, body } = await admin(port, 'POST', '/v1/apply', documents)
	expect(status, body).toBe(200)
})

afterAll(async () => {
	await stopped(mesh, 'SIGTERM')
	rmSync(folder, { recursive: true, force: true })
})

async function joined(workload: string): Promise<Membership> {
	const { status, body } = await admin(port, 'POST', '/v1/identity/join-tokens', { namespace: 'default', workload })
	expect(status, body).toBe(201)
	return join({
		mesh: `http://admin.mesh.localhost:${port}`,
		service: workload,
		token: JSON.parse(body).token,
		fetch: localFetch,
		now: () => Date.now() + forwardMs,
	})
}

const idOf = (name: string) => `spiffe://mesh.localhost/ns/default/sa/${name}`
const secureContextOf = ({ privateKey, chain, bundle }: WorkloadCertificate) => ({
	key: privateKey!,
	cert: chain.join(''),
	ca: [...bundle],
})

/** Answers every line with the name of who sent it. */
function serve(socket: TLSSocket): void {
	const name = socket.getPeerX509Certificate()?.subjectAltName
	socket.on('data', (chunk) => socket.write(`${String(chunk).trim()} from ${name}\n`))
	socket.on('error', () => {})
}

async function connected(toPort: number, certificate: WorkloadCertificate): Promise<TLSSocket> {
	const checkServerIdentity = (_: string, { subjectaltname }: { subjectaltname?: string }) =>
		subjectaltname === `URI:${idOf(SERVER)}` ? undefined : new Error(`the server is ${subjectaltname}`)
	const socket = connect({ ...secureContextOf(certificate), host: '127.0.0.1', port: toPort, checkServerIdentity })
	await once(socket, 'secureConnect')
	return socket
}

async function said(socket: TLSSocket, line: string): Promise<string> {
	const answer = once(socket, 'data')
	socket.write(`${line}\n`)
	return String((await answer)[0])
}

const serialOf = (socket: TLSSocket) => socket.getPeerX509Certificate()!.serialNumber.toLowerCase().replace(/^0+/, '')

test('a TLS server renews its certificate under open connections, and shows new ones the new one', async () => {
	const server = createServer({ requestCert: true, rejectUnauthorized: true }, serve)
	const [payments, orders] = await Promise.all([joined(SERVER), joined(CLIENT)])
	const kept = await payments.keepCertificate({
		ttlSeconds: TTL_SECONDS,
		onCertificate: (certificate) => server.setSecureContext(secureContextOf(certificate)),
	})
	const own = await orders.keepCertificate({ ttlSeconds: TTL_SECONDS })
	server.listen(0, '127.0.0.1')
	await once(server, 'listening')
	const toPort = (server.address() as AddressInfo).port
	try {
		const [first, firstOwn] = [await kept.current(), await own.current()]
		const open = await connected(toPort, firstOwn)
		expect(await said(open, 'before')).toBe(`before from URI:${idOf(CLIENT)}\n`)
		expect(serialOf(open)).toBe(first.serialNumber)

		forwardMs = 0.6 * TTL_SECONDS * 1_000
		await eventually(async () => (await kept.current()).serialNumber !== first.serialNumber, 30_000)
		await eventually(async () => (await own.current()).serialNumber !== firstOwn.serialNumber, 30_000)
		const second = await kept.current()
		expect(second.privateKey).not.toBe(first.privateKey)

		expect(await said(open, 'after')).toBe(`after from URI:${idOf(CLIENT)}\n`)
		const next = await connected(toPort, await own.current())
		expect(await said(next, 'anew')).toBe(`anew from URI:${idOf(CLIENT)}\n`)
		expect(serialOf(next)).toBe(second.serialNumber)
		// What was renewed holds to its end.
		const late = await connected(toPort, firstOwn)
		expect(await said(late, 'late')).toBe(`late from URI:${idOf(CLIENT)}\n`)
		for (const socket of [open, next, late]) socket.destroy()
	} finally {
		server.close()
		await Promise.all([payments.close(), orders.close()])
	}
})
