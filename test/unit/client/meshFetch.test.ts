import { describe, expect, it } from 'vitest'
import { hashOf } from '../../../src/base64url.ts'
import { type JoinOptions, join, type MeshInit } from '../../../src/client/index.ts'
import { SECONDS } from '../identity/world.ts'
import { ADMIN, claimsOf, createWorld, HOUR, issue, judged, TOKEN_URL, type World } from './clientWorld.ts'

const PAYMENTS = 'https://payments.mesh.example.com'
const joining = (world: World, options: Partial<JoinOptions> = {}) =>
	join({ mesh: ADMIN, service: 'orders', token: 'one-time', ...world.platform, ...options })
const redirectTo =
	(location: string, status = 302) =>
	() =>
		new Response('', { status, headers: { location } })
const hang = (signal?: AbortSignal | null): Promise<Response> =>
	new Promise((_, reject) => {
		if (signal?.aborted) reject(signal.reason)
		signal?.addEventListener('abort', () => reject(signal.reason))
	})
const isBare = (world: World) => {
	const { headers } = world.asked.at(-1)!
	return !headers.has('workload-identity-token') && !headers.has('workload-proof-token')
}

describe('mesh.fetch', () => {
	it('proves who sends, for this URL without its query, with a proof of its own each time', async () => {
		const world = createWorld()
		const mesh = await joining(world)
		const post = { method: 'POST', body: 'x', headers: { 'x-own': '1' } }
		for (const init of [post, post]) await mesh.fetch(`${PAYMENTS}/v1/pay?q=1#f`, init)
		const [first, second] = world.to('q=1#f').concat(world.to('q=1'))
		expect(first).toMatchObject({ method: 'POST', body: 'x' })
		expect(first!.headers.get('x-own')).toBe('1')
		const claims = claimsOf(first!.headers.get('workload-proof-token'))
		expect(claims).toMatchObject({ aud: `${PAYMENTS}/v1/pay`, exp: SECONDS + 60 })
		expect(claimsOf(second!.headers.get('workload-proof-token')).jti).not.toBe(claims.jti)
		for (const asked of [first!, second!]) expect(await judged(asked, world.clock.now())).toBe('ok')
	})

	it('takes a Request as well, body and fields', async () => {
		const world = createWorld()
		const mesh = await joining(world)
		await mesh.fetch(new Request(`${PAYMENTS}/`, { method: 'PUT', body: 'x', headers: { 'x-own': '1' } }))
		const asked = world.asked.at(-1)!
		expect(asked).toMatchObject({ method: 'PUT', body: 'x' })
		expect(asked.headers.get('x-own')).toBe('1')
		expect(await judged(asked, world.clock.now())).toBe('ok')
	})

	it.each([
		['a bearer token', { authorization: 'Bearer abc.def' }, 'ath', 'abc.def'],
		['a DPoP token', { authorization: 'DPoP abc.def' }, 'ath', 'abc.def'],
		['a transaction token', { 'txn-token': 'ttt' }, 'tth', 'ttt'],
	])('binds %s that goes with the request', async (_, headers, claim, token) => {
		const world = createWorld()
		for (const proofs of ['each', 'reuse'] as const) {
			const mesh = await joining(world, { proofs })
			await mesh.fetch(PAYMENTS)
			await mesh.fetch(PAYMENTS, { headers: headers as Record<string, string> })
			const asked = world.asked.at(-1)!
			expect(claimsOf(asked.headers.get('workload-proof-token'))[claim]).toBe(await hashOf(token))
			expect(await judged(asked, world.clock.now())).toBe('ok')
		}
	})

	it('shows one proof of an origin for four minutes with proofs: reuse, and none of an earlier identity', async () => {
		const world = createWorld()
		const mesh = await joining(world, { proofs: 'reuse' })
		const wptOf = async (url: string) => {
			await mesh.fetch(url)
			expect(await judged(world.asked.at(-1)!, world.clock.now())).toBe('ok')
			return world.asked.at(-1)!.headers.get('workload-proof-token')
		}
		const first = await wptOf(`${PAYMENTS}/a`)
		expect(claimsOf(first).aud).toBe(PAYMENTS)
		world.clock.advance(239_000)
		expect(await wptOf(`${PAYMENTS}/b?q`)).toBe(first)
		expect(await wptOf('https://web.mesh.example.com/')).not.toBe(first)
		world.clock.advance(1_000)
		const second = await wptOf(PAYMENTS)
		expect(second).not.toBe(first)
		world.clock.advance((2 / 3) * HOUR - 241_000)
		const third = await wptOf(PAYMENTS)
		world.clock.advance(2_000)
		await world.untilAsked(TOKEN_URL, 2)
		while ((await wptOf(PAYMENTS)) === third) await new Promise((resolve) => setTimeout(resolve, 1))
	})

	it('never shows the control plane a proof twice', async () => {
		const world = createWorld()
		const mesh = await joining(world, { proofs: 'reuse' })
		for (let i = 0; i < 2; i++) await mesh.fetch(`${ADMIN}/v1/services`)
		const proofs = world.to('/v1/services').map(({ headers }) => headers.get('workload-proof-token'))
		expect(new Set(proofs).size).toBe(2)
	})

	it.each([
		'https://example.com/',
		'https://mesh.example.com.evil.test/',
		'https://evilmesh.example.com/',
		'https://payments.mesh.example.com./',
		'http://payments.mesh.example.com/',
		'https://shop.example.com/',
	])('shows %s no credentials', async (url) => {
		const world = createWorld()
		const mesh = await joining(world)
		await mesh.fetch(url)
		expect(isBare(world)).toBe(true)
	})

	it('shows hosts that were named, and mesh hosts over http where the mesh itself is reached so', async () => {
		const world = createWorld()
		const mesh = await joining(world, { hosts: ['shop.example.com'] })
		await mesh.fetch('https://shop.example.com/')
		expect(await judged(world.asked.at(-1)!, world.clock.now())).toBe('ok')
		const local = createWorld()
		local.always('8787/v1/identity/token', issue(local.clock))
		const developer = await joining(local, { mesh: 'http://admin.mesh.localhost:8787' })
		await developer.fetch('http://payments.mesh.localhost:8787/')
		expect(await judged(local.asked.at(-1)!, local.clock.now())).toBe('ok')
	})

	it('follows redirects within an origin, with a proof for each URL', async () => {
		const world = createWorld()
		const mesh = await joining(world)
		world.next('/old', redirectTo('/new?x=1'))
		const reply = await mesh.fetch(`${PAYMENTS}/old`)
		expect(reply.status).toBe(200)
		const [, old, recent] = world.asked
		expect([old!.redirect, recent!.redirect]).toEqual(['manual', 'manual'])
		expect(recent!.url).toBe(`${PAYMENTS}/new?x=1`)
		expect(await judged(recent!, world.clock.now())).toBe('ok')
	})

	it.each<[string, string, MeshInit]>([
		['another host of the mesh', 'https://web.mesh.example.com/', {}],
		['elsewhere', 'https://evil.test/', {}],
		['plain http', 'http://payments.mesh.example.com/', {}],
		['its own origin, of a request with a body', '/new', { method: 'POST', body: 'x' }],
		['its own origin, when it is to be answered as it is', '/new', { redirect: 'manual' }],
	])('answers a redirect to %s as it came, and goes nowhere', async (_, location, init) => {
		const world = createWorld()
		const mesh = await joining(world)
		world.next('/old', redirectTo(location, 307))
		const reply = await mesh.fetch(`${PAYMENTS}/old`, init)
		expect([reply.status, reply.headers.get('location')]).toEqual([307, location])
		expect(world.asked).toHaveLength(2)
	})

	it('ends a circle of redirects after ten, and rejects one that is not wanted', async () => {
		const world = createWorld()
		const mesh = await joining(world)
		world.always('/round', redirectTo('/round'))
		expect((await mesh.fetch(`${PAYMENTS}/round`)).status).toBe(302)
		expect(world.to('/round')).toHaveLength(11)
		await expect(mesh.fetch(`${PAYMENTS}/round`, { redirect: 'error' })).rejects.toThrow(TypeError)
	})

	it('says how much time is left, and gives up when there is none', async () => {
		const world = createWorld()
		const mesh = await joining(world)
		await mesh.fetch(PAYMENTS, { timeoutMs: 2_500 })
		expect(world.asked.at(-1)!.headers.get('selvedge-deadline')).toBe('2500')
		await mesh.fetch(PAYMENTS)
		expect(world.asked.at(-1)!.headers.has('selvedge-deadline')).toBe(false)
		const hanging = joining(world, {
			fetch: (input, init) =>
				String(input).startsWith(ADMIN) ? world.platform.fetch(input, init) : hang(init?.signal),
		})
		for (const signal of [undefined, new AbortController().signal]) {
			const reply = (await hanging).fetch(PAYMENTS, { timeoutMs: 100, ...(signal && { signal }) })
			const outcome = reply.catch((error: Error) => error.name)
			world.clock.advance(100)
			expect(await outcome).toBe('TimeoutError')
		}
		const own = new AbortController()
		const reply = (await hanging).fetch(PAYMENTS, { timeoutMs: 100, signal: own.signal })
		own.abort(new Error('no more'))
		await expect(reply).rejects.toThrow('no more')
	})
})
