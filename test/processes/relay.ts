/** An edge in front of a local mesh: it dates every answer, as Cloudflare does, and finds `*.localhost` for runtimes that do not. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Relay {
	/** For pages. */
	readonly url: string
	/** For what goes to the mesh: the URL that is meant, encoded, comes behind it. */
	readonly to: string
	/** What was posted to `/told`. */
	readonly told: Promise<string>
	readonly close: () => void
}

export async function startRelay(pages: Readonly<Record<string, { type: string; text: string }>> = {}): Promise<Relay> {
	let tell: (text: string) => void = () => {}
	const told = new Promise<string>((resolve) => {
		tell = resolve
	})
	const server = createServer((incoming, outgoing) => {
		const [, target] = (incoming.url ?? '').split('/to/')
		if (target !== undefined) return forward(incoming, outgoing, new URL(decodeURIComponent(target)))
		if (incoming.url === '/told')
			return void textOf(incoming)
				.then(tell)
				.then(() => outgoing.end())
		const page = pages[incoming.url ?? '']
		outgoing.writeHead(page === undefined ? 404 : 200, { 'content-type': page?.type ?? 'text/plain' }).end(page?.text)
	})
	server.listen(0, '127.0.0.1')
	await once(server, 'listening')
	const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
	return {
		url,
		to: `${url}to/`,
		told,
		close() {
			server.close()
			server.closeAllConnections()
		},
	}
}

function forward(incoming: IncomingMessage, outgoing: ServerResponse, { host, port, pathname, search }: URL): void {
	const { method, headers } = incoming
	const sent = request({ host: '127.0.0.1', port, path: pathname + search, method, headers: { ...headers, host } })
	sent.on('error', () => outgoing.destroy())
	sent.on('response', (response) => {
		outgoing.writeHead(response.statusCode ?? 502, response.headers)
		response.pipe(outgoing)
	})
	incoming.pipe(sent)
}

async function textOf(incoming: IncomingMessage): Promise<string> {
	const chunks: Buffer[] = []
	for await (const chunk of incoming) chunks.push(chunk)
	return Buffer.concat(chunks).toString()
}
