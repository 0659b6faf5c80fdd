/** Attacks with WITs and WPTs: each is refused with its own error, and the service never hears of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
	type Attack,
	AUD,
	besiege,
	gone,
	type Headers,
	mesh,
	orders,
	ordersToken,
	payments,
	proven,
	published,
	refusesEach,
	relieve,
	rogue,
	shopping,
	twice,
} from './besieged.ts'
import {
	altered,
	BAD_SUBJECTS,
	FOREIGN_SUBJECTS,
	ORDERS,
	seconds,
	signedBy,
	symmetric,
	unsigned,
	witClaims,
} from './forgeries.ts'
import { DOMAIN } from './meshHarness.ts'
import { newId, proofOf } from './workload.ts'

beforeAll(besiege)
afterAll(relieve)

/** With a WIT of the attacker's making, and a proof by the key that it binds. */
const withWit = async (wit: string | Promise<string>) => proofOf(await wit, rogue, AUD)
const witHeader = (header: object = {}) => ({ typ: 'wit+jwt', kid: published['wit-svid'].kid, ...header })
const rogueWit = (claims: object = {}, header: object = {}) =>
	signedBy(rogue, witHeader(header), witClaims(rogue, claims))
const wptHeader = { typ: 'wpt+jwt' }
const wptClaims = () => ({ aud: AUD, exp: seconds() + 60, jti: newId(), wth: 'x'.repeat(43) })
const withWpt = (wpt: string): Headers => ({ 'workload-identity-token': orders.wit, 'workload-proof-token': wpt })
const padded = (token: string, length: number) => token.padEnd(length, 'A')

async function wthOf(token: string): Promise<string> {
	const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token))
	return Buffer.from(digest).toString('base64url')
}

describe('a WIT is refused', () => {
	refusesEach(400, 'invalid_proof', [
		['alg none', 'unsupported_algorithm', () => withWit(unsigned(witHeader(), witClaims(rogue)))],
		['alg nOnE', 'unsupported_algorithm', () => withWit(unsigned(witHeader(), witClaims(rogue), 'nOnE'))],
		['without its signature', 'bad_signature', () => withWit(orders.wit.replace(/[^.]+$/, ''))],
		[
			'HS256 under the published key as JWK',
			'unsupported_algorithm',
			() => withWit(symmetric(witHeader(), witClaims(rogue), JSON.stringify(published['wit-svid'].jwk))),
		],
		[
			'HS256 under the published key as PEM',
			'unsupported_algorithm',
			() => withWit(symmetric(witHeader(), witClaims(rogue), published['wit-svid'].pem)),
		],
		['by a key of the attacker’s under the mesh’s kid', 'bad_signature', () => withWit(rogueWit())],
		['under a kid of JWT-SVIDs', 'unknown_key', () => withWit(rogueWit({}, { kid: published['jwt-svid'].kid }))],
		['under an unknown kid', 'unknown_key', () => withWit(rogueWit({}, { kid: rogue.thumbprint }))],
		['under a kid that is a path', 'unknown_key', () => withWit(rogueWit({}, { kid: '../../../dev/null' }))],
		['without kid', 'missing_key_id', () => withWit(rogueWit({}, { kid: undefined }))],
		[
			'with its own key in its header',
			'unknown_key',
			() =>
				withWit(
					rogueWit({}, { kid: 'x', jwk: rogue.jwk, jku: 'https://evil.example/jwks', x5u: 'https://evil.example' }),
				),
		],
		['of another type', 'wrong_type', () => withWit(rogueWit({}, { typ: 'JWT' }))],
		['with another subject than was signed', 'bad_signature', () => withWit(altered(payments.wit, { sub: ORDERS }))],
		[
			'with another key than was signed',
			'bad_signature',
			() => withWit(altered(orders.wit, { cnf: { jwk: rogue.jwk } })),
		],
		['a second after its end', 'expired', () => withWit(rogueWit({ exp: seconds() - 1 }))],
		['from the future', 'not_yet_valid', () => withWit(rogueWit({ iat: seconds() + 120 }))],
		['with an audience', 'unexpected_audience', () => withWit(rogueWit({ aud: AUD }))],
		['with 8 KiB and a byte', 'too_large', () => withWit(padded(orders.wit, 8_193))],
		['with 60 KiB', 'too_large', () => withWit(padded(orders.wit, 61_440))],
		['that is a JWT-SVID', 'wrong_type', () => withWit(ordersToken)],
		[
			'given twice',
			'malformed',
			async () => ({ ...(await proven()), 'workload-identity-token': [orders.wit, orders.wit] }),
		],
		[
			'with another one before it',
			'malformed',
			async () => ({ ...(await proven()), 'workload-identity-token': [payments.wit, orders.wit] }),
		],
		['without a proof', 'malformed', () => ({ 'workload-identity-token': orders.wit })],
		...BAD_SUBJECTS.map(
			(sub): Attack => [`for ${JSON.stringify(sub)}`, 'bad_subject', () => withWit(rogueWit({ sub }))],
		),
		...FOREIGN_SUBJECTS.map((sub): Attack => [`for ${sub}`, 'unknown_trust_domain', () => withWit(rogueWit({ sub }))]),
	])

	it('when its workload was revoked', async () => {
		const { status, text } = await shopping(await proven(gone.identity))
		expect([status, JSON.parse(text).reason]).toEqual([400, 'credential_revoked'])
	})
})

