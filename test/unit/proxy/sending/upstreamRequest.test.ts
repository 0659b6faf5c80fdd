/** The request as an endpoint gets it. */
import { describe, expect, it } from 'vitest'
import { compileService } from '../../../../src/proxy/compile/compileService.ts'
import { admit } from '../../../../src/proxy/exchange.ts'
import type { Outgoing } from '../../../../src/proxy/sending/outgoing.ts'
import { type Hop, upstreamRequest } from '../../../../src/proxy/sending/upstreamRequest.ts'
import type { ServiceTarget } from '../../../../src/snapshot/snapshot.ts'
import { CONTEXT, nobody } from '../compile/compiled.ts'

const FRESH = `00-${'1'.repeat(32)}-${'2'.repeat(16)}-02`

interface Asked {
	readonly url?: string
	readonly headers?: Record<string, string>
	readonly client?: string
	readonly init?: RequestInit
	readonly service?: Partial<ServiceTarget>
	readonly outgoing?: Outgoing
}

/** A service with one endpoint, below a path. */
function hopTo(target: Partial<ServiceTarget> = {}): Hop {
	const endpoints = [{ id: 'e', url: 'http://endpoint.test/base/', weight: 1 }]
	const service = compileService({ kind: 'service', service: 'd/s', endpoints, ...target }, new Map(), () => 0, CONTEXT)
	return { service, endpoint: service.pick(nobody, 0)! }
}

function upstream({
	url = 'http://shop.test/cart',
	headers = {},
	client = '192.0.2.1',
	init = {},
	service,
	outgoing,
}: Asked = {}) {
	const hop = hopTo(service)
	const exchange = admit(new Request(url, { ...init, headers }), 0, () => 0)
	const sender = { clientAddress: client, newTraceparent: () => FRESH }
	return upstreamRequest(exchange, hop, sender, outgoing)
}

describe('an endpoint gets', () => {
	it('the method, the target below its base, and the fields of the client', () => {
		const request = upstream({ url: 'http://shop.test/cart?x=1', init: { method: 'DELETE' }, headers: { 'x-a': '1' } })
		expect([request.method, request.url, request.headers.get('x-a')]).toEqual([
			'DELETE',
			'http://endpoint.test/base/cart?x=1',
			'1',
		])
	})

	it('the body as a stream that nobody has read', async () => {
		let pulled = 0
		const body = new ReadableStream(
			{
				pull(controller) {
					pulled++
					controller.enqueue(new TextEncoder().encode('chunk'))
					if (pulled === 3) controller.close()
				},
			},
			{ highWaterMark: 0 },
		)
		const request = upstream({ init: { method: 'POST', body, duplex: 'half' } as RequestInit })
		await Promise.resolve()
		expect(pulled).toBe(0)
		expect(await request.text()).toBe('chunkchunkchunk')
	})

	it.each([
		['proxy-authorization', 'Basic secret'],
		['x-real-ip', '10.0.0.1'],
		['x-forwarded-port', '1'],
		['x-forwarded-prefix', '/admin'],
		['x-forwarded-client-cert', 'By=spiffe://x'],
		['selvedge-caller', 'forged'],
	])('no %s that anybody could have sent', (name, value) =>
		expect(upstream({ headers: { [name]: value } }).headers.has(name)).toBe(false),
	)

	it.each([
		['x-forwarded-for', '10.0.0.1', '192.0.2.1'],
		['x-forwarded-proto', 'ftp', 'http'],
		['x-forwarded-host', 'evil.test', 'shop.test'],
		['forwarded', 'for=evil', 'for=192.0.2.1;host=shop.test;proto=http'],
	])('%s: %s rebuilt as %s', (name, spoofed, rebuilt) =>
		expect(upstream({ headers: { [name]: spoofed } }).headers.get(name)).toBe(rebuilt),
	)

	it.each([
		['http://shop.test/', '192.0.2.1', 'for=192.0.2.1;host=shop.test;proto=http'],
		['https://shop.test/', '2001:db8::1', 'for="[2001:db8::1]";host=shop.test;proto=https'],
		['http://shop.test:8080/', '192.0.2.1', 'for=192.0.2.1;host="shop.test:8080";proto=http'],
		['http://[::1]:80/', '', 'host="[::1]";proto=http'],
		['http://shop.test/', '', 'host=shop.test;proto=http'],
	])('%s from %j as Forwarded: %s (RFC 7239 §6)', (url, client, forwarded) => {
		const { headers } = upstream({ url, client, headers: { 'x-forwarded-for': '10.0.0.1' } })
		expect(headers.get('forwarded')).toBe(forwarded)
		expect(headers.get('x-forwarded-for')).toBe(client === '' ? null : client)
	})

	it('none of the fields that Connection names, but Host and what is rebuilt', () => {
		const headers = {
			connection: 'close, X-Hop, host, x-forwarded-for, authorization',
			'x-hop': '1',
			host: 'shop.test',
			authorization: 'Bearer t',
			'x-stays': '2',
		}
		const request = upstream({ headers })
		expect(request.headers.get('x-hop')).toBe(null)
		expect(request.headers.get('authorization')).toBe(null)
		expect(request.headers.get('host')).toBe('shop.test')
		expect(request.headers.get('x-forwarded-for')).toBe('192.0.2.1')
		expect(request.headers.get('x-stays')).toBe('2')
	})
})

