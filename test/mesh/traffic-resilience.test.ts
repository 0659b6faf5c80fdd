/** Load balancing and resilience on the real runtime: requests that race, wait for each other, and leave endpoints alone. */
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Backend, startBackend } from './backend.ts'
import { eventually, open, responseOf } from './client.ts'
import { gateway, route, service } from './documents.ts'
import { type Mesh, startMesh } from './meshHarness.ts'
import { extension } from './rules.ts'

type Behaviour = (request: IncomingMessage, response: ServerResponse) => void

interface Tried {
	/** The first segment of its path: every endpoint of a service has its own. */
	readonly endpoint: string
	readonly path: string
	readonly deadline: string | undefined
	readonly response: ServerResponse
	/** The proxy has closed its connection before it was answered. */
	isLeft: boolean
}

const answer: Behaviour = (_, response) => void response.end('answered')
const hang: Behaviour = () => {}
const reset: Behaviour = ({ socket }) => socket.resetAndDestroy()
/** Begins to answer, and goes on until the test ends it. */
const begin: Behaviour = (_, response) => void response.writeHead(200).write('begun')
const tooMany: Behaviour = (_, response) => void response.writeHead(429, { 'retry-after': '60' }).end()

let mesh: Mesh
let backend: Backend
let tried: Tried[] = []
/** What each endpoint does; the others answer. */
let behave: Readonly<Record<string, Behaviour>> = {}

/** A host `<name>.test` for a Service with endpoints a, b, c, and what its policy asks for. */
const governed = (name: string, spec: object, paths: readonly string[] = ['a', 'b', 'c']) => [
	gateway(name, `${name}.test`),
	route(name, name, { name }),
	service(
		name,
		paths.map((path) => `${backend.url}/${path}`),
	),
	extension('TrafficPolicy', name, { targetRefs: [{ kind: 'Service', name }], ...spec }),
]

beforeAll(async () => {
	backend = await startBackend((request, response) => {
		const { url = '', headers } = request
		const [, endpoint = '', ...path] = url.split('/')
		const deadline = headers['selvedge-deadline']
		const entry = { endpoint, path: path.join('/'), deadline: deadline?.toString(), response, isLeft: false }
		tried.push(entry)
		response.on('close', () => {
			entry.isLeft = !response.writableEnded
		})
		const behaviour = behave[endpoint] ?? answer
		behaviour(request, response)
	})
	mesh = await startMesh({ regions: ['weur', 'enam'] })
	const roundRobin = { loadBalancer: { type: 'RoundRobin' } }
	await mesh.apply(
		...governed('hedged', { ...roundRobin, hedging: { delay: '100ms', maxExtraRequests: 1 } }, ['a', 'b']),
		...governed('frozen', {
			...roundRobin,
			hedging: { delay: '20ms', maxExtraRequests: 1 },
			retryBudget: { percent: 100, interval: '10s' },
		}),
		...governed('one-at-a-time', { circuitBreaker: { maxRequests: 1, maxPendingRequests: 2, maxWait: '1m' } }),
		...governed('at-once', { circuitBreaker: { maxRequests: 1 } }),
		...governed('impatient', { circuitBreaker: { maxRequests: 1, maxPendingRequests: 9, maxWait: '200ms' } }),
		...governed('sticky', { loadBalancer: { type: 'Maglev', hashOn: { header: 'X-User' } } }),
		...governed('asks-for-less', roundRobin),
		...governed('dying', roundRobin),
		...governed('timed', { timeouts: { request: '20s' } }),
	)
	const hosts = [
		'hedged',
		'frozen',
		'one-at-a-time',
		'at-once',
		'impatient',
		'sticky',
		'asks-for-less',
		'dying',
		'timed',
	]
	for (const host of hosts)
		for (const region of ['weur', 'enam'])
			await eventually(
				async () => (await mesh.via(`${host}.test`, '/', { region })).status,
				(status) => status === 200,
			)
})
afterAll(async () => {
	await mesh?.stop()
	await backend?.stop()
})
beforeEach(() => {
	tried = []
	behave = {}
})

