import { describe, expect, it } from 'vitest'
import { isMeshError, type JoinOptions, join, type MeshError } from '../../../src/client/index.ts'
import { parseJws } from '../../../src/identity/jws.ts'
import { until } from '../../until.ts'
import { makeKey, SECONDS } from '../identity/world.ts'
import {
	ADMIN,
	claimsOf,
	createWorld,
	down,
	HOUR,
	issue,
	json,
	judged,
	ORDERS_ID,
	refuseToken,
	TOKEN_URL,
	type World,
} from './clientWorld.ts'

const joining = (world: World, options: Partial<JoinOptions> = {}) =>
	join({ mesh: ADMIN, service: 'default/orders', token: 'one-time', ...world.platform, ...options })
const failure = async (promise: Promise<unknown>) => {
	const error: unknown = await promise.then(
		() => 'it did not fail',
		(thrown) => thrown,
	)
	if (!isMeshError(error)) throw error
	return error
}
const oidcToken = async () => 'a-platform-token'

describe('join', () => {
	it('shows the join token and a DPoP proof of a key of its own, and answers who it is', async () => {
		const world = createWorld()
		const mesh = await joining(world)
		expect(mesh.spiffeId).toBe(ORDERS_ID)
		const [asked] = world.to(TOKEN_URL)
		expect(Object.fromEntries(asked!.form)).toEqual({
			grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
			subject_token: 'one-time',
			subject_token_type: 'urn:selvedge:token-type:join-token',
			requested_token_type: 'urn:selvedge:token-type:wit',
			workload: 'default/orders',
		})
		const proof = parseJws(asked!.headers.get('dpop')!)
		expect(proof).toMatchObject({
			ok: true,
			value: { header: { typ: 'dpop+jwt', alg: 'ES256' }, claims: { htm: 'POST', htu: TOKEN_URL, iat: SECONDS } },
		})
		expect(JSON.stringify(proof)).not.toContain('"d":')
	})

	it.each<[string, Partial<JoinOptions>, object]>([
		['OIDC token', { token: undefined, oidcToken } as never, { subject_token: 'a-platform-token' }],
		['token that a function gets', { token: async () => 'fresh' }, { subject_token: 'fresh' }],
		[
			'client certificate of its fetch',
			{ token: undefined, clientCertificate: true } as never,
			{ grant_type: 'client_credentials' },
		],
	])('can join by %s', async (_, options, expected) => {
		const world = createWorld()
		await joining(world, options)
		expect(Object.fromEntries(world.to(TOKEN_URL)[0]!.form)).toMatchObject(expected)
	})

	it('can join by an assertion that its own key signs, meant for the token endpoint', async () => {
		const world = createWorld()
		const { privateKey } = makeKey('ES384')
		const jwk = { ...privateKey.export({ format: 'jwk' }), alg: 'ES384', kid: 'own' }
		await joining(world, { token: undefined, clientAssertion: { privateKey: jwk } } as never)
		const { form } = world.to(TOKEN_URL)[0]!
		const assertion = parseJws(form.get('client_assertion')!)
		expect(assertion).toMatchObject({
			ok: true,
			value: {
				header: { alg: 'ES384', kid: 'own' },
				claims: { iss: 'default/orders', sub: 'default/orders', aud: TOKEN_URL, exp: SECONDS + 60 },
			},
		})
	})

	it.each([
		['no way to join', { token: undefined }],
		['two ways to join', { oidcToken }],
		['a key without an algorithm', { token: undefined, clientAssertion: { privateKey: { kty: 'EC' } } }],
		['a service that is no name', { service: 'a/b/c' }],
		['a mesh that does not say its domain', { mesh: 'https://example.com' }],
	])('refuses %s as a mistake of the program', async (_, options) => {
		const world = createWorld()
		await expect(joining(world, options as never)).rejects.toThrow()
		expect(world.asked).toEqual([])
	})

	it('rejects at once when the mesh refuses, with its word for it', async () => {
		const world = createWorld()
		world.next(TOKEN_URL, refuseToken(400, 'invalid_grant'))
		const error = await failure(joining(world))
		expect(error).toMatchObject({ code: 'refused', status: 400, reason: 'invalid_grant' })
		expect(error.message).not.toContain('one-time')
		expect(world.clock.waiting()).toEqual([])
	})

	it('waits for a mesh that does not answer, longer each time, and tells of every try', async () => {
		const world = createWorld()
		for (const answer of [down, refuseToken(503, 'temporarily_unavailable'), down]) world.next(TOKEN_URL, answer)
		const onError = (error: MeshError) => {
			world.errors.push(error)
			throw error // which is its own trouble
		}
		const joined = joining(world, { onError })
		for (const [tries, pauseMs] of [500, 1_000, 2_000].entries()) {
			await until(() => world.errors.length === tries + 1 && world.clock.waiting().length === 1)
			expect(world.clock.waiting()).toEqual([pauseMs])
			world.clock.advance(pauseMs)
		}
		expect((await joined).spiffeId).toBe(ORDERS_ID)
	})

	it('gives up after joinTimeoutMs, and never waits less than the mesh asks for', async () => {
		const world = createWorld()
		world.always(TOKEN_URL, refuseToken(429, 'slow_down', { 'retry-after': '7' }))
		const joined = failure(joining(world, { joinTimeoutMs: 20_000 }))
		await until(() => world.clock.waiting().includes(7_500))
		world.clock.advance(7_500)
		await until(() => world.clock.waiting().includes(8_000))
		world.clock.advance(8_000)
		expect(await joined).toMatchObject({ code: 'unreachable', status: 429, retryAfterMs: 7_000 })
	})

	it('takes no identity but its own', async () => {
		const world = createWorld()
		world.next(TOKEN_URL, issue(world.clock, { spiffe_id: ORDERS_ID.replace('orders', 'web') }))
		expect(await failure(joining(world))).toMatchObject({ code: 'refused' })
	})

	it.each([{}, { access_token: 'x' }, { access_token: 'x', spiffe_id: ORDERS_ID, expires_in: 0 }, []])(
		'takes %j for no token',
		async (body) => {
			const world = createWorld()
			world.next(TOKEN_URL, () => json(body))
			expect(await failure(joining(world, { joinTimeoutMs: 0 }))).toMatchObject({ code: 'unreachable' })
		},
	)
})

