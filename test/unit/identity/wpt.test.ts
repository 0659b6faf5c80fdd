/** A WPT proves possession of the WIT's key, for this request and no other. */
import { describe, expect, it } from 'vitest'
import { type ProofContext, verifyWpt } from '../../../src/identity/wpt.ts'
import {
	makeKey,
	meshWit,
	NOW,
	outcome,
	part,
	SECONDS,
	sha256,
	stranger,
	verifiedWit,
	wit,
	wpt,
	wptClaims,
	wptHeader,
} from './world.ts'

const TARGET = 'https://orders.mesh.example.com/v1/orders'
const ORIGIN = 'https://orders.mesh.example.com'
const context = (more: Partial<ProofContext> = {}, headers: Record<string, string> = {}): ProofContext => ({
	audiences: [TARGET, ORIGIN],
	header: (name) => new Headers(headers).get(name),
	...more,
})
const verified = await verifiedWit()
const prove = (token: string, in_ = context(), now = NOW) => verifyWpt(verified, token, in_, now)
const code = async (token: string, in_ = context(), now = NOW) => outcome(await prove(token, in_, now))

describe('a WPT', () => {
	it('proves what it says, and names itself', async () => {
		const value = { tokenId: wptClaims.jti, expiresAt: NOW + 60_000 }
		expect(await prove(wpt())).toEqual({ ok: true, value })
	})

	it.each([
		TARGET,
		ORIGIN,
		`${ORIGIN}/`,
		'HTTPS://Orders.Mesh.Example.com/v1/orders',
		'https://orders.mesh.example.com:443/v1/orders',
		`${TARGET}?page=2`,
		`${TARGET}#x`,
	])('may have the audience %s', async (aud) => expect(await code(wpt({ aud }))).toBe('ok'))

	it('may have an audience that is no URL, if the mesh is called so', async () => {
		expect(await code(wpt({ aud: 'orders' }), context({ audiences: ['orders'] }))).toBe('ok')
	})

	it('may live for five minutes, and five seconds of clocks that differ', async () => {
		expect(await code(wpt({ exp: SECONDS + 305 }))).toBe('ok')
		expect(await code(wpt({ exp: SECONDS + 306 }))).toBe('too_long_lived')
	})

	it('by a key for another algorithm is taken under that algorithm', async () => {
		for (const alg of ['ES384', 'PS256', 'RS512']) {
			const key = makeKey(alg)
			const token = wit({ cnf: { jwk: key.jwk } })
			const proof = wpt({ wth: sha256(token) }, { alg }, key)
			expect(outcome(await verifyWpt(await verifiedWit(token), proof, context(), NOW)), alg).toBe('ok')
		}
	})
})

describe('a WPT is refused', () => {
	it.each<[string, string, Record<string, unknown>]>([
		['of another type', 'wrong_type', { typ: 'JWT' }],
		['that is a WIT', 'wrong_type', { typ: 'wit+jwt' }],
		['that is a DPoP proof', 'wrong_type', { typ: 'dpop+jwt' }],
		['without a type', 'wrong_type', { typ: undefined }],
		['with alg none', 'unsupported_algorithm', { alg: 'none' }],
		['with HS256', 'unsupported_algorithm', { alg: 'HS256' }],
		['with another algorithm than the key’s', 'algorithm_mismatch', { alg: 'ES384' }],
		['with its algorithm in lower case', 'unsupported_algorithm', { alg: 'es256' }],
		['with critical extensions', 'unsupported_header', { crit: ['exp'] }],
	])('%s', async (_, expected, header) => expect(await code(wpt({}, header))).toBe(expected))

	it.each<[string, string, Record<string, unknown>]>([
		['without exp', 'bad_time', { exp: undefined }],
		['expired now', 'expired', { exp: SECONDS }],
		['expired by a second', 'expired', { exp: SECONDS - 1 }],
		['valid in the future', 'not_yet_valid', { nbf: SECONDS + 61 }],
		['issued in the future', 'not_yet_valid', { iat: SECONDS + 61 }],
		['for an hour', 'too_long_lived', { exp: SECONDS + 3_600 }],
		['without jti', 'bad_token_id', { jti: undefined }],
		['with a short jti', 'bad_token_id', { jti: 'a'.repeat(15) }],
		['with a jti of 257 characters', 'bad_token_id', { jti: 'a'.repeat(257) }],
		['with a jti that is a number', 'bad_token_id', { jti: 1e20 }],
		['without aud', 'wrong_audience', { aud: undefined }],
		['for another service', 'wrong_audience', { aud: 'https://payments.mesh.example.com/v1/orders' }],
		['for another path', 'wrong_audience', { aud: `${ORIGIN}/v1/refunds` }],
		['for a path above', 'wrong_audience', { aud: `${ORIGIN}/v1` }],
		['for a path below', 'wrong_audience', { aud: `${TARGET}/1` }],
		['for another scheme', 'wrong_audience', { aud: 'http://orders.mesh.example.com/v1/orders' }],
		['for another port', 'wrong_audience', { aud: 'https://orders.mesh.example.com:8443/v1/orders' }],
		['for a host that ends in ours', 'wrong_audience', { aud: 'https://evil-orders.mesh.example.com/v1/orders' }],
		[
			'for a host that begins with ours',
			'wrong_audience',
			{ aud: 'https://orders.mesh.example.com.evil.example/v1/orders' },
		],
		['for a user of our host', 'wrong_audience', { aud: 'https://orders.mesh.example.com@evil.example/v1/orders' }],
		['for our host with a user', 'wrong_audience', { aud: 'https://user@orders.mesh.example.com/v1/orders' }],
		['for a host without a scheme', 'wrong_audience', { aud: 'orders.mesh.example.com/v1/orders' }],
		['for a list', 'wrong_audience', { aud: [TARGET] }],
		['for several', 'wrong_audience', { aud: [TARGET, 'https://evil.example'] }],
		['for nobody', 'wrong_audience', { aud: '' }],
		['without wth', 'wrong_token_hash', { wth: undefined }],
		['for another WIT', 'wrong_token_hash', { wth: sha256(wit({ jti: 'wit-2' })) }],
		['with a padded wth', 'wrong_token_hash', { wth: `${wptClaims.wth}=` }],
		['with wth as hex', 'wrong_token_hash', { wth: Buffer.from(wptClaims.wth, 'base64url').toString('hex') }],
		['with ath and no access token', 'wrong_access_token_hash', { ath: sha256('x') }],
		['with an ath that is null', 'wrong_access_token_hash', { ath: null }],
		['with tth and no Txn-Token', 'wrong_txn_token_hash', { tth: sha256('x') }],
	])('%s', async (_, expected, claims) => expect(await code(wpt(claims))).toBe(expected))

	it('by another key than that of the WIT', async () => {
		expect(await code(wpt({}, {}, stranger))).toBe('bad_signature')
		expect(await code(wpt({}, {}, meshWit))).toBe('bad_signature')
		expect(await code(wpt({}, { jwk: stranger.jwk }, stranger))).toBe('bad_signature')
		expect(await code(`${part(wptHeader)}.${part(wptClaims)}.`)).toBe('bad_signature')
	})

	it('when the same key proves another WIT', async () => {
		const other = await verifiedWit(wit({ sub: 'spiffe://mesh.example.com/ns/shop/sa/web' }))
		expect(outcome(await verifyWpt(other, wpt(), context(), NOW))).toBe('wrong_token_hash')
	})

	it('when it is too large', async () => expect(await code(wpt({ filler: 'a'.repeat(8_192) }))).toBe('too_large'))

	it.each(['', 'a.b.c', `${wpt()}, ${wpt()}`])('when it is no token: %j', async (token) => {
		expect(await code(token)).toBe('malformed')
	})
})

