/** What the real data path adds to messages, takes from them, and says itself. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseList } from '../unit/proxy/observing/structuredField.ts'
import { type Backend, type Echoed, echo, startBackend, valuesOf } from './backend.ts'
import { type CallOptions, eventually } from './client.ts'
import { gateway, route, service } from './documents.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'

const HOST = `shop.${DOMAIN}`
let mesh: Mesh
let backend: Backend
let revision: number

beforeAll(async () => {
	backend = await startBackend((request, response) => {
		if (request.url === '/hop') response.setHeader('connection', 'close, X-Hop').setHeader('x-hop', '1')
		if (request.url === '/hop') response.setHeader('x-stays', '2').setHeader('keep-alive', 'timeout=9')
		if (request.url === '/reset') request.socket.destroy()
		else echo(request, response)
	})
	mesh = await startMesh({ regions: ['weur'] })
	revision = await mesh.apply(
		service('shop', backend.url),
		service('refusing', 'http://127.0.0.1:1'),
		service('idle', []),
		gateway('wild', '*.wild.test'),
		route('wild', 'wild', { name: 'shop' }),
		gateway('broken', 'broken.test'),
		route('broken', 'broken', { name: 'nowhere' }),
		gateway('empty', 'empty.test'),
	)
})
afterAll(async () => {
	await mesh?.stop()
	await backend?.stop()
})

async function echoed(options: CallOptions = {}, host = HOST): Promise<(name: string) => string[]> {
	const { text, status } = await mesh.via(host, '/', options)
	expect(status, text).toBe(200)
	const { rawHeaders } = JSON.parse(text) as Echoed
	return (name) => valuesOf(rawHeaders, name)
}

describe('a backend', () => {
	it('is told where the request was meant for, in fields that clients cannot write', async () => {
		const values = await echoed({
			headers: {
				forwarded: 'for=evil',
				'x-forwarded-for': '10.0.0.1',
				'x-forwarded-host': 'evil.test',
				'x-forwarded-proto': 'https',
				'x-forwarded-port': '1',
				'x-forwarded-prefix': '/evil',
				'x-forwarded-client-cert': 'evil',
				'x-real-ip': '10.0.0.1',
				'selvedge-caller': 'evil',
				'proxy-authorization': 'Basic evil',
			},
		})
		expect(values('forwarded')).toEqual([`host=${HOST};proto=http`])
		expect(values('x-forwarded-host')).toEqual([HOST])
		expect(values('x-forwarded-proto')).toEqual(['http'])
		for (const name of ['for', 'port', 'prefix', 'client-cert']) expect(values(`x-forwarded-${name}`)).toEqual([])
		for (const name of ['x-real-ip', 'selvedge-caller', 'proxy-authorization']) expect(values(name)).toEqual([])
		expect(values('host')).toEqual([`127.0.0.1:${backend.port}`])
	})

	it('is told the address of the client that the edge wrote down', async () => {
		const values = await echoed({ headers: { 'cf-connecting-ip': '2001:db8::1', 'x-forwarded-for': '10.0.0.1' } })
		expect(values('x-forwarded-for')).toEqual(['2001:db8::1'])
		expect(values('forwarded')).toEqual([`for="[2001:db8::1]";host=${HOST};proto=http`])
	})

	it('gets none of the fields that were for one hop, but its Host and its body', async () => {
		const values = await echoed({
			method: 'POST',
			body: 'x',
			headers: {
				connection: 'close, X-Hop, host, content-length, cookie',
				'x-hop': '1',
				cookie: 'a=1',
				'keep-alive': 'timeout=5',
				te: 'trailers',
				'x-stays': '2',
			},
		})
		for (const name of ['x-hop', 'cookie', 'te']) expect(values(name), name).toEqual([])
		expect(values('keep-alive')).toEqual([])
		expect(values('x-stays')).toEqual(['2'])
		expect(values('host')).toEqual([`127.0.0.1:${backend.port}`])
	})

	it('gets fields whatever the case of their names, with equal ones kept', async () => {
		const values = await echoed({ headers: { 'X-MiXeD': 'Value', 'x-several': ['a', 'b'] } })
		expect(values('x-mixed')).toEqual(['Value'])
		expect(values('x-several').join(', ')).toBe('a, b')
	})

	it('gets the trace of the caller, or a new one', async () => {
		const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
		const kept = await echoed({ headers: { traceparent, tracestate: 'v=1' } })
		expect([kept('traceparent'), kept('tracestate')]).toEqual([[traceparent], ['v=1']])
		const replaced = await echoed({ headers: { traceparent: '00-nonsense', tracestate: 'v=1' } })
		expect(replaced('traceparent')[0]).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-02$/)
		expect(replaced('tracestate')).toEqual([])
	})

	it('is found by its host in any spelling, and told the spelling', async () => {
		for (const host of [
			'SHOP.Mesh.LocalHost',
			`${HOST}.`,
			`shop.default.${DOMAIN}`,
			`shop--default.${DOMAIN}`,
			'A.wild.test',
		])
			expect((await echoed({}, host))('x-forwarded-host'), host).toEqual([host.toLowerCase()])
	})
})

it('a client gets none of the fields that were for one hop', async () => {
	const { headers, rawHeaders } = await mesh.via(HOST, '/hop')
	expect([headers['x-hop'], headers['x-stays']]).toEqual([undefined, '2'])
	expect(valuesOf(rawHeaders, 'keep-alive')).not.toContain('timeout=9')
})

describe('a reply of the mesh itself', () => {
	it.each([
		['none.test', '/', 'unknown_host', 404, undefined],
		[`none.${DOMAIN}`, '/', 'unknown_host', 404, undefined],
		['empty.test', '/', 'no_matching_rule', 404, undefined],
		['broken.test', '/', 'invalid_backend', 500, 'default/broken/all'],
		[`idle.${DOMAIN}`, '/', 'no_endpoint', 503, undefined],
		[`refusing.${DOMAIN}`, '/', 'upstream_failed', 503, undefined],
		[HOST, '/reset', 'upstream_failed', 503, undefined],
		['a,b;for=c.wild.test', '/', 'malformed_url', 400, undefined],
		['a=b.wild.test', '/', 'malformed_url', 400, undefined],
	])('for %s%s says %s', async (host, path, reason, status, rule) => {
		const answer = await mesh.via(host, path)
		expect(answer.status, answer.text).toBe(status)
		expect(answer.headers['content-type']).toBe('application/problem+json')
		const body = JSON.parse(answer.text) as Record<string, unknown>
		expect(body).toMatchObject({ status, reason, ...(rule === undefined ? {} : { rule }) })
		expect(body.type).toBe(`https://selvedge.dev/refusals/${reason}`)
		const [item] = parseList(String(answer.headers['proxy-status']))
		expect(item).toMatchObject({
			value: 'selvedge',
			parameters: { details: reason, ...(rule === undefined ? {} : { rule }) },
		})
		expect(item?.parameters.revision).toBe(body.revision)
	})

	it('names the revision that made it', async () => {
		const answer = await eventually(
			() => mesh.via('empty.test'),
			({ text }) => (JSON.parse(text) as { revision: number }).revision >= revision,
		)
		expect(answer.status).toBe(404)
	})

	it('to HEAD has no body', async () => {
		const answer = await mesh.via('none.test', '/', { method: 'HEAD' })
		expect([answer.status, answer.body.length]).toEqual([404, 0])
		expect(answer.headers['proxy-status']).toContain('unknown_host')
	})

	it('to OPTIONS * is that this names no resource of a backend', async () => {
		const answer = await mesh.via(HOST, '*', { method: 'OPTIONS' })
		expect([answer.status, JSON.parse(answer.text).reason]).toEqual([400, 'malformed_url'])
	})

	it('is never taken for one of a backend: its own problems come without Proxy-Status', async () => {
		const answer = await mesh.via(HOST, '/')
		expect(answer.headers).not.toHaveProperty('proxy-status')
	})
})
