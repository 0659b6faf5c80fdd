/** What holds for every path of the API: who may, what is refused, and how failures read. */
import { beforeEach, describe, expect, it } from 'vitest'
import type { Role } from '../../../src/ports.ts'
import type { Route } from '../../../workers/admin/route.ts'
import { routes } from '../../../workers/admin/routes.ts'
import { type Ask, asker, createWorld, meshOf, tokens, type World } from './fakeMesh.ts'

let world: World
let ask: Ask

beforeEach(async () => {
	world = await createWorld()
	ask = asker(meshOf(world))
})

const examples: Readonly<Record<string, string>> = {
	kind: 'Service',
	namespace: 'default',
	name: 'cart',
	id: '1',
	revision: '1',
	file: `${'ab'.repeat(20)}.crl`,
}
const example = ({ path }: Route): string => path.replace(/\{(\w+)\}/g, (_, name: string) => examples[name] as string)
const guarded = routes.filter((route) => route.role !== 'anyone' && route.role !== 'workload')
const proven = routes.filter((route) => route.role === 'workload')
/** Made to be kept. */
const isPublished = ({ path }: Route): boolean => path.startsWith('/.well-known/')
const order: readonly Role[] = ['viewer', 'operator', 'admin']

it.each(['/healthz', '/v1/services', '/nowhere'])('every answer says when it was made: %s', async (path) => {
	const date = (await ask('GET', path)).headers.get('date')
	expect(date).toBe(new Date(world.nowMs).toUTCString())
})

