/** Bundles of other trust domains: what is taken over, and what is not. */
import { describe, expect, it } from 'vitest'
import { readBundle } from '../../../src/keys/federatedBundle.ts'

const ec = { kty: 'EC', crv: 'P-256', x: 'x1', y: 'y1' }
const rsa = { kty: 'RSA', n: 'n'.repeat(342), e: 'AQAB' }
const read = (...keys: unknown[]) => readBundle('partner.example', JSON.stringify({ keys }))
const taken = (...keys: unknown[]) => {
	const bundle = read(...keys, { ...ec, kid: 'last', use: 'wit-svid' })
	return bundle.ok ? bundle.value.keys.filter(({ kid }) => kid !== 'last') : bundle.error
}

describe('of a bundle', () => {
	it('keys for tokens are taken over, each for its use and one algorithm, without anything else', () => {
		expect(
			taken(
				{ ...ec, kid: 'a', use: 'wit-svid', d: 'secret', alg: 'ES256' },
				{ ...ec, crv: 'P-384', kid: 'b', use: 'jwt-svid', key_ops: ['verify'] },
				{ ...rsa, kid: 'c', use: 'jwt-svid', alg: 'PS512' },
				{ ...rsa, kid: 'd', use: 'jwt-svid' },
			),
		).toEqual([
			{ kid: 'a', use: 'wit-svid', jwk: { ...ec, alg: 'ES256' } },
			{ kid: 'b', use: 'jwt-svid', jwk: { ...ec, crv: 'P-384', alg: 'ES384' } },
			{ kid: 'c', use: 'jwt-svid', jwk: { ...rsa, alg: 'PS512' } },
			{ kid: 'd', use: 'jwt-svid', jwk: { ...rsa, alg: 'RS256' } },
		])
	})

	it.each([
		['roots', { ...ec, use: 'x509-svid', x5c: ['MII'] }],
		['a use of ours', { ...ec, kid: 'a', use: 'delegation' }],
		['no use', { ...ec, kid: 'a' }],
		['no kid', { ...ec, use: 'wit-svid' }],
		['an empty kid', { ...ec, kid: '', use: 'wit-svid' }],
		['a kid without end', { ...ec, kid: 'k'.repeat(257), use: 'wit-svid' }],
		['a symmetric key', { kty: 'oct', k: 'AAAA', kid: 'a', use: 'jwt-svid', alg: 'HS256' }],
		['an algorithm of another key', { ...ec, kid: 'a', use: 'jwt-svid', alg: 'ES384' }],
		['none', { ...ec, kid: 'a', use: 'jwt-svid', alg: 'none' }],
		['EdDSA', { kty: 'OKP', crv: 'Ed25519', x: 'x', kid: 'a', use: 'jwt-svid', alg: 'EdDSA' }],
		['a short RSA key', { ...rsa, n: 'n'.repeat(341), kid: 'a', use: 'jwt-svid' }],
		['half a point', { kty: 'EC', crv: 'P-256', x: 'x', kid: 'a', use: 'jwt-svid' }],
		['a curve from the prototype', { ...ec, crv: 'constructor', kid: 'a', use: 'jwt-svid' }],
		['no object', null],
	])('an entry with %s is left out', (_, entry) => {
		expect(taken(entry)).toEqual([])
	})

	it.each([
		['', 'is no JSON object'],
		['null', 'is no JSON object'],
		['{}', 'has no array `keys`'],
		['{"keys":{}}', 'has no array `keys`'],
		['{"keys":[]}', 'has no key for WIT-SVIDs or JWT-SVIDs'],
		[JSON.stringify({ keys: Array.from({ length: 65 }, () => ec) }), 'has 65 keys; at most 64 are read'],
		[' '.repeat(262_145), 'has 262145 characters; at most 262144 are read'],
	])('that is %s nothing is', (body, error) => {
		expect(readBundle('partner.example', body)).toEqual({ ok: false, error })
	})
})
