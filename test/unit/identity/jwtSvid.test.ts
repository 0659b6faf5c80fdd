/** A JWT-SVID is believed by the audiences it names, while it lasts, under a key of its own trust domain and for that use. */
import { describe, expect, it } from 'vitest'
import { looksLikeJwtSvid, verifyJwtSvid } from '../../../src/identity/jwtSvid.ts'
import {
	forge,
	jwtClaims,
	jwtSvid,
	makeKey,
	meshWit,
	NOW,
	ORDERS,
	outcome,
	PARTNER,
	part,
	partnerJwt,
	SECONDS,
	store,
	stranger,
	TRUST_DOMAIN,
	wit,
	workload,
} from './world.ts'

const AUDIENCES = ['https://orders.mesh.example.com', 'spiffe://mesh.example.com']
const trust = store()
const verify = (token: string, in_ = trust, now = NOW) => verifyJwtSvid(in_, token, AUDIENCES, now)
const code = async (token: string, in_ = trust, now = NOW) => outcome(await verify(token, in_, now))

describe('a JWT-SVID', () => {
	it('proves a workload of the mesh', async () => {
		expect(await verify(jwtSvid())).toEqual({
			ok: true,
			value: {
				spiffeId: ORDERS,
				trustDomain: TRUST_DOMAIN,
				namespace: 'default',
				workload: 'orders',
				method: 'JWTSVID',
				issuedAt: NOW - 10_000,
				expiresAt: NOW + 300_000,
				tokenId: 'jwt-1',
			},
		})
	})

	it('of a federated trust domain proves a name there', async () => {
		const sub = `spiffe://${PARTNER}/billing`
		const verified = await verify(jwtSvid({ sub }, { kid: 'p2' }, partnerJwt))
		expect(verified.ok && verified.value).toMatchObject({ spiffeId: sub, trustDomain: PARTNER })
	})

	it.each<[string, Record<string, unknown>]>([
		['one audience as a text', { aud: AUDIENCES[0] }],
		['the origin with a final slash', { aud: [`${AUDIENCES[0]}/`] }],
		['the trust domain', { aud: ['spiffe://mesh.example.com'] }],
		['ours among others', { aud: ['https://a.example', AUDIENCES[0], 'reports'] }],
		['no jti, iat or iss', { jti: undefined, iat: undefined, iss: undefined }],
	])('with %s is taken', async (_, claims) => expect(await code(jwtSvid(claims))).toBe('ok'))

	it.each(['JWT', 'jwt', 'JOSE', 'application/JWT', undefined])('may be of type %s', async (typ) => {
		expect(await code(jwtSvid({}, { typ }))).toBe('ok')
	})
})

type Refused = [name: string, code: string, fields: Record<string, unknown>]

