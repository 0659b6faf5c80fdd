/** A plain Node service in the mesh: it registers, renews its lease, calls others by mesh host, and signs off. */
import { createServer, type IncomingHttpHeaders, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Where the mesh is: the proxy's address, the mesh domain, and a token for the admin API. */
const mesh = new URL(process.env.MESH_URL ?? 'http://127.0.0.1:8787')
const domain = process.env.MESH_DOMAIN ?? 'mesh.localhost'
const token = process.env.MESH_TOKEN ?? ''

const TTL_SECONDS = 15
const HEARTBEAT_MS = 5_000
const CALL_TIMEOUT_MS = 5_000
/** Proxies ask once a second what changed: after this long, none sends here any more. */
const DRAIN_MS = 1_200

export interface Reply {
	readonly status: number
	readonly body: unknown
}

/** Sends to the mesh with the host named in Host, as not every resolver knows `*.localhost`. Rejects when nothing answers. */
function send(
	host: string,
	method: string,
	path: string,
	headers: Record<string, string>,
	body?: unknown,
): Promise<Reply> {
	const { promise, resolve, reject } = Promise.withResolvers<Reply>()
	const sent = request({
		host: mesh.hostname,
		port: mesh.port,
		method,
		path,
		headers: { ...headers, host: mesh.port ? `${host}:${mesh.port}` : host },
		timeout: CALL_TIMEOUT_MS,
	})
	sent.on('timeout', () => sent.destroy(new Error(`${host}${path}: no answer within ${CALL_TIMEOUT_MS} ms`)))
	sent.on('error', reject)
	sent.on('response', (response) => {
		let text = ''
		response.setEncoding('utf8')
		response.on('data', (chunk: string) => {
			text += chunk
		})
		response.on('error', reject)
		response.on('end', () => resolve({ status: response.statusCode ?? 0, body: parse(text) }))
	})
	sent.end(body === undefined ? undefined : JSON.stringify(body))
	return promise
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text)
	} catch {
		return text
	}
}

/** Trace context and the wish for a version go on to the next service. */
const FORWARDED = ['traceparent', 'tracestate', 'x-version'] as const

/** Calls a service of the mesh. A mesh or service in trouble is a reply of 500 or more, not an exception. */
export async function call(service: string, path: string, incoming: IncomingHttpHeaders): Promise<Reply> {
	const headers: Record<string, string> = { accept: 'application/json' }
	for (const name of FORWARDED) {
		const value = incoming[name]
		if (typeof value === 'string') headers[name] = value
	}
	try {
		return await send(`${service}.${domain}`, 'GET', path, headers)
	} catch (error) {
		return { status: 502, body: { error: (error as Error).message } }
	}
}

export type Handler = (headers: IncomingHttpHeaders) => Reply | Promise<Reply>

export interface Membership {
	/** The service that this process is an endpoint of. */
	readonly service: string
	readonly labels?: Readonly<Record<string, string>>
}

/** Serves on a free loopback port as an endpoint of the service, until SIGTERM or until its parent is gone. */
export async function join({ service, labels = {} }: Membership, handle: Handler): Promise<void> {
	const server = createServer(async (incoming, outgoing) => {
		const { status, body } = await handle(incoming.headers)
		outgoing.writeHead(status, { 'content-type': 'application/json' }).end(`${JSON.stringify(body, null, 2)}\n`)
	})
	await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
	const { port } = server.address() as AddressInfo

	// The same id each time: a process that restarts replaces itself.
	const lease = { url: `http://127.0.0.1:${port}`, weight: 1, labels, ttlSeconds: TTL_SECONDS }
	const endpoint = `/v1/services/default/${service}/endpoints/${service}-1`
	const heartbeats = await register(endpoint, lease)

	process.send?.('ready')

	let leaving = false
	const leave = async (drainMs: number) => {
		if (leaving) return
		leaving = true
		clearInterval(heartbeats)
		await signOff(endpoint, server, drainMs)
		process.exit(0)
	}
	process.once('SIGTERM', () => leave(DRAIN_MS))
	process.once('SIGINT', () => leave(DRAIN_MS))
	// The parent is the mesh, and it is going too: nobody will call any more.
	process.once('disconnect', () => leave(0))
}

const admin = (method: string, path: string, body?: unknown): Promise<Reply> =>
	send(
		`admin.${domain}`,
		method,
		path,
		{ authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
		body,
	)

/** Takes a lease and renews it. A lease that the mesh no longer knows is taken anew. */
async function register(endpoint: string, lease: unknown): Promise<NodeJS.Timeout> {
	const { status, body } = await admin('PUT', endpoint, lease)
	if (status >= 300) throw new Error(`${endpoint} was refused: ${status} ${JSON.stringify(body)}`)
	const renew = async () => {
		const renewed = await admin('POST', `${endpoint}/heartbeat`)
		if (renewed.status === 404) await admin('PUT', endpoint, lease)
	}
	// The mesh may be away for a while: the next heartbeat finds it again.
	return setInterval(() => renew().catch(() => {}), HEARTBEAT_MS)
}

/** No new requests first, then no lease, then no server. Without a mesh there is nobody to tell. */
async function signOff(endpoint: string, server: Server, drainMs: number): Promise<void> {
	try {
		if (drainMs > 0) {
			await admin('POST', `${endpoint}/drain`)
			await new Promise((resolve) => setTimeout(resolve, drainMs))
		}
		await admin('DELETE', endpoint)
	} catch {}
	server.close()
}