const arrived = (requests: number) =>
	eventually(
		async () => tried.length,
		(length) => length >= requests,
	)
const reasonIn = (text: string) => (JSON.parse(text) as { reason: string }).reason

describe('a hedged request', () => {
	it('is answered by the faster endpoint, and the connection to the other is closed', async () => {
		behave = { a: hang }
		for (let i = 0; i < 6; i++) {
			const { status, text } = await mesh.via('hedged.test')
			expect([status, text]).toEqual([200, 'answered'])
		}
		const late = tried.filter(({ endpoint }) => endpoint === 'a')
		expect(late.length).toBeGreaterThanOrEqual(2)
		await eventually(
			async () => late.every(({ isLeft }) => isLeft),
			(left) => left,
		)
		expect(tried.filter(({ endpoint }) => endpoint === 'b')).toHaveLength(6)
	})

	it('names the endpoint that answered in the log', async () => {
		behave = { a: hang }
		for (let i = 0; i < 4; i++) await mesh.via('hedged.test', '/named')
		const lines = await eventually(
			async () => mesh.log.filter(({ path }) => path === '/named'),
			(found) => found.length === 4,
		)
		expect(lines.map(({ endpoint }) => endpoint)).toEqual(['e1', 'e1', 'e1', 'e1'])
		expect(lines.some(({ attempts }) => attempts === 2)).toBe(true)
	})
})

it('an endpoint that hangs behind hedges is left alone after twenty', async () => {
	behave = { b: hang }
	for (let i = 0; i < 150; i++) expect((await mesh.via('frozen.test', `/${i}`)).status).toBe(200)
	// Of each request the first: on a busy machine a hedge may go to it as well, which counts for nothing.
	const firsts = Array.from({ length: 150 }, (_, i) => tried.find(({ path }) => path === String(i))!)
	const asked = firsts.filter(({ endpoint }) => endpoint === 'b').length
	expect(asked).toBeGreaterThanOrEqual(20)
	expect(asked).toBeLessThan(30)
})

describe('a response that is on its way', () => {
	it.each<[string, (response: ServerResponse, client: ClientRequest) => void]>([
		['has come to its end', (response) => void response.end()],
		['fails', (response) => void response.destroy()],
		['has lost its client, which the next byte finds out', (_, client) => void client.destroy()],
	])('counts against the limit until it %s', async (_, end) => {
		behave = { a: begin, b: begin, c: begin }
		const client = open({ port: mesh.port('weur'), host: 'at-once.test' })
		client.end()
		const response = await responseOf(client)
		response.on('error', () => {}).resume()
		behave = {}
		const statusNow = async () => (await mesh.via('at-once.test')).status
		expect([response.statusCode, await statusNow(), await statusNow()]).toEqual([200, 503, 503])
		const sending = tried[0]!.response
		const writing = setInterval(() => sending.writable && sending.write('more'), 50)
		end(sending, client)
		await eventually(statusNow, (status) => status === 200).finally(() => clearInterval(writing))
	})
})

