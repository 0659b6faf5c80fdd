/** What a service is told of who calls: signed, for it alone, and never at the price of the request. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { verifyAssertion } from '../../../../src/identity/assertion.ts'
import { ISSUER, jwtSvid, NOW, ORDERS } from '../../identity/world.ts'
import { type FakeProxy, until, verdict } from '../fakeProxy.ts'
import { DOMAIN } from '../knowledge/fakeReplica.ts'
import {
	asking,
	delegating,
	identifying,
	proving,
	RING,
	type RingKey,
	ringKey,
	served,
	trustPart,
	URL_OF_SHOP,
} from './identified.ts'

afterEach(() => vi.restoreAllMocks())

const MINUTE = 60_000
const AUD = `http://shop.${DOMAIN}`
const open = () => identifying({ ...served('shop', { proofReuse: 'UntilExpiry' }), ...served('cart') })
/** As good for as long as the test takes, whatever time it makes it. */
const always = () => ({
	authorization: `Bearer ${jwtSvid({ aud: 'spiffe://mesh.example.com', exp: NOW / 1_000 + 36_000 })}`,
})

async function assertionOf(proxy: FakeProxy, request = asking(always())): Promise<string | null> {
	const before = proxy.sent.length
	expect(await verdict(proxy.get(request))).toBe(200)
	return proxy.sent[before]!.headers.get('selvedge-caller')
}

const checked = (assertion: string, now: number, audience = AUD, ring: RingKey = RING) =>
	verifyAssertion(
		assertion,
		async (kid) => (kid === ring.kid ? ring.pair.publicKey : undefined),
		{ issuer: ISSUER, audiences: [audience] },
		now,
	)

describe('an assertion', () => {
	it.each([
		['WorkloadProof', () => proving()],
		['JWTSVID', always],
	] as const)('tells the service, and it alone, of a caller by %s', async (method, headers) => {
		const proxy = open()
		const assertion = (await assertionOf(proxy, asking(headers())))!
		const value = { spiffeId: ORDERS, method, expiresAt: NOW + 5 * MINUTE }
		expect(await checked(assertion, NOW)).toEqual({ ok: true, value })
		expect(await checked(assertion, NOW, `http://cart.${DOMAIN}`)).toMatchObject({ error: { code: 'wrong_audience' } })
	})

	it('stands in place of whatever the caller says, and of its proof', async () => {
		const proxy = open()
		const assertion = await assertionOf(proxy, asking({ ...proving(), 'selvedge-caller': 'forged' }))
		expect((await checked(assertion!, NOW)).ok).toBe(true)
		expect(await assertionOf(proxy, asking({ 'selvedge-caller': 'forged' }))).toBe(null)
		for (const { headers } of proxy.sent)
			expect([...headers.keys()].filter((name) => /^(workload-|authorization)/.test(name))).toEqual([])
	})

	it('is signed once for all requests of a caller, and once per service', async () => {
		const proxy = open()
		const sign = vi.spyOn(crypto.subtle, 'sign')
		const first = await assertionOf(proxy)
		for (let i = 0; i < 5; i++) expect(await assertionOf(proxy)).toBe(first)
		// One is the ring's.
		expect(sign).toHaveBeenCalledTimes(2)
		const other = await assertionOf(proxy, asking(always(), `http://cart.${DOMAIN}/`))
		expect((await checked(other!, NOW, `http://cart.${DOMAIN}`)).ok).toBe(true)
	})

	it('is signed anew beside the path in its last minute, and never shown at its end', async () => {
		const proxy = open()
		const first = await assertionOf(proxy)
		proxy.now = NOW + 4 * MINUTE - 1
		expect(await assertionOf(proxy)).toBe(first)
		proxy.now = NOW + 4 * MINUTE
		expect(await assertionOf(proxy)).toBe(first)
		const second = await assertionOf(proxy)
		expect(await checked(second!, proxy.now)).toMatchObject({ value: { expiresAt: NOW + 9 * MINUTE } })
		proxy.now = NOW + 9 * MINUTE - 1
		const third = await assertionOf(proxy)
		expect(await checked(third!, proxy.now)).toMatchObject({
			ok: true,
			value: { expiresAt: NOW + 14 * MINUTE - 1_000 },
		})
	})
})

