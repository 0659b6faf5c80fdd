/** Bundles of other trust domains: what is taken over, what is left out, and what makes a document none. */
import { describe, expect, it } from 'vitest'
import { goesBack, readBundle } from '../../../src/keys/federatedBundle.ts'

const ec = { kty: 'EC', crv: 'P-256', x: 'x'.repeat(43), y: 'y'.repeat(43) }
const p384 = { ...ec, crv: 'P-384', x: 'x'.repeat(64), y: 'y'.repeat(64) }
const rsa = { kty: 'RSA', n: 'n'.repeat(342), e: 'AQAB' }
const wit = { kid: 'a', use: 'wit-svid' }
const read = (...keys: unknown[]) => readBundle(JSON.stringify({ keys }))
const taken = (...keys: unknown[]) => {
	const bundle = read(...keys, { ...ec, kid: 'last', use: 'wit-svid' })
	return bundle.ok ? bundle.value.keys.filter(({ kid }) => kid !== 'last') : bundle.error
}

describe('of a bundle', () => {
	it('keys for tokens are taken over, each for its use and one algorithm, without anything else', () => {
		expect(
			taken(
				{ ...ec, kid: 'a', use: 'wit-svid', d: 'secret', alg: 'ES256' },
				{ ...p384, kid: 'b', use: 'jwt-svid', key_ops: ['verify'] },
				{ ...rsa, kid: 'c', use: 'jwt-svid', alg: 'PS512' },
				{ ...rsa, kid: 'd', use: 'jwt-svid' },
			),
		).toEqual([
			{ kid: 'a', use: 'wit-svid', jwk: { ...ec, alg: 'ES256' } },
			{ kid: 'b', use: 'jwt-svid', jwk: { ...p384, alg: 'ES384' } },
			{ kid: 'c', use: 'jwt-svid', jwk: { ...rsa, alg: 'PS512' } },
			{ kid: 'd', use: 'jwt-svid', jwk: { ...rsa, alg: 'RS256' } },
		])
	})

	it.each([
		['roots', { ...ec, use: 'x509-svid', x5c: ['MII'] }],
		['a use of ours', { ...ec, kid: 'a', use: 'delegation' }],
		['a use in other letters', { ...ec, kid: 'a', use: 'WIT-SVID' }],
		['no use', { ...ec, kid: 'a' }],
		['no type', { ...wit, x: 'x' }],
		['a symmetric key', { ...wit, kty: 'oct', k: 'AAAA', alg: 'HS256' }],
		['an algorithm of another key', { ...ec, ...wit, alg: 'ES384' }],
		['none', { ...ec, ...wit, alg: 'none' }],
		['EdDSA', { ...wit, kty: 'OKP', crv: 'Ed25519', x: 'x', alg: 'EdDSA' }],
		['a short RSA key', { ...rsa, ...wit, n: 'n'.repeat(341) }],
		['an RSA key that is a burden', { ...rsa, ...wit, n: 'n'.repeat(684) }],
		['an exponent that is a burden', { ...rsa, ...wit, e: 'A'.repeat(7) }],
		['a curve from the prototype', { ...ec, ...wit, crv: 'constructor' }],
	])('an entry with %s is left out', (_, entry) => {
		expect(taken(entry)).toEqual([])
	})

	it.each([
		['no kid', { ...ec, use: 'wit-svid' }, 'must have a kid of 1 to 256 characters'],
		['an empty kid', { ...ec, kid: '', use: 'wit-svid' }, 'must have a kid of 1 to 256 characters'],
		['a kid without end', { ...ec, kid: 'k'.repeat(257), use: 'wit-svid' }, 'must have a kid of 1 to 256 characters'],
		['half a point', { ...ec, ...wit, y: undefined }, 'must have x and y of 43 base64url digits'],
		['a point of another curve', { ...p384, ...wit, crv: 'P-256' }, 'must have x and y of 43 base64url digits'],
		['a point in other letters', { ...ec, ...wit, x: '+'.repeat(43) }, 'must have x and y of 43 base64url digits'],
		['a modulus of another kind', { ...rsa, ...wit, n: 7 }, 'must have n and e in base64url'],
		['no object', null, 'must be an object'],
	])('an entry for tokens with %s makes the whole document none', (_, entry, why) => {
		expect(taken({ ...ec, ...wit }, entry)).toBe(`has a key that is none: keys[1] ${why}`)
	})

	it('no keys means that all are taken back, also where there are some that the mesh does not understand', () => {
		expect(read()).toEqual({ ok: true, value: { keys: [] } })
		expect(read({ kty: 'OKP', crv: 'X', kid: 'a', use: 'jwt-svid' })).toEqual({ ok: true, value: { keys: [] } })
	})

	it('the sequence keeps all of its digits, and the hint is a number', () => {
		const body = '{"keys":[],"spiffe_sequence":18446744073709551617,"spiffe_refresh_hint":2419200}'
		expect(readBundle(body)).toEqual({
			ok: true,
			value: { keys: [], sequence: '18446744073709551617', refreshHintSeconds: 2_419_200 },
		})
	})

	it.each([
		['', 'is no JSON object'],
		['null', 'is no JSON object'],
		['{}', 'has no array `keys`'],
		['{"keys":{}}', 'has no array `keys`'],
		['{"keys":[],"spiffe_sequence":"7"}', 'has a spiffe_sequence that is no integer'],
		['{"keys":[],"spiffe_sequence":1.5}', 'has a spiffe_sequence that is no integer'],
		['{"keys":[],"spiffe_sequence":1e400}', 'has a spiffe_sequence that is no integer'],
		['{"keys":[],"spiffe_sequence":null}', 'has a spiffe_sequence that is no integer'],
		['{"keys":[],"spiffe_refresh_hint":"60"}', 'has a spiffe_refresh_hint that is no integer'],
		['{"keys":[],"spiffe_refresh_hint":0.5}', 'has a spiffe_refresh_hint that is no integer'],
		[JSON.stringify({ keys: Array.from({ length: 65 }, () => ec) }), 'has 65 keys; at most 64 are read'],
		[' '.repeat(1_048_577), 'has 1048577 characters; at most 1048576 are read'],
	])('that is %s nothing is', (body, error) => {
		expect(readBundle(body)).toEqual({ ok: false, error })
	})
})

it.each([
	['2', '1', true],
	['18446744073709551617', '18446744073709551616', true],
	['1', '1', false],
	['9', '10', false],
	[undefined, '1', false],
	['1', undefined, false],
])('a document with sequence %s is followed by an older one when that has %s: %s', (before, after, expected) => {
	expect(goesBack(before, after)).toBe(expected)
})
