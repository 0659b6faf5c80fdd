/** Attacks with bearer tokens, and with what a client says of itself: refused, or taken off, before a service hears of it. */
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Echoed, valuesOf } from './backend.ts'
import {
	type Attack,
	AUD,
	admin,
	besiege,
	gone,
	type Headers,
	mesh,
	orders,
	ordersToken,
	proven,
	published,
	reached,
	refusesEach,
	relieve,
	rogue,
	shopping,
	twice,
} from './besieged.ts'
import { eventually } from './client.ts'
import {
	altered,
	BAD_SUBJECTS,
	FOREIGN_SUBJECTS,
	ORDERS,
	seconds,
	signedBy,
	svidClaims,
	symmetric,
	unsigned,
} from './forgeries.ts'
import { jwtSvid } from './identities.ts'
import { DOMAIN } from './meshHarness.ts'

beforeAll(besiege)
afterAll(relieve)

const bearing = async (token: string | Promise<string>): Promise<Headers> => ({
	authorization: `Bearer ${await token}`,
})

const svidHeader = (header: object = {}) => ({ typ: 'JWT', kid: published['jwt-svid'].kid, ...header })
const rogueSvid = (claims: object = {}, header: object = {}) =>
	signedBy(rogue, svidHeader(header), svidClaims(AUD, claims))

describe('a JWT-SVID is refused', () => {
	refusesEach(401, 'invalid_token', [
		['alg none', 'unsupported_algorithm', () => bearing(unsigned(svidHeader(), svidClaims(AUD)))],
		[
			'HS256 under the published key as JWK',
			'unsupported_algorithm',
			() => bearing(symmetric(svidHeader(), svidClaims(AUD), JSON.stringify(published['jwt-svid'].jwk))),
		],
		[
			'HS256 under the published key as PEM',
			'unsupported_algorithm',
			() => bearing(symmetric(svidHeader(), svidClaims(AUD), published['jwt-svid'].pem)),
		],
		['by a key of the attacker’s under the mesh’s kid', 'bad_signature', () => bearing(rogueSvid())],
		['under a kid of WITs', 'unknown_key', () => bearing(rogueSvid({}, { kid: published['wit-svid'].kid }))],
		['under an unknown kid', 'unknown_key', () => bearing(rogueSvid({}, { kid: 'x' }))],
		['with its own key in its header', 'unsupported_header', () => bearing(rogueSvid({}, { jwk: rogue.jwk }))],
		[
			'for another subject than was signed',
			'bad_signature',
			() => bearing(altered(ordersToken, { sub: ORDERS.replace('orders', 'admin') })),
		],
		['for another audience', 'wrong_audience', () => bearing(rogueSvid({ aud: [`http://open.${DOMAIN}`] }))],
		[
			'for another audience than was signed',
			'bad_signature',
			async () => bearing(altered(await jwtSvid(admin, orders, `http://open.${DOMAIN}`), { aud: [AUD] })),
		],
		['a second after its end', 'expired', () => bearing(rogueSvid({ exp: seconds() - 1 }))],
		['with 8 KiB and a byte', 'too_large', () => bearing(rogueSvid({ pad: 'A'.repeat(8_193) }))],
		['that is a WIT', 'wrong_type', () => bearing(orders.wit)],
		...BAD_SUBJECTS.map(
			(sub): Attack => [`for ${JSON.stringify(sub)}`, 'bad_subject', () => bearing(rogueSvid({ sub }))],
		),
		...FOREIGN_SUBJECTS.map((sub): Attack => [`for ${sub}`, 'unknown_trust_domain', () => bearing(rogueSvid({ sub }))]),
	])

	it('when its workload was revoked', async () => {
		const { status, text } = await shopping(await bearing(gone.token))
		expect([status, JSON.parse(text).reason]).toEqual([401, 'credential_revoked'])
	})
})

describe('what a client says of itself does not reach a service', () => {
	const spoofed: Headers = {
		'Selvedge-Caller': ['forged', 'twice'],
		'Client-Cert': ':Zm9yZ2Vk:',
		'Client-Cert-Chain': ':Zm9yZ2Vk:',
		'X-Forwarded-Client-Cert': `URI=${ORDERS}`,
	}
	const names = [...Object.keys(spoofed), 'Workload-Identity-Token', 'Workload-Proof-Token']
	const got = (text: string, name: string) => valuesOf((JSON.parse(text) as Echoed).rawHeaders, name)

	it('when nobody has proven anything', async () => {
		const { status, text } = await mesh.via(`open.${DOMAIN}`, '/', { headers: spoofed })
		expect([status, ...names.flatMap((name) => got(text, name))]).toEqual([200])
	})

	it('when its caller has proven who it is: the mesh’s own word is all that it gets', async () => {
		const { status, text } = await eventually(
			async () => shopping({ ...spoofed, ...(await proven()) }),
			({ status, text }) => status !== 200 || got(text, 'selvedge-caller').length > 0,
		)
		const [assertion, ...others] = names.flatMap((name) => got(text, name))
		expect([status, decodeJwt(assertion!).sub, others]).toEqual([200, ORDERS, []])
	})

	it('and proves nothing: a strict service refuses it', async () => {
		for (const headers of [
			spoofed,
			{ authorization: 'Bearer of-a-user' },
			twice(await bearing(ordersToken), 'authorization'),
		]) {
			const { status, text } = await shopping(headers)
			expect([status, JSON.parse(text).reason]).toEqual([403, 'identity_required'])
		}
	})

	it.each(['workload-identity-token', 'workload-proof-token', 'authorization'])(
		'not even a %s of a megabyte, which the mesh survives',
		async (name) => {
			const before = reached
			const status = await shopping({ ...(await proven()), [name]: `Bearer ${'A'.repeat(1_048_576)}` }).then(
				({ status }) => status,
				() => 'cut off',
			)
			expect(['cut off', 431]).toContain(status)
			expect(reached).toBe(before)
			expect((await shopping(await proven())).status).toBe(200)
		},
	)
})
