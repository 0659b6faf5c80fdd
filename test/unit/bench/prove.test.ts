/** How the bench makes sure that a feature acts before it measures it. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { prove } from '../../../scripts/bench/features/prove.ts'

const asked: string[] = []
const server = createServer((request, response) => {
	asked.push(`${request.url} ${request.headers.cookie ?? '-'} ${request.headers['x-wish'] ?? '-'}`)
	response.setHeader('set-cookie', 'one=1; Path=/').end('answer')
})
let proxyPort = 0

beforeAll(async () => {
	await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
	proxyPort = (server.address() as AddressInfo).port
})
beforeEach(() => {
	asked.length = 0
})
afterAll(() => {
	server.closeAllConnections()
	server.close()
})

const request = { host: 'a.example', path: '/b' }
const upstreams = { received: async () => [asked.length, 0] }

test('the fields that a first answer tells go with the requests that prove, and with those that are measured', async () => {
	const learned = await prove(upstreams, { proxyPort }, request, {
		title: 'session',
		learn: ({ headers }) => ({ cookie: headers['set-cookie']![0]!.split(';')[0]! }),
		proof: { headers: { 'x-wish': 'yes' }, holds: ({ received }) => received === 1 },
	})
	expect(learned).toEqual({ cookie: 'one=1' })
	expect(asked).toEqual(['/b - -', '/b one=1 yes'])
})

test('as many requests are sent as the proof asks for, and only theirs are counted', async () => {
	await prove(upstreams, { proxyPort }, request, {
		title: 'share',
		proof: { times: 21, holds: ({ answers, received }) => answers.length === 21 && received === 21 },
	})
	expect(asked).toHaveLength(21)
})

test('a copy that arrives after the answer still counts', async () => {
	let polls = 0
	const late = { received: async () => [asked.length, polls++ < 2 ? 0 : 1] }
	const proof = { holds: ({ received }: { readonly received: number }) => received === 2 }
	await prove(late, { proxyPort }, request, { title: 'mirror', proof }, 20_000)
	expect(polls).toBeGreaterThan(2)
})

test('a feature of which nothing shows stops the run, by name', async () => {
	const proof = { holds: () => false }
	await expect(prove(upstreams, { proxyPort }, request, { title: 'idle', proof }, 0)).rejects.toThrow(
		'nothing shows that "idle" acts: 1 requests received, first answer 200 answer',
	)
})
