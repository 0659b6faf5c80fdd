/** A WIT is believed when a key of its own trust domain signed it for that use, now, and for a key that can be proven. */
import { describe, expect, it } from 'vitest'
import { thumbprint } from '../../../src/identity/publicKey.ts'
import { verifyWit } from '../../../src/identity/wit.ts'
import {
	forge,
	makeKey,
	meshJwt,
	meshWit,
	NOW,
	ORDERS,
	outcome,
	PARTNER,
	part,
	partnerWit,
	SECONDS,
	sha256,
	signText,
	store,
	stranger,
	TRUST_DOMAIN,
	trustOf,
	wit,
	witClaims,
	witHeader,
	workload,
} from './world.ts'

const trust = store()
const code = async (token: string, in_ = trust, now = NOW) => outcome(await verifyWit(in_, token, now))
const rsa = makeKey('RS256')
const edwards = makeKey('EdDSA')

describe('a WIT', () => {
	it('proves a workload of the mesh, and says with which key', async () => {
		const token = wit()
		const verified = await verifyWit(trust, token, NOW)
		expect(verified).toEqual({
			ok: true,
			value: {
				proven: {
					spiffeId: ORDERS,
					trustDomain: TRUST_DOMAIN,
					namespace: 'default',
					workload: 'orders',
					method: 'WorkloadProof',
					issuedAt: NOW - 10_000,
					expiresAt: NOW + 3_600_000,
					tokenId: 'wit-1',
					keyThumbprint: await thumbprint(workload.jwk),
				},
				key: expect.any(CryptoKey),
				alg: 'ES256',
				hash: sha256(token),
			},
		})
	})

	it('of a federated trust domain proves a name there, and no workload of ours', async () => {
		const sub = `spiffe://${PARTNER}/ns/default/sa/orders`
		const verified = await verifyWit(trust, wit({ sub }, {}, partnerWit), NOW)
		expect(verified.ok && verified.value.proven).toMatchObject({ spiffeId: sub, trustDomain: PARTNER })
		expect(verified.ok && Object.keys(verified.value.proven)).not.toContain('workload')
	})

	it.each(['application/wit+jwt', 'WIT+JWT'])('may write its type as %s', async (typ) => {
		expect(await code(wit({}, { typ }))).toBe('ok')
	})

	it.each([
		['without jti, iat and iss', { jti: undefined, iat: undefined, iss: undefined }],
		['with claims that nobody knows', { role: 'admin', 'example.com/x': {} }],
		['for a key of RSA', { cnf: { jwk: rsa.jwk } }],
		['issued by a clock that is a minute ahead', { iat: SECONDS + 60, nbf: SECONDS + 60 }],
		['with times between seconds', { iat: SECONDS - 0.5, exp: SECONDS + 0.5 }],
		['of another workload', { sub: 'spiffe://mesh.example.com/ns/shop/sa/web' }],
	])('%s is taken', async (_, claims) => expect(await code(wit(claims))).toBe('ok'))

	it('with other header parameters is taken: they are not followed', async () => {
		expect(await code(wit({}, { jwk: stranger.jwk, jku: 'https://attacker.example', cty: 'x' }))).toBe('ok')
	})
})

