import { describe, expect, it } from 'vitest'
import { timed } from '../../../src/client/clock.ts'
import { createVerifier, type JoinOptions, join } from '../../../src/client/index.ts'
import { runtimeOf } from '../../../src/client/runtime.ts'
import { until } from '../../until.ts'
import { NOW } from '../identity/world.ts'
import {
	ADMIN,
	assertion,
	createWorld,
	delegationKey,
	down,
	HOUR,
	json,
	judged,
	jwks,
	strict,
	TOKEN_URL,
	type World,
} from './clientWorld.ts'

const MINUTE = 60_000
const KEYS = '/.well-known/jwks.json'
const PAYMENTS = 'https://payments.mesh.example.com'
const OFF = [10 * MINUTE, -10 * MINUTE]

const joining = (world: World, options: Partial<JoinOptions> = {}) =>
	join({ mesh: ADMIN, service: 'orders', token: 'one-time', ...world.platform, ...options })
const worldOff = (skewMs: number) => {
	const world = createWorld(() => 0, skewMs)
	world.always(KEYS, () => json(jwks(['d1', delegationKey])))
	world.always('/pay', strict(world.clock))
	return world
}
const requestWith = (token: string) => ({ headers: { 'selvedge-caller': token } })
const verdictsOf = async (world: World, urls: string) =>
	Promise.all(world.to(urls).map((asked) => judged(asked, world.clock.now())))
const asksFor = (world: World) => world.to(TOKEN_URL).filter(({ method }) => method === 'HEAD').length

describe.each(OFF)('a workload whose clock is %i ms ahead', (skewMs) => {
	it('joins at the second try, and from then on is on time', async () => {
		const world = worldOff(skewMs)
		const mesh = await joining(world)
		expect(world.to(TOKEN_URL)).toHaveLength(2)
		expect((await mesh.fetch(`${PAYMENTS}/pay`)).status).toBe(200)
		await mesh.token('https://a.example')
		expect(await verdictsOf(world, '/pay')).toEqual(['ok'])
		expect(world.to(TOKEN_URL)).toHaveLength(3)
		expect(world.errors).toEqual([])
		await mesh.close()
	})

	it('joins by an assertion of its own key, made anew', async () => {
		const world = worldOff(skewMs)
		const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
			'sign',
			'verify',
		])
		const mesh = await joining(world, { token: undefined, clientAssertion: { privateKey } } as never)
		const [first, second] = world.to(TOKEN_URL).map(({ form }) => form.get('client_assertion')!)
		expect(JSON.parse(atob(first!.split('.')[1]!)).iat).toBe((NOW + skewMs) / 1_000)
		expect(Math.abs(JSON.parse(atob(second!.split('.')[1]!)).iat - NOW / 1_000)).toBeLessThanOrEqual(1)
		await mesh.close()
	})

	it('renews when two thirds of the hour have passed, not ten minutes sooner or later', async () => {
		const world = worldOff(skewMs)
		const mesh = await joining(world)
		world.clock.advance((2 / 3) * HOUR - 1_000)
		expect(world.to(TOKEN_URL)).toHaveLength(2)
		world.clock.advance(2_000)
		await world.untilAsked(TOKEN_URL, 3)
		expect(await judged(world.to(TOKEN_URL)[2]!, world.clock.now())).toBe('ok')
		await mesh.close()
	})

	it('knows its callers, as a member and without joining', async () => {
		const world = worldOff(skewMs)
		const mesh = await joining(world)
		const token = assertion(NOW)
		expect(await mesh.verifyCaller(requestWith(token))).toMatchObject({ ok: true })
		expect(asksFor(world)).toBe(0)
		world.clock.sleep(299_000)
		expect(await mesh.verifyCaller(requestWith(token))).toMatchObject({ ok: true })
		world.clock.sleep(2_000)
		expect(await mesh.verifyCaller(requestWith(token))).toMatchObject({ ok: false })
		const audience = 'https://orders.mesh.example.com'
		const { verifyCaller } = createVerifier({ mesh: ADMIN, audience, ...world.platform })
		expect(await verifyCaller(requestWith(assertion(world.clock.now())))).toMatchObject({ ok: true })
		expect(await verifyCaller(requestWith(token))).toMatchObject({ ok: false })
		expect(asksFor(world)).toBe(2)
		await mesh.close()
	})

	it('goes on with the identity of an earlier process', async () => {
		const world = worldOff(0)
		let saved: string | undefined
		const remember = (text: string) => {
			saved = text
		}
		const state = { load: () => saved, save: remember }
		await (await joining(world, { state })).close()
		world.clock.sleep(55 * MINUTE)
		world.skewMs = skewMs
		const mesh = await joining(world, { state, token: 'used up' })
		expect((await mesh.fetch(`${PAYMENTS}/pay`)).status).toBe(200)
		expect(world.to(TOKEN_URL).filter(({ form }) => form.get('subject_token') === 'used up')).toEqual([])
		await mesh.close()
	})
})