describe('a JWT-SVID is refused', () => {
	it.each<Refused>([
		...['wit+jwt', 'WPT+JWT', 'application/selvedge-caller+jwt', 'selvedge-delegation+jwt', 'at+jwt', ''].map(
			(typ): Refused => [`of type ${JSON.stringify(typ)}`, 'wrong_type', { typ }],
		),
		['whose type is no text', 'malformed', { typ: null }],
		['without a type, with the kid of a WIT key', 'unknown_key', { typ: undefined, kid: 'k1' }],
		['with alg none', 'unsupported_algorithm', { alg: 'none' }],
		['with HS256', 'unsupported_algorithm', { alg: 'HS256' }],
		['with EdDSA', 'unsupported_algorithm', { alg: 'EdDSA' }],
		['with another algorithm than the key’s', 'algorithm_mismatch', { alg: 'PS256' }],
		['without kid', 'missing_key_id', { kid: undefined }],
		['with the kid of a WIT key', 'unknown_key', { kid: 'k1' }],
		['with the kid of a partner', 'unknown_key', { kid: 'p2' }],
		['with a key in its header', 'unsupported_header', { jwk: stranger.jwk }],
		['with a link to keys in its header', 'unsupported_header', { jku: 'https://attacker.example' }],
		['with critical extensions', 'unsupported_header', { crit: ['exp'] }],
	])('%s', async (_, expected, header) => expect(await code(jwtSvid({}, header))).toBe(expected))

	it.each<Refused>([
		['without exp', 'bad_time', { exp: undefined }],
		['expired now', 'expired', { exp: SECONDS }],
		['expired by a second', 'expired', { exp: SECONDS - 1 }],
		['good for longer than a revocation of it would last', 'too_long_lived', { exp: SECONDS + 86_461 }],
		['issued in the future', 'not_yet_valid', { iat: SECONDS + 61 }],
		['without aud', 'wrong_audience', { aud: undefined }],
		['for nobody', 'wrong_audience', { aud: [] }],
		['for another service', 'wrong_audience', { aud: ['https://payments.mesh.example.com'] }],
		['for another trust domain', 'wrong_audience', { aud: ['spiffe://partner.example.org'] }],
		['for a path of the service', 'wrong_audience', { aud: ['https://orders.mesh.example.com/v1'] }],
		['for a list with a number', 'wrong_audience', { aud: [AUDIENCES[0], 1] }],
		['for a list in a list', 'wrong_audience', { aud: [AUDIENCES] }],
		['for an object', 'wrong_audience', { aud: { 0: AUDIENCES[0] } }],
		['with an empty jti', 'bad_token_id', { jti: '' }],
		['of the trust domain itself', 'bad_subject', { sub: 'spiffe://mesh.example.com' }],
		['in upper case', 'bad_subject', { sub: 'spiffe://mesh.example.com/NS/default/SA/orders' }],
		['of a trust domain that nobody knows', 'unknown_trust_domain', { sub: 'spiffe://evil.example/x' }],
	])('%s', async (_, expected, claims) => expect(await code(jwtSvid(claims))).toBe(expected))

	it('by anybody else’s signature', async () => {
		for (const key of [stranger, meshWit, workload, partnerJwt])
			expect(await code(jwtSvid({}, {}, key))).toBe('bad_signature')
		expect(await code(jwtSvid({ sub: `spiffe://${PARTNER}/x` }, { kid: 'p2' }))).toBe('bad_signature')
	})

	it('when it is too large', async () => expect(await code(jwtSvid({ filler: 'a'.repeat(8_192) }))).toBe('too_large'))

	it('when it, or its workload, was revoked', async () => {
		expect(await code(jwtSvid(), store({}, { tokens: ['jwt-1'] }))).toBe('revoked')
		expect(await code(jwtSvid(), store({}, { workloads: { [ORDERS]: NOW } }))).toBe('revoked')
		expect(await code(jwtSvid(), store({}, { workloads: { [ORDERS]: NOW - 20_000 } }))).toBe('ok')
	})
})

describe('a bearer token', () => {
	it.each<[string, unknown]>([
		['a JWT-SVID', jwtClaims],
		['one of a stranger', { sub: 'spiffe://evil.example/x' }],
		['one that is no SPIFFE ID after all', { sub: 'spiffe:' }],
		['one in upper case', { sub: 'SPIFFE://mesh.example.com/x' }],
	])('is ours to judge: %s', (_, claims) =>
		expect(looksLikeJwtSvid(forge({ alg: 'none' }, claims, stranger, 'ES256'))).toBe(true),
	)

	it('is ours to judge, however large, and whatever its header', () => {
		expect(looksLikeJwtSvid(jwtSvid({ filler: 'a'.repeat(20_000) }))).toBe(true)
		expect(looksLikeJwtSvid(`x.${part(jwtClaims)}.`)).toBe(true)
		expect(looksLikeJwtSvid(wit())).toBe(true)
	})

	it.each([
		'',
		'opaque-token',
		'a.b.c',
		`${part({})}.${part({ sub: 'user-1' })}.x`,
		`${part({})}.${part({ sub: 'https://x/spiffe://y' })}.x`,
		`${part({})}.${part({ sub: ['spiffe://a/b'] })}.x`,
		`${part({})}.${part(null)}.x`,
		`${part({})}.${part(['spiffe://a/b'])}.x`,
		`${part({})}.${part('spiffe://a/b')}.x`,
		`${part({})}.${part(jwtClaims)}`,
		`${part({})}.${part(jwtClaims)}.a.b.c`,
	])('is somebody’s user token: %s', (token) => expect(looksLikeJwtSvid(token)).toBe(false))
})

it('a key published for EdDSA signs no JWT-SVID', async () => {
	const key = makeKey('EdDSA')
	const with_ = store({ keys: [{ use: 'jwt-svid', kid: 'k2', jwk: key.jwk }] })
	expect(await code(jwtSvid({}, { alg: 'EdDSA' }, key), with_)).toBe('unsupported_algorithm')
})
