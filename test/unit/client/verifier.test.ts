import { describe, expect, it } from 'vitest'
import { createVerifier } from '../../../src/client/index.ts'
import { makeKey, stranger } from '../identity/world.ts'
import { ADMIN, assertion, createWorld, delegationKey, down, json, jwks, type World } from './clientWorld.ts'

const KEYS = '/.well-known/jwks.json'
const WEB = 'spiffe://mesh.example.com/ns/default/sa/web'
const maxAge = (seconds: number) => ({ 'cache-control': `public, max-age=${seconds}` })
const publish = (world: World, document: object, seconds = 900) =>
	world.always(KEYS, () => json(document, 200, maxAge(seconds)))
const verifierIn = (world: World, options = {}) =>
	createVerifier({ mesh: ADMIN, audience: 'https://orders.mesh.example.com', ...world.platform, ...options })
const requestWith = (token: string) => ({ headers: { 'selvedge-caller': token } })

function worldWithKeys() {
	const world = createWorld()
	publish(world, jwks(['d1', delegationKey]))
	const { verifyCaller } = verifierIn(world)
	const verdict = async (token: string) => {
		const result = await verifyCaller(requestWith(token))
		return result.ok ? (result.value?.spiffeId ?? 'unknown') : result.error.reason
	}
	return { world, verifyCaller, verdict }
}

describe('verifyCaller', () => {
	it('says who calls, from fields of fetch and of Node alike', async () => {
		const { world, verifyCaller } = worldWithKeys()
		const token = assertion(world.clock.now())
		for (const request of [
			requestWith(token),
			new Request('https://x.test', requestWith(token)),
			{ headers: { 'selvedge-caller': [token] } },
		])
			expect(await verifyCaller(request)).toEqual({
				ok: true,
				value: {
					spiffeId: WEB,
					trustDomain: 'mesh.example.com',
					namespace: 'default',
					workload: 'web',
					method: 'WorkloadProof',
				},
			})
	})

	it('gives callers of other trust domains no namespace of ours', async () => {
		const { world, verifyCaller } = worldWithKeys()
		const sub = 'spiffe://partner.example.org/ns/default/sa/web'
		expect(await verifyCaller(requestWith(assertion(world.clock.now(), { sub })))).toEqual({
			ok: true,
			value: { spiffeId: sub, trustDomain: 'partner.example.org', method: 'WorkloadProof' },
		})
	})

	it('knows nobody without an assertion, and asks for no keys', async () => {
		const { world, verifyCaller } = worldWithKeys()
		for (const headers of [{}, new Headers()])
			expect(await verifyCaller({ headers })).toEqual({ ok: true, value: undefined })
		expect(world.asked).toEqual([])
	})

	it.each<[string, (now: number) => string | string[]]>([
		['for another service', (now) => assertion(now, { aud: 'https://payments.mesh.example.com' })],
		['of another mesh', (now) => assertion(now, { iss: 'https://admin.evil.test' })],
		['that has expired by a second', (now) => assertion(now, { exp: now / 1_000 - 1 })],
		['signed by another key than the delegated one', (now) => assertion(now, {}, { key: stranger })],
		['with a delegation by a stranger', (now) => assertion(now, {}, { signer: stranger })],
		['with a delegation by a key that the mesh does not have', (now) => assertion(now, {}, { kid: 'other' })],
		['that comes twice', (now) => [assertion(now), assertion(now)]],
		['that is no token', () => 'x'],
	])('refuses an assertion %s', async (_, make) => {
		const { world, verifyCaller } = worldWithKeys()
		const token = make(world.clock.now())
		const result = await verifyCaller({ headers: { 'selvedge-caller': token } })
		expect(result).toMatchObject({ ok: false, error: { reason: 'invalid_caller' } })
		if (!result.ok) expect(result.error.detail).not.toContain(String(token).slice(0, 20))
	})

	it('verifies an assertion once, and not past its end', async () => {
		const { world, verdict } = worldWithKeys()
		const token = assertion(world.clock.now())
		expect(await verdict(token)).toBe(WEB)
		world.clock.advance(299_999)
		expect(await verdict(token)).toBe(WEB)
		world.clock.advance(1)
		expect(await verdict(token)).toBe('invalid_caller')
		expect(world.to(KEYS)).toHaveLength(1)
	})
})

