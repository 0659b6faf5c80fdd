/** A real HTTP server for the mesh to call, on a loopback port of its own. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

export interface Backend {
	readonly server: Server
	readonly port: number
	readonly url: string
	stop(): Promise<void>
}

export async function startBackend(listener: RequestListener): Promise<Backend> {
	// Who calls closes what is idle. A server that does so, too, loses the request that comes at that very moment.
	const server = createServer({ keepAliveTimeout: 0 }, listener)
	const sockets = new Set<Socket>()
	server.on('connection', (socket: Socket) => {
		sockets.add(socket)
		socket.on('close', () => sockets.delete(socket))
	})
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
	const { port } = server.address() as AddressInfo
	return {
		server,
		port,
		url: `http://127.0.0.1:${port}`,
		stop: () =>
			new Promise((resolve) => {
				server.close(() => resolve())
				// Sockets that were upgraded are nobody's but ours.
				for (const socket of sockets) socket.destroy()
			}),
	}
}

/** Answers what it was sent, raw: for looking at what a backend gets. */
export const echo: RequestListener = (request, response) => {
	const { method, url, rawHeaders } = request
	const chunks: Buffer[] = []
	request.on('data', (chunk: Buffer) => chunks.push(chunk))
	request.on('end', () => {
		response.setHeader('content-type', 'application/json')
		response.end(JSON.stringify({ method, url, rawHeaders, body: Buffer.concat(chunks).toString() }))
	})
}

export interface Echoed {
	readonly method: string
	readonly url: string
	readonly rawHeaders: readonly string[]
	readonly body: string
}

/** Every value of a field, in order, from names and values in turn. */
export function valuesOf(rawHeaders: readonly string[], name: string): string[] {
	const values: string[] = []
	for (let i = 0; i < rawHeaders.length; i += 2)
		if (rawHeaders[i]!.toLowerCase() === name.toLowerCase()) values.push(rawHeaders[i + 1]!)
	return values
}