describe('the isolate’s key', () => {
	it('cannot be taken out of it', async () => {
		const generate = vi.spyOn(crypto.subtle, 'generateKey')
		await assertionOf(open())
		const pair = (await generate.mock.results.at(-1)!.value) as CryptoKeyPair
		expect(pair.privateKey.extractable).toBe(false)
	})

	it('is certified once, and again from half of the delegation’s life on, beside the path', async () => {
		const proxy = open()
		const delegate = vi.spyOn(proxy, 'delegate')
		for (const minutes of [0, 10, 29]) {
			proxy.now = NOW + minutes * MINUTE
			await assertionOf(proxy)
		}
		expect(delegate).toHaveBeenCalledTimes(1)
		proxy.now = NOW + 30 * MINUTE
		await assertionOf(proxy)
		expect(delegate).toHaveBeenCalledTimes(2)
		proxy.now = NOW + 80 * MINUTE
		const last = await assertionOf(proxy)
		expect((await checked(last!, proxy.now)).ok).toBe(true)
		expect(delegate.mock.calls[0]![0]).toEqual(delegate.mock.calls[2]![0])
	})

	it('is certified anew at once when the ring’s key is no longer believed', async () => {
		const proxy = open()
		const first = await assertionOf(proxy)
		const next = await ringKey('d2')
		proxy.delegate = (jwk) => delegating(proxy, next)(jwk)
		proxy.replica.change(trustPart({}, [next]))
		proxy.now += 1_000
		await proxy.get(URL_OF_SHOP)
		const second = await assertionOf(proxy)
		expect(second).not.toBe(first)
		expect((await checked(second!, proxy.now, AUD, next)).ok).toBe(true)
	})

	it('goes on without a new delegation for as long as the old one lasts', async () => {
		const proxy = open()
		await assertionOf(proxy)
		proxy.delegate = () => Promise.reject(new Error('gone'))
		proxy.now = NOW + 59 * MINUTE
		const assertion = await assertionOf(proxy)
		expect(await checked(assertion!, proxy.now)).toMatchObject({ value: { expiresAt: NOW + 60 * MINUTE } })
		proxy.now = NOW + 60 * MINUTE
		expect(await assertionOf(proxy)).toBe(null)
	})
})

describe('while the ring does not answer', () => {
	it('the first request waits a second for it, and nobody after that', async () => {
		const proxy = open()
		const waits: number[] = []
		proxy.replica.patience = async (ms) => void waits.push(ms)
		proxy.delegate = () => new Promise(() => {})
		const answers: (string | null)[] = []
		for (let i = 0; i < 3; i++) {
			expect((await proxy.start(asking(always()))).status).toBe(200)
			answers.push(proxy.sent.at(-1)!.headers.get('selvedge-caller'))
		}
		expect([waits, answers]).toEqual([[1_000], [null, null, null]])
	})

	it('it is asked once a second, and every failure is counted', async () => {
		const proxy = open()
		let asked = 0
		proxy.delegate = () => Promise.reject(new Error(`no ${++asked}`))
		for (let i = 0; i < 5; i++) {
			expect(await assertionOf(proxy)).toBe(null)
			proxy.now += 400
		}
		expect([asked, proxy.knowledge.syncFailures, proxy.bugs]).toEqual([2, 2, []])
		proxy.delegate = (jwk) => delegating(proxy, RING)(jwk)
		proxy.now += 1_000
		await assertionOf(proxy)
		expect(await assertionOf(proxy)).not.toBe(null)
	})

	it('one that never settles is asked again after ten seconds', async () => {
		const proxy = open()
		proxy.replica.patience = async () => {}
		const never = vi.fn(() => new Promise<never>(() => {}))
		proxy.delegate = never
		await proxy.start(asking(always()))
		await until(() => never.mock.calls.length === 1)
		const asks = vi.fn((jwk) => delegating(proxy, RING)(jwk))
		proxy.delegate = asks
		proxy.now = NOW + 9_999
		expect((await proxy.start(asking(always()))).status).toBe(200)
		proxy.now = NOW + 10_000
		await proxy.start(asking(always()))
		await until(() => asks.mock.settledResults.length === 1)
		await proxy.start(asking(always()))
		expect(proxy.sent.map(({ headers }) => headers.has('selvedge-caller'))).toEqual([false, false, false, true])
	})
})
