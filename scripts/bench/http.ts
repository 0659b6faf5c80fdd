/** Requests that the bench itself makes: to a port on loopback, for any host, over a connection that stays open. */
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import type { WireRequest } from './httpFraming.ts'

export interface Answer {
	readonly status: number
	readonly headers: IncomingHttpHeaders
	readonly body: string
}

export interface Asked extends WireRequest {
	readonly port: number
	/** Default 60,000. */
	readonly timeoutMs?: number
}

const agent = new Agent({ keepAlive: true, maxSockets: 8 })

/** Rejects when the connection fails or nothing comes for `timeoutMs`. */
export function ask(asked: Asked): Promise<Answer> {
	const { port, host, path, method = 'GET', headers = {}, body, timeoutMs: timeout = 60_000 } = asked
	return new Promise((resolve, reject) => {
		const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
		const options = { host: '127.0.0.1', port, path, method, agent, timeout, headers: { ...headers, ...length, host } }
		const sent = request(options, (response) => {
			const chunks: Buffer[] = []
			response.on('data', (chunk: Buffer) => chunks.push(chunk))
			response.on('error', reject)
			response.on('end', () =>
				resolve({
					status: response.statusCode ?? 0,
					headers: response.headers,
					body: Buffer.concat(chunks).toString(),
				}),
			)
		})
		sent.on('timeout', () => sent.destroy(new Error(`no answer from ${host}${path} within ${timeout} ms`)))
		sent.on('error', reject)
		sent.end(body)
	})
}

/** Asks until the answer is 200. Throws what came instead when the time is up. */
export async function until200(asked: Asked, withinMs: number): Promise<void> {
	const deadline = performance.now() + withinMs
	for (;;) {
		const failure = await ask(asked).then(
			({ status, body }) => (status === 200 ? undefined : `${status} ${body.slice(0, 400)}`),
			(error: unknown) => String(error),
		)
		if (failure === undefined) return
		if (performance.now() > deadline) throw new Error(`${asked.host}${asked.path}: ${failure}`)
		await new Promise((resolve) => setTimeout(resolve, 50))
	}
}