describe('a WIT is refused', () => {
	it.each<[string, string, Record<string, unknown>]>([
		['by another type', 'wrong_type', { typ: 'JWT' }],
		['as a proof', 'wrong_type', { typ: 'wpt+jwt' }],
		['without a type', 'wrong_type', { typ: undefined }],
		['with alg none', 'unsupported_algorithm', { alg: 'none' }],
		['with alg None', 'unsupported_algorithm', { alg: 'None' }],
		['with HS256', 'unsupported_algorithm', { alg: 'HS256' }],
		['with EdDSA', 'unsupported_algorithm', { alg: 'EdDSA' }],
		['with an unknown algorithm', 'unsupported_algorithm', { alg: 'ES256K' }],
		['with another algorithm than the key’s', 'algorithm_mismatch', { alg: 'ES384' }],
		['with RS256 for a key of ES256', 'algorithm_mismatch', { alg: 'RS256' }],
		['without kid', 'missing_key_id', { kid: undefined }],
		['with an empty kid', 'missing_key_id', { kid: '' }],
		['with a kid that nobody has', 'unknown_key', { kid: 'k9' }],
		['with the kid of a JWT-SVID key', 'unknown_key', { kid: 'k2' }],
		['with the kid of a partner’s other key', 'unknown_key', { kid: 'p2' }],
		['with a kid that looks like an entry', 'unknown_key', { kid: 'k1 wit-svid' }],
		['with critical extensions', 'unsupported_header', { crit: ['exp'] }],
		['with an unencoded payload', 'unsupported_header', { b64: false, crit: ['b64'] }],
		['with a kid that is a list', 'malformed', { kid: ['k1'] }],
	])('%s', async (_, expected, header) => expect(await code(wit({}, header))).toBe(expected))

	it.each<[string, string, Record<string, unknown>]>([
		['without exp', 'bad_time', { exp: undefined }],
		['with exp as a text', 'bad_time', { exp: String(SECONDS + 60) }],
		['with exp in ms', 'bad_time', { exp: NOW + 60_000 }],
		['with a negative exp', 'bad_time', { exp: -1 }],
		['with exp null', 'bad_time', { exp: null }],
		['with iat as a text', 'bad_time', { iat: '0' }],
		['with nbf as a list', 'bad_time', { nbf: [SECONDS] }],
		['expired now', 'expired', { exp: SECONDS }],
		['expired by a second', 'expired', { exp: SECONDS - 1 }],
		['good for longer than a revocation of it would last', 'too_long_lived', { exp: SECONDS + 86_461 }],
		['issued in the future', 'not_yet_valid', { iat: SECONDS + 61 }],
		['valid in the future', 'not_yet_valid', { nbf: SECONDS + 61 }],
		['with an audience', 'unexpected_audience', { aud: 'https://orders.mesh.example.com' }],
		['with an audience that is null', 'unexpected_audience', { aud: null }],
		['with an empty jti', 'bad_token_id', { jti: '' }],
		['with a jti of 257 characters', 'bad_token_id', { jti: 'j'.repeat(257) }],
		['with a jti that is a number', 'bad_token_id', { jti: 1 }],
		['without sub', 'bad_subject', { sub: undefined }],
		['with a sub that is a list', 'bad_subject', { sub: [ORDERS] }],
		['for a URL', 'bad_subject', { sub: 'https://mesh.example.com/ns/default/sa/orders' }],
		['for a wimse URI', 'bad_subject', { sub: 'wimse://mesh.example.com/ns/default/sa/orders' }],
		['for the trust domain itself', 'bad_subject', { sub: 'spiffe://mesh.example.com' }],
		['for a path that is no workload', 'bad_subject', { sub: 'spiffe://mesh.example.com/admin' }],
		['with dot segments', 'bad_subject', { sub: 'spiffe://mesh.example.com/ns/a/../default/sa/orders' }],
		['with percent', 'bad_subject', { sub: 'spiffe://mesh.example.com/ns/%64efault/sa/orders' }],
		['in upper case', 'bad_subject', { sub: 'SPIFFE://mesh.example.com/ns/default/sa/orders' }],
		['with an upper-case trust domain', 'bad_subject', { sub: 'spiffe://MESH.example.com/ns/default/sa/orders' }],
		[
			'of a trust domain that nobody knows',
			'unknown_trust_domain',
			{ sub: 'spiffe://evil.example/ns/default/sa/orders' },
		],
		[
			'of a trust domain below ours',
			'unknown_trust_domain',
			{ sub: 'spiffe://a.mesh.example.com/ns/default/sa/orders' },
		],
		['without cnf', 'bad_confirmation', { cnf: undefined }],
		['with a cnf that is a text', 'bad_confirmation', { cnf: 'jwk' }],
		['with a cnf that is null', 'bad_confirmation', { cnf: null }],
		['with a thumbprint only', 'bad_confirmation', { cnf: { jkt: 'x' } }],
		['for a key without alg', 'bad_confirmation', { cnf: { jwk: { ...workload.jwk, alg: undefined } } }],
		['for a symmetric key', 'bad_confirmation', { cnf: { jwk: { kty: 'oct', alg: 'HS256', k: 'AAAA' } } }],
		['for a private key', 'bad_confirmation', { cnf: { jwk: { ...workload.jwk, d: 'AAAA' } } }],
		['for a key of Ed25519', 'bad_confirmation', { cnf: { jwk: edwards.jwk } }],
		['for a key off its curve', 'bad_confirmation', { cnf: { jwk: { ...workload.jwk, y: workload.jwk.x } } }],
		['for a key of another curve', 'bad_confirmation', { cnf: { jwk: { ...workload.jwk, alg: 'ES384' } } }],
	])('%s', async (_, expected, claims) => expect(await code(wit(claims))).toBe(expected))

	it('by anybody else’s signature', async () => {
		expect(await code(wit({}, {}, stranger))).toBe('bad_signature')
		expect(await code(wit({}, {}, meshJwt))).toBe('bad_signature')
		expect(await code(wit({}, {}, workload))).toBe('bad_signature')
		expect(await code(`${wit().split('.').slice(0, 2).join('.')}.`)).toBe('bad_signature')
	})

	it('by the key of another trust domain, under whichever of its names', async () => {
		// Both publish a key that they call k1.
		expect(await code(wit({}, {}, partnerWit))).toBe('bad_signature')
		expect(await code(wit({ sub: `spiffe://${PARTNER}/x` }, {}, meshWit))).toBe('bad_signature')
		expect(await code(wit({ iss: `spiffe://${PARTNER}` }, {}, partnerWit))).toBe('bad_signature')
	})

	it('of a federated trust domain, when it names that trust domain itself', async () => {
		expect(await code(wit({ sub: `spiffe://${PARTNER}` }, {}, partnerWit))).toBe('bad_subject')
	})

	it('by HMAC with a public key as its secret', async () => {
		const { createHmac, createPublicKey } = await import('node:crypto')
		const text = `${part({ ...witHeader, alg: 'HS256' })}.${part(witClaims)}`
		const key = createPublicKey({ key: meshWit.jwk as never, format: 'jwk' })
		for (const secret of [
			key.export({ type: 'spki', format: 'pem' }),
			key.export({ type: 'spki', format: 'der' }),
			JSON.stringify(meshWit.jwk),
		])
			expect(await code(`${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`)).toBe(
				'unsupported_algorithm',
			)
	})

	it('without a signature, under alg none', async () => {
		expect(await code(`${part({ ...witHeader, alg: 'none' })}.${part(witClaims)}.`)).toBe('unsupported_algorithm')
	})

	it('when it is too large, before anything of it is read', async () => {
		expect(await code(wit({ filler: 'a'.repeat(8_192) }))).toBe('too_large')
		expect(await code('.'.repeat(100_000))).toBe('too_large')
	})

	it.each(['', 'a', 'a.b', 'a.b.c', '..', 'a.b.c.d', `${wit()}.`, `${wit()},${wit()}`, `${wit()} `, 'null', '{}'])(
		'when it is no token: %j',
		async (token) => expect(await code(token)).toBe('malformed'),
	)

	it('when its claims stand twice and the last ones are wrong', async () => {
		const claims = JSON.stringify(witClaims).replace(/}$/, `,"sub":"spiffe://evil.example/x"}`)
		const text = `${part(witHeader)}.${Buffer.from(claims).toString('base64url')}`
		expect(await code(signText(text, meshWit.privateKey))).toBe('unknown_trust_domain')
	})

	it('with nothing of it in the refusal', async () => {
		const verified = await verifyWit(trust, wit({ sub: 'spiffe://evil.example/secret-name', jti: 'secret-jti' }), NOW)
		expect(JSON.stringify(verified)).not.toMatch(/secret|evil/)
	})
})

