/** Hosts that nobody registered: refused, or passed through as they were asked for, as the Mesh says. */
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Backend, type Echoed, echo, startBackend, valuesOf } from './backend.ts'
import { type CallOptions, eventually } from './client.ts'
import { service } from './documents.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'
import { extension, extensionRef, prefix, ruled, to } from './rules.ts'
import { converse, echoWebSockets } from './webSocket.ts'

const ZIPPED = gzipSync('hello '.repeat(1_000))

let mesh: Mesh
let backend: Backend
let outside: string
/** What the backend was asked, in order. */
let asked: string[] = []

const meshWide = (spec: object) => extension('Mesh', 'default', spec)

beforeAll(async () => {
	backend = await startBackend((request, response) => {
		asked.push(request.url ?? '')
		if (request.url === '/moved') response.writeHead(302, { location: '/elsewhere' }).end()
		else if (request.url === '/gzip') response.writeHead(200, { 'content-encoding': 'gzip' }).end(ZIPPED)
		else echo(request, response)
	})
	echoWebSockets(backend.server)
	outside = `127.0.0.1:${backend.port}`
	mesh = await startMesh({ regions: ['weur'] })
	await mesh.apply(service('shop', backend.url), ...ruled('known', { ...prefix('/shop'), ...to('shop') }))
})
afterAll(async () => {
	await mesh?.stop()
	await backend?.stop()
})
beforeEach(() => {
	asked = []
})

const reasonFor = async (host: string, options?: CallOptions) => {
	const { status, text } = await mesh.via(host, '/', options)
	return status === 200 ? 'passed' : (JSON.parse(text) as { reason: string }).reason
}
const becomes = (host: string, reason: string) =>
	eventually(
		() => reasonFor(host),
		(now) => now === reason,
	)

it('without a Mesh, and under registryOnly, a host that nobody registered is unknown, and is not asked', async () => {
	for (const spec of [undefined, {}, { egress: 'registryOnly' }]) {
		if (spec !== undefined) await mesh.apply(meshWide(spec))
		for (const host of [outside, `localhost:${backend.port}`]) expect(await reasonFor(host)).toBe('unknown_host')
		expect((await mesh.via(outside)).status).toBe(404)
	}
	expect(asked).toEqual([])
})

describe('under allowAny', () => {
	beforeAll(async () => {
		await mesh.apply(meshWide({ egress: 'allowAny' }))
		await becomes(outside, 'passed')
	})

	it('it gets the request as it was made, and is not told who calls', async () => {
		const headers = { 'x-mine': ['a', 'b'], authorization: 'mine', forwarded: 'for=me', 'x-forwarded-for': '192.0.2.1' }
		const answer = await mesh.via(outside, '/a%2Fb//c?x=%20&y=1', { method: 'PUT', body: 'the body', headers })
		expect(answer.status, answer.text).toBe(200)
		const { method, url, body, rawHeaders } = JSON.parse(answer.text) as Echoed
		expect({ method, url, body }).toEqual({ method: 'PUT', url: '/a%2Fb//c?x=%20&y=1', body: 'the body' })
		expect(valuesOf(rawHeaders, 'host')).toEqual([outside])
		expect(valuesOf(rawHeaders, 'authorization')).toEqual(['mine'])
		expect(valuesOf(rawHeaders, 'x-mine')).toEqual(['a', 'b'])
		for (const field of ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'])
			expect(valuesOf(rawHeaders, field), field).toEqual([])
	})

	it('its answers pass as they are: redirects, compressed bodies, WebSockets', async () => {
		const moved = await mesh.via(outside, '/moved')
		expect([moved.status, moved.headers.location]).toEqual([302, '/elsewhere'])
		expect((await mesh.via(outside, '/gzip')).body.equals(ZIPPED)).toBe(true)
		expect(await converse(mesh.port('weur'), outside, ['one'])).toEqual(['echo one'])
		expect(asked).toEqual(['/moved', '/gzip'])
	})

	it('one that cannot be reached says so', async () => {
		expect(await reasonFor('127.0.0.1:1')).toBe('upstream_failed')
	})

	it.each([`nobody.${DOMAIN}`, DOMAIN, `a.b.c.${DOMAIN}`, `NOBODY.${DOMAIN.toUpperCase()}.`])(
		'%s is the mesh’s own to answer, and never passes',
		async (host) => {
			for (const port of ['', `:${backend.port}`]) {
				const { status, text } = await mesh.via(`${host}${port}`)
				expect([status, (JSON.parse(text) as { reason: string }).reason]).toEqual([404, 'unknown_host'])
			}
			expect(asked).toEqual([])
		},
	)

	it('what is registered is served by its rules, and by nothing else', async () => {
		expect((await mesh.via(`shop.${DOMAIN}`, '/')).status).toBe(200)
		expect((await mesh.via('known.test', '/shop')).status).toBe(200)
		expect(await reasonFor('known.test')).toBe('no_matching_rule')
		expect(asked).toEqual(['/', '/shop'])
	})

	it('a host is the mesh’s from when somebody registers it, until it is removed', async () => {
		const host = `localhost:${backend.port}`
		await becomes(host, 'passed')
		const route = ruled('local', { filters: [extensionRef('FaultInjection', 'closed')], ...to('shop') })
		const registered = JSON.parse(JSON.stringify(route).replaceAll('local.test', 'localhost')) as object[]
		await mesh.apply(extension('FaultInjection', 'closed', { abort: { httpStatus: 403 } }), ...registered)
		await becomes(host, 'fault_injected')
		await mesh.remove(...registered)
		await becomes(host, 'passed')
	})

	it('one that leads back into the mesh is asked once more at most', async () => {
		expect(await reasonFor(`127.0.0.1:${mesh.port('weur')}`)).toBe('loop_detected')
	})

	it('until the Mesh is deleted: then it is unknown again', async () => {
		await mesh.remove(meshWide({}))
		await becomes(outside, 'unknown_host')
		asked = []
		for (let i = 0; i < 5; i++) expect(await reasonFor(outside)).toBe('unknown_host')
		expect(asked).toEqual([])
	})
})
