/** Faults made on purpose on the real data path: what they do to requests, and which requests they spare. */
import { randomBytes } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Backend, startBackend } from './backend.ts'
import { eventually, open, responseOf } from './client.ts'
import { service } from './documents.ts'
import { type Mesh, startMesh } from './meshHarness.ts'
import { extension, extensionRef, ruled, to } from './rules.ts'

const DELAY_MS = 400
/** At 200 kbps, which are 25,000 bytes a second, this takes `BODY_MS`. */
const BODY = randomBytes(10_000)
const BODY_MS = 400
/** And this takes longer than any machine stands still. */
const LONG_BODY = Buffer.alloc(1_000_000)

let mesh: Mesh
let backend: Backend
/** What the backend was asked, in order. */
let asked: string[] = []

/** The answer that never ends was given up by who asked for it. */
const { promise: abandoned, resolve: abandon } = Promise.withResolvers<void>()

const delay = (more: object = {}) => ({ delay: { fixedDelay: `${DELAY_MS}ms`, ...more } })
const abort = (more: object = {}) => ({ abort: { httpStatus: 418, ...more } })
const bandwidth = { bandwidth: { limit: '200kbps' } }

beforeAll(async () => {
	backend = await startBackend((request, response) => {
		asked.push(request.url ?? '')
		if (request.url === '/endless') {
			response.on('close', abandon)
			return void response.write(BODY)
		}
		if (request.url === '/long') return void response.setHeader('content-length', LONG_BODY.length).end(LONG_BODY)
		if (request.url !== '/gzip') return void response.setHeader('content-length', BODY.length).end(BODY)
		response.setHeader('content-encoding', 'gzip').end(gzipSync(BODY))
	})
	const faulty = (name: string, spec: object, rule: object = {}) => [
		extension('FaultInjection', name, spec),
		...ruled(name, { filters: [extensionRef('FaultInjection', name)], ...to('shop'), ...rule }),
	]
	mesh = await startMesh({ regions: ['weur'] })
	await mesh.apply(
		service('shop', backend.url),
		...ruled('direct', to('shop')),
		...faulty('delayed', delay()),
		...faulty('held', delay({ fixedDelay: '1h' })),
		...faulty('delayed-in-time', delay(), { timeouts: { request: '100ms' } }),
		...faulty('aborted', abort()),
		...faulty('delayed-abort', { ...delay(), ...abort() }),
		...faulty('never', { ...delay({ percent: 0 }), ...abort({ percent: 0 }) }),
		...faulty('half', abort({ percent: 50 })),
		...faulty('some', {
			matches: [
				{ headers: [{ name: 'X-Test', value: 'yes' }] },
				{ method: 'DELETE', path: { type: 'PathPrefix', value: '/orders' } },
			],
			...abort(),
		}),
		...faulty('of-callers', { sources: [{ namespace: 'default' }], ...abort() }),
		...faulty('narrow', bandwidth),
		...faulty('changing', delay({ percent: 0 })),
		...ruled('backend-fault', to('shop', { filters: [extensionRef('FaultInjection', 'aborted')] })),
		...ruled('two-faults', {
			filters: [extensionRef('FaultInjection', 'never'), extensionRef('FaultInjection', 'aborted')],
			...to('shop'),
		}),
	)
})
afterAll(async () => {
	await mesh?.stop()
	await backend?.stop()
})
beforeEach(() => {
	asked = []
})

const reasonOf = ({ text }: { text: string }) => (JSON.parse(text) as { reason: string }).reason

describe('a delay', () => {
	it('holds a request back before its backend hears of it, and others go by', async () => {
		const held = open({ port: mesh.port('weur'), host: 'held.test', path: '/held' })
		held.on('error', () => {}).end()
		const started = performance.now()
		const delayed = mesh.via('delayed.test', '/delayed')
		expect((await mesh.via('direct.test', '/direct')).status).toBe(200)
		expect((await delayed).body.equals(BODY)).toBe(true)
		expect(performance.now() - started).toBeGreaterThan(DELAY_MS - 10)
		expect(asked.sort()).toEqual(['/delayed', '/direct'])
		held.destroy()
	})

	it("uses up the request's own time: the backend is never asked", async () => {
		const answer = await mesh.via('delayed-in-time.test')
		expect([answer.status, reasonOf(answer), asked]).toEqual([504, 'request_timeout', []])
	})
})