describe('state', () => {
	function memory(content?: string) {
		const state = {
			content,
			load: () => state.content,
			save(text: string) {
				state.content = text
			},
		}
		return state
	}

	it('lets the next process go on without joining, under the same key', async () => {
		const world = createWorld()
		const state = memory()
		await (await joining(world, { state })).close()
		const mesh = await joining(world, { state, token: 'used up' })
		expect(world.to(TOKEN_URL)).toHaveLength(1)
		await mesh.fetch('https://payments.mesh.example.com/')
		expect(await judged(world.asked.at(-1)!, world.clock.now())).toBe('ok')
		await mesh.close()
	})

	it.each([
		['is of another workload', async () => (await saved('default/web')) as string],
		['is damaged', async () => (await saved('default/orders')).slice(0, 50)],
		['is something else', async () => '{"wit":1}'],
	])('that %s is not used', async (_, content) => {
		const world = createWorld()
		await joining(world, { state: memory(await content()) })
		expect(world.to(TOKEN_URL)).toHaveLength(1)
	})

	it('that has expired is not used', async () => {
		const world = createWorld()
		const state = memory(await saved('default/orders'))
		world.clock.sleep(HOUR)
		await joining(world, { state })
		expect(world.to(TOKEN_URL).map(({ form }) => form.get('subject_token'))).toEqual([null, 'one-time'])
	})

	it('that cannot be kept is told, and no reason to stay away', async () => {
		const world = createWorld()
		const broken = () => Promise.reject(new Error('disk full'))
		const mesh = await joining(world, { state: { load: broken, save: broken } })
		expect(mesh.spiffeId).toBe(ORDERS_ID)
		expect(world.errors.map(({ message }) => message)).toEqual([
			'loading the state: disk full',
			'saving the state: disk full',
		])
	})

	async function saved(service: string): Promise<string> {
		const state = memory()
		await joining(createWorld(), { service, state })
		return state.content!
	}
})

describe('tokens', () => {
	it('are got in the name of the workload, and given out again for half of their life', async () => {
		const world = createWorld()
		const mesh = await joining(world)
		const token = await mesh.token(['https://b.example', 'https://a.example'])
		expect(claimsOf(token)).toMatchObject({ sub: ORDERS_ID, aud: ['https://b.example', 'https://a.example'] })
		const asked = world.to(TOKEN_URL)[1]!
		expect(await judged(asked, world.clock.now())).toBe('ok')
		expect(asked.headers.has('dpop')).toBe(false)
		world.clock.advance(149_000)
		expect(await mesh.token(['https://a.example', 'https://b.example'])).toBe(token)
		world.clock.advance(2_000)
		expect(await mesh.token(['https://a.example', 'https://b.example'])).not.toBe(token)
		expect(await mesh.token('https://a.example')).not.toBe(token)
		await mesh.close()
	})
})
