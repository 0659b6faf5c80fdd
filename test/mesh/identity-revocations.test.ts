/** What a workload may do with the API by its proof, and how the mesh takes identities back, on the real runtime. */
import { calculateJwkThumbprint, decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, made, startAdmin, stopAdmin, tokens } from './adminHarness.ts'
import {
	apply,
	askForToken,
	dpop,
	ENDPOINT,
	ISSUER,
	joined,
	type Key,
	newKey,
	proofOf,
	workloadTrust,
} from './workload.ts'

const RENEWAL = { grant_type: 'client_credentials' }
let key: Key
let wit: string

beforeAll(async () => {
	await startAdmin()
	key = await newKey()
	await apply(workloadTrust('by-token', { workload: 'orders', joinToken: {} }))
	wit = await joined('orders', key)
})
afterAll(stopAdmin)

const seconds = () => Math.floor(Date.now() / 1000)

describe('a workload with WIT and WPT', () => {
	const own = '/v1/services/default/orders/endpoints/one'
	const asWorkload = async (
		method: string,
		path: string,
		{ body, claims, as = wit }: { body?: object; claims?: object; as?: string } = {},
	) =>
		ask(method, path, {
			token: '',
			headers: { ...(await proofOf(as, key, ISSUER + path.split('?')[0], claims)), 'content-type': 'application/json' },
			...(body === undefined ? {} : { body: JSON.stringify(body) }),
		})

	it('registers, renews, drains and gives up the endpoints of its own service, and reads the catalog', async () => {
		const url = 'http://127.0.0.1:9/'
		expect((await asWorkload('PUT', own, { body: { url } })).status).toBe(201)
		expect((await asWorkload('POST', `${own}/heartbeat`)).status).toBe(200)
		expect((await asWorkload('GET', '/v1/services')).status).toBe(200)
		expect((await asWorkload('POST', `${own}/drain`)).status).toBe(200)
		expect((await asWorkload('DELETE', own)).status).toBe(200)
	})

	it.each([
		['an endpoint of another service', 'PUT', '/v1/services/default/payments/endpoints/one', 403],
		['an endpoint of its name in another namespace', 'PUT', '/v1/services/shop/orders/endpoints/one', 403],
		['resources', 'GET', '/v1/resources/Service', 401],
		['keys', 'POST', '/v1/keys/rotate', 401],
		['tokens', 'POST', '/v1/tokens', 401],
		['the audit', 'GET', '/v1/audit', 401],
		['join tokens', 'POST', '/v1/identity/join-tokens', 401],
	])('may not touch %s', async (_, method, path, status) => {
		const answer = await asWorkload(method, path, method === 'GET' ? {} : { body: { url: 'http://127.0.0.1:9/' } })
		expect(answer.status).toBe(status)
	})

	it('is refused with 400 for a proof that is wrong, of another path, or shown twice', async () => {
		const problem = async (headers: Record<string, string>) => {
			const response = await ask('GET', '/v1/services', { token: '', headers })
			return [response.status, ((await response.json()) as { code?: string }).code]
		}
		const aud = `${ISSUER}/v1/services`
		expect(await problem(await proofOf(wit, key, `${aud}/default`))).toEqual([400, 'wrong_audience'])
		expect(await problem(await proofOf(wit, key, aud, { exp: seconds() + 3600 }))).toEqual([400, 'too_long_lived'])
		expect(await problem({ 'workload-proof-token': 'x' })).toEqual([400, 'malformed'])
		const proof = await proofOf(wit, key, ISSUER)
		expect((await ask('GET', '/v1/services', { token: '', headers: proof })).status).toBe(200)
		expect(await problem(proof)).toEqual([400, 'proof_replayed'])
	})

	it('must bind a bearer token that it sends along', async () => {
		const headers = await proofOf(wit, key, ISSUER)
		const answer = await ask('GET', '/v1/services', { token: tokens.admin, headers })
		expect(((await answer.json()) as { code: string }).code).toBe('wrong_access_token_hash')
	})
})