describe('requests that wait', () => {
	const answerNext = (index: number) => tried[index]!.response.end('answered')

	/** Polls until so many wait that no other may. */
	const nobodyElseMayWait = () =>
		eventually(
			() => mesh.via('one-at-a-time.test', '/too-many'),
			({ status, text }) => status === 503 && reasonIn(text) === 'overloaded',
		)

	it('are woken one after the other as those before them end, each by another client’s request', async () => {
		behave = { a: hang, b: hang, c: hang }
		const answers = [mesh.via('one-at-a-time.test')]
		await arrived(1)
		answers.push(mesh.via('one-at-a-time.test'), mesh.via('one-at-a-time.test'))
		await nobodyElseMayWait()
		for (let i = 0; i < 3; i++) {
			await arrived(i + 1)
			expect(tried).toHaveLength(i + 1)
			answerNext(i)
		}
		expect((await Promise.all(answers)).map(({ status }) => status)).toEqual([200, 200, 200])
	})

	it('for too long are refused, and do not come in the way of later ones', async () => {
		behave = { a: hang, b: hang, c: hang }
		const first = mesh.via('impatient.test')
		await arrived(1)
		const late = await Promise.all([1, 2, 3].map(() => mesh.via('impatient.test')))
		expect(late.map(({ status, text }) => [status, reasonIn(text)])).toEqual(
			Array.from({ length: 3 }, () => [503, 'overloaded']),
		)
		answerNext(0)
		expect((await first).status).toBe(200)
		behave = {}
		expect((await mesh.via('impatient.test')).status).toBe(200)
	})

	it('and whose clients leave let others pass', async () => {
		behave = { a: hang, b: hang, c: hang }
		const first = mesh.via('one-at-a-time.test')
		await arrived(1)
		const gone = open({ port: mesh.port('weur'), host: 'one-at-a-time.test', path: '/gone' })
		const left = responseOf(gone).catch(() => {})
		gone.end()
		const stays = mesh.via('one-at-a-time.test')
		await nobodyElseMayWait()
		gone.destroy()
		await left
		behave = {}
		answerNext(0)
		expect([(await first).status, (await stays).status]).toEqual([200, 200])
	})

	it('are none without a place to wait in: refused at once, with what a client needs to know', async () => {
		behave = { a: hang, b: hang, c: hang }
		const first = mesh.via('at-once.test')
		await arrived(1)
		const { status, headers, text } = await mesh.via('at-once.test')
		expect([status, reasonIn(text), headers['retry-after']]).toEqual([503, 'overloaded', '1'])
		expect(headers['proxy-status']).toContain('error=connection_limit_reached')
		// Another region's isolate counts for itself.
		const elsewhere = mesh.via('at-once.test', '/', { region: 'enam' })
		await arrived(2)
		answerNext(0)
		answerNext(1)
		expect([(await first).status, (await elsewhere).status]).toEqual([200, 200])
	})
})

it('429 with Retry-After lowers an endpoint’s share, and others get what it no longer gets', async () => {
	behave = { a: tooMany }
	const asked = () => tried.filter(({ endpoint }) => endpoint === 'a').length
	while (asked() < 5) await mesh.via('asks-for-less.test')
	behave = {}
	tried = []
	for (let i = 0; i < 240; i++) expect((await mesh.via('asks-for-less.test')).status).toBe(200)
	// A third before; by now a 32nd of what the others get. Of 240 requests that is four, and more than this in one run of 10^12.
	expect(asked()).toBeLessThan(25)
})

it('an endpoint that resets every connection costs no client an error, and is soon left alone', async () => {
	behave = { b: reset }
	for (let i = 0; i < 60; i++) expect((await mesh.via('dying.test')).status).toBe(200)
	expect(tried.filter(({ endpoint }) => endpoint === 'b')).toHaveLength(5)
})

it('a key leads to the same endpoint from every region', async () => {
	const reached = async (user: string, region: string) => {
		tried = []
		await mesh.via('sticky.test', '/', { headers: { 'x-user': user }, region })
		return tried[0]!.endpoint
	}
	const users = Array.from({ length: 12 }, (_, i) => `user-${i}`)
	const endpoints: string[] = []
	for (const user of users) endpoints.push(await reached(user, 'weur'))
	for (const [i, user] of users.entries()) expect(await reached(user, 'enam')).toBe(endpoints[i])
	expect(new Set(endpoints).size).toBe(3)
})

it('a service is told how much time is left, and a caller’s deadline ends the request', async () => {
	await mesh.via('timed.test', '/own')
	await mesh.via('timed.test', '/callers', { headers: { 'selvedge-deadline': '9000' } })
	const [own, callers] = tried.map(({ deadline }) => Number(deadline))
	expect(own).toBeGreaterThan(10_000)
	expect(own).toBeLessThanOrEqual(20_000)
	expect(callers).toBeGreaterThan(1_000)
	expect(callers).toBeLessThanOrEqual(9_000)
	behave = { a: hang, b: hang, c: hang }
	const { status, text } = await mesh.via('timed.test', '/', { headers: { 'selvedge-deadline': '300' } })
	expect([status, reasonIn(text)]).toEqual([504, 'request_timeout'])
	await eventually(
		async () => tried.at(-1)!.isLeft,
		(left) => left,
	)
})
