/** Join tokens and well-known documents on the real runtime: from an operator's token to an identity that any library verifies. */
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ask, made, startAdmin, stopAdmin, tokens } from './adminHarness.ts'
import {
	apply,
	askForToken,
	dpop,
	exchange,
	ISSUER,
	JOIN_TOKEN,
	JWT,
	newAddress,
	newId,
	newJoinToken,
	newKey,
	workloadTrust,
} from './workload.ts'

beforeAll(async () => {
	await startAdmin()
	await apply(
		workloadTrust('by-token', { workload: 'orders', joinToken: {} }),
		workloadTrust('short', { workload: 'brief', maxTtl: '5m', joinToken: { maxTtl: '1m' } }),
	)
})
afterAll(stopAdmin)

const get = (path: string, headers = {}) => ask('GET', path, { token: '', headers })
const jwks = async () => (await (await get('/.well-known/jwks.json')).json()) as JSONWebKeySet

describe('a join token', () => {
	it('makes its bearer the workload: a WIT bound to its key, which plain JOSE verifies with the published keys', async () => {
		const key = await newKey()
		const form = exchange(await newJoinToken('orders'), JOIN_TOKEN)
		const { status, headers, body } = await askForToken(form, { dpop: await dpop(key) })
		expect(status).toBe(200)
		expect(headers.get('cache-control')).toBe('no-store')
		const spiffeId = 'spiffe://mesh.localhost/ns/default/sa/orders'
		expect(body).toMatchObject({
			issued_token_type: 'urn:selvedge:token-type:wit',
			token_type: 'N_A',
			expires_in: 3600,
			spiffe_id: spiffeId,
		})
		const { payload, protectedHeader } = await jwtVerify(body.access_token, createLocalJWKSet(await jwks()), {
			typ: 'wit+jwt',
			subject: spiffeId,
			issuer: 'spiffe://mesh.localhost',
			requiredClaims: ['exp', 'iat', 'jti'],
		})
		expect(protectedHeader.alg).toBe('ES256')
		expect(payload.cnf).toEqual({ jwk: key.jwk })
		expect(payload).not.toHaveProperty('aud')
	})

	it('is good once, and is not lost to a request without a proof of a key', async () => {
		const form = exchange(await newJoinToken('orders'), JOIN_TOKEN)
		const without = await askForToken(form)
		expect([without.status, without.body.error]).toEqual([400, 'invalid_dpop_proof'])
		expect((await askForToken(form, { dpop: await dpop(await newKey()) })).status).toBe(200)
		const again = await askForToken(form, { dpop: await dpop(await newKey()) })
		expect([again.status, again.body.error]).toEqual([400, 'invalid_request'])
		expect(again.body.error_description).toContain('used')
	})

	it('lets exactly one of twenty win who show it at once', async () => {
		const form = exchange(await newJoinToken('orders'), JOIN_TOKEN)
		const proofs = await Promise.all(Array.from({ length: 20 }, async () => dpop(await newKey())))
		const answers = await Promise.all(proofs.map((proof) => askForToken(form, { dpop: proof })))
		expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(19).fill(400)])
	})

	it('is not lost when nothing is issued for it', async () => {
		await apply(workloadTrust('late', { workload: 'late', joinToken: {} }))
		const workload = { namespace: 'default', workload: 'late' }
		const { id } = await made<{ id: string }>(asOperator('/v1/revocations', { workload, reason: 'a test' }))
		const form = exchange(await newJoinToken('late'), JOIN_TOKEN)
		const key = await newKey()
		const refused = await askForToken(form, { dpop: await dpop(key) })
		expect([refused.status, refused.body.error]).toEqual([400, 'unauthorized_client'])
		expect((await ask('DELETE', `/v1/revocations/${id}`, { token: tokens.operator })).status).toBe(204)
		expect((await askForToken(form, { dpop: await dpop(key) })).status).toBe(200)
		expect((await askForToken(form, { dpop: await dpop(key) })).body.error).toBe('invalid_request')
	})

	it('is for its workload only, and for no longer than its WorkloadTrust says', async () => {
		const token = await newJoinToken('orders')
		const wrong = exchange(token, JOIN_TOKEN, { workload: 'default/brief' })
		expect((await askForToken(wrong, { dpop: await dpop(await newKey()) })).body.error).toBe('invalid_request')
		const right = exchange(token, JOIN_TOKEN, { workload: 'default/orders' })
		expect((await askForToken(right, { dpop: await dpop(await newKey()) })).status).toBe(200)
		const ask = (body: object) =>
			asOperator('/v1/identity/join-tokens', { namespace: 'default', ...body }).then(async (response) => [
				response.status,
				((await response.json()) as { detail?: string }).detail,
			])
		expect(await ask({ workload: 'nobody' })).toEqual([400, expect.stringContaining('WorkloadTrust with joinToken')])
		expect(await ask({ workload: 'brief', ttlSeconds: 61 })).toEqual([400, expect.stringContaining('at most 60')])
		const form = exchange(
			(
				(await (
					await asOperator('/v1/identity/join-tokens', { namespace: 'default', workload: 'brief', ttlSeconds: 60 })
				).json()) as { token: string }
			).token,
			JOIN_TOKEN,
			{ expires_in: '7200' },
		)
		expect((await askForToken(form, { dpop: await dpop(await newKey()) })).body.expires_in).toBe(300)
	})

	it('is listed without its secret, and deleted for good', async () => {
		const { id, token } = await made<{ id: string; token: string }>(
			asOperator('/v1/identity/join-tokens', { namespace: 'default', workload: 'orders' }),
		)
		const listed = await (await ask('GET', '/v1/identity/join-tokens')).text()
		expect(listed).toContain(id)
		expect(listed).not.toContain(token)
		expect((await ask('DELETE', `/v1/identity/join-tokens/${id}`)).status).toBe(204)
		expect((await ask('DELETE', `/v1/identity/join-tokens/${id}`)).status).toBe(404)
		const answer = await askForToken(exchange(token, JOIN_TOKEN), { dpop: await dpop(await newKey()) })
		expect(answer.body.error).toBe('invalid_request')
	})

	it('is made by operators only', async () => {
		const body = JSON.stringify({ namespace: 'default', workload: 'orders' })
		const headers = { 'content-type': 'application/json' }
		const asked = await ask('POST', '/v1/identity/join-tokens', { token: tokens.viewer, headers, body })
		expect(asked.status).toBe(403)
	})
})