describe('every path', () => {
	it.each(guarded)('$method $path answers nobody without a token', async (route) => {
		const response = await ask(route.method, example(route), { as: null })
		expect(response.status).toBe(401)
		expect(response.headers.get('www-authenticate')).toMatch(/^Bearer /)
		expect(world.calls).toEqual([])
	})

	it.each(guarded)('$method $path refuses a wrong token, and says no more than that', async (route) => {
		const response = await ask(route.method, example(route), { as: null, headers: { authorization: 'Bearer wrong' } })
		expect(response.status).toBe(401)
		expect(world.calls).toEqual(['policyStore.authenticate'])
	})

	it.each(proven)(
		'$method $path answers no token, of whatever role, but workloads that prove who they are',
		async (route) => {
			for (const as of [null, ...order]) expect((await ask(route.method, example(route), { as })).status).toBe(403)
			const headers = { 'workload-identity-token': 'x', 'workload-proof-token': 'y' }
			expect((await ask(route.method, example(route), { as: null, headers })).status).toBe(400)
		},
	)

	it.each(
		guarded.flatMap((route) =>
			order.map((as) => ({ ...route, as, may: order.indexOf(as) >= order.indexOf(route.role as Role) })),
		),
	)('$method $path lets $as in: $may', async (route) => {
		const response = await ask(route.method, example(route), { as: route.as })
		expect(response.status === 403).toBe(!route.may)
		expect(response.status).not.toBe(401)
	})

	it.each([...routes.filter((route) => !proven.includes(route))])(
		'$method $path refuses a query parameter that it does not know, naming it',
		async (route) => {
			const response = await ask(route.method, `${example(route)}?verbose=1`)
			expect(response.status).toBe(400)
			expect(await response.json()).toMatchObject({
				type: 'https://selvedge.dev/problems/invalid-request',
				errors: [{ path: 'query.verbose', message: expect.stringContaining('accepted: ') }],
			})
		},
	)

	it.each([...new Set(routes.map(({ path }) => path))])(
		'%s answers 405 to other methods, with those that it has',
		async (path) => {
			const rows = routes.filter((route) => route.path === path)
			const response = await ask('PATCH', example(rows[0] as Route))
			expect(response.status).toBe(405)
			const allowed = response.headers
				.get('allow')
				?.split(', ')
				.filter((method) => method !== 'HEAD')
			expect(allowed?.sort()).toEqual(rows.map(({ method }) => method as string).sort())
		},
	)

	it.each(routes)('$method $path may be kept by no cache unless it is published, framed by no page', async (route) => {
		const response = await ask(route.method, example(route))
		expect(response.headers.get('cache-control')).toBe(isPublished(route) ? 'public, max-age=900' : 'no-store')
		expect(response.headers.get('x-content-type-options')).toBe('nosniff')
		expect(response.headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
	})
})

describe('unknown paths', () => {
	it('answers 404 to who has a token, 401 to who has none', async () => {
		expect((await ask('GET', '/v2/anything')).status).toBe(404)
		expect((await ask('GET', '/v2/anything', { as: null })).status).toBe(401)
		expect((await ask('PATCH', '/v1/apply', { as: null })).status).toBe(401)
	})
})

describe('a role that is too low', () => {
	it('is told which role is needed', async () => {
		const response = await ask('GET', '/v1/tokens', { as: 'operator' })
		expect(response.status).toBe(403)
		expect(await response.json()).toMatchObject({
			neededRole: 'admin',
			detail: 'This needs the role admin; the token operator has operator',
		})
		expect(world.calls).toEqual(['policyStore.authenticate'])
	})
})

describe('a Durable Object that fails', () => {
	it.each([
		['cannot be reached', Object.assign(new Error('Network connection lost.'), { retryable: true })],
		['takes no more work', Object.assign(new Error('Durable Object is overloaded.'), { overloaded: true })],
		['was reset', Object.assign(new Error('reset because its code was updated'), { durableObjectReset: true })],
	])('that %s is a 503 to try again, which nobody is alarmed by', async (_, error) => {
		world.failing.set('policyStore.revisions', error)
		const response = await ask('GET', '/v1/revisions')
		expect(response.status).toBe(503)
		expect(response.headers.get('retry-after')).toBe('1')
		expect(await response.text()).not.toContain(error.message)
		expect(world.reported).toEqual([])
	})

	it('with a bug is a 500 with an id under which it was reported, and tells the client nothing of it', async () => {
		const bug = Object.assign(new TypeError('cannot read secret of undefined'), { remote: true })
		world.failing.set('policyStore.revisions', bug)
		const response = await ask('GET', '/v1/revisions')
		const body = (await response.json()) as { id: string }
		expect(response.status).toBe(500)
		expect(world.reported).toEqual([{ error: bug, id: body.id }])
		expect(JSON.stringify(body)).not.toMatch(/secret|TypeError|\.ts/)
	})

	it('lets nobody in while tokens cannot be looked up', async () => {
		world.failing.set('policyStore.authenticate', Object.assign(new Error('lost'), { retryable: true }))
		expect((await ask('GET', '/v1/services')).status).toBe(503)
	})
})

describe('health', () => {
	it('answers /healthz without asking anybody', async () => {
		expect((await ask('GET', '/healthz', { as: null })).status).toBe(200)
		expect(world.calls).toEqual([])
	})

	it('answers /readyz from the store, asked at most once a second', async () => {
		for (let i = 0; i < 20; i++) expect((await ask('GET', '/readyz', { as: null })).status).toBe(200)
		expect(world.calls).toEqual(['policyStore.ready'])
	})

	it('is not ready while the store does not answer, and ready again within a second of its return', async () => {
		world.failing.set('policyStore.ready', new Error('down'))
		expect((await ask('GET', '/readyz', { as: null })).status).toBe(503)
		world.failing.clear()
		world.nowMs += 1000
		expect((await ask('GET', '/readyz', { as: null })).status).toBe(200)
	})
})

describe('tokens', () => {
	it('are shown once, work at once, and stop working when revoked', async () => {
		const made = await ask('POST', '/v1/tokens', { body: '{"name":"ci","role":"operator"}' })
		expect(made.status).toBe(201)
		const { id, token } = (await made.json()) as { id: string; token: string }
		const use = () => ask('GET', '/v1/audit', { as: null, headers: { authorization: `Bearer ${token}` } })
		expect((await use()).status).toBe(200)
		expect(await (await ask('GET', '/v1/tokens')).text()).not.toContain(token)
		expect((await ask('DELETE', `/v1/tokens/${id}`)).status).toBe(204)
		expect((await use()).status).toBe(401)
		expect((await ask('DELETE', `/v1/tokens/${id}`)).status).toBe(404)
	})

	it.each([
		['{"name":"ci"}', 'role'],
		['{"name":"ci","role":"root"}', 'role'],
		['{"name":"CI","role":"viewer"}', 'name'],
		['{"name":"bootstrap","role":"viewer"}', 'name'],
		['{"name":"ci","role":"viewer","admin":true}', 'admin'],
		['{"name":"ci","role":"viewer","namespaces":[]}', 'namespaces'],
		['{"name":"ci","role":"viewer","namespaces":["-"]}', 'namespaces[0]'],
		['{"name":"ci","role":"admin","namespaces":["default"]}', 'namespaces'],
		['{"name":"ci","role":"viewer","expiresIn":"59s"}', 'expiresIn'],
		['{"name":"ci","role":"viewer","expiresIn":"8761h"}', 'expiresIn'],
		['{"name":"ci","role":"viewer","expiresIn":"1y"}', 'expiresIn'],
		['[]', 'body'],
		['{', 'body'],
	])('%s is refused, naming %s', async (body, path) => {
		const response = await ask('POST', '/v1/tokens', { body })
		expect(response.status).toBe(400)
		expect(await response.json()).toMatchObject({ errors: [{ path }] })
		expect(world.principals.size).toBe(Object.keys(tokens).length)
	})

	it('may be limited in what they see, and in time', async () => {
		const body = '{"name":"team","role":"viewer","namespaces":["b","a","b"],"expiresIn":"8760h"}'
		const made = await ask('POST', '/v1/tokens', { body })
		const expiresAt = new Date(world.nowMs + 8_760 * 3_600_000).toISOString()
		expect(await made.json()).toMatchObject({ namespaces: ['a', 'b'], expiresAt })
	})

	it('get a new secret, which is shown once', async () => {
		const { id, token } = (await (
			await ask('POST', '/v1/tokens', { body: '{"name":"ci","role":"viewer"}' })
		).json()) as {
			id: string
			token: string
		}
		const rotated = await ask('POST', `/v1/tokens/${id}/rotate`, { body: '{"graceSeconds":0}' })
		const { token: next } = (await rotated.json()) as { token: string }
		expect([rotated.status, next === token]).toEqual([200, false])
		const use = await ask('GET', '/v1/services', { as: null, headers: { authorization: `Bearer ${next}` } })
		expect(use.status).toBe(200)
		expect((await ask('POST', '/v1/tokens/other/rotate', { body: '{}' })).status).toBe(404)
	})

	it.each([
		['{"graceSeconds":-1}', 'graceSeconds'],
		['{"graceSeconds":86401}', 'graceSeconds'],
		['{"expiresIn":"8761h"}', 'expiresIn'],
		['{"token":"mine"}', 'token'],
	])('are not rotated by %s, naming %s', async (body, path) => {
		const response = await ask('POST', '/v1/tokens/x/rotate', { body })
		expect([response.status, await response.json()]).toMatchObject([400, { errors: [{ path }] }])
	})

	it.each([
		['DELETE', '/v1/tokens/bootstrap'],
		['POST', '/v1/tokens/bootstrap/rotate'],
	])('the one from the secret is none for %s %s', async (method, path) => {
		const response = await ask(method, path, { body: method === 'POST' ? '{}' : (undefined as never) })
		expect(response.status).toBe(400)
		expect(await response.json()).toMatchObject({ errors: [{ path: 'path.id' }] })
	})
})