describe.each(OFF)('a clock that is set to be %i ms ahead while the workload runs', (skewMs) => {
	it.each<RequestInit>([{}, { method: 'POST', body: 'x' }, { method: 'POST', body: new Uint8Array([120]) }])(
		'costs a call %j one refusal and one question',
		async (init) => {
			const world = worldOff(0)
			const mesh = await joining(world)
			world.skewMs = skewMs
			expect((await mesh.fetch(`${PAYMENTS}/pay`, init)).status).toBe(200)
			expect((await mesh.fetch(`${PAYMENTS}/pay`, init)).status).toBe(200)
			expect((await verdictsOf(world, '/pay')).map((verdict) => verdict === 'ok')).toEqual([false, true, true])
			expect(new Set(world.to('/pay').map(({ body }) => body)).size).toBe(1)
			expect(asksFor(world)).toBe(1)
			await mesh.close()
		},
	)

	it('costs many calls at once no more than one question, also where proofs are shown again', async () => {
		const world = worldOff(0)
		const mesh = await joining(world, { proofs: 'reuse' })
		await mesh.fetch(`${PAYMENTS}/pay`)
		world.skewMs = skewMs
		world.clock.sleep(5 * MINUTE)
		const calls = Array.from({ length: 20 }, async () => (await mesh.fetch(`${PAYMENTS}/pay`)).status)
		expect(new Set(await Promise.all(calls))).toEqual(new Set([200]))
		expect(asksFor(world)).toBe(1)
		await mesh.close()
	})

	it('is met by the admin API, too: a certificate is got, with the times of the mesh', async () => {
		const world = worldOff(0)
		const issued = { certificate: 'LEAF', chain: ['LEAF'], bundle: ['ROOT'], spiffeId: 'x', serialNumber: '1' }
		const admin = strict(world.clock)
		world.always('/certificates', async (asked) => {
			const answer = (await admin(asked))!
			return answer.ok ? json({ ...issued, expiresIn: 3_600 }) : new Response('{}', { status: answer.status })
		})
		const mesh = await joining(world)
		world.skewMs = skewMs
		const { expiresAt } = await mesh.certificate({ csr: 'CSR' })
		expect(Math.abs(expiresAt - (world.clock.now() + HOUR))).toBeLessThan(1_000)
		await mesh.close()
	})

	it('is met by the token endpoint, too', async () => {
		const world = worldOff(0)
		const mesh = await joining(world)
		world.skewMs = skewMs
		await mesh.token('https://a.example')
		expect(world.to(TOKEN_URL)).toHaveLength(3)
		expect(asksFor(world)).toBe(0)
		await mesh.close()
	})

	it('does not make a stream be sent twice: the refusal is answered, and the next call is on time', async () => {
		const world = worldOff(0)
		const mesh = await joining(world)
		world.skewMs = skewMs
		const init = () => ({ method: 'POST', body: new Blob(['x']).stream(), duplex: 'half' }) as RequestInit
		expect((await mesh.fetch(`${PAYMENTS}/pay`, init())).status).toBe(400)
		expect((await mesh.fetch(`${PAYMENTS}/pay`, init())).status).toBe(200)
		const posted = () => new Request(`${PAYMENTS}/pay`, { method: 'POST', body: 'x' })
		world.skewMs = -skewMs
		world.clock.sleep(30_000)
		expect((await mesh.fetch(posted())).status).toBe(400)
		expect((await mesh.fetch(posted())).status).toBe(200)
		await mesh.close()
	})
})

