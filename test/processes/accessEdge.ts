/** Cloudflare's edge before the admin host, with Access on it: requests of whoever passed carry their login, and nobody else's come in. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface AccessEdge {
	readonly url: string
	/** The login of who browses: a JWT. */
	login: string
	/** Paths that are Access's own. */
	readonly ownPaths: string[]
	close(): void
}

/** Of the one behind: bodies arrive here unpacked. */
const OF_CONNECTION = ['content-encoding', 'content-length', 'transfer-encoding']

type Origin = (path: string, headers: Record<string, string>) => Promise<Response>

/** A browser that only looks: no bodies go through. */
export async function startAccessEdge(origin: Origin): Promise<AccessEdge> {
	const server = createServer(async ({ url = '/', headers }, outgoing) => {
		if (url.startsWith('/cdn-cgi/access/')) {
			edge.ownPaths.push(url)
			return void outgoing.end('signed out')
		}
		const { authorization } = headers
		const own = authorization === undefined ? {} : { authorization }
		const response = await origin(url, { ...own, 'cf-access-jwt-assertion': edge.login })
		const fields = [...response.headers].filter(([name]) => !OF_CONNECTION.includes(name))
		outgoing.writeHead(response.status, Object.fromEntries(fields))
		outgoing.end(Buffer.from(await response.arrayBuffer()))
	})
	server.listen(0, '127.0.0.1')
	await once(server, 'listening')
	const edge: AccessEdge = {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
		login: '',
		ownPaths: [],
		close() {
			server.close()
			server.closeAllConnections()
		},
	}
	return edge
}