describe('a revocation', () => {
	const revoke = (body: object, token = tokens.operator) =>
		ask('POST', '/v1/revocations', {
			token,
			headers: { 'content-type': 'application/json' },
			body: JSON.stringify({ reason: 'a test', ...body }),
		})
	const aSecond = () => new Promise((resolve) => setTimeout(resolve, 1_000))
	const code = async (token: string, by: Key) => {
		const response = await ask('GET', '/v1/services', { token: '', headers: await proofOf(token, by, ISSUER) })
		return ((await response.json()) as { code?: string }).code
	}

	it('of a key ends what is bound to it within a second, and no new token is bound to it', async () => {
		const stolen = await newKey()
		const token = await joined('orders', stolen)
		expect(await code(token, stolen)).toBeUndefined()
		expect((await revoke({ key: await calculateJwkThumbprint(stolen.jwk) })).status).toBe(201)
		await aSecond()
		expect(await code(token, stolen)).toBe('revoked')
		const headers = { ...(await proofOf(wit, key, ENDPOINT)), dpop: await dpop(stolen) }
		const renewed = await askForToken(RENEWAL, headers)
		expect([renewed.status, renewed.body.error]).toEqual([400, 'invalid_dpop_proof'])
	})

	it('of a token ends this one only', async () => {
		const token = await joined('orders', key)
		expect((await revoke({ token: decodeJwt(token).jti })).status).toBe(201)
		await aSecond()
		expect([await code(token, key), await code(wit, key)]).toEqual(['revoked', undefined])
	})

	it('of a workload keeps it out until it is lifted, and what it had before stays refused', async () => {
		await apply(workloadTrust('victim', { workload: 'victim', joinToken: {} }))
		const token = await joined('victim', key)
		const { id } = await made<{ id: string }>(revoke({ workload: { namespace: 'default', workload: 'victim' } }))
		await expect(joined('victim', key)).rejects.toThrow('unauthorized_client')
		expect((await ask('GET', '/v1/revocations')).ok).toBe(true)
		expect((await ask('DELETE', `/v1/revocations/${id}`, { token: tokens.operator })).status).toBe(204)
		expect((await ask('DELETE', `/v1/revocations/${id}`, { token: tokens.operator })).status).toBe(404)
		await aSecond()
		const fresh = await joined('victim', key)
		await aSecond()
		expect([await code(token, key), await code(fresh, key)]).toEqual(['revoked', undefined])
	})

	it('is made by operators, of exactly one thing, with a reason', async () => {
		expect((await revoke({ token: 'x' }, tokens.viewer)).status).toBe(403)
		for (const body of [{}, { token: 'x', key: 'x'.repeat(43) }, { key: 'short' }, { token: 'x', reason: '' }])
			expect((await revoke(body)).status).toBe(400)
	})
})

describe('keys', () => {
	it('are shown to viewers, rotated by admins only, and everything is noted', async () => {
		const before = await made<{ purposes: { purpose: string; active: string; pending: string }[] }>(
			ask('GET', '/v1/keys', { token: tokens.viewer }),
		)
		const headers = { 'content-type': 'application/json' }
		const body = JSON.stringify({ purpose: 'wit-svid', compromised: true })
		const denied = await ask('POST', '/v1/keys/rotate', { token: tokens.operator, headers, body })
		expect(denied.status).toBe(403)
		const { items } = await made<{ items: { kid: string }[] }>(ask('POST', '/v1/keys/rotate', { headers, body }))
		expect(items[0]!.kid).toBe(before.purposes.find(({ purpose }) => purpose === 'wit-svid')!.pending)
		await new Promise((resolve) => setTimeout(resolve, 1_000))
		const old = await askForToken(RENEWAL, { ...(await proofOf(wit, key, ENDPOINT)), dpop: await dpop(key) })
		expect(old.body.error_description).toContain('unknown_key')
		expect(JSON.stringify(await made(ask('GET', '/v1/keys/events')))).toContain('key.revoke')
	})

	it('are metrics', async () => {
		const page = await (await ask('GET', '/metrics')).text()
		expect(page).toMatch(/^selvedge_key_next_rotation_timestamp_seconds\{purpose="wit-svid"\} \d{10}/m)
		expect(page).toMatch(
			/^selvedge_key_expiry_timestamp_seconds\{purpose="x509-root",kid="[^"]+",state="active"\} \d{10}/m,
		)
		expect(page).toMatch(/^selvedge_key_rotation_failures\{purpose="delegation"\} 0$/m)
		expect(page).toMatch(/^selvedge_trust_unpublished\{\} 0$/m)
	})
})