const asOperator = (path: string, body: object) =>
	ask('POST', path, {
		token: tokens.operator,
		headers: { 'content-type': 'application/json' },
		body: JSON.stringify(body),
	})

describe('a JWT-SVID', () => {
	it('is verified by whoever knows the issuer only, through discovery, for its audiences and no other', async () => {
		const form = new URLSearchParams({
			...exchange(await newJoinToken('orders'), JOIN_TOKEN),
			requested_token_type: JWT,
		})
		form.append('audience', 'https://bank.example')
		form.append('audience', 'spiffe://elsewhere.example')
		const { status, body } = await askForToken(form)
		expect([status, body.token_type, body.issued_token_type, body.expires_in]).toEqual([200, 'Bearer', JWT, 300])
		const found = (await (await get('/.well-known/openid-configuration')).json()) as Record<string, string>
		expect(found.issuer).toBe(ISSUER)
		expect(found.jwks_uri).toBe(`${ISSUER}/.well-known/jwks.json`)
		const { payload } = await jwtVerify(body.access_token, createLocalJWKSet(await jwks()), {
			issuer: found.issuer!,
			audience: 'https://bank.example',
		})
		expect(payload).toMatchObject({
			sub: 'spiffe://mesh.localhost/ns/default/sa/orders',
			aud: ['https://bank.example', 'spiffe://elsewhere.example'],
		})
		expect(Object.keys(decodeProtectedHeader(body.access_token)).sort()).toEqual(['alg', 'kid', 'typ'])
		await expect(
			jwtVerify(body.access_token, createLocalJWKSet(await jwks()), { audience: 'https://shop.example' }),
		).rejects.toThrow('aud')
	})
})

