/** A plain Node service in the mesh: it joins, takes its place, calls others by mesh host, learns who calls, and signs off. */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Caller, join, type Membership } from '../../src/client/index.ts'
import { localFetch } from './localFetch.ts'

/** Where the mesh is: its admin API, which is a name below the mesh domain. */
const admin = new URL(process.env.MESH_URL ?? 'http://admin.mesh.localhost:8787')
const isLocal = admin.hostname.endsWith('.localhost')

const TTL_SECONDS = 15
const CALL_TIMEOUT_MS = 5_000

export interface Reply {
	readonly status: number
	readonly body: unknown
}

export interface Incoming {
	readonly headers: IncomingMessage['headers']
	/** Undefined: the mesh does not know. */
	readonly caller: Caller | undefined
	/** Calls another service. A mesh or service in trouble is a reply of 500 or more, not an exception. */
	readonly call: (service: string, path: string) => Promise<Reply>
}

export interface Service {
	readonly name: string
	readonly labels?: Readonly<Record<string, string>>
	/** Who may call; by default everybody. */
	readonly mayCall?: (caller: Caller | undefined) => boolean
}

/** Serves on a free loopback port as an endpoint of the service, until SIGTERM or until its parent is gone. */
export async function serve(
	{ name, labels = {}, mayCall = () => true }: Service,
	handle: (incoming: Incoming) => Reply | Promise<Reply>,
): Promise<void> {
	let isLeaving = false
	const mesh = await join({
		mesh: admin,
		service: `default/${name}`,
		token: process.env.JOIN_TOKEN ?? tokenOfParent,
		onError: (error) => isLeaving || console.error(`${name}: ${error.message}`),
		...(isLocal ? { fetch: localFetch } : {}),
	})
	const answer = async (incoming: IncomingMessage): Promise<Reply> => {
		const caller = await mesh.verifyCaller(incoming)
		if (!caller.ok) return { status: 400, body: { error: caller.error.detail } }
		if (!mayCall(caller.value)) return { status: 403, body: { error: 'you may not call this service' } }
		const { headers } = incoming
		return handle({ headers, caller: caller.value, call: (service, path) => call(mesh, service, path, headers) })
	}
	const server = createServer(async (incoming, outgoing) => {
		const { status, body } = await answer(incoming)
		outgoing.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body, null, 2)}\n`)
	})
	server.listen(0, '127.0.0.1')
	await once(server, 'listening')
	const { port } = server.address() as AddressInfo
	// The same id each time: a process that restarts replaces itself.
	await mesh.register({ url: `http://127.0.0.1:${port}`, id: `${name}-1`, labels, ttlSeconds: TTL_SECONDS })
	process.send?.('ready')

	const leave = async (closing?: { drainMs: number }) => {
		if (isLeaving) return
		isLeaving = true
		await mesh.close(closing)
		process.exit(0)
	}
	process.once('SIGTERM', () => leave())
	process.once('SIGINT', () => leave())
	// The parent is the mesh, and it is going too: nobody will call any more.
	process.once('disconnect', () => leave({ drainMs: 0 }))
}

/** A one-time token, asked for again whenever the identity is lost, as on a machine that slept for hours. */
async function tokenOfParent(): Promise<string> {
	if (process.send === undefined) throw new Error('JOIN_TOKEN must be set: POST /v1/identity/join-tokens makes one')
	process.send('join-token')
	const [token] = await once(process, 'message')
	return token
}

/** Trace context and the wish for a version go on to the next service. */
const FORWARDED = ['traceparent', 'tracestate', 'x-version'] as const

async function call(
	mesh: Membership,
	service: string,
	path: string,
	incoming: IncomingMessage['headers'],
): Promise<Reply> {
	const headers = new Headers({ accept: 'application/json' })
	for (const name of FORWARDED) {
		const value = incoming[name]
		if (typeof value === 'string') headers.set(name, value)
	}
	const url = new URL(path, admin)
	url.hostname = admin.hostname.replace(/^admin\./, `${service}.`)
	try {
		const response = await mesh.fetch(url, { headers, timeoutMs: CALL_TIMEOUT_MS })
		return { status: response.status, body: parse(await response.text()) }
	} catch (error) {
		return { status: 502, body: { error: (error as Error).message } }
	}
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text)
	} catch {
		return text
	}
}
