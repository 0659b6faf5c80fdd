import { describe, expect, it } from 'vitest'
import { isMeshError, type JoinOptions, join } from '../../../src/client/index.ts'
import { parseJws } from '../../../src/identity/jws.ts'
import { until } from '../../until.ts'
import {
	ADMIN,
	createWorld,
	down,
	HOUR,
	issue,
	json,
	judged,
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

describe('an identity', () => {
	it('renews itself at two thirds of its life, with the one that it has and for a new key', async () => {
		const world = createWorld()
		const mesh = await joining(world)
		world.clock.advance((2 / 3) * HOUR - 1)
		expect(world.to(TOKEN_URL)).toHaveLength(1)
		world.clock.advance(1)
		await world.untilAsked(TOKEN_URL, 2)
		const [first, second] = world.to(TOKEN_URL)
		expect(second!.form.get('grant_type')).toBe('client_credentials')
		expect(second!.form.has('subject_token')).toBe(false)
		expect(await judged(second!, world.clock.now())).toBe('ok')
		const keyOf = (asked: typeof first) => {
			const proof = parseJws(asked!.headers.get('dpop')!)
			return proof.ok && proof.value.header.jwk
		}
		expect(keyOf(second)).toMatchObject({ kty: 'EC', x: expect.any(String) })
		expect(keyOf(first)).not.toEqual(keyOf(second))
		await until(() => world.clock.waiting().some((ms) => Math.round(ms) === (2 / 3) * HOUR))
		await mesh.close()
	})

	it('is renewed up to a tenth of its life sooner, so that replicas do not return together', async () => {
		const world = createWorld(() => 0.999)
		await joining(world)
		expect(world.clock.waiting()[0]! / HOUR).toBeCloseTo(2 / 3 - 0.1, 3)
	})

	it('goes on while the mesh is down, and is tried again until it is back', async () => {
		const world = createWorld()
		const mesh = await joining(world)
		world.always(TOKEN_URL, down)
		world.clock.advance(0.7 * HOUR)
		await until(() => world.errors.length === 1)
		expect(world.errors[0]).toMatchObject({ code: 'unreachable' })
		await until(() => world.clock.waiting().length === 1)
		await mesh.fetch('https://payments.mesh.example.com/')
		expect(await judged(world.asked.at(-1)!, world.clock.now())).toBe('ok')
		world.clock.advance(world.clock.waiting()[0]!)
		await until(() => world.errors.length === 2)
		world.always(TOKEN_URL, issue(world.clock))
		await until(() => world.clock.waiting().length === 1)
		world.clock.advance(1_000)
		await until(() => world.clock.waiting()[0]! > 0.5 * HOUR)
		world.always(TOKEN_URL, down)
		world.clock.advance(0.7 * HOUR)
		await until(() => world.errors.length === 3)
		// As after the first failure ever.
		await until(() => world.clock.waiting().some((ms) => Math.abs(ms - 500) < 1))
		await mesh.close()
	})

	it('that slept over its end joins anew before the next request, when its source can', async () => {
		const world = createWorld()
		const mesh = await joining(world, { token: undefined, oidcToken } as never)
		world.clock.sleep(5 * HOUR)
		const replies = await Promise.all([1, 2, 3].map(() => mesh.fetch('https://payments.mesh.example.com/')))
		expect(replies.map(({ status }) => status)).toEqual([200, 200, 200])
		expect(world.to(TOKEN_URL)).toHaveLength(2)
		expect(world.to(TOKEN_URL)[1]!.form.get('subject_token')).toBe('a-platform-token')
		for (const asked of world.to('payments.mesh.example.com/'))
			expect(await judged(asked, world.clock.now())).toBe('ok')
		await mesh.close()
	})

	it('that slept over its end and had a one-time token says so, and asks no more', async () => {
		const world = createWorld()
		const mesh = await joining(world)
		world.clock.sleep(5 * HOUR)
		const error = await failure(mesh.fetch('https://payments.mesh.example.com/'))
		expect(error).toMatchObject({ code: 'expired' })
		expect(error.message).toContain('join with a new one')
		expect(world.errors.map(({ code }) => code)).toEqual(['expired'])
		expect(await failure(mesh.fetch('https://payments.mesh.example.com/'))).toMatchObject({ code: 'expired' })
		expect(world.asked).toHaveLength(1)
		expect(world.clock.waiting()).toEqual([])
	})

	it('joins anew when its renewal is refused, and its source can', async () => {
		const world = createWorld()
		const mesh = await joining(world, { token: undefined, oidcToken } as never)
		world.next(TOKEN_URL, refuseToken(400, 'invalid_client'))
		world.clock.advance(0.7 * HOUR)
		await world.untilAsked(TOKEN_URL, 3)
		expect(world.to(TOKEN_URL).map(({ form }) => form.has('subject_token'))).toEqual([true, false, true])
		expect(world.errors).toEqual([])
		await mesh.close()
	})

	it('is doubted when the mesh does not believe it, but not over and over', async () => {
		const world = createWorld()
		const mesh = await joining(world)
		const unbelieved = { 'proxy-status': 'selvedge;error=http_request_denied;details="credential_revoked";revision=1' }
		world.always('/x', () => json({}, 400, unbelieved))
		await mesh.fetch('https://payments.mesh.example.com/x')
		expect(world.to(TOKEN_URL)).toHaveLength(1)
		world.clock.advance(31_000)
		await mesh.fetch('https://payments.mesh.example.com/x')
		await mesh.fetch('https://payments.mesh.example.com/x')
		await world.untilAsked(TOKEN_URL, 2)
		await until(() => world.clock.waiting().some((ms) => ms > 0.5 * HOUR))
		await mesh.fetch('https://payments.mesh.example.com/x')
		expect(world.to(TOKEN_URL)).toHaveLength(2)
		await mesh.close()
	})

	it('stops every timer when it is closed, and is nobody from then on', async () => {
		const world = createWorld()
		const mesh = await joining(world)
		await mesh.close()
		expect(world.clock.waiting()).toEqual([])
		expect(await failure(mesh.fetch('https://payments.mesh.example.com/'))).toMatchObject({ code: 'closed' })
	})
})
