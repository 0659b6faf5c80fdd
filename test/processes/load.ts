/** Steady load on a service of the mesh: so many requests at once over connections that stay open, every answer checked. */
import { Agent, request } from 'node:http'

/** So many requests are under way at any time. */
export const LANES = 16
/** A request without an answer for so long has failed. */
const PATIENCE_MS = 10_000

export interface Answer {
	/** ms since the epoch. */
	readonly sentAt: number
	readonly tookMs: number
	readonly status: number
	/** Who answered; '' when it was not an endpoint. */
	readonly endpoint: string
	/** How it is not the answer that an endpoint gives to this very request; undefined when it is. */
	readonly failure: string | undefined
}

export interface Load {
	/** In the order in which they came. */
	readonly answers: readonly Answer[]
	/** Resolves when what is under way has been answered. */
	stop(): Promise<void>
}

/** Every request has a path of its own. POSTs have a body, and are sent once by the mesh: only GETs may be repeated. */
export function startLoad(port: number, service: string, methods: readonly ('GET' | 'POST')[] = ['GET']): Load {
	const agent = new Agent({ keepAlive: true, maxSockets: LANES })
	const answers: Answer[] = []
	let stopped = false
	let sent = 0
	const lane = async () => {
		while (!stopped) {
			const n = sent++
			answers.push(await ask(agent, port, service, methods[n % methods.length]!, n))
		}
	}
	const lanes = Array.from({ length: LANES }, lane)
	const stop = async () => {
		stopped = true
		await Promise.all(lanes)
		agent.destroy()
	}
	return { answers, stop }
}

async function ask(agent: Agent, port: number, service: string, method: string, n: number): Promise<Answer> {
	const path = `/${n}`
	const body = method === 'POST' ? `body of ${n}` : ''
	const sentAt = Date.now()
	const { status, endpoint, text } = await exchange(agent, port, service, method, path, body)
	const isRight = status === 200 && text === `${method} ${path} ${body}`
	const failure = isRight ? undefined : `${method} ${path}: ${status} ${text}`
	return { sentAt, tookMs: Date.now() - sentAt, status, endpoint, failure }
}

/** A connection that breaks is a status of 0. */
function exchange(agent: Agent, port: number, service: string, method: string, path: string, body: string) {
	const { promise, resolve } = Promise.withResolvers<{ status: number; endpoint: string; text: string }>()
	const headers = { host: `${service}.mesh.localhost:${port}` }
	const lost = (error: Error) => resolve({ status: 0, endpoint: '', text: error.message })
	const sent = request({ host: '127.0.0.1', port, method, path, headers, agent, timeout: PATIENCE_MS })
	sent.on('timeout', () => sent.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)))
	sent.on('error', lost)
	sent.on('response', (response) => {
		let text = ''
		response.setEncoding('utf8')
		response.on('data', (chunk: string) => {
			text += chunk
		})
		response.on('error', lost)
		const endpoint = String(response.headers['x-endpoint'] ?? '')
		response.on('end', () => resolve({ status: response.statusCode ?? 0, endpoint, text }))
	})
	sent.end(method === 'POST' ? body : undefined)
	return promise
}