describe('well-known documents', () => {
	it.each(['/.well-known/jwks.json', '/.well-known/spiffe-bundle.json', '/.well-known/openid-configuration'])(
		'%s: for anybody, from any page, to be kept and asked for again by tag',
		async (path) => {
			const response = await get(path)
			expect(response.status).toBe(200)
			expect(response.headers.get('cache-control')).toMatch(/^public, max-age=\d+$/)
			expect(response.headers.get('access-control-allow-origin')).toBe('*')
			const etag = response.headers.get('etag')!
			expect((await get(path, { 'if-none-match': etag })).status).toBe(304)
			const head = await ask('HEAD', path, { token: '' })
			expect([head.status, head.headers.get('etag'), await head.text()]).toEqual([200, etag, ''])
		},
	)

	it('have each purpose twice: the key that signs, and the one that will', async () => {
		const { keys } = await jwks()
		expect(keys).toHaveLength(6)
		for (const key of keys) {
			expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' })
			expect(Object.keys(key).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
		}
	})

	it('have a SPIFFE bundle: roots with their certificate and no kid, keys of SVIDs with one, nothing else', async () => {
		const bundle = (await (await get('/.well-known/spiffe-bundle.json')).json()) as {
			keys: Record<string, unknown>[]
			spiffe_sequence: number
			spiffe_refresh_hint: number
		}
		expect(Number.isSafeInteger(bundle.spiffe_sequence)).toBe(true)
		expect(bundle.spiffe_refresh_hint).toBe(900)
		expect(bundle.keys.map(({ use }) => use).sort()).toEqual([
			...['jwt-svid', 'jwt-svid', 'wit-svid', 'wit-svid', 'x509-svid', 'x509-svid'],
		])
		const { X509Certificate } = await import('node:crypto')
		for (const { use, kid, x5c, x, y } of bundle.keys) {
			expect(typeof kid).toBe(use === 'x509-svid' ? 'undefined' : 'string')
			if (use !== 'x509-svid') continue
			const root = new X509Certificate(Buffer.from((x5c as string[])[0]!, 'base64'))
			expect(root.ca).toBe(true)
			expect(root.subjectAltName).toBe('URI:spiffe://mesh.localhost')
			expect(root.publicKey.export({ format: 'jwk' })).toMatchObject({ x, y })
		}
	})
})

describe('the token endpoint', () => {
	it('lets an address try twenty times in a row, then asks it to slow down before anything is looked at', async () => {
		const from = { 'cf-connecting-ip': newAddress() }
		const attempt = () => askForToken(exchange(newId(), JOIN_TOKEN), from)
		const begunAt = performance.now()
		let tried = 0
		let answer = await attempt()
		for (; answer.status === 400; answer = await attempt()) {
			tried++
			// One more for every second that the machine took.
			expect(tried).toBeLessThanOrEqual(20 + (performance.now() - begunAt) / 1_000)
		}
		expect(tried).toBeGreaterThanOrEqual(20)
		expect([answer.status, answer.body.error]).toEqual([429, 'slow_down'])
		expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
	})

	it('leaves a trace of every try that was refused, and no secret in it', async () => {
		const token = newId()
		await askForToken(exchange(token, JOIN_TOKEN), { dpop: await dpop(await newKey()) })
		const events = await (await ask('GET', '/v1/keys/events?limit=20')).text()
		expect(events).toContain('join.refuse')
		expect(events).toContain('the join token is unknown')
		expect(events).not.toContain(token)
	})
})
