/** What the token endpoint takes for a request, and what it says of every other. */
import { describe, expect, it } from 'vitest'
import { refusedReply } from '../../../workers/admin/joining/refused.ts'
import { readTokenRequest } from '../../../workers/admin/joining/tokenRequest.ts'

const EXCHANGE = 'grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange'
const SUBJECT = `${EXCHANGE}&subject_token=t&subject_token_type=urn:selvedge:token-type:join-token`
const ASSERTION = 'client_assertion=a&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const CLIENT = 'grant_type=client_credentials'
const JWT = 'requested_token_type=urn:ietf:params:oauth:token-type:jwt'
const read = (form: string, hasWit = false) => readTokenRequest(new URLSearchParams(form), hasWit)

describe('a token request', () => {
	it.each([
		[SUBJECT, false, { method: 'joinToken', token: 't' }],
		[
			`${EXCHANGE}&subject_token=t&subject_token_type=urn:ietf:params:oauth:token-type:jwt`,
			false,
			{ method: 'oidc', token: 't' },
		],
		[
			`${EXCHANGE}&subject_token=t&subject_token_type=urn:ietf:params:oauth:token-type:id_token`,
			false,
			{ method: 'oidc', token: 't' },
		],
		[`${CLIENT}&${ASSERTION}`, false, { method: 'privateKeyJwt', token: 'a' }],
		[CLIENT, true, { method: 'renewal' }],
		[CLIENT, false, { method: 'clientCertificate' }],
		[`${CLIENT}&client_id=unknown+parameters+are+ignored`, false, { method: 'clientCertificate' }],
	])('%s, with a WIT: %s', (form, hasWit, credential) => {
		expect(read(form, hasWit)).toEqual({ ok: true, value: { credential, wanted: { kind: 'wit' } } })
	})

	it('says the token, its audiences, the workload and its life', () => {
		const form = `${SUBJECT}&${JWT}&audience=a&audience=b&audience=a&workload=shop/orders&expires_in=60`
		expect(read(form)).toEqual({
			ok: true,
			value: {
				credential: { method: 'joinToken', token: 't' },
				wanted: { kind: 'jwtSvid', audiences: ['a', 'b'] },
				workload: { namespace: 'shop', workload: 'orders' },
				expiresIn: 60,
			},
		})
	})

	it.each([
		['', 'invalid_request'],
		['grant_type=', 'invalid_request'],
		['grant_type=password', 'unsupported_grant_type'],
		['grant_type=constructor', 'unsupported_grant_type'],
		[EXCHANGE, 'invalid_request'],
		[`${EXCHANGE}&subject_token=t`, 'invalid_request'],
		[`${EXCHANGE}&subject_token=t&subject_token_type=constructor`, 'invalid_request'],
		[`${SUBJECT}&subject_token=again`, 'invalid_request'],
		[`${SUBJECT}&${EXCHANGE}`, 'invalid_request'],
		[`${SUBJECT}&unknown=1&unknown=2`, 'invalid_request'],
		[`${SUBJECT}&actor_token=t`, 'invalid_request'],
		[`${CLIENT}&client_assertion=a`, 'invalid_request'],
		[`${CLIENT}&client_assertion=a&client_assertion_type=other`, 'invalid_request'],
		[`${CLIENT}&client_secret=s`, 'invalid_client'],
		[`${SUBJECT}&requested_token_type=urn:ietf:params:oauth:token-type:saml2`, 'invalid_request'],
		[`${SUBJECT}&audience=a`, 'invalid_target'],
		[`${SUBJECT}&resource=https://a.example`, 'invalid_target'],
		[`${SUBJECT}&${JWT}`, 'invalid_request'],
		[`${SUBJECT}&${JWT}&audience=`, 'invalid_request'],
		[`${SUBJECT}&${JWT}&audience=a%20b`, 'invalid_target'],
		[`${SUBJECT}&${JWT}&audience=${'a'.repeat(513)}`, 'invalid_target'],
		[`${SUBJECT}&${JWT}&${[...'abcdefghi'].map((a) => `audience=${a}`).join('&')}`, 'invalid_target'],
		[`${SUBJECT}&workload=orders`, 'invalid_request'],
		[`${SUBJECT}&workload=shop/or--ders`, 'invalid_request'],
		[`${SUBJECT}&workload=shop/orders/more`, 'invalid_request'],
		[`${SUBJECT}&expires_in=0`, 'invalid_request'],
		[`${SUBJECT}&expires_in=1e3`, 'invalid_request'],
	])('%s is refused: %s', (form, error) => {
		expect(read(form)).toMatchObject({ ok: false, error: { error } })
	})

	it('authenticates in one way only', () => {
		expect(read(`${CLIENT}&${ASSERTION}`, true)).toMatchObject({ ok: false, error: { error: 'invalid_request' } })
	})
})

it('a refusal is of the characters that RFC 6749 allows, and a 401 names a scheme', async () => {
	const reply = refusedReply({ error: 'invalid_client', description: 'a "quote", a \\ and an é' })
	expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([
		401,
		'Bearer realm="selvedge", error="invalid_client"',
	])
	expect(await reply.json()).toEqual({ error: 'invalid_client', error_description: "a 'quote', a ? and an ?" })
})