describe('keys', () => {
	const double = (jwk = stranger.jwk) => ({ use: 'wit-svid' as const, kid: 'k1', jwk })

	it('of equal name are none, unless they are equal', async () => {
		expect(await code(wit(), store({ keys: [...trustOf().keys, double()] }))).toBe('unusable_key')
		expect(await code(wit(), store({ keys: [...trustOf().keys, double(), double(meshWit.jwk)] }))).toBe('unusable_key')
		expect(await code(wit(), store({ keys: [...trustOf().keys, double({ ...meshWit.jwk })] }))).toBe('ok')
	})

	it('of a federated bundle for our own trust domain are not looked at', async () => {
		const federated = [{ trustDomain: TRUST_DOMAIN, keys: [{ ...double(), kid: 'k7' }], authorities: [] }]
		expect(await code(wit({}, { kid: 'k7' }, stranger), store({ federated }))).toBe('unknown_key')
		expect(await code(wit(), store({ federated }))).toBe('ok')
	})

	it('that cannot be used are said to be so, every time', async () => {
		const broken = store({ keys: [{ use: 'wit-svid', kid: 'k1', jwk: { ...meshWit.jwk, y: meshWit.jwk.x! } }] })
		expect([await code(wit(), broken), await code(wit(), broken)]).toEqual(['unusable_key', 'unusable_key'])
	})

	it('for EdDSA sign no SVID, though they are published', async () => {
		const with_ = store({ keys: [{ use: 'wit-svid', kid: 'e', jwk: edwards.jwk }] })
		expect(await code(forge({ ...witHeader, kid: 'e', alg: 'EdDSA' }, witClaims, edwards), with_)).toBe(
			'unsupported_algorithm',
		)
	})

	it.each(['ES384', 'ES512', 'RS256', 'RS512', 'PS256', 'PS384'])('for %s sign SVIDs', async (alg) => {
		const key = makeKey(alg)
		const with_ = store({ keys: [{ use: 'wit-svid', kid: 'x', jwk: key.jwk }] })
		expect(await code(wit({}, { kid: 'x', alg }, key), with_)).toBe('ok')
	})
})

