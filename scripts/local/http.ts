/** A request to the local mesh: to the loopback port, for the host named, since not every resolver knows `*.localhost`. */
import { request } from 'node:http'

export interface LocalRequest {
	readonly port: number
	/** Without the port. */
	readonly host: string
	readonly path: string
	readonly method?: string
	readonly headers?: Readonly<Record<string, string>>
	readonly body?: string
	/** By default 5 s. */
	readonly timeoutMs?: number
}

/** Rejects when nothing answers in that time. */
export function send({ port, host, path, method = 'GET', headers = {}, body, timeoutMs = 5_000 }: LocalRequest) {
	return new Promise<{ status: number; body: string }>((resolve, reject) => {
		const sent = request({
			host: '127.0.0.1',
			port,
			path,
			method,
			headers: { ...headers, host: `${host}:${port}` },
			agent: false,
			timeout: timeoutMs,
		})
		sent.on('timeout', () => sent.destroy(new Error(`${host}:${port}${path}: no answer within ${timeoutMs} ms`)))
		sent.on('error', reject)
		sent.on('response', (response) => {
			const chunks: Buffer[] = []
			response.on('data', (chunk: Buffer) => chunks.push(chunk))
			response.on('error', reject)
			response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }))
		})
		sent.end(body)
	})
}

/** Asks until the answer is 200, and answers the last failure when it is not within the time. */
export async function until200(asked: LocalRequest, withinMs: number): Promise<string | undefined> {
	const deadline = Date.now() + withinMs
	let failure = 'never asked'
	do {
		try {
			const { status, body } = await send(asked)
			if (status === 200) return undefined
			failure = `${status} ${body.slice(0, 300)}`
		} catch (error) {
			failure = (error as Error).message
		}
		await new Promise((resolve) => setTimeout(resolve, 50))
	} while (Date.now() < deadline)
	return failure
}
