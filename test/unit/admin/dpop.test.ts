/** DPoP proofs: of a key of one's own, for this endpoint, now. */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { beforeAll, describe, expect, it } from 'vitest'
import { verifyDpop } from '../../../workers/admin/joining/dpop.ts'

const ENDPOINT = 'https://admin.mesh.test/v1/identity/token'
const NOW = 1_800_000_000_000
let keys: CryptoKeyPair
let jwk: JWK

beforeAll(async () => {
	keys = (await generateKeyPair('ES256', { extractable: true })) as CryptoKeyPair
	jwk = await exportJWK(keys.publicKey)
})

const sign = (claims: object = {}, header: object = {}, by = keys.privateKey) =>
	new SignJWT({ htm: 'POST', htu: ENDPOINT, iat: NOW / 1000, jti: 'one', ...claims })
		.setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk, ...header })
		.sign(by)

describe('a DPoP proof', () => {
	it('gives the key, with its alg, and what may be shown once', async () => {
		const verified = await verifyDpop(await sign(), ENDPOINT, NOW)
		const thumbprint = await calculateJwkThumbprint(jwk)
		expect(verified).toEqual({
			ok: true,
			value: {
				jwk: { ...jwk, alg: 'ES256' },
				thumbprint,
				once: `dpop ${thumbprint} one`,
				expiresAt: NOW + 61_000,
			},
		})
	})

	it.each([
		['with alg, use and kid in its key', {}, () => ({ jwk: { ...jwk, alg: 'ES256', use: 'sig', kid: 'k' } })],
		[
			'for the endpoint with a query, its host in other case',
			{ htu: 'https://Admin.mesh.test/v1/identity/token?x=1' },
			() => ({}),
		],
		['a minute old', { iat: NOW / 1000 - 60 }, () => ({})],
		['a minute ahead', { iat: NOW / 1000 + 60 }, () => ({})],
		['with the whole media type', {}, () => ({ typ: 'application/dpop+jwt' })],
	])('%s is taken', async (_, claims, header) => {
		expect((await verifyDpop(await sign(claims, header()), ENDPOINT, NOW)).ok).toBe(true)
	})

	it.each([
		['of another method', { htm: 'GET' }, () => ({}), 'htm'],
		['of another endpoint', { htu: 'https://admin.mesh.test/v1/identity' }, () => ({}), 'htu'],
		['of another host', { htu: 'https://evil.test/v1/identity/token' }, () => ({}), 'htu'],
		['older', { iat: NOW / 1000 - 61 }, () => ({}), 'iat'],
		['further ahead', { iat: NOW / 1000 + 61 }, () => ({}), 'iat'],
		['without iat', { iat: undefined }, () => ({}), 'iat'],
		['without jti', { jti: undefined }, () => ({}), 'jti'],
		['with a long jti', { jti: 'x'.repeat(257) }, () => ({}), 'jti'],
		['of another type', {}, () => ({ typ: 'JWT' }), 'typ'],
		['without key', {}, () => ({ jwk: undefined }), 'jwk'],
		['with a private key', {}, () => ({ jwk: { ...jwk, d: 'AAAA' } }), 'private'],
		['with a key for another alg', {}, () => ({ jwk: { ...jwk, alg: 'ES384' } }), 'jwk'],
		['with a point off the curve', {}, () => ({ jwk: { ...jwk, y: jwk.x } }), 'jwk'],
	])('%s is refused', async (_, claims, header, why) => {
		const verified = await verifyDpop(await sign(claims, header()), ENDPOINT, NOW)
		expect(verified).toMatchObject({
			ok: false,
			error: { error: 'invalid_dpop_proof', description: expect.stringContaining(why) },
		})
	})

	it('by another key than it shows, altered, missing, or doubled is refused', async () => {
		const { privateKey } = await generateKeyPair('ES256')
		const good = await sign()
		const altered = `${good.slice(0, -4)}${good.endsWith('AAAA') ? 'BBBB' : 'AAAA'}`
		for (const proof of [await sign({}, {}, privateKey), altered, null, '', `${good}, ${good}`])
			expect(await verifyDpop(proof, ENDPOINT, NOW)).toMatchObject({
				ok: false,
				error: { error: 'invalid_dpop_proof' },
			})
	})
})
