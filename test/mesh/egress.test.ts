/** The way out of the mesh: secrets that callers never see, and hosts that nobody registered. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Backend, type Echoed, echo, startBackend, valuesOf } from './backend.ts'
import { type CallOptions, eventually } from './client.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'

let mesh: Mesh
let backend: Backend

const secret = (token: string) => ({
	apiVersion: 'v1',
	kind: 'Secret',
	metadata: { name: 'keys' },
	stringData: { token, password: 'p:ässword' },
})
const ref = (key: string) => ({ secretRef: { name: 'keys', key } })
const service = (name: string, spec: object) => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'Service',
	metadata: { name },
	spec: { endpoints: [{ url: backend.url }], ...spec },
})
const egress = (egress: string) => ({
	apiVersion: 'selvedge.dev/v1',
	kind: 'Mesh',
	metadata: { name: 'default' },
	spec: { egress },
})

beforeAll(async () => {
	backend = await startBackend(echo)
	mesh = await startMesh({ regions: ['weur'] })
	await mesh.apply(
		secret('tok_42'),
		service('bearer', { credential: { bearer: ref('token') } }),
		service('basic', { credential: { basic: { username: 'Ana', ...ref('password') } } }),
		service('header', { external: true, credential: { apiKey: { name: 'X-Api-Key', ...ref('token') } } }),
		service('query', { credential: { apiKey: { in: 'query', name: 'api_key', ...ref('token') } } }),
		service('plain', {}),
		service('broken', { credential: { bearer: ref('missing') } }),
		service('rotated', { credential: { bearer: { secretRef: { name: 'rotated', key: 'token' } } } }),
		{ ...secret('old'), metadata: { name: 'rotated' } },
	)
})
afterAll(async () => {
	await mesh?.stop()
	await backend?.stop()
})

/** What the service got. */
async function received(name: string, path = '/', options?: CallOptions): Promise<Echoed> {
	const answer = await mesh.via(`${name}.${DOMAIN}`, path, options)
	expect(answer.status, answer.text).toBe(200)
	return JSON.parse(answer.text) as Echoed
}

describe('a service with a credential gets it', () => {
	test.each([
		['bearer', 'authorization', 'Bearer tok_42'],
		['basic', 'authorization', `Basic ${Buffer.from('Ana:p:ässword').toString('base64')}`],
		['header', 'x-api-key', 'tok_42'],
	])('as %s, once, in place of what the caller sends in %s', async (name, field, value) => {
		expect(valuesOf((await received(name)).rawHeaders, field)).toEqual([value])
		const headers = { [field]: ['mine', 'mine too'] }
		expect(valuesOf((await received(name, '/', { headers })).rawHeaders, field)).toEqual([value])
		const named = { [field]: 'mine', connection: field }
		expect(valuesOf((await received(name, '/', { headers: named })).rawHeaders, field)).toEqual([value])
	})

	test('in its query, in place of what the caller sends there', async () => {
		expect((await received('query', '/a')).url).toBe('/a?api_key=tok_42')
		const { url } = await received('query', '/a?x=1&api_key=mine&api%5fkey=too&y=2')
		const { searchParams } = new URL(url, 'http://any')
		expect([...searchParams].sort()).toEqual([
			['api_key', 'tok_42'],
			['x', '1'],
			['y', '2'],
		])
	})

	test('and leaves other services without it', async () => {
		const { rawHeaders } = await received('plain', '/', { headers: { authorization: 'mine' } })
		expect(valuesOf(rawHeaders, 'authorization')).toEqual(['mine'])
	})

	test('as it is now: a Secret that changes is in force within seconds', async () => {
		const token = async () => valuesOf((await received('rotated')).rawHeaders, 'authorization')[0]
		expect(await token()).toBe('Bearer old')
		await mesh.apply({ ...secret('new'), metadata: { name: 'rotated' } })
		await eventually(token, (now) => now === 'Bearer new')
	})
})

test('a credential that cannot be found refuses every request, and sends none', async () => {
	const answer = await mesh.via(`broken.${DOMAIN}`)
	expect(answer.status).toBeGreaterThanOrEqual(500)
	expect(JSON.parse(answer.text)).toMatchObject({ reason: 'credential_unavailable' })
	expect(answer.text).not.toContain('tok_42')
})

test('an external service is not told who calls', async () => {
	const headers = { 'x-forwarded-for': '192.0.2.1', forwarded: 'for=192.0.2.1' }
	const { rawHeaders } = await received('header', '/', { headers })
	for (const field of ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'])
		expect(valuesOf(rawHeaders, field), field).toEqual([])
	expect(valuesOf((await received('bearer')).rawHeaders, 'x-forwarded-host')).toEqual([`bearer.${DOMAIN}`])
})

describe('a host that nobody registered', () => {
	const outside = async () => {
		const answer = await mesh.via(`127.0.0.1:${backend.port}`, '/x?y=%31', { headers: { authorization: 'mine' } })
		return { status: answer.status, body: JSON.parse(answer.text) as Echoed & { reason?: string } }
	}

	test('is unknown, until the mesh lets anything be called, and after it stopped to', async () => {
		expect((await outside()).body.reason).toBe('unknown_host')
		await mesh.apply(egress('allowAny'))
		const { body } = await eventually(outside, ({ status }) => status === 200)
		expect(body).toMatchObject({ method: 'GET', url: '/x?y=%31' })
		expect(valuesOf(body.rawHeaders, 'authorization')).toEqual(['mine'])
		expect((await mesh.via(`nobody.${DOMAIN}`)).status).toBe(404)
		await mesh.apply(egress('registryOnly'))
		await eventually(outside, ({ body: { reason } }) => reason === 'unknown_host')
	})
})
