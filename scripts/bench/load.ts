/**
 * A closed-loop load generator in a process of its own: every connection has one request under way, until the time is up.
 *
 * It is told its targets first and then, slice by slice, which one to load. Connections stay open between slices.
 */
import { connect, type Socket } from 'node:net'
import { getRequest, readFrame } from './httpFraming.ts'

export interface LoadTarget {
	readonly name: string
	readonly port: number
	/** Sent in turn, over and over. */
	readonly requests: readonly { readonly host: string; readonly path: string }[]
}

export interface SliceOrder {
	readonly target: string
	readonly connections: number
	readonly durationMs: number
}

export interface SliceResult {
	readonly requests: number
	/** Answers other than 200, and connections that broke. */
	readonly failures: number
	readonly firstFailure?: string
	readonly elapsedMs: number
	readonly latenciesMs: readonly number[]
}

interface Connection {
	readonly socket: Socket
	received: string
	sentAt: number
	/** Set while a slice runs: what to do with each answer, or with the end of the connection. */
	onAnswer: ((failure: string | undefined) => void) | undefined
}

interface Pool {
	readonly port: number
	readonly requests: readonly Buffer[]
	next: number
	readonly connections: Set<Connection>
}

const pools = new Map<string, Pool>()
/** Enough for a p99, whatever the rate. */
const LATENCIES_KEPT = 2_000

process.on('disconnect', () => process.exit(0))
process.on('message', (message: { target?: LoadTarget; slice?: SliceOrder }) => {
	if (message.target !== undefined) addTarget(message.target)
	if (message.slice !== undefined) void runSlice(message.slice).then((result) => process.send?.(result))
})

function addTarget(target: LoadTarget): void {
	const requests = target.requests.map(({ host, path }) => Buffer.from(getRequest(host, path)))
	pools.set(target.name, { port: target.port, requests, next: 0, connections: new Set() })
}

async function runSlice(order: SliceOrder): Promise<SliceResult> {
	const pool = pools.get(order.target)!
	while (pool.connections.size < order.connections) open(pool)
	const startedAt = performance.now()
	const deadline = startedAt + order.durationMs
	const tally: Tally = { requests: 0, failures: 0, latenciesMs: [] }
	await Promise.all([...pool.connections].map((connection) => drive(pool, connection, deadline, tally)))
	return { ...tally, elapsedMs: performance.now() - startedAt }
}

interface Tally {
	requests: number
	failures: number
	firstFailure?: string
	latenciesMs: number[]
}

/** Keeps one connection busy until the deadline. */
function drive(pool: Pool, connection: Connection, deadline: number, tally: Tally): Promise<void> {
	return new Promise((resolve) => {
		const send = (): void => {
			connection.sentAt = performance.now()
			connection.socket.write(pool.requests[pool.next++ % pool.requests.length]!)
		}
		connection.onAnswer = (failure) => {
			const now = performance.now()
			tally.latenciesMs[tally.requests++ % LATENCIES_KEPT] = now - connection.sentAt
			if (failure !== undefined) {
				tally.failures++
				tally.firstFailure ??= failure
			}
			if (now < deadline && pool.connections.has(connection)) return send()
			connection.onAnswer = undefined
			resolve()
		}
		send()
	})
}

function open(pool: Pool): void {
	const socket = connect({ port: pool.port, host: '127.0.0.1', noDelay: true })
	const connection: Connection = { socket, received: '', sentAt: 0, onAnswer: undefined }
	pool.connections.add(connection)
	socket.on('data', (chunk) => receive(connection, chunk.toString('latin1')))
	socket.on('error', () => socket.destroy())
	socket.on('close', () => {
		pool.connections.delete(connection)
		connection.onAnswer?.('the connection closed')
	})
}

function receive(connection: Connection, text: string): void {
	connection.received += text
	const frame = readFrame(connection.received)
	if (frame === undefined) return
	const { status, totalBytes } = frame
	if (totalBytes !== undefined && connection.received.length < totalBytes) return
	const failed = status !== 200 || totalBytes === undefined
	const answer = connection.received
	connection.received = ''
	if (totalBytes === undefined) connection.socket.destroy()
	connection.onAnswer?.(failed ? answer.slice(0, 600) : undefined)
}
