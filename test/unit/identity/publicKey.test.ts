/** A public key of a stranger is taken only if it is one, of a strength that counts, for exactly one algorithm. */
import { describe, expect, it } from 'vitest'
import { isSvidAlgorithm } from '../../../src/identity/algorithms.ts'
import { importPublicKey, readPublicJwk, thumbprint } from '../../../src/identity/publicKey.ts'
import type { PublicJwk } from '../../../src/snapshot/trust.ts'
import { makeKey } from './world.ts'

const ec = makeKey().jwk
const rsa = makeKey('RS256').jwk
const edwards = makeKey('EdDSA').jwk

const read = (value: unknown) => {
	const result = readPublicJwk(value)
	return result.ok ? 'ok' : result.error
}
const imports = async (jwk: PublicJwk) => {
	const result = await importPublicKey(jwk)
	return result.ok ? 'ok' : result.error
}
/** With one byte of a member changed, in base64url. */
function bent(text: string, change: (bytes: Buffer) => Buffer): string {
	return change(Buffer.from(text, 'base64url')).toString('base64url')
}

describe('a JWK', () => {
	it('keeps the members that make it, and no others', () => {
		expect(readPublicJwk({ ...ec, kid: 'k', use: 'sig', key_ops: ['verify'], x5c: [] })).toEqual({
			ok: true,
			value: ec,
		})
		expect(readPublicJwk({ ...rsa, crv: 'P-256' })).toEqual({ ok: true, value: rsa })
		expect(readPublicJwk({ ...edwards, y: 'a' })).toEqual({ ok: true, value: edwards })
	})

	it('may have members that are undefined, as workerd exports keys', () => {
		expect(readPublicJwk({ ...ec, d: undefined, k: undefined, use: undefined, n: undefined })).toEqual({
			ok: true,
			value: ec,
		})
	})

	it.each<[string, unknown, RegExp]>([
		['nothing', undefined, /object/],
		['null', null, /object/],
		['a list', [ec], /object/],
		['a text', 'ES256', /object/],
		['without alg', { ...ec, alg: undefined }, /alg/],
		['of alg none', { ...ec, alg: 'none' }, /alg/],
		['symmetric', { kty: 'oct', alg: 'HS256', k: 'AAAA' }, /alg/],
		['for encryption by alg', { ...rsa, alg: 'RSA-OAEP' }, /alg/],
		['of an alg that is a list', { ...ec, alg: ['ES256'] }, /alg/],
		['for encryption by use', { ...ec, use: 'enc' }, /use/],
		['for other operations', { ...ec, key_ops: ['encrypt'] }, /key_ops/],
		['with operations that are no list', { ...ec, key_ops: 'verify' }, /key_ops/],
		['of another type than its alg', { ...ec, kty: 'RSA' }, /kty/],
		['of another curve than its alg', { ...ec, crv: 'P-384' }, /crv/],
		['of a curve for key agreement', { ...edwards, crv: 'X25519' }, /crv/],
		['with a private scalar', { ...ec, d: 'AAAA' }, /private/],
		['with a private scalar that is empty', { ...ec, d: '' }, /private/],
		['with a symmetric key beside', { ...ec, k: 'AAAA' }, /private/],
		['without y', { ...ec, y: undefined }, /y must/],
		['with an x that is a number', { ...ec, x: 1 }, /x must/],
		['without a modulus', { ...rsa, n: undefined }, /n and e/],
	])('%s is refused', (_, value, error) => expect(read(value)).toMatch(error))
})

describe('a key', () => {
	it.each(['ES256', 'ES384', 'ES512', 'RS256', 'PS512', 'EdDSA'])('for %s is imported', async (alg) => {
		expect(await imports(makeKey(alg).jwk)).toBe('ok')
	})

	it('off its curve is refused', async () => {
		expect(
			await imports({ ...ec, y: bent(ec.y!, (y) => Buffer.from(y.map((byte, i) => (i === 31 ? byte ^ 1 : byte)))) }),
		).toMatch(/point/)
		expect(
			await imports({ ...ec, x: Buffer.alloc(32).toString('base64url'), y: Buffer.alloc(32).toString('base64url') }),
		).toMatch(/point/)
	})

	it('with coordinates of another length, or another spelling, is refused', async () => {
		for (const x of [
			bent(ec.x!, (x) => Buffer.concat([Buffer.alloc(1), x])),
			bent(ec.x!, (x) => x.subarray(1)),
			`${ec.x}=`,
			'',
		])
			expect(await imports({ ...ec, x }), x).toMatch(/32 bytes/)
		expect(await imports({ ...edwards, x: bent(edwards.x!, (x) => x.subarray(1)) })).toMatch(/32 bytes/)
	})

	it('of RSA must have 2048 to 4096 bits and an odd exponent above 1', async () => {
		const modulus = (bits: number) => {
			const bytes = Buffer.alloc(Math.ceil(bits / 8), 0xa5)
			bytes[0] = 1 << ((bits - 1) % 8)
			return bytes.toString('base64url')
		}
		expect(await imports({ ...rsa, n: modulus(2_047) })).toMatch(/2048 to 4096 bits/)
		expect(await imports({ ...rsa, n: modulus(4_097) })).toMatch(/2048 to 4096 bits/)
		for (const bits of [2_048, 4_096]) expect(await imports({ ...rsa, n: modulus(bits) }), `${bits}`).toBe('ok')
		expect(await imports({ ...rsa, n: bent(rsa.n!, (n) => Buffer.concat([Buffer.alloc(1), n])) })).toMatch(
			/leading zeros/,
		)
		expect(
			await imports({
				...rsa,
				n: bent(rsa.n!, (n) => Buffer.from(n.map((byte, i) => (i === 255 ? byte & 0xfe : byte)))),
			}),
		).toMatch(/odd/)
		for (const e of ['AQ', 'Ag', 'AQAA', 'AQAAAAE']) expect(await imports({ ...rsa, e }), e).toMatch(/odd/)
		expect(await imports({ ...rsa, e: '' })).toMatch(/leading zeros/)
		expect(await imports({ ...rsa, e: 'Aw' })).toBe('ok')
	})

	it('is called by its thumbprint, as in RFC 7638 §3.1', async () => {
		const n =
			'0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw'
		expect(await thumbprint({ kty: 'RSA', n, e: 'AQAB', alg: 'RS256' })).toBe(
			'NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs',
		)
	})

	it('of an SVID is never EdDSA', () => {
		const allowed = ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512']
		expect([...allowed, 'EdDSA', 'none', 'HS256', 'ES256K', ''].filter(isSvidAlgorithm)).toEqual(allowed)
	})
})
