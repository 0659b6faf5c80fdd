/** A `fetch` that knows where `*.localhost` is: on this machine, whatever its resolver says (RFC 6761 §6.3). */
import { request } from 'node:http'

/** Statuses without a body, which Response wants to have none (RFC 9110 §15). */
const BODILESS = [204, 205, 304]

export async function localFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
	const asked = new Request(input, init)
	const { host, port, pathname, search } = new URL(asked.url)
	const body = Buffer.from(await asked.arrayBuffer())
	return new Promise((resolve, reject) => {
		const sent = request({
			host: '127.0.0.1',
			port,
			method: asked.method,
			path: pathname + search,
			headers: { ...Object.fromEntries(asked.headers), host },
			signal: asked.signal,
		})
		sent.on('error', reject)
		sent.on('response', (response) => {
			const chunks: Buffer[] = []
			const { statusCode: status = 0, headersDistinct } = response
			response.on('data', (chunk: Buffer) => chunks.push(chunk))
			response.on('error', reject)
			response.on('end', () => {
				const headers = Object.entries(headersDistinct).flatMap(([name, values = []]) =>
					values.map((value): [string, string] => [name, value]),
				)
				resolve(new Response(BODILESS.includes(status) ? null : Buffer.concat(chunks), { status, headers }))
			})
		})
		sent.end(body)
	})
}