describe('a WPT is refused', () => {
	refusesEach(400, 'invalid_proof', [
		['by another key than cnf', 'bad_signature', () => proofOf(orders.wit, rogue, AUD)],
		[
			'alg none',
			'unsupported_algorithm',
			async () => withWpt(unsigned(wptHeader, { ...wptClaims(), wth: await wthOf(orders.wit) })),
		],
		[
			'HS256 under the workload’s public key',
			'unsupported_algorithm',
			async () =>
				withWpt(symmetric(wptHeader, { ...wptClaims(), wth: await wthOf(orders.wit) }, JSON.stringify(orders.key.jwk))),
		],
		[
			'of another type',
			'wrong_type',
			async () => withWpt(await signedBy(orders.key, { typ: 'dpop+jwt' }, wptClaims())),
		],
		[
			'for another WIT',
			'wrong_token_hash',
			async () => ({ ...(await proven(payments)), 'workload-identity-token': orders.wit }),
		],
		['without wth', 'wrong_token_hash', () => proven(orders, { wth: undefined })],
		['for another service', 'wrong_audience', () => proven(orders, {}, `http://open.${DOMAIN}`)],
		['for a host that begins like the service’s', 'wrong_audience', () => proven(orders, {}, `${AUD}.evil.example`)],
		['for another path', 'wrong_audience', () => proven(orders, {}, `${AUD}/other`)],
		['for another scheme', 'wrong_audience', () => proven(orders, {}, `https://shop.${DOMAIN}`)],
		['for a list of audiences', 'wrong_audience', () => proven(orders, { aud: [AUD, 'http://evil.example'] })],
		['a second after its end', 'expired', () => proven(orders, { exp: seconds() - 1 })],
		['that lives for more than five minutes', 'too_long_lived', () => proven(orders, { exp: seconds() + 330 })],
		['without an end', 'bad_time', () => proven(orders, { exp: undefined })],
		['without jti', 'bad_token_id', () => proven(orders, { jti: undefined })],
		['with a jti that can be guessed', 'bad_token_id', () => proven(orders, { jti: '000000000000001' })],
		[
			'without ath beside an access token',
			'wrong_access_token_hash',
			async () => ({ ...(await proven()), authorization: 'Bearer of-a-user' }),
		],
		[
			'with the ath of another access token',
			'wrong_access_token_hash',
			async () => ({ ...(await proven(orders, { ath: await wthOf('of-another') })), authorization: 'DPoP of-a-user' }),
		],
		[
			'with an ath whose access token is gone',
			'wrong_access_token_hash',
			async () => proven(orders, { ath: await wthOf('of-a-user') }),
		],
		['without tth beside a Txn-Token', 'wrong_txn_token_hash', async () => ({ ...(await proven()), 'txn-token': 'x' })],
		[
			'with the hash of a field that is gone',
			'wrong_other_token_hash',
			async () => proven(orders, { oth: { 'x-context': await wthOf('x') } }),
		],
		['with 8 KiB and a byte', 'too_large', () => withWpt('A'.repeat(8_193))],
		[
			'without its WIT',
			'malformed',
			async () => ({ 'workload-proof-token': (await proven())['workload-proof-token']! }),
		],
		['given twice', 'malformed', async () => twice(await proven(), 'workload-proof-token')],
	])

	it.each([
		['the same proof', (headers: Headers) => headers],
		['another one of its jti', (_: Headers, jti: string) => proven(orders, { jti })],
	])('when it was shown before: %s', async (_, second) => {
		const jti = newId()
		const headers = await proven(orders, { jti })
		expect((await shopping(headers)).status).toBe(200)
		const { status, text } = await shopping(await second(headers, jti))
		expect([status, JSON.parse(text).reason]).toEqual([400, 'proof_replayed'])
	})

	it('by services too that ask for none', async () => {
		const { status, text } = await mesh.via(`open.${DOMAIN}`, '/', { headers: await proofOf(orders.wit, rogue, AUD) })
		expect([status, JSON.parse(text).reason]).toEqual([400, 'invalid_proof'])
	})
})
