/**
 * An endpoint of a service as a process of its own: it takes a lease and renews it, says with every answer who it is and what it was
 * asked, and signs off on SIGTERM. Arguments: the mesh's port, the service, its id, and its own port (0: one that is free).
 */
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { admin } from './mesh.ts'

/** Longer than any test stops a process for: what the mesh does then, it does by what it sees itself. */
const TTL_SECONDS = 60
const HEARTBEAT_MS = 5_000
/** So that there are always requests under way. */
const WORK_MS = 5
/** Below what systems give to outgoing connections, and no mesh's: nobody gets the port by chance while this process is gone. */
const [LOWEST_PORT, PORTS] = [26_000, 6_000]

const [meshPort = '', service = '', id = '', ownPort = '0'] = process.argv.slice(2)
let isHealthy = true

const answer: RequestListener = async (request, response) => {
	if (request.url === '/healthz') return void response.writeHead(isHealthy ? 200 : 503).end()
	let body = ''
	for await (const chunk of request) body += chunk
	setTimeout(() => response.setHeader('x-endpoint', id).end(`${request.method} ${request.url} ${body}`), WORK_MS)
}

async function listen(server: Server, wanted: number): Promise<number> {
	for (;;) {
		const port = wanted || LOWEST_PORT + Math.floor(Math.random() * PORTS)
		try {
			await once(server.listen(port, '127.0.0.1'), 'listening')
			return port
		} catch (error) {
			if (wanted !== 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
		}
	}
}

const server = createServer(answer)
// A connection that the server closes is one that a request may just have been sent on.
server.keepAliveTimeout = 0
const port = await listen(server, Number(ownPort))

const lease = `/v1/services/default/${service}/endpoints/${id}`
const ask = (method: string, path: string, body?: unknown) => admin(Number(meshPort), method, path, body)
const { status, body } = await ask('PUT', lease, { url: `http://127.0.0.1:${port}`, ttlSeconds: TTL_SECONDS })
if (status >= 300) throw new Error(`${lease} was refused: ${status} ${body}`)
const heartbeats = setInterval(() => ask('POST', `${lease}/heartbeat`).catch(() => {}), HEARTBEAT_MS)

process.on('message', (health) => {
	isHealthy = health === 'healthy'
})
process.once('SIGTERM', async () => {
	clearInterval(heartbeats)
	await ask('DELETE', lease)
	server.close(() => process.exit(0))
})
// Whoever started it is gone.
process.once('disconnect', () => process.exit(0))
process.send?.(port)
