/**
 * A closed-loop load generator in a process of its own: every connection has one request under way, until the time is up.
 *
 * It is told its targets first and then, slice by slice, which one to load. Connections stay open between slices, and targets of
 * one port share them.
 */
import { connect, type Socket } from 'node:net'
import { readFrame, requestText, type WireRequest } from './httpFraming.ts'

export interface LoadTarget {
	readonly name: string
	readonly port: number
	/** Sent in turn, over and over. */
	readonly requests: readonly WireRequest[]
	/** Of every answer; 200 when left out. */
	readonly status?: number
	/** Of every answer; any when left out. */
	readonly body?: string
}

export interface SliceOrder {
	readonly target: string
	readonly connections: number
	readonly durationMs: number
	/** Over all connections and on average, at random moments. As many as are answered when left out. */
	readonly requestsPerSecond?: number
}

export interface SliceResult {
	readonly requests: number
	/** Answers other than the target's status and body, and connections that broke. */
	readonly failures: number
	readonly firstFailure?: string
	readonly elapsedMs: number
	readonly latenciesMs: readonly number[]
}

interface Connection {
	readonly socket: Socket
	received: string
	sentAt: number
	target: LoadTarget
	/** Set while a slice runs: what to do with each answer, or with the end of the connection. */
	onAnswer: ((failure: string | undefined) => void) | undefined
}

interface Load {
	readonly target: LoadTarget
	readonly requests: readonly Buffer[]
	next: number
}

const loads = new Map<string, Load>()
/** By port. */
const pools = new Map<number, Set<Connection>>()
/** Enough for a p99, whatever the rate. */
const LATENCIES_KEPT = 2_000

process.on('disconnect', () => process.exit(0))
process.on('message', (message: { target?: LoadTarget; slice?: SliceOrder }) => {
	if (message.target !== undefined) addTarget(message.target)
	if (message.slice !== undefined) void runSlice(message.slice).then((result) => process.send?.(result))
})

function addTarget(target: LoadTarget): void {
	const requests = target.requests.map((request) => Buffer.from(requestText(request)))
	loads.set(target.name, { target, requests, next: 0 })
	if (!pools.has(target.port)) pools.set(target.port, new Set())
}

async function runSlice(order: SliceOrder): Promise<SliceResult> {
	const load = loads.get(order.target)!
	const pool = pools.get(load.target.port)!
	while (pool.size < order.connections) open(pool, load.target)
	const startedAt = performance.now()
	const deadline = startedAt + order.durationMs
	const intervalMs = order.requestsPerSecond === undefined ? 0 : (order.connections * 1_000) / order.requestsPerSecond
	const tally: Tally = { requests: 0, failures: 0, latenciesMs: [] }
	await Promise.all(
		[...pool]
			.slice(0, order.connections)
			.map((connection) =>
				drive(load, connection, { firstAt: startedAt + gap(intervalMs), intervalMs, deadline }, tally),
			),
	)
	return { ...tally, elapsedMs: performance.now() - startedAt }
}

interface Tally {
	requests: number
	failures: number
	firstFailure?: string
	latenciesMs: number[]
}

/** When a connection sends: every so often on average, but never before its last request was answered. */
interface Pace {
	readonly firstAt: number
	readonly intervalMs: number
	readonly deadline: number
}

/**
 * The time between two events of a Poisson process. Requests that came to a beat would always meet, or always miss, what timers do to
 * the same beat.
 */
const gap = (meanMs: number): number => -Math.log(1 - Math.random()) * meanMs

/** Keeps one connection busy until the deadline. */
function drive(
	load: Load,
	connection: Connection,
	{ firstAt, intervalMs, deadline }: Pace,
	tally: Tally,
): Promise<void> {
	return new Promise((resolve) => {
		let dueAt = firstAt
		connection.target = load.target
		const send = (): void => {
			connection.sentAt = performance.now()
			connection.socket.write(load.requests[load.next++ % load.requests.length]!)
		}
		connection.onAnswer = (failure) => {
			const now = performance.now()
			tally.latenciesMs[tally.requests++ % LATENCIES_KEPT] = now - connection.sentAt
			if (failure !== undefined) {
				tally.failures++
				tally.firstFailure ??= failure
			}
			dueAt += gap(intervalMs)
			if (Math.max(now, dueAt) < deadline && !connection.socket.destroyed) return sendAt(dueAt, send)
			connection.onAnswer = undefined
			resolve()
		}
		sendAt(dueAt, send)
	})
}

/** At once when the time has come. A timer would cost each request of an unpaced load a turn of the event loop. */
function sendAt(time: number, send: () => void): void {
	const leftMs = time - performance.now()
	if (leftMs <= 0) send()
	else setTimeout(send, leftMs)
}

function open(pool: Set<Connection>, target: LoadTarget): void {
	const socket = connect({ port: target.port, host: '127.0.0.1', noDelay: true })
	const connection: Connection = { socket, received: '', sentAt: 0, target, onAnswer: undefined }
	pool.add(connection)
	socket.on('data', (chunk) => receive(connection, chunk.toString('latin1')))
	socket.on('error', () => socket.destroy())
	socket.on('close', () => {
		pool.delete(connection)
		connection.onAnswer?.('the connection closed')
	})
}

function receive(connection: Connection, text: string): void {
	connection.received += text
	const frame = readFrame(connection.received)
	if (frame === undefined) return
	const { status, headBytes, totalBytes } = frame
	if (totalBytes !== undefined && connection.received.length < totalBytes) return
	const { received: answer, target } = connection
	const asExpected =
		totalBytes !== undefined &&
		status === (target.status ?? 200) &&
		(target.body === undefined || answer.slice(headBytes) === target.body)
	connection.received = ''
	if (totalBytes === undefined) connection.socket.destroy()
	connection.onAnswer?.(asExpected ? undefined : answer.slice(0, 600))
}
