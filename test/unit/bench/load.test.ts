/** The load generator's own process, against a server that answers as it is told. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import type { LoadTarget, SliceOrder, SliceResult } from '../../../scripts/bench/load.ts'
import { until } from '../../until.ts'

let answer = { status: 200, body: 'good' }
const bodies: string[] = []
const server = createServer((request, response) => {
	let body = ''
	request.on('data', (chunk) => {
		body += chunk
	})
	request.on('end', () => {
		bodies.push(body)
		response.writeHead(answer.status, { 'content-length': answer.body.length }).end(answer.body)
	})
})
let load: ChildProcess
let port = 0

beforeAll(async () => {
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
	port = (server.address() as AddressInfo).port
	load = fork(fileURLToPath(new URL('../../../scripts/bench/load.ts', import.meta.url)), { execArgv: [] })
})
beforeEach(() => {
	bodies.length = 0
	answer = { status: 200, body: 'good' }
})
afterAll(() => {
	load.disconnect()
	server.closeAllConnections()
	server.close()
})

async function slice(target: Partial<LoadTarget>, order: Partial<SliceOrder> = {}): Promise<SliceResult> {
	const requests = [{ host: 'a.example', path: '/' }]
	load.send({ target: { name: 'target', port, requests, ...target } })
	load.send({ slice: { target: 'target', connections: 2, durationMs: 100, ...order } })
	const [result] = (await once(load, 'message')) as [SliceResult]
	return result
}

test('every answer is counted, and none is a failure that is as expected', async () => {
	const result = await slice({ status: 200, body: 'good' })
	expect(result.failures).toBe(0)
	expect(result.requests).toBe(bodies.length)
})

test.each([
	['another status', { status: 500, body: 'good' }],
	['another body', { status: 200, body: 'evil' }],
	['a body that goes on', { status: 200, body: 'good and more' }],
	['a body that begins earlier', { status: 200, body: 'not good' }],
	['a shorter body', { status: 200, body: 'ood' }],
])('an answer with %s is a failure, each time', async (_, given) => {
	answer = given
	const result = await slice({ status: 200, body: 'good' })
	expect(result.failures).toBe(result.requests)
	expect(result.firstFailure).toContain(given.body)
})

test('a pace is kept over all connections together, at random moments, however fast the answers are', async () => {
	const connections = 10
	const result = await slice({}, { connections, requestsPerSecond: 100, durationMs: 400 })
	expect(result.requests).toBeGreaterThan(0)
	// One of each connection is sent whenever it comes. Ten that each kept the pace would send 400.
	const eightSigma = 8 * Math.sqrt(40)
	expect(result.requests).toBeLessThanOrEqual(40 + connections + eightSigma)
})

test('bodies arrive whole, and the requests of a target take turns', async () => {
	const requests = [
		{ host: 'a.example', path: '/' },
		{ host: 'a.example', path: '/', method: 'PUT', body: 'k'.repeat(1_024) },
	]
	// A slice in which the machine stands still has room for one.
	await until(async () => {
		bodies.length = 0
		await slice({ requests }, { connections: 1 })
		return bodies.length >= 4
	})
	expect(bodies.slice(0, 4)).toEqual(['', 'k'.repeat(1_024), '', 'k'.repeat(1_024)])
})