describe('a revoked', () => {
	it.each([
		['workload, by what was issued at that time', { workloads: { [ORDERS]: NOW - 10_000 } }, 'revoked'],
		['workload, by what was issued before', { workloads: { [ORDERS]: NOW - 9_999 } }, 'revoked'],
		['token', { tokens: ['wit-1'] }, 'revoked'],
		['workload that joined again is taken', { workloads: { [ORDERS]: NOW - 10_001 } }, 'ok'],
		['other workload says nothing', { workloads: { [`${ORDERS}-2`]: NOW }, tokens: ['wit-2'], keys: ['x'] }, 'ok'],
	])('%s', async (_, revocations, expected) => expect(await code(wit(), store({}, revocations))).toBe(expected))

	it('key is refused, whatever token binds it', async () => {
		const revoked = store({}, { keys: [await thumbprint(workload.jwk)] })
		expect(await code(wit({ jti: 'other', sub: `${ORDERS}-2` }), revoked)).toBe('revoked')
		// Another way to write the same key has the same thumbprint.
		expect(await code(wit({ cnf: { jwk: { ...workload.jwk, kid: 'other', ext: true } } }), revoked)).toBe('revoked')
	})

	it('workload is refused whenever its token does not say since when it is', async () => {
		expect(await code(wit({ iat: undefined }), store({}, { workloads: { [ORDERS]: 0 } }))).toBe('revoked')
	})
})
