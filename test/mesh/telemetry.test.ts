/** What the mesh tells about its requests: every one counted once, and logged without secrets. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, startBackend } from './backend.ts'
import { eventually } from './client.ts'
import { gateway, route, service } from './documents.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'
import { sample } from './metrics.ts'

const HOST = `shop.${DOMAIN}`
let mesh: Mesh
let backend: Backend

beforeAll(async () => {
	backend = await startBackend((request, response) => {
		request.resume()
		request.on('end', () => {
			if (request.url === '/stream') response.write('undeclared')
			else response.setHeader('content-length', '5')
			response.statusCode = request.url === '/teapot' ? 418 : 200
			response.end(request.url === '/stream' ? undefined : 'hello')
		})
	})
	mesh = await startMesh({ regions: ['weur'] })
	await mesh.apply(
		service('shop', backend.url),
		gateway('g', 'g.test'),
		route('g', 'g', { name: 'shop' }),
		gateway('broken', 'broken.test'),
		route('broken', 'broken', { name: 'nowhere' }),
	)
})
afterAll(async () => {
	await mesh?.stop()
	await backend?.stop()
})

it('every request is counted once, by what became of it', async () => {
	const requests: [times: number, host: string, path: string, body?: string][] = [
		[7, HOST, '/'],
		[3, HOST, '/teapot'],
		[5, 'g.test', '/', 'twelve bytes'],
		[2, HOST, '/stream'],
		[4, 'broken.test', '/'],
		[6, 'none.test', '/'],
	]
	const all = requests.flatMap(([times, host, path, body]) =>
		Array.from({ length: times }, () => mesh.via(host, path, body === undefined ? {} : { method: 'POST', body })),
	)
	await Promise.all(all)
	const metrics = await eventually(
		() => mesh.metrics(),
		(page) => sample(page, 'selvedge_requests_total') === all.length,
		20_000,
	)
	const count = (labels: Record<string, string>) => sample(metrics, 'selvedge_requests_total', labels)
	const shop = { service: 'shop', namespace: 'default' }
	expect(count({ ...shop, rule: '', code: '200', refusal: '' })).toBe(9)
	expect(count({ ...shop, rule: '', code: '418', refusal: '' })).toBe(3)
	expect(count({ ...shop, rule: 'default/g/all', code: '200', refusal: '' })).toBe(5)
	expect(count({ service: '', rule: 'default/broken/all', code: '500', refusal: 'invalid_backend' })).toBe(4)
	expect(count({ service: '', rule: '', code: '404', refusal: 'unknown_host' })).toBe(6)
	expect(sample(metrics, 'selvedge_request_bytes_total', shop)).toBe(5 * 12)
	expect(sample(metrics, 'selvedge_response_bytes_total', shop)).toBe(15 * 5)
	expect(sample(metrics, 'selvedge_unsized_bodies_total', shop)).toBe(2)
	expect(sample(metrics, 'selvedge_request_duration_seconds_count', shop)).toBe(17)
	expect(sample(metrics, 'selvedge_sync_failures_total')).toBe(0)
})

describe('the access log', () => {
	it('names what a request met, and none of its secrets', async () => {
		await mesh.via('g.test', '/path?token=s3cret', {
			headers: { authorization: 'Bearer s3cret', cookie: 'id=s3cret', 'user-agent': 'test/1', 'x-find': '1' },
		})
		const line = await eventually(
			async () => mesh.log.find(({ path }) => path === '/path'),
			(found) => found !== undefined,
		)
		expect(line).toMatchObject({
			method: 'GET',
			authority: 'g.test',
			status: 200,
			rule: 'default/g/all',
			service: 'default/shop',
			endpoint: 'e0',
			userAgent: 'test/1',
			responseBytes: 5,
			region: 'weur',
		})
		expect(JSON.stringify(mesh.log)).not.toContain('s3cret')
	})
})
