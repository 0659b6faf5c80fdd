/** Who calls: what is believed, what is refused, and with which words. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { forge, jwtSvid, ORDERS, PARTNER, SECONDS, sha256, stranger, WIT, wit, workload } from '../../identity/world.ts'
import { verdict } from '../fakeProxy.ts'
import { DOMAIN, slice } from '../knowledge/fakeReplica.ts'
import { asking, freshProof, identifying, problem, proving, served, trustPart, URL_OF_SHOP } from './identified.ts'

afterEach(() => vi.restoreAllMocks())

const AUD = `http://shop.${DOMAIN}`
const JWT = () => jwtSvid({ aud: [AUD] })
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const open = () => identifying(served('shop', { proofReuse: 'UntilExpiry' }))
const strict = () => identifying(served('shop', { mode: 'STRICT', proofReuse: 'UntilExpiry' }))

describe('a caller is known to a strict service', () => {
	it.each<[string, () => Record<string, string>]>([
		['by WIT and WPT for its origin', () => proving()],
		['by WIT and WPT for the very URL', () => proving(freshProof({ aud: `${AUD}/` }))],
		[
			'by WIT and WPT for another spelling of the host',
			() => proving(freshProof({ aud: `http://shop.default.${DOMAIN}` })),
		],
		['by a JWT-SVID for the service', () => bearer(JWT())],
		['by a JWT-SVID for the whole trust domain', () => bearer(jwtSvid({ aud: 'spiffe://mesh.example.com' }))],
		[
			'by both, when the WPT binds the bearer token',
			() => {
				const token = JWT()
				return { ...bearer(token), ...proving(freshProof({ ath: sha256(token) })) }
			},
		],
		[
			'by WIT and WPT beside a user token that it binds',
			() => ({ ...bearer('opaque'), ...proving(freshProof({ ath: sha256('opaque') })) }),
		],
	])('%s', async (_, headers) => {
		const proxy = strict()
		const sent = headers()
		// The second time, everything is remembered.
		for (let i = 0; i < 2; i++) expect(await verdict(proxy.get(asking(sent)))).toBe(200)
	})
})

describe('refused in the words of the drafts is', () => {
	const hs256 = (claims: object) => forge({ alg: 'HS256', typ: 'wpt+jwt' }, claims, workload)
	it.each<[string, () => Record<string, string>, number, string, string]>([
		['a WIT without WPT', () => ({ 'workload-identity-token': WIT }), 400, 'invalid_proof', 'malformed'],
		['a WPT without WIT', () => ({ 'workload-proof-token': freshProof() }), 400, 'invalid_proof', 'malformed'],
		['two WPTs', () => proving(`${freshProof()}, ${freshProof()}`), 400, 'invalid_proof', 'malformed'],
		['two WITs', () => proving(freshProof(), `${WIT}, ${WIT}`), 400, 'invalid_proof', 'malformed'],
		[
			'a WIT that expired a second ago',
			() => proving(freshProof(), wit({ exp: SECONDS - 1 })),
			400,
			'invalid_proof',
			'expired',
		],
		[
			'a WIT by a key that nobody knows',
			() => proving(freshProof(), wit({}, { kid: 'k9' })),
			400,
			'invalid_proof',
			'unknown_key',
		],
		[
			'a WIT of a trust domain that nobody knows',
			() => proving(freshProof(), wit({ sub: 'spiffe://evil.test/ns/a/sa/b' })),
			400,
			'invalid_proof',
			'unknown_trust_domain',
		],
		[
			'a WPT by another key than the bound one',
			() =>
				proving(
					forge(
						{ alg: 'ES256', typ: 'wpt+jwt' },
						{ aud: AUD, exp: SECONDS + 60, jti: 'proof-0123456789abcdef', wth: sha256(WIT) },
						stranger,
					),
				),
			400,
			'invalid_proof',
			'bad_signature',
		],
		[
			'a WPT with a symmetric algorithm',
			() => proving(hs256({ aud: AUD, exp: SECONDS + 60, jti: 'proof-0123456789abcdef', wth: sha256(WIT) })),
			400,
			'invalid_proof',
			'unsupported_algorithm',
		],
		[
			'a WPT for another host',
			() => proving(freshProof({ aud: 'http://other.mesh.test' })),
			400,
			'invalid_proof',
			'wrong_audience',
		],
		[
			'a WPT for another path',
			() => proving(freshProof({ aud: `${AUD}/other` })),
			400,
			'invalid_proof',
			'wrong_audience',
		],
		[
			'a WPT for another scheme',
			() => proving(freshProof({ aud: `https://shop.${DOMAIN}` })),
			400,
			'invalid_proof',
			'wrong_audience',
		],
		['a WPT of another WIT', () => proving(freshProof({ wth: sha256('x') })), 400, 'invalid_proof', 'wrong_token_hash'],
		[
			'a WPT that does not bind the bearer token',
			() => ({ ...bearer('opaque'), ...proving() }),
			400,
			'invalid_proof',
			'wrong_access_token_hash',
		],
		[
			'a WPT that expires in an hour',
			() => proving(freshProof({ exp: SECONDS + 3_600 })),
			400,
			'invalid_proof',
			'too_long_lived',
		],
		[
			'a JWT-SVID for another service',
			() => bearer(jwtSvid({ aud: ['http://other.mesh.test'] })),
			401,
			'invalid_token',
			'wrong_audience',
		],
		[
			'a JWT-SVID that expired a second ago',
			() => bearer(jwtSvid({ aud: AUD, exp: SECONDS - 1 })),
			401,
			'invalid_token',
			'expired',
		],
		[
			'a bearer token that claims to be a SPIFFE ID',
			() => bearer(forge({ alg: 'none', typ: 'JWT' }, { sub: ORDERS, aud: AUD, exp: SECONDS + 60 }, stranger)),
			401,
			'invalid_token',
			'unsupported_algorithm',
		],
		[
			'proofs of two workloads',
			() => {
				const token = jwtSvid({ aud: AUD, sub: 'spiffe://mesh.example.com/ns/default/sa/other' })
				return { ...bearer(token), ...proving(freshProof({ ath: sha256(token) })) }
			},
			400,
			'invalid_proof',
			'bad_subject',
		],
	])('%s', async (_, headers, status, reason, code) => {
		const proxy = open()
		const response = await proxy.get(asking(headers()))
		const challenge = status === 401 ? 'Bearer error="invalid_token"' : null
		expect(response.headers.get('www-authenticate')).toBe(challenge)
		expect(await problem(response)).toMatchObject({ status, reason, detail: expect.stringMatching(`^${code}: `) })
		expect(proxy.sent).toEqual([])
		expect(proxy.bugs).toEqual([])
	})

	it('whoever shows anything while the isolate has no keys', async () => {
		const proxy = identifying({ ...served('shop'), ...trustPart() })
		proxy.replica.change({ trust: null })
		for (const headers of [proving(), bearer(JWT())])
			expect(await problem(proxy.get(asking(headers)))).toMatchObject({ status: 503, reason: 'identity_unavailable' })
		expect(await verdict(proxy.get(URL_OF_SHOP))).toBe(200)
	})

	it('nobody for hosts that the mesh does not know: they cost nothing', async () => {
		const proxy = open()
		const verify = vi.spyOn(crypto.subtle, 'verify')
		expect(await verdict(proxy.get(asking(proving(), `http://none.${DOMAIN}/`)))).toBe('unknown_host')
		expect(verify).not.toHaveBeenCalled()
	})
})

describe('a user token', () => {
	it.each([
		['opaque', 'opaque'],
		['of a person', forge({ alg: 'RS256' }, { sub: 'auth0|1', iss: 'https://users.test' }, stranger, 'ES256')],
	])('that is %s goes through untouched, and makes nobody known', async (_, token) => {
		const proxy = open()
		expect(await verdict(proxy.get(asking(bearer(token))))).toBe(200)
		expect(proxy.sent[0]!.headers.get('authorization')).toBe(`Bearer ${token}`)
		expect(proxy.sent[0]!.headers.get('selvedge-caller')).toBe(null)
		expect(await verdict(strict().get(asking(bearer(token))))).toBe('identity_required')
	})
})

it('a caller of a federated trust domain is known by its name, and is no workload of ours', async () => {
	const { partnerWit } = await import('../../identity/world.ts')
	const theirs = wit({ sub: `spiffe://${PARTNER}/ns/default/sa/orders`, iss: `spiffe://${PARTNER}` }, {}, partnerWit)
	const mine = slice(`shop.${DOMAIN}`, 'mine', 'default/other', { callerNamespace: 'default' })
	const proxy = identifying({ ...served('shop', { mode: 'STRICT' }), ...served('other'), ...mine })
	expect(await verdict(proxy.get(asking(proving(freshProof({ wth: sha256(theirs) }), theirs))))).toBe(200)
	expect(proxy.sent[0]!.url).toBe('http://shop.test/')
	expect(await verdict(proxy.get(asking(proving())))).toBe(200)
	expect(proxy.sent[1]!.url).toBe('http://other.test/')
})
