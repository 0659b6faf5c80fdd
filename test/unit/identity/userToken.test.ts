/** End users' tokens: what is believed of whom, and a code for every way to be wrong. */
import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { MAX_TOKEN_BYTES } from '../../../src/identity/jws.ts'
import { type HeldKey, heldKeys } from '../../../src/identity/userKeys.ts'
import { claimedIssuer, type UserRule, verifyUserToken } from '../../../src/identity/userToken.ts'
import { ALGORITHMS, ISSUER, issuerKey, userClaims, userRule, userToken } from './users.ts'
import { forge, makeKey, NOW, outcome, part, SECONDS, stranger, wit, wpt } from './world.ts'

const verify = (
	token: string,
	rules: readonly UserRule[] = [userRule()],
	keysOf: (name: string) => readonly HeldKey[] | undefined = () => undefined,
	now = NOW,
) => verifyUserToken(rules, token, keysOf, now)
const code = async (...args: Parameters<typeof verify>) => outcome(await verify(...args))

describe('a good token', () => {
	it('names its user, with all that policies and services may ask', async () => {
		const more = { azp: 'app', scope: 'read write', realm: { roles: ['admin'] }, aud: ['shop', 'other'] }
		const token = userToken(more)
		const rule = userRule({ audiences: ['shop'] })
		const verified = await verify(token, [rule])
		expect(verified).toEqual({
			ok: true,
			value: {
				user: {
					...{ principal: `${ISSUER}/alice`, issuer: ISSUER, subject: 'alice', presenter: 'app' },
					...{ audiences: ['shop', 'other'], spaceDelimitedClaims: ['scope'] },
					...{ claims: { ...userClaims, ...more }, expiresAt: NOW + 360_000, payload: token.split('.')[1] },
				},
				rule,
				key: (rule.keys as { inline: unknown[] }).inline[0],
			},
		})
	})

	it.each(ALGORITHMS)(
		'may be signed with %s, by the key that its kid names or by one that nobody named',
		async (alg) => {
			const key = makeKey(alg)
			const keys = (kid?: string) => ({ keys: { inline: heldKeys([{ ...(kid && { kid }), jwk: key.jwk }]) } })
			expect(await code(userToken({}, {}, key), [userRule(keys('u1'))])).toBe('ok')
			expect(await code(userToken({}, { kid: undefined }, key), [userRule(keys('u1'))])).toBe('ok')
			expect(await code(userToken({}, {}, key), [userRule(keys())])).toBe('ok')
			// Whoever names the key of another must have signed with it.
			expect(await code(userToken({}, {}, makeKey(alg)), [userRule(keys('u1'))])).toBe('bad_signature')
		},
	)

	it('without kid is tried with ten keys that its algorithm fits, and no more', async () => {
		const others = Array.from({ length: 9 }, (_, i) => ({ kid: `o${i}`, jwk: makeKey().jwk }))
		const unfitting = { kid: 'rsa', jwk: makeKey('RS256').jwk }
		const own = { kid: 'u1', jwk: issuerKey.jwk }
		const token = userToken({}, { kid: undefined })
		const ruleOf = (keys: readonly object[]) => userRule({ keys: { inline: heldKeys(keys as []) } })
		expect(await code(token, [ruleOf([unfitting, ...others, own])])).toBe('ok')
		expect(await code(token, [ruleOf([...others, { ...others[0], kid: 'o9' }, own])])).toBe('bad_signature')
	})

	it.each(['JWT', 'jwt', 'application/jwt', 'at+jwt', 'application/at+jwt', undefined])(
		'may be of type %s',
		async (typ) => {
			expect(await code(userToken({}, { typ }))).toBe('ok')
		},
	)

	it.each<[string, object, Partial<UserRule>]>([
		['a minute after its end', { exp: SECONDS - 59 }, {}],
		['a minute before its time', { nbf: SECONDS + 60, iat: SECONDS + 60 }, {}],
		['ten minutes after its end, where the rule allows that', { exp: SECONDS - 599 }, { clockSkewMs: 600_000 }],
		['without an audience, where none is asked for', { aud: undefined }, {}],
		[
			'for an origin that the rule spells otherwise',
			{ aud: 'https://API.example/' },
			{ audiences: ['https://api.example'] },
		],
		['for one of several audiences', { aud: ['x', 'b'] }, { audiences: ['a', 'b'] }],
		['by an issuer that does not say when', { iat: undefined }, {}],
	])('counts %s', async (_, claims, rule) => {
		expect(await code(userToken({ ...claims }), [userRule(rule)])).toBe('ok')
	})

	it('is believed when one of several rules of its issuer believes it, and says which', async () => {
		const rules = [
			userRule({ issuer: 'https://other.example' }),
			userRule({ audiences: ['bank'] }),
			userRule({ audiences: ['shop'] }),
		]
		const verified = await verify(userToken(), rules)
		expect(verified.ok && verified.value.rule).toBe(rules[2])
		expect(await code(userToken({ aud: 'none' }), rules)).toBe('wrong_audience')
	})
})

