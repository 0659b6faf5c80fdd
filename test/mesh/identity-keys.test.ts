/** Workloads that prove a key, on the real runtime: assertions, renewal, certificates, and what they may do with the API. */
import { X509Certificate } from 'node:crypto'
import { decodeJwt, type JWTPayload, SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { csrFor } from '../objects/csr.ts'
import { ask, made, startAdmin, stopAdmin, tokens } from './adminHarness.ts'
import {
	apply,
	askForToken,
	dpop,
	ENDPOINT,
	ISSUER,
	JWT,
	joined,
	type Key,
	newId,
	newKey,
	proofOf,
	workloadTrust,
} from './workload.ts'

const SPIFFE = 'spiffe://mesh.localhost/ns/default/sa'
const RENEWAL = { grant_type: 'client_credentials' }
let legacy: Key
let legacyRsa: Key
let key: Key
let wit: string

beforeAll(async () => {
	await startAdmin()
	;[legacy, legacyRsa, key] = await Promise.all([newKey('EdDSA'), newKey('RS256'), newKey()])
	const jwks = {
		keys: [
			{ ...legacy.jwk, kid: 'first' },
			{ ...legacyRsa.jwk, kid: 'second' },
		],
	}
	await apply(
		workloadTrust('by-token', { workload: 'orders', maxTtl: '30m', joinToken: {} }),
		workloadTrust('leaver', { workload: 'leaver', joinToken: {} }),
		workloadTrust('by-key', { workload: 'legacy', privateKeyJwt: { jwks } }),
	)
	wit = await joined('orders', key)
})
afterAll(stopAdmin)

const seconds = () => Math.floor(Date.now() / 1000)

describe('an assertion by a key of the WorkloadTrust', () => {
	const claims = (more: object = {}): JWTPayload => ({
		iss: 'default/legacy',
		sub: 'default/legacy',
		aud: ENDPOINT,
		exp: seconds() + 60,
		jti: newId(),
		...more,
	})
	const signed = (by: Key, alg: string, payload: JWTPayload, kid?: string) =>
		new SignJWT(payload).setProtectedHeader({ alg, ...(kid === undefined ? {} : { kid }) }).sign(by.privateKey)
	const joinBy = async (client_assertion: string) =>
		askForToken(
			{
				grant_type: 'client_credentials',
				client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
				client_assertion,
			},
			{ dpop: await dpop(key) },
		)

	it('makes its bearer the workload, by either name and for either audience', async () => {
		for (const assertion of [
			await signed(legacy, 'EdDSA', claims(), 'first'),
			await signed(legacyRsa, 'RS256', claims({ iss: `${SPIFFE}/legacy`, sub: `${SPIFFE}/legacy`, aud: [ISSUER] })),
		]) {
			const { status, body } = await joinBy(assertion)
			expect([status, body.spiffe_id]).toEqual([200, `${SPIFFE}/legacy`])
			expect(decodeJwt(body.access_token).cnf).toEqual({ jwk: key.jwk })
		}
	})

	it.each([
		['for another audience', { aud: 'https://elsewhere.example' }, 'meant for'],
		['of another workload', { iss: 'default/orders', sub: 'default/orders' }, 'signed by a key'],
		['whose iss is not its sub', { iss: 'somebody' }, 'equal'],
		['that lives for an hour', { exp: seconds() + 3600 }, 'five minutes'],
		['that has expired', { exp: seconds() - 1 }, 'exp'],
		['without jti', { jti: undefined }, 'jti'],
	])('%s is refused with 401 invalid_client', async (_, more, why) => {
		const { status, headers, body } = await joinBy(await signed(legacy, 'EdDSA', claims(more), 'first'))
		expect([status, body.error]).toEqual([401, 'invalid_client'])
		expect(headers.get('www-authenticate')).toContain('invalid_client')
		expect(body.error_description).toContain(why)
	})

	it('counts once, and by its own key only', async () => {
		const assertion = await signed(legacy, 'EdDSA', claims(), 'first')
		expect((await joinBy(assertion)).status).toBe(200)
		expect((await joinBy(assertion)).body.error_description).toContain('shown before')
		for (const wrong of [
			await signed(legacy, 'EdDSA', claims(), 'second'),
			await signed(await newKey('EdDSA'), 'EdDSA', claims(), 'first'),
			await signed(key, 'ES256', claims()),
		])
			expect((await joinBy(wrong)).body.error).toBe('invalid_client')
	})
})

describe('renewal by WIT and WPT', () => {
	it('gives a new WIT, for the same key or another, no longer than the WorkloadTrust says', async () => {
		const other = await newKey()
		for (const next of [key, other]) {
			const headers = { ...(await proofOf(wit, key, ENDPOINT)), dpop: await dpop(next) }
			const { status, body } = await askForToken(RENEWAL, headers)
			expect([status, body.spiffe_id, body.expires_in]).toEqual([200, `${SPIFFE}/orders`, 1800])
			expect(decodeJwt(body.access_token).cnf).toEqual({ jwk: next.jwk })
			expect(decodeJwt(body.access_token).jti).not.toBe(decodeJwt(wit).jti)
		}
	})

	it('gives a JWT-SVID too', async () => {
		const form = { ...RENEWAL, requested_token_type: JWT, audience: 'https://bank.example' }
		const { status, body } = await askForToken(form, await proofOf(wit, key, ENDPOINT))
		expect([status, decodeJwt(body.access_token).sub]).toEqual([200, `${SPIFFE}/orders`])
	})

	it('takes each proof once', async () => {
		const proof = await proofOf(wit, key, ENDPOINT)
		expect((await askForToken(RENEWAL, { ...proof, dpop: await dpop(key) })).status).toBe(200)
		const again = await askForToken(RENEWAL, { ...proof, dpop: await dpop(key) })
		expect([again.status, again.body.error]).toEqual([400, 'invalid_client'])
		expect(again.body.error_description).toContain('shown before')
	})

	it.each([
		['for another endpoint', async () => proofOf(wit, key, `${ISSUER}/v1/identity/certificates`), 'wrong_audience'],
		['by another key', async () => proofOf(wit, await newKey(), ENDPOINT), 'bad_signature'],
		['of another WIT', async () => ({ ...(await proofOf('x', key, ENDPOINT)), 'workload-identity-token': wit }), 'wth'],
		['without WPT', async () => ({ 'workload-identity-token': wit }), 'belong together'],
		[
			'with two WITs',
			async () => ({ ...(await proofOf(wit, key, ENDPOINT)), 'workload-identity-token': `${wit}, ${wit}` }),
			'malformed',
		],
	])('is refused with 400 %s', async (_, headers, why) => {
		const { status, body } = await askForToken(RENEWAL, { ...(await headers()), dpop: await dpop(key) })
		expect([status, body.error]).toEqual([400, 'invalid_client'])
		expect(body.error_description).toContain(why)
	})

	it('ends a second after no WorkloadTrust names the workload any more', async () => {
		const leaving = await joined('leaver', key)
		const headers = { 'content-type': 'application/json' }
		await made(ask('POST', '/v1/delete', { headers, body: JSON.stringify([workloadTrust('leaver', {})]) }))
		await new Promise((resolve) => setTimeout(resolve, 1_000))
		const proof = { ...(await proofOf(leaving, key, ENDPOINT)), dpop: await dpop(key) }
		const { status, body } = await askForToken(RENEWAL, proof)
		expect([status, body.error]).toEqual([400, 'unauthorized_client'])
		const certified = await certify(leaving, key)
		expect(certified.status).toBe(403)
	})
})

const CERTIFICATES = `${ISSUER}/v1/identity/certificates`
async function certify(token: string, by: Key, body?: object) {
	const csr = await csrFor(`${SPIFFE}/orders`)
	return ask('POST', '/v1/identity/certificates', {
		token: '',
		headers: { ...(await proofOf(token, by, CERTIFICATES)), 'content-type': 'application/json' },
		body: JSON.stringify(body ?? { csr }),
	})
}

describe('a certificate', () => {
	it('is given to a workload, with a chain that leads to a root of the bundle', async () => {
		const answer = await made<{
			certificate: string
			chain: string[]
			bundle: string[]
			spiffeId: string
			serialNumber: string
			expiresIn: number
		}>(certify(wit, key))
		expect(answer).toMatchObject({ spiffeId: `${SPIFFE}/orders`, certificate: answer.chain[0] })
		expect(answer.expiresIn).toBeGreaterThan(1790)
		expect(answer.expiresIn).toBeLessThanOrEqual(1800)
		const [leaf, intermediate] = answer.chain.map((pem) => new X509Certificate(pem))
		expect(leaf!.subjectAltName).toBe(`URI:${SPIFFE}/orders`)
		expect(leaf!.serialNumber.toLowerCase().replace(/^0+/, '')).toBe(answer.serialNumber.replace(/^0+/, ''))
		expect(leaf!.verify(intermediate!.publicKey)).toBe(true)
		const roots = answer.bundle.map((pem) => new X509Certificate(pem))
		expect(roots.some((root) => intermediate!.verify(root.publicKey))).toBe(true)
	})

	it('is refused without a proof, to a proof shown twice, and for what is no request', async () => {
		const headers = { 'content-type': 'application/json' }
		const without = await ask('POST', '/v1/identity/certificates', { token: tokens.admin, headers, body: '{}' })
		expect(without.status).toBe(403)
		const proof = { ...(await proofOf(wit, key, CERTIFICATES)), ...headers }
		const body = JSON.stringify({ csr: await csrFor(`${SPIFFE}/orders`) })
		const twice = () => ask('POST', '/v1/identity/certificates', { token: '', headers: proof, body })
		expect([(await twice()).status, (await twice()).status]).toEqual([200, 400])
		const rubbish = await certify(wit, key, { csr: 'rubbish' })
		expect([rubbish.status, ((await rubbish.json()) as { detail: string }).detail]).toEqual([
			400,
			expect.stringContaining('csr'),
		])
	})
})