describe('an abort', () => {
	it.each(['aborted', 'backend-fault', 'two-faults', 'delayed-abort'])(
		'answers with its status and says so, and no backend is asked: %s',
		async (name) => {
			const started = performance.now()
			const answer = await mesh.via(`${name}.test`, '/', { method: 'POST', body: 'unread' })
			expect([answer.status, reasonOf(answer), asked]).toEqual([418, 'fault_injected', []])
			expect(answer.headers['proxy-status']).toContain('fault_injected')
			expect(performance.now() - started).toBeGreaterThan(name === 'delayed-abort' ? DELAY_MS - 10 : 0)
		},
	)

	it('of half of the requests answers about half of them', async () => {
		const n = 400
		const statuses: number[] = []
		const ask = async () => void statuses.push((await mesh.via('half.test')).status)
		for (let i = 0; i < n / 20; i++) await Promise.all(Array.from({ length: 20 }, ask))
		expect(new Set(statuses)).toEqual(new Set([200, 418]))
		const aborted = statuses.filter((status) => status === 418).length
		// But for one run in ten billion.
		expect(Math.abs(aborted - n / 2)).toBeLessThan(6.5 * Math.sqrt(n / 4))
		expect(asked).toHaveLength(n - aborted)
	})

	it.each([
		['never.test', {}, 200],
		['some.test', {}, 200],
		['some.test', { headers: { 'x-test': 'yes' } }, 418],
		['some.test', { headers: { 'x-test': 'no' } }, 200],
		['some.test', { method: 'DELETE' }, 418],
		['some.test', { method: 'PUT' }, 200],
		['of-callers.test', {}, 200],
	])('on %s concerns a request %j as its document says: %i', async (host, options, status) => {
		for (let i = 0; i < 5; i++) expect((await mesh.via(host, '/orders/1', options)).status).toBe(status)
	})
})

describe('a narrow bandwidth', () => {
	it.each(['/plain', '/gzip'])('lets a body through slowly and whole: %s', async (path) => {
		const expected = path === '/gzip' ? gzipSync(BODY) : BODY
		const started = performance.now()
		const answer = await mesh.via('narrow.test', path)
		expect(answer.body.equals(expected)).toBe(true)
		// All but the first slice of 100 ms is waited for.
		expect(performance.now() - started).toBeGreaterThan(BODY_MS - 110)
	})

	it('does not hold the head of the response back, nor an answer without a body', async () => {
		const sent = open({ port: mesh.port('weur'), host: 'narrow.test', path: '/long' })
		const arriving = responseOf(sent)
		sent.end()
		const response = await arriving
		expect([response.statusCode, response.complete]).toEqual([200, false])
		response.destroy()
		const head = await mesh.via('narrow.test', '/', { method: 'HEAD' })
		expect([head.status, head.headers['content-length']]).toEqual([200, String(BODY.length)])
	})

	it('lets go of the backend when the client leaves', async () => {
		const sent = open({ port: mesh.port('weur'), host: 'narrow.test', path: '/endless' })
		const arriving = responseOf(sent)
		sent.end()
		;(await arriving).destroy()
		await abandoned
		expect((await mesh.via('direct.test')).body.equals(BODY)).toBe(true)
	})
})

it('a fault that changes is in force without a restart, and so is its end', async () => {
	const ask = () => mesh.via('changing.test')
	expect((await ask()).status).toBe(200)
	await mesh.apply(extension('FaultInjection', 'changing', abort()))
	await eventually(ask, ({ status }) => status === 418)
	await mesh.apply(extension('FaultInjection', 'changing', abort({ percent: 0 })))
	await eventually(ask, ({ status }) => status === 200)
})