describe('a wrong token is told what is wrong:', () => {
	const hmac = (key: string) => {
		const text = `${part({ alg: 'HS256', kid: 'u1', typ: 'JWT' })}.${part(userClaims)}`
		return `${text}.${createHmac('sha256', key).update(text).digest('base64url')}`
	}
	const unsigned = (alg: string) => `${part({ alg, kid: 'u1', typ: 'JWT' })}.${part(userClaims)}.`
	const resigned = (payload: string, header = part({ alg: 'ES256', kid: 'u1' })) => {
		const [, , signature] = userToken().split('.')
		return `${header}.${payload}.${signature}`
	}
	it.each<[string, string, () => string, Partial<UserRule>?]>([
		['more than 8 KB', 'too_large', () => userToken({ pad: 'x'.repeat(MAX_TOKEN_BYTES) })],
		['no JWT', 'malformed', () => 'opaque'],
		['nothing', 'malformed', () => ''],
		['two parts', 'malformed', () => userToken().split('.').slice(0, 2).join('.')],
		['four parts', 'malformed', () => `${userToken()}.x`],
		['padding', 'malformed', () => `${userToken()}=`],
		['another one behind it', 'malformed', () => `${userToken()}, ${userToken()}`],
		['a header that is a list', 'malformed', () => resigned(part(userClaims), part(['ES256']))],
		['a header without alg', 'malformed', () => resigned(part(userClaims), part({ kid: 'u1' }))],
		['a kid that is a number', 'malformed', () => userToken({}, { kid: 1 })],
		['claims that are a text', 'malformed', () => resigned(part('alice'))],
		['claims that are null', 'malformed', () => resigned(part(null))],
		['bytes that are no UTF-8', 'malformed', () => resigned(Buffer.of(0x22, 0xff, 0x22).toString('base64url'))],
		['crit', 'unsupported_header', () => userToken({}, { crit: ['exp'] })],
		['b64', 'unsupported_header', () => userToken({}, { b64: false })],
		['the type of a WIT', 'wrong_type', () => userToken({}, { typ: 'wit+jwt' })],
		['the type of a proof', 'wrong_type', () => userToken({}, { typ: 'application/WPT+JWT' })],
		['the type of an assertion of the mesh', 'wrong_type', () => userToken({}, { typ: 'selvedge-caller+jwt' })],
		['the type of a DPoP proof', 'wrong_type', () => userToken({}, { typ: 'dpop+jwt' })],
		['the type of a logout', 'wrong_type', () => userToken({}, { typ: 'logout+jwt' })],
		['a WIT', 'wrong_type', () => wit()],
		['a WPT', 'wrong_type', () => wpt()],
		['alg none', 'unsupported_algorithm', () => unsigned('none')],
		['alg None', 'unsupported_algorithm', () => unsigned('None')],
		['alg nOnE', 'unsupported_algorithm', () => unsigned('nOnE')],
		['an HMAC with the public key', 'unsupported_algorithm', () => hmac(JSON.stringify(issuerKey.jwk))],
		['an HMAC with nothing', 'unsupported_algorithm', () => hmac('')],
		['alg ES256K', 'unsupported_algorithm', () => userToken({}, { alg: 'ES256K' })],
		['alg of an object', 'unsupported_algorithm', () => userToken({}, { alg: 'constructor' })],
		['no issuer', 'wrong_issuer', () => userToken({ iss: undefined })],
		['another issuer', 'wrong_issuer', () => userToken({ iss: `${ISSUER}/` })],
		['a list of issuers', 'wrong_issuer', () => userToken({ iss: [ISSUER] })],
		['no end', 'bad_time', () => userToken({ exp: undefined })],
		['an end that is a text', 'bad_time', () => userToken({ exp: String(SECONDS + 300) })],
		['an end that is no time', 'bad_time', () => userToken({ exp: 1e300 })],
		['an end before all time', 'bad_time', () => userToken({ exp: -1 })],
		['nbf that is null', 'bad_time', () => userToken({ nbf: null })],
		['iat that is a text', 'bad_time', () => userToken({ iat: 'now' })],
		['an end a minute ago', 'expired', () => userToken({ exp: SECONDS - 60 })],
		[
			'an end a second ago, where clocks must be right',
			'expired',
			() => userToken({ exp: SECONDS }),
			{ clockSkewMs: 0 },
		],
		['a beginning in more than a minute', 'not_yet_valid', () => userToken({ nbf: SECONDS + 61 })],
		['a birth in more than a minute', 'not_yet_valid', () => userToken({ iat: SECONDS + 61 })],
		['nobody', 'bad_subject', () => userToken({ sub: undefined })],
		['an empty name', 'bad_subject', () => userToken({ sub: '' })],
		['a name that is a number', 'bad_subject', () => userToken({ sub: 7 })],
		['another audience', 'wrong_audience', () => userToken({ aud: 'bank' }), { audiences: ['shop'] }],
		['no audience', 'wrong_audience', () => userToken({ aud: undefined }), { audiences: ['shop'] }],
		['an audience of another case', 'wrong_audience', () => userToken({ aud: 'Shop' }), { audiences: ['shop'] }],
		['the beginning of an audience', 'wrong_audience', () => userToken({ aud: 'shop2' }), { audiences: ['shop'] }],
		['an audience that is a number', 'wrong_audience', () => userToken({ aud: 7 })],
		[
			'audiences of which one is none',
			'wrong_audience',
			() => userToken({ aud: ['shop', 7] }),
			{ audiences: ['shop'] },
		],
		['a rule without audiences', 'wrong_audience', () => userToken(), { audiences: [] }],
		['an unknown kid', 'unknown_key', () => userToken({}, { kid: 'u2' })],
		['no key at all', 'unknown_key', () => userToken(), { keys: { inline: [] } }],
		['another algorithm than its key', 'algorithm_mismatch', () => userToken({}, { alg: 'RS256' })],
		['no kid and an algorithm of no key', 'algorithm_mismatch', () => userToken({}, { alg: 'RS256', kid: undefined })],
		['the key of a stranger', 'bad_signature', () => userToken({}, {}, stranger)],
		['a key of its own in the header', 'bad_signature', () => userToken({}, { jwk: stranger.jwk }, stranger)],
		[
			'an address of keys in the header',
			'bad_signature',
			() => userToken({}, { jku: 'https://thief.example' }, stranger),
		],
		['claims that were changed', 'bad_signature', () => resigned(part({ ...userClaims, sub: 'bob' }))],
		['no signature', 'bad_signature', () => `${userToken().split('.').slice(0, 2).join('.')}.`],
	])('%s', async (_, expected, token, rule = {}) => {
		expect(await code(token(), [userRule(rule)])).toBe(expected)
	})

	it('a key that is none, or weak', async () => {
		const small = { kty: 'RSA', alg: 'RS256', n: 'x'.repeat(100), e: 'AQAB' } as const
		const off = { ...issuerKey.jwk, y: issuerKey.jwk.x! }
		for (const jwk of [small, off]) {
			const rule = userRule({ keys: { inline: heldKeys([{ kid: 'u1', jwk }]) } })
			expect(await code(userToken({}, { alg: jwk.alg }), [rule])).toBe('unusable_key')
		}
	})

	it.each([
		['sub', { sub: ['SECRET'] }, {}],
		['aud', { aud: 'SECRET' }, {}],
		['iss', { iss: 'SECRET' }, {}],
		['kid', {}, { kid: 'SECRET' }],
		['typ', {}, { typ: 'selvedge-SECRET' }],
		['alg', {}, { alg: 'SECRET' }],
	])('with nothing of what was sent as %s', async (_, claims, header) => {
		const verified = await verify(userToken(claims, header), [userRule({ audiences: ['shop'] })])
		expect(!verified.ok && verified.error.detail).toMatch(/^(?!.*SECRET)./)
	})
})

