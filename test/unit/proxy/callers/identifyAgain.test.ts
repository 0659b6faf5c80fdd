/** Callers that an isolate has met: what they show again costs look-ups, and counts for no more than it was good for. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { jwtSvid, NOW, ORDERS, sha256, wit } from '../../identity/world.ts'
import { verdict } from '../fakeProxy.ts'
import { DOMAIN } from '../knowledge/fakeReplica.ts'
import { asking, freshProof, identifying, problem, proving, served, trustPart, URL_OF_SHOP } from './identified.ts'

afterEach(() => vi.restoreAllMocks())

const AUD = `http://shop.${DOMAIN}`
const JWT = () => jwtSvid({ aud: [AUD] })
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const open = () => identifying(served('shop', { proofReuse: 'UntilExpiry' }))

describe('of a caller that was met before', () => {
	it('the very same credentials cost no signature check, and new ones of it one each', async () => {
		const proxy = open()
		const headers = proving()
		const verify = vi.spyOn(crypto.subtle, 'verify')
		const checks = async (sent: Record<string, string>) => {
			verify.mockClear()
			expect(await verdict(proxy.get(asking(sent)))).toBe(200)
			return verify.mock.calls.length
		}
		expect(await checks(headers)).toBe(2)
		expect(await checks(headers)).toBe(0)
		expect(await checks(proving())).toBe(1)
		const token = bearer(JWT())
		expect(await checks(token)).toBe(1)
		expect(await checks(token)).toBe(0)
	})

	it.each<[string, (proof: string) => Request, string | number]>([
		['at another path of the origin that it is for', (proof) => asking(proving(proof), `${AUD}/elsewhere`), 200],
		['at another host', (proof) => asking(proving(proof), `http://cart.${DOMAIN}/`), 'invalid_proof'],
		['beside a bearer token', (proof) => asking({ ...proving(proof), ...bearer('x') }), 'invalid_proof'],
		['beside a Txn-Token', (proof) => asking({ ...proving(proof), 'txn-token': 'x' }), 'invalid_proof'],
		['beside another WIT of the workload', (proof) => asking(proving(proof, wit({ jti: 'another' }))), 'invalid_proof'],
	])('a proof shown %s is judged anew', async (_, request, expected) => {
		const proxy = identifying({ ...served('shop', { proofReuse: 'UntilExpiry' }), ...served('cart') })
		const proof = freshProof()
		expect(await verdict(proxy.get(asking(proving(proof))))).toBe(200)
		expect(await verdict(proxy.get(request(proof)))).toBe(expected)
	})

	it('a proof for one path does not count for another', async () => {
		const proxy = open()
		const headers = proving(freshProof({ aud: `${AUD}/one` }))
		expect(await verdict(proxy.get(asking(headers, `${AUD}/one?q=1`)))).toBe(200)
		expect(await verdict(proxy.get(asking(headers, `${AUD}/one`)))).toBe(200)
		expect(await verdict(proxy.get(asking(headers, `${AUD}/two`)))).toBe('invalid_proof')
	})

	it('a proof that binds another field counts only beside the very same value', async () => {
		const proxy = open()
		const headers = proving(freshProof({ oth: { 'x-user': sha256('ann') } }))
		for (const [user, expected] of [
			['ann', 200],
			['ann', 200],
			['bob', 'invalid_proof'],
		] as const)
			expect(await verdict(proxy.get(asking({ ...headers, 'x-user': user })))).toBe(expected)
	})

	it.each([
		['WPT', 60_000, () => proving(), 'invalid_proof'],
		['JWT-SVID', 300_000, () => bearer(JWT()), 'invalid_token'],
	] as const)('a %s counts until its very end, and not a millisecond longer', async (_, ms, headers, expected) => {
		const proxy = open()
		const sent = headers()
		await proxy.get(asking(sent))
		proxy.now = NOW + ms - 1
		expect(await verdict(proxy.get(asking(sent)))).toBe(200)
		proxy.now = NOW + ms
		expect(await verdict(proxy.get(asking(sent)))).toBe(expected)
	})

	it.each([
		['its workload', { workloads: { [ORDERS]: NOW } }],
		['its token', { tokens: ['wit-1', 'jwt-1'] }],
	] as const)('nothing counts once %s is revoked, as soon as a sync has said so', async (_, revocations) => {
		const proxy = open()
		const sent = [proving(), bearer(JWT())]
		for (const headers of sent) expect(await verdict(proxy.get(asking(headers)))).toBe(200)
		proxy.replica.change(trustPart(revocations))
		proxy.now += 1_000
		await proxy.get(URL_OF_SHOP)
		const answers = await Promise.all(sent.map((headers) => problem(proxy.get(asking(headers)))))
		expect(answers).toMatchObject([
			{ status: 400, reason: 'credential_revoked' },
			{ status: 401, reason: 'credential_revoked' },
		])
	})

	it('nothing counts once the key that signed its credentials is gone', async () => {
		const proxy = open()
		const headers = proving()
		expect(await verdict(proxy.get(asking(headers)))).toBe(200)
		const { trust } = trustPart()
		proxy.replica.change({ trust: { ...trust!, keys: trust!.keys.filter(({ use }) => use !== 'wit-svid') } })
		proxy.now += 1_000
		await proxy.get(URL_OF_SHOP)
		expect(await problem(proxy.get(asking(headers)))).toMatchObject({ reason: 'invalid_proof', detail: /^unknown_key/ })
	})

	it('what was being verified when its key went is not believed afterwards', async () => {
		const proxy = open()
		await proxy.get(URL_OF_SHOP)
		const headers = proving()
		const { trust } = trustPart()
		const verify = crypto.subtle.verify.bind(crypto.subtle)
		vi.spyOn(crypto.subtle, 'verify').mockImplementationOnce(async (...args) => {
			proxy.replica.change({ trust: { ...trust!, keys: [] } })
			proxy.now += 1_000
			await proxy.get(URL_OF_SHOP)
			// Somebody else's credentials are held against the new keys meanwhile.
			expect(await verdict(proxy.get(asking(bearer(JWT()))))).toBe('invalid_token')
			return verify(...args)
		})
		await proxy.get(asking(headers))
		expect(await verdict(proxy.get(asking(headers)))).toBe('invalid_proof')
	})
})
