/** Steady load on a service of the mesh: so many requests at once over connections that stay open, every answer checked. */
import { Agent, request } from 'node:http'
import { type RunningClock, runningClock } from '../mesh/meshHarness.ts'
import { SILENCE_MS } from './mesh.ts'

/** So many requests are under way at any time. */
export const LANES = 16

export interface Answer {
	/** ms since the epoch. */
	readonly sentAt: number
	/** While the machine runs. */
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
	/** How many answers there were when the oldest request that is under way was sent. */
	oldest(): number
	/** Resolves when what is under way has been answered. */
	stop(): Promise<void>
}

/** What a request has beside its Host: by its number and its path. */
type Fields = (n: number, path: string) => Promise<Readonly<Record<string, string>>>

/** Every request has a path of its own. POSTs have a body, and are sent once by the mesh: only GETs may be repeated. */
export function startLoad(
	port: number,
	service: string,
	methods: readonly ('GET' | 'POST')[] = ['GET'],
	fields: Fields = async () => ({}),
): Load {
	const agent = new Agent({ keepAlive: true, maxSockets: LANES })
	const answers: Answer[] = []
	const clock = runningClock(async () => {})
	/** In the order in which they were sent. */
	const underWay = new Set<{ readonly from: number }>()
	let stopped = false
	let sent = 0
	const lane = async () => {
		while (!stopped) {
			const n = sent++
			const headers = { host: `${service}.mesh.localhost:${port}`, ...(await fields(n, pathOf(n))) }
			const one = { from: answers.length }
			underWay.add(one)
			answers.push(await ask({ agent, clock, port }, methods[n % methods.length]!, n, headers))
			underWay.delete(one)
		}
	}
	const oldest = () => underWay.values().next().value?.from ?? answers.length
	const lanes = Array.from({ length: LANES }, lane)
	const stop = async () => {
		stopped = true
		await Promise.all(lanes)
		await clock.stop()
		agent.destroy()
	}
	return { answers, oldest, stop }
}

const pathOf = (n: number): string => `/${n}`

interface Means {
	readonly agent: Agent
	readonly clock: RunningClock
	readonly port: number
}

async function ask(
	{ agent, clock, port }: Means,
	method: string,
	n: number,
	headers: Readonly<Record<string, string>>,
): Promise<Answer> {
	const path = pathOf(n)
	const body = method === 'POST' ? `body of ${n}` : ''
	const [sentAt, startedAt] = [Date.now(), clock.now()]
	const { status, endpoint, text } = await exchange(agent, port, method, path, body, headers)
	const isRight = status === 200 && text === `${method} ${path} ${body}`
	const failure = isRight ? undefined : `${method} ${path}: ${status} ${text}`
	return { sentAt, tookMs: clock.now() - startedAt, status, endpoint, failure }
}

/** A connection that breaks is a status of 0. */
function exchange(
	agent: Agent,
	port: number,
	method: string,
	path: string,
	body: string,
	headers: Readonly<Record<string, string>>,
) {
	const { promise, resolve } = Promise.withResolvers<{ status: number; endpoint: string; text: string }>()
	const lost = (error: Error) => resolve({ status: 0, endpoint: '', text: error.message })
	const sent = request({ host: '127.0.0.1', port, method, path, headers, agent, timeout: SILENCE_MS })
	sent.on('timeout', () => sent.destroy(new Error(`no answer within ${SILENCE_MS} ms`)))
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
