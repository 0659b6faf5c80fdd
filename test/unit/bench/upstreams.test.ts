/** The bench's upstreams, each in its own process: one that answers, and those that make trouble. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { requestText, type WireRequest } from '../../../scripts/bench/httpFraming.ts'
import type { TroubleCounts, TroublePorts } from '../../../scripts/bench/troubleMakers.ts'
import { wish } from '../../../scripts/bench/wishes.ts'
import { until } from '../../until.ts'

const started: ChildProcess[] = []
afterAll(() => {
	for (const child of started) child.disconnect()
})

async function run(script: string, ...args: string[]): Promise<{ child: ChildProcess; first: unknown }> {
	const child = fork(fileURLToPath(new URL(`../../../scripts/bench/${script}`, import.meta.url)), args, {
		execArgv: [],
	})
	started.push(child)
	const [first] = (await once(child, 'message')) as [unknown]
	return { child, first }
}

async function tell(child: ChildProcess, message: string): Promise<unknown> {
	child.send(message)
	const [answer] = (await once(child, 'message')) as [unknown]
	return answer
}

const get = (parts: Partial<WireRequest> = {}): string => requestText({ host: 'a.example', path: '/x', ...parts })

/** Writes each piece by itself; answers what came back until `enough`, or how the connection ended before. */
function exchange(port: number, pieces: readonly string[], enough: (received: string) => boolean): Promise<string> {
	return new Promise((resolve) => {
		const socket = connect({ port, host: '127.0.0.1', noDelay: true })
		let received = ''
		socket.on('connect', () => {
			for (const piece of pieces) setImmediate(() => socket.write(piece))
		})
		socket.on('data', (chunk) => {
			received += chunk.toString('latin1')
			if (!enough(received)) return
			socket.destroy()
			resolve(received)
		})
		socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
	})
}

describe('the upstream', () => {
	let child: ChildProcess
	let ports: number[]
	beforeAll(async () => {
		const backend = await run('backend.ts', 'a', 'b')
		child = backend.child
		ports = backend.first as number[]
	})
	const count = (text: string, part: string): number => text.split(part).length - 1

	test('answers each request once, however it is cut into pieces, and counts them by listener', async () => {
		const [a, b] = (await tell(child, 'received')) as number[]
		const text = get() + get({ method: 'PUT', body: 'GET / HTTP/1.1\r\n\r\n' }) + get()
		const pieces = [text.slice(0, 20), text.slice(20, 190), text.slice(190)]
		const answers = await exchange(ports[0]!, pieces, (received) => count(received, 'a'.repeat(100)) === 3)
		expect(count(answers, 'HTTP/1.1 200')).toBe(3)
		expect(await tell(child, 'received')).toEqual([a! + 3, b])
	})

	test('says by its letter which listener a request reached', async () => {
		const [a, b] = (await tell(child, 'received')) as number[]
		expect(await exchange(ports[1]!, [get()], (received) => received.endsWith('b'.repeat(100)))).toContain(' 200 ')
		expect(await tell(child, 'received')).toEqual([a, b! + 1])
	})

	test('shows a request as it arrived, when asked', async () => {
		const request = get({ headers: { ...wish('show'), 'x-set': 'one' } })
		const head = request.trimEnd()
		expect(await exchange(ports[0]!, [request], (received) => received.endsWith(head))).toContain(head)
	})

	test('fails, when asked', async () => {
		const request = get({ headers: wish('failure') })
		expect(await exchange(ports[0]!, [request], (received) => received.endsWith('\r\n\r\n'))).toContain(' 503 ')
	})
})

describe('trouble makers', () => {
	let child: ChildProcess
	let ports: TroublePorts
	beforeAll(async () => {
		const trouble = await run('troubleMakers.ts', '50')
		child = trouble.child
		ports = trouble.first as TroublePorts
	})
	const answered = (received: string): boolean => received.endsWith('\r\n\r\n')
	const counts = async (): Promise<TroubleCounts> => (await tell(child, 'received')) as TroubleCounts

	test('reset a connection when a request has come', async () => {
		expect(await exchange(ports.resetting, [get({ method: 'POST', body: 'hello' })], answered)).toBe('ECONNRESET')
		expect((await counts()).resetting).toBe(1)
	})

	test('answer late', async () => {
		const startedAt = performance.now()
		expect(await exchange(ports.slow, [get()], answered)).toContain(' 200 ')
		expect(performance.now() - startedAt).toBeGreaterThan(45)
	})

	test('take requests and never answer', async () => {
		const hanging = exchange(ports.silent, [get()], answered)
		await exchange(ports.slow, [get()], answered)
		await until(async () => (await counts()).silent > 0)
		expect((await counts()).silent).toBe(1)
		expect(await Promise.race([hanging, 'nothing'])).toBe('nothing')
	})

	test('answer until they are told to refuse, and then refuse', async () => {
		expect(await exchange(ports.refusing, [get()], answered)).toContain(' 200 ')
		await tell(child, 'refuse')
		expect(await exchange(ports.refusing, [get()], answered)).toBe('ECONNREFUSED')
	})
})
