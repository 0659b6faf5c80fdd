/** An HTTP client that hides nothing: raw fields, bytes as they came, no redirects, no decoding, any Host. */
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'

export interface CallOptions {
	readonly method?: string
	readonly headers?: Readonly<Record<string, string | readonly string[]>>
	readonly body?: string | Buffer
}

export interface Answer {
	readonly status: number
	readonly headers: IncomingHttpHeaders
	/** Names and values in turn, as they came. */
	readonly rawHeaders: readonly string[]
	readonly body: Buffer
	readonly text: string
}

interface Target extends CallOptions {
	readonly port: number
	readonly host: string
	readonly path?: string
}

/** Opens a request whose body the caller writes. Its connection is its own, and given up after 15 s of silence. */
export function open({ port, host, path = '/', method = 'GET', headers = {} }: Target): ClientRequest {
	const sent = request({
		host: '127.0.0.1',
		port,
		path,
		method,
		headers: { host, ...(headers as Record<string, string>) },
		agent: false,
		timeout: 15_000,
	})
	sent.on('timeout', () => sent.destroy(new Error(`${method} ${host}${path}: silent for 15 s`)))
	return sent
}

/** The response of an open request, its body unread. */
export const responseOf = (sent: ClientRequest): Promise<IncomingMessage> =>
	new Promise((resolve, reject) => {
		sent.on('response', resolve)
		sent.on('error', reject)
	})

/** Sends a body with its length, unless the fields say otherwise: Node frames none for some methods by itself. */
export async function call({ body, headers = {}, ...target }: Target): Promise<Answer> {
	const framed = body === undefined || 'transfer-encoding' in headers
	const length = framed ? {} : { 'content-length': String(Buffer.byteLength(body)) }
	const sent = open({ ...target, headers: { ...length, ...headers } })
	const arriving = responseOf(sent)
	sent.end(body)
	const response = await arriving
	const chunks: Buffer[] = []
	for await (const chunk of response) chunks.push(chunk as Buffer)
	const bytes = Buffer.concat(chunks)
	const { statusCode: status = 0, headers: answered, rawHeaders } = response
	return { status, headers: answered, rawHeaders, body: bytes, text: bytes.toString() }
}

/** Polls the real world, which has no clock to pass in, until it holds. */
export async function eventually<T>(
	ask: () => Promise<T>,
	holds: (answer: T) => boolean,
	withinMs = 20_000,
): Promise<T> {
	const deadline = Date.now() + withinMs
	for (;;) {
		const answer = await ask()
		if (holds(answer)) return answer
		if (Date.now() > deadline)
			throw new Error(`not within ${withinMs} ms: ${holds}; last: ${JSON.stringify(answer)?.slice(0, 500)}`)
		await new Promise((resolve) => setTimeout(resolve, 50))
	}
}
