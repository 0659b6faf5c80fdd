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

/** Longer than any machine stands still, and shorter than a test may take. */
const SILENCE_MS = 25_000

/** Opens a request whose body the caller writes. Its connection is its own, and given up after 25 s of silence. */
export function open({ port, host, path = '/', method = 'GET', headers = {} }: Target): ClientRequest {
	const sent = request({
		host: '127.0.0.1',
		port,
		path,
		method,
		headers: { host, ...(headers as Record<string, string>) },
		agent: false,
		timeout: SILENCE_MS,
	})
	sent.on('timeout', () => sent.destroy(new Error(`${method} ${host}${path}: silent for ${SILENCE_MS} ms`)))
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

const PATIENCE_MS = 20_000
/** Between two polls: none takes less, however fast it is answered. */
const PAUSE_MS = 50

/**
 * Polls the real world, which has no clock to pass in, until it holds. Less patience than 20 s is counted in polls: a machine that
 * stands still makes none, and by the clock would be late for what comes in the meantime.
 */
export async function eventually<T>(
	ask: () => Promise<T>,
	holds: (answer: T) => boolean,
	withinMs = PATIENCE_MS,
): Promise<T> {
	const deadline = Date.now() + Math.max(withinMs, PATIENCE_MS)
	for (let polls = withinMs / PAUSE_MS; ; polls--) {
		const answer = await ask()
		if (holds(answer)) return answer
		if (polls <= 0 || Date.now() > deadline)
			throw new Error(`not within ${withinMs} ms: ${holds}; last: ${JSON.stringify(answer)?.slice(0, 500)}`)
		await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
	}
}