describe('the time', () => {
	const clockIn = (world: World) => timed(runtimeOf(world.platform), TOKEN_URL).clock
	const answer = (headers: Record<string, string>) => new Response(null, { headers })
	const saying = (ms: number, more = {}) => answer({ date: new Date(NOW + ms).toUTCString(), ...more })

	it.each<[string, Response, number]>([
		['within two seconds is agreed on', saying(-1_000), 0],
		['beyond is corrected', saying(4_000), 4_500],
		['behind is corrected', saying(-600_000), -599_500],
		['up to a day off is believed', saying(86_399_000), 86_399_500],
		['more than a day off is not', saying(86_400_000), 0],
		['long past is not', saying(-86_402_000), 0],
		['of a cache is not', saying(-600_000, { age: '600' }), 0],
		['no date is not', answer({ date: 'soon' }), 0],
		['not said is not', answer({}), 0],
	])('that is %s', (_, response, expected) => {
		const clock = clockIn(createWorld())
		clock.hear(response, NOW)
		expect(clock.aheadMs()).toBe(expected)
		expect(clock.now()).toBe(NOW + expected)
	})

	it('is not corrected by less than the way there and back may have taken', () => {
		const clock = clockIn(createWorld())
		clock.hear(saying(-8_000), NOW - 6_000)
		expect(clock.aheadMs()).toBe(0)
		clock.hear(saying(-8_000), NOW)
		expect(clock.aheadMs()).toBe(-7_500)
		clock.hear(saying(60_000), NOW + 1)
		expect(clock.aheadMs()).toBe(-7_500)
		clock.hear(saying(60_000), NOW - 4_000)
		expect(clock.aheadMs()).toBe(62_500)
	})

	it('is right again when the machine’s clock is', () => {
		const clock = clockIn(createWorld())
		clock.hear(saying(-600_000), NOW)
		clock.hear(saying(0), NOW)
		expect(Math.abs(clock.aheadMs())).toBeLessThan(1_000)
	})

	it('is asked for at most every 30 s, whoever sends what has expired', async () => {
		const world = worldOff(0)
		const audience = 'https://orders.mesh.example.com'
		const { verifyCaller } = createVerifier({ mesh: ADMIN, audience, ...world.platform })
		const flood = () =>
			Promise.all(Array.from({ length: 50 }, (_, i) => verifyCaller(requestWith(assertion(NOW, { exp: 1 + i })))))
		for (const result of await flood()) expect(result).toMatchObject({ error: { reason: 'invalid_caller' } })
		await flood()
		expect(asksFor(world)).toBe(1)
		world.clock.advance(30_000)
		await flood()
		expect(asksFor(world)).toBe(2)
	})

	it.each<[string, () => Promise<Response>]>([
		['does not answer', () => new Promise<Response>(() => {})],
		['is gone', async () => down()],
	])('is what it was when the mesh %s, and nobody waits longer than two seconds', async (_, answer) => {
		const world = worldOff(0)
		world.always(TOKEN_URL, answer)
		const audience = 'https://orders.mesh.example.com'
		const { verifyCaller } = createVerifier({ mesh: ADMIN, audience, ...world.platform })
		let result: unknown
		const judging = verifyCaller(requestWith(assertion(NOW, { exp: 1 }))).then((outcome) => {
			result = outcome
		})
		await until(() => asksFor(world) === 1)
		await until(() => result !== undefined || world.clock.waiting().length > 0)
		world.clock.advance(2_000)
		await judging
		expect(result).toMatchObject({ ok: false })
	})

	it('is not what services, key sets and callers say', async () => {
		const world = worldOff(0)
		const lie = { date: new Date(NOW - 10 * MINUTE).toUTCString() }
		world.always(KEYS, () => json(jwks(['d1', delegationKey]), 200, lie))
		world.always('/liar', () => json({}, 400, { ...lie, 'proxy-status': 'selvedge;details="invalid_proof"' }))
		const mesh = await joining(world)
		await mesh.fetch(`${PAYMENTS}/liar`)
		expect(world.to('/liar')).toHaveLength(1)
		const old = new Headers({ ...lie, 'selvedge-caller': assertion(NOW - 301_000) })
		expect(await mesh.verifyCaller({ headers: old })).toMatchObject({ ok: false })
		expect(await mesh.verifyCaller(requestWith(assertion(NOW)))).toMatchObject({ ok: true })
		await mesh.fetch(`${PAYMENTS}/pay`)
		expect(await verdictsOf(world, '/pay')).toEqual(['ok'])
		await mesh.close()
	})
})

describe('a control plane that lies about the time', () => {
	it.each([-20, -60 * 24 + 1])('by %i minutes makes nothing pass that has expired for 15', async (minutes) => {
		const world = worldOff(0)
		world.always(TOKEN_URL, () => json({}, 405, { date: new Date(NOW + minutes * MINUTE).toUTCString() }))
		const audience = 'https://orders.mesh.example.com'
		const { verifyCaller } = createVerifier({ mesh: ADMIN, audience, ...world.platform })
		const expiredFor = (ms: number) => verifyCaller(requestWith(assertion(NOW - HOUR, { exp: (NOW - ms) / 1_000 })))
		expect(await expiredFor(15 * MINUTE)).toMatchObject({
			ok: false,
			error: { detail: expect.stringContaining('expired') },
		})
		expect(await expiredFor(15 * MINUTE - 1_000)).toMatchObject({ ok: true })
		world.clock.advance(1_000)
		expect(await expiredFor(15 * MINUTE - 1_000)).toMatchObject({ ok: false })
	})
})