describe('tokens beside it', () => {
	const ath = sha256('access')
	const tth = sha256('txn')

	it.each<[string, Record<string, unknown>, Partial<ProofContext>, string]>([
		['bound', { ath }, { accessToken: 'access' }, 'ok'],
		['not bound', {}, { accessToken: 'access' }, 'wrong_access_token_hash'],
		['another bound', { ath }, { accessToken: 'other' }, 'wrong_access_token_hash'],
		[
			'bound as oth only',
			{ oth: { authorization: sha256('Bearer access') } },
			{ accessToken: 'access' },
			'wrong_access_token_hash',
		],
		['Txn-Token bound', { tth }, { txnToken: 'txn' }, 'ok'],
		['Txn-Token not bound', {}, { txnToken: 'txn' }, 'wrong_txn_token_hash'],
		['Txn-Token another', { tth }, { txnToken: 'other' }, 'wrong_txn_token_hash'],
		['both bound', { ath, tth }, { accessToken: 'access', txnToken: 'txn' }, 'ok'],
		[
			'both bound, crosswise',
			{ ath: tth, tth: ath },
			{ accessToken: 'access', txnToken: 'txn' },
			'wrong_access_token_hash',
		],
		['an empty one', { ath: sha256('') }, { accessToken: '' }, 'ok'],
	])('%s', async (_, claims, more, expected) => expect(await code(wpt(claims), context(more))).toBe(expected))

	it.each<[string, unknown, Record<string, string>, string]>([
		['none', {}, {}, 'ok'],
		['one bound', { 'x-user': sha256('u') }, { 'X-User': 'u' }, 'ok'],
		['two bound', { 'x-user': sha256('u'), 'x-org': sha256('o') }, { 'x-user': 'u', 'x-org': 'o' }, 'ok'],
		['one with blanks around', { 'x-user': sha256('u v') }, { 'x-user': 'u v' }, 'ok'],
		[
			'one of the two wrong',
			{ 'x-user': sha256('u'), 'x-org': sha256('p') },
			{ 'x-user': 'u', 'x-org': 'o' },
			'refused',
		],
		['one that is not there', { 'x-user': sha256('u') }, {}, 'refused'],
		['the hash of nothing, not there', { 'x-user': sha256('') }, {}, 'refused'],
		['one in upper case', { 'X-User': sha256('u') }, { 'x-user': 'u' }, 'refused'],
		['a name that is no field name', { 'x user': sha256('u') }, {}, 'refused'],
		['an empty name', { '': sha256('u') }, {}, 'refused'],
		['a hash that is a number', { 'x-user': 1 }, { 'x-user': 'u' }, 'refused'],
		['a hash that is null', { 'x-user': null }, {}, 'refused'],
		['a field that came twice', { 'x-user': sha256('u') }, { 'x-user': 'u, u' }, 'refused'],
		['a list', [], {}, 'refused'],
		['a text', 'x-user', {}, 'refused'],
		['null', null, {}, 'refused'],
	])('oth: %s', async (_, oth, headers, expected) => {
		const wanted = expected === 'ok' ? 'ok' : 'wrong_other_token_hash'
		expect(await code(wpt({ oth }), context({}, headers))).toBe(wanted)
	})

	it('oth: the blanks of a runtime that keeps them do not count', async () => {
		expect(await code(wpt({ oth: { 'x-user': sha256('u') } }), context({ header: () => '  u ' }))).toBe('ok')
	})

	it('oth: of sixteen at most', async () => {
		const oth = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, sha256('u')]))
		const all = context({ header: () => 'u' })
		expect(await code(wpt({ oth: oth(16) }), all)).toBe('ok')
		expect(await code(wpt({ oth: oth(17) }), all)).toBe('wrong_other_token_hash')
	})
})