describe('the trace', () => {
	const valid = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`

	it('of a caller goes on, with its state', () => {
		const { headers } = upstream({ headers: { traceparent: valid, tracestate: 'v=1' } })
		expect([headers.get('traceparent'), headers.get('tracestate')]).toEqual([valid, 'v=1'])
	})

	it.each([
		['none', undefined],
		['all zeros', `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`],
		['upper case', valid.toUpperCase()],
		['two joined', `${valid}, ${valid}`],
		['version ff', `ff${valid.slice(2)}`],
	])('starts anew after %s, and the state that came with it is dropped', (_, traceparent) => {
		const { headers } = upstream({
			headers: { tracestate: 'v=1', ...(traceparent === undefined ? {} : { traceparent }) },
		})
		expect([headers.get('traceparent'), headers.get('tracestate')]).toEqual([FRESH, null])
	})

	it('that Connection names is not continued', () => {
		const { headers } = upstream({ headers: { traceparent: valid, tracestate: 'v=1', connection: 'traceparent' } })
		expect([headers.get('traceparent'), headers.get('tracestate')]).toEqual([FRESH, null])
	})
})

describe('a service outside the mesh', () => {
	const headers = {
		forwarded: 'for=1.2.3.4',
		'x-forwarded-for': '1.2.3.4',
		'cf-connecting-ip': '1.2.3.4',
		'selvedge-deadline': '900',
		'x-a': '1',
	}

	it.each([
		['by the short way', undefined],
		['by a rule that knows how much time is left', { target: '/', authority: 'shop.test', edits: [], deadlineMs: 500 }],
	])('is told nothing of who calls, by what name and with how much time, %s', (_, outgoing) => {
		const request = upstream({ headers, service: { external: true }, ...(outgoing && { outgoing }) })
		const told = [...request.headers.keys()].filter((name) => /forwarded|connecting|deadline/.test(name))
		expect([told, request.headers.get('x-a')]).toEqual([[], '1'])
	})

	it.each([
		[
			'a bearer token',
			{ in: 'header', name: 'authorization', value: { before: 'Bearer ', secret: 's3' } },
			'Bearer s3',
		],
		[
			'a password',
			{ in: 'header', name: 'authorization', value: { before: 'Basic ', basic: { username: 'u' }, secret: 'p' } },
			'Basic dTpw',
		],
	] as const)('gets %s in place of what the caller sent', (_, credential, value) => {
		const request = upstream({ headers: { authorization: 'Bearer mine' }, service: { credential } })
		expect(request.headers.get('authorization')).toBe(value)
	})

	it('gets a key in the query in place of what the caller sent, whatever the rule made of the path', () => {
		const credential = { in: 'query', name: 'key', value: { before: '', secret: 'a&b' } } as const
		const { url } = upstream({ url: 'http://shop.test/x?key=mine&a=%20+b&k%65y=again', service: { credential } })
		expect(url).toBe('http://endpoint.test/base/x?a=%20+b&key=a%26b')
	})

	it('gets the credential after the edits of the rule, which cannot change it', () => {
		const credential = { in: 'header', name: 'x-key', value: { before: '', secret: 's3' } } as const
		const edits = [(fields: Headers) => fields.set('x-key', 'edited')]
		const request = upstream({ service: { credential }, outgoing: { target: '/t', authority: 'shop.test', edits } })
		expect([request.headers.get('x-key'), request.url]).toEqual(['s3', 'http://endpoint.test/base/t'])
	})
})

describe('a rule that rewrites', () => {
	it('changes the target and the name that the endpoint is told, and leaves the client’s own in Forwarded', () => {
		const outgoing = { target: '/other?x=1', authority: 'inner.test', edits: [] }
		const { url, headers } = upstream({ url: 'http://shop.test/cart?x=1', outgoing })
		expect([url, headers.get('x-forwarded-host')]).toEqual(['http://endpoint.test/base/other?x=1', 'inner.test'])
		expect(headers.get('forwarded')).toBe('for=192.0.2.1;host=shop.test;proto=http')
	})

	it('sends a body that was read beforehand, with the method and the fields of the request', async () => {
		const body = new TextEncoder().encode('again').buffer
		const outgoing = { target: '/', authority: 'shop.test', edits: [], body }
		const init = { method: 'PUT', body: 'once' }
		const request = upstream({ init, headers: { 'x-a': '1' }, outgoing })
		expect([request.method, request.headers.get('x-a'), await request.text()]).toEqual(['PUT', '1', 'again'])
	})
})