describe('the keys of the mesh', () => {
	it('are fetched by one of many requests, and again when they are older than they may be', async () => {
		const { world, verdict } = worldWithKeys()
		const tokens = Array.from({ length: 20 }, (_, i) => assertion(world.clock.now(), { jti: i }))
		expect(new Set(await Promise.all(tokens.map(verdict)))).toEqual(new Set([WEB]))
		expect(world.to(KEYS)).toHaveLength(1)
		world.clock.advance(899_999)
		await verdict(assertion(world.clock.now()))
		expect(world.to(KEYS)).toHaveLength(1)
		world.clock.advance(1)
		await verdict(assertion(world.clock.now()))
		expect(world.to(KEYS)).toHaveLength(2)
	})

	it('are kept no longer than the mesh says, however short, and for five minutes when it does not say', async () => {
		const { world, verdict } = worldWithKeys()
		publish(world, jwks(['d1', delegationKey]), 5)
		await verdict(assertion(world.clock.now()))
		world.clock.advance(4_999)
		await verdict(assertion(world.clock.now()))
		expect(world.to(KEYS)).toHaveLength(1)
		world.always(KEYS, () => json(jwks(['d1', delegationKey])))
		world.clock.advance(1)
		await verdict(assertion(world.clock.now()))
		expect(world.to(KEYS)).toHaveLength(2)
		world.clock.advance(299_999)
		await verdict(assertion(world.clock.now()))
		expect(world.to(KEYS)).toHaveLength(2)
		world.clock.advance(1)
		await verdict(assertion(world.clock.now()))
		expect(world.to(KEYS)).toHaveLength(3)
	})

	it('are asked for again when one is missing, every 30 s at most, whoever makes up names', async () => {
		const { world, verdict } = worldWithKeys()
		await verdict(assertion(world.clock.now()))
		const successor = makeKey()
		publish(world, jwks(['d1', delegationKey], ['d2', successor]))
		const renewed = () => assertion(world.clock.now(), {}, { kid: 'd2', signer: successor })
		for (let i = 0; i < 100; i++)
			expect(await verdict(assertion(world.clock.now(), {}, { kid: `made-up-${i}` }))).toBe('invalid_caller')
		expect(world.to(KEYS)).toHaveLength(1)
		world.clock.advance(30_000)
		expect(await verdict(renewed())).toBe(WEB)
		expect(world.to(KEYS)).toHaveLength(2)
	})

	it('that are stale are good enough while the mesh is down, and nobody waits for it again and again', async () => {
		const { world, verdict } = worldWithKeys()
		await verdict(assertion(world.clock.now()))
		world.always(KEYS, down)
		world.clock.advance(3_600_000)
		for (let i = 0; i < 10; i++) expect(await verdict(assertion(world.clock.now(), { jti: i }))).toBe(WEB)
		expect(world.to(KEYS)).toHaveLength(2)
		expect(world.errors.map(({ code }) => code)).toEqual(['unreachable'])
		world.clock.advance(30_000)
		await verdict(assertion(world.clock.now()))
		expect(world.to(KEYS)).toHaveLength(3)
	})

	it('that the mesh has given up count no more, nor does what they vouched for before', async () => {
		const { world, verdict } = worldWithKeys()
		const token = assertion(world.clock.now(), { exp: world.clock.now() / 1_000 + 3_600 })
		expect(await verdict(token)).toBe(WEB)
		publish(world, jwks(['d9', makeKey()]))
		world.clock.advance(900_000)
		await verdict(assertion(world.clock.now(), {}, { kid: 'd9' }))
		expect(await verdict(token)).toBe('invalid_caller')
	})

	it('that were never had let nobody in, and are asked for once a second', async () => {
		const world = createWorld()
		for (const answer of [down, () => json({}, 500), () => json({ keys: 'none' })]) world.next(KEYS, answer)
		publish(world, jwks(['d1', delegationKey]))
		const { verifyCaller } = verifierIn(world)
		for (let tries = 1; tries <= 3; tries++) {
			for (let i = 0; i < 3; i++)
				expect(await verifyCaller(requestWith(assertion(world.clock.now())))).toMatchObject({
					error: { reason: 'keys_unavailable' },
				})
			expect(world.to(KEYS)).toHaveLength(tries)
			world.clock.advance(1_000)
		}
		expect(await verifyCaller(requestWith(assertion(world.clock.now())))).toMatchObject({ ok: true })
	})

	it('that come with others of unknown kinds are found all the same', async () => {
		const world = createWorld()
		const strange = [{ kid: 'x', kty: 'AKP', alg: 'ML-DSA-44' }, { kty: 'EC' }, null, 'key']
		publish(world, { keys: [...strange, ...jwks(['d1', delegationKey]).keys] })
		const { verifyCaller } = verifierIn(world)
		expect(await verifyCaller(requestWith(assertion(world.clock.now())))).toMatchObject({ ok: true })
	})

	it('that hang are not waited for longer than two seconds', async () => {
		const { world, verdict } = worldWithKeys()
		await verdict(assertion(world.clock.now()))
		world.always(KEYS, () => new Promise<Response>(() => {}))
		world.clock.advance(900_000)
		const late = verdict(assertion(world.clock.now()))
		await world.untilAsked(KEYS, 2)
		world.clock.advance(2_000)
		expect(await late).toBe(WEB)
	})
})