describe('keys that are fetched', () => {
	const rule = userRule({ keys: { fetched: 'keys' } })
	const keys = heldKeys([{ kid: 'u1', jwk: issuerKey.jwk }])
	const unnamed = heldKeys([{ jwk: issuerKey.jwk }])

	it('are looked up by the name of their source', async () => {
		const asked: string[] = []
		const keysOf = (name: string) => {
			asked.push(name)
			return keys
		}
		expect(await code(userToken(), [rule], keysOf)).toBe('ok')
		expect(asked).toEqual(['keys'])
	})

	it('and are not here, or not this one, are named with the rule that wants them', async () => {
		expect(await verify(userToken(), [rule])).toMatchObject({ error: { code: 'no_keys', rule, kid: 'u1' } })
		const unknown = userToken({}, { kid: 'u2' })
		expect(await verify(unknown, [rule], () => keys)).toMatchObject({ error: { code: 'unknown_key', rule, kid: 'u2' } })
	})

	it('without names may be what a token with a name means, and are fetched anew when they are not', async () => {
		expect(await code(userToken(), [rule], () => unnamed)).toBe('ok')
		expect(await verify(userToken({}, {}, stranger), [rule], () => unnamed)).toMatchObject({
			error: { code: 'unknown_key', rule, kid: 'u1' },
		})
	})

	it.each<[string, HeldKey[], Record<string, unknown>, string, boolean]>([
		['of tokens without one, where some key has no name', unnamed, { kid: undefined }, 'bad_signature', true],
		['of an algorithm that no key is for', unnamed, { kid: undefined, alg: 'RS256' }, 'algorithm_mismatch', true],
		['also under a name that no key has', unnamed, { alg: 'RS256' }, 'algorithm_mismatch', true],
		['also where others have names', [...unnamed, ...keys], { kid: undefined }, 'bad_signature', true],
		['not where all have names', keys, { kid: undefined }, 'bad_signature', false],
		['not under a name that a key has', [...unnamed, ...keys], { kid: 'u1' }, 'bad_signature', false],
	])('may change without a word: they are fetched anew %s', async (_, held, header, expected, isFetchedAnew) => {
		const verified = await verify(userToken({}, header, stranger), [rule], () => held)
		expect(verified).toMatchObject({ error: { code: expected } })
		expect(!verified.ok && 'rule' in verified.error).toBe(isFetchedAnew)
	})

	it('are worth fetching though another rule of the issuer refuses for good', async () => {
		const rules = [rule, userRule({ audiences: ['bank'] })]
		for (const each of [rules, [...rules].reverse()])
			expect(await verify(userToken(), each)).toMatchObject({ error: { code: 'no_keys', rule } })
	})

	it('are not worth fetching for a token that is wrong anyway', async () => {
		for (const claims of [{ exp: SECONDS - 100 }, { aud: 'x' }, { sub: undefined }])
			expect(await verify(userToken(claims), [{ ...rule, audiences: ['shop'] }])).not.toHaveProperty('error.rule')
	})
})

it('the issuer that a token claims is read without believing it', () => {
	expect(claimedIssuer(forge({ alg: 'none' }, { iss: 'https://x.example' }, stranger, 'ES256'))).toBe(
		'https://x.example',
	)
	for (const token of ['', 'a.b.c', userToken({ iss: 7 })]) expect(claimedIssuer(token)).toBeUndefined()
})
