/** End users at the data path: where their tokens are found, what becomes of them, and what services hear. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { TokenPlace } from '../../../../src/snapshot/requestAuthentication.ts'
import { userToken } from '../../identity/users.ts'
import { jwtSvid, meshJwt, SECONDS, stranger, ISSUER as TRUSTED } from '../../identity/world.ts'
import { problem, served } from '../callers/identified.ts'
import { DOMAIN, service } from '../knowledge/fakeReplica.ts'
import { answered, BEARER, bearer, believing, jwtRule, PARAM, pathOf, published, received } from './signedIn.ts'

afterEach(() => vi.restoreAllMocks())

const TOKEN = userToken()
const header = (name: string, prefix = ''): TokenPlace => ({ in: 'header', name, prefix })
const cookie = (name: string): TokenPlace => ({ in: 'cookie', name })

describe("Istio's task: a service with a RequestAuthentication and no AuthorizationPolicy", () => {
	it.each<[string, Record<string, string>, string]>([
		['lets a good token in', bearer(TOKEN), 'ok'],
		['refuses a wrong one', bearer(userToken({}, {}, stranger)), '401 invalid_token bad_signature'],
		['refuses one that has expired', bearer(userToken({ exp: SECONDS - 61 })), '401 invalid_token expired'],
		[
			'refuses one of an issuer that nobody configured',
			bearer(userToken({ iss: 'x' })),
			'401 invalid_token wrong_issuer',
		],
		['refuses what is no token', bearer('deadbeef'), '401 invalid_token malformed'],
		['lets a request without a token in', {}, 'ok'],
		['lets other credentials in', { authorization: 'Basic YTpi' }, 'ok'],
	])('%s', async (_, headers, expected) => {
		const proxy = believing([jwtRule()])
		for (const time of ['first', 'again']) expect([time, await answered(proxy, headers)]).toEqual([time, expected])
	})

	it('tells whoever is refused how to ask (RFC 6750 §3)', async () => {
		const proxy = believing([jwtRule()])
		const response = await proxy.get(new Request(`http://shop.${DOMAIN}/`, { headers: bearer('x') }))
		expect([response.status, response.headers.get('www-authenticate')]).toEqual([401, 'Bearer error="invalid_token"'])
	})
})

describe('a token is found', () => {
	it.each<[string, TokenPlace, Record<string, string>, string?]>([
		['after a prefix', BEARER, bearer(TOKEN)],
		['after a scheme in another case', BEARER, { authorization: `bEARER ${TOKEN}` }],
		['after several spaces', BEARER, { authorization: `Bearer   ${TOKEN}` }],
		['in a field of its own', header('x-jwt'), { 'X-Jwt': TOKEN }],
		['after a tab', BEARER, { authorization: `Bearer\t${TOKEN}` }],
		['after a tab and a scheme in another case', BEARER, { authorization: `bearer\t ${TOKEN}` }],
		['after what some servers take for a space', BEARER, { authorization: `Bearer\u00a0${TOKEN}` }],
		['after another prefix', header('x-jwt', 'jwt='), { 'x-jwt': `jwt=${TOKEN}` }],
		['after another prefix in another case', header('x-jwt', 'jwt='), { 'x-jwt': `JWT=${TOKEN}` }],
		['after a prefix with a comma', header('x-jwt', 'jwt,'), { 'x-jwt': `Jwt,${TOKEN}` }],
		['in a query parameter', PARAM, {}, `?a=1&access_token=${TOKEN}`],
		['in one whose name is written otherwise', PARAM, {}, `?access%5Ftoken=${TOKEN}`],
		['in a cookie', cookie('session'), { cookie: `a=1; session=${TOKEN}; b=2` }],
		['in a cookie with quotes', cookie('session'), { cookie: `session="${TOKEN}"` }],
		['in the second of two Cookie fields', cookie('session'), { cookie: `a=1, session=${TOKEN}` }],
	])('%s', async (_, place, headers, query = '') => {
		expect(await answered(believing([jwtRule({ from: [place] })]), headers, query)).toBe('ok')
		const other = believing([jwtRule({ from: [place], keys: { inline: [published('u1', stranger)] } })])
		expect(await answered(other, headers, query)).toBe('401 invalid_token bad_signature')
	})

	it.each<[string, Record<string, string>, string?]>([
		['another scheme', { authorization: `Token ${TOKEN}` }],
		['a prefix and nothing after it', { authorization: 'Bearer' }],
		['a prefix and a tab', { authorization: 'Bearer\t' }],
		['two other schemes', { authorization: `Basic YTpi, Token ${TOKEN}` }],
		['a parameter of another scheme', { authorization: `Digest username="x", realm="Bearer ${TOKEN}"` }],
		['no scheme but one that begins like it', { authorization: `Bearers ${TOKEN}, x` }],
		['another field', { 'x-jwt': 'bad' }],
		['another parameter', {}, '?my_access_token=bad&xaccess_token=bad'],
		['an empty parameter', {}, '?access_token=&access_token'],
		['a cookie', { cookie: 'access_token=bad; authorization=bad' }],
	])('not in %s', async (_, headers, query = '') => {
		const proxy = believing([jwtRule({ keys: { inline: [] } })])
		expect(await answered(proxy, headers, query)).toBe('ok')
		expect(pathOf(received(proxy))).toBe(`/${query}`)
	})

	it('where any rule looks, whichever rule believes it', async () => {
		const rules = [jwtRule({ from: [header('x-a')] }), jwtRule({ issuer: 'https://b.example', from: [header('x-b')] })]
		const proxy = believing(rules)
		expect(await answered(proxy, { 'x-b': TOKEN })).toBe('ok')
		expect(await answered(proxy, { 'x-a': userToken({ iss: 'https://b.example' }) })).toBe('ok')
		expect(await answered(proxy, { 'x-a': userToken({ iss: 'https://c.example' }) })).toBe(
			'401 invalid_token wrong_issuer',
		)
	})

	it('several times: all must be good, and of one user', async () => {
		const proxy = believing([jwtRule()])
		const param = (token: string) => `?access_token=${token}`
		const other = userToken({ jti: 'other' })
		expect(await answered(proxy, bearer(TOKEN), param(TOKEN))).toBe('ok')
		expect(await answered(proxy, bearer(TOKEN), param(other))).toBe('ok')
		expect(pathOf(received(proxy))).toBe('/')
		// The second time, both are remembered, and no better for it.
		const strange = userToken({ sub: 'bob' })
		for (let time = 0; time < 2; time++)
			expect(await answered(proxy, bearer(TOKEN), param(strange))).toBe('401 invalid_token bad_subject')
		const wrong = userToken({}, {}, stranger)
		expect(await answered(proxy, bearer(TOKEN), param(wrong))).toBe('401 invalid_token bad_signature')
		expect(await answered(proxy, {}, `?access_token=${TOKEN}&access_token=${wrong}`)).toMatch(/^401/)
		const many = Array.from({ length: 5 }, (_, i) => `access_token=${userToken({ jti: i })}`).join('&')
		expect(await answered(proxy, {}, `?${many}`)).toBe('401 invalid_token malformed')
	})
})

describe('a token that does not stand alone in its field is refused, good or not, and never passed on:', () => {
	const svid = () => jwtSvid({ aud: [`http://shop.${DOMAIN}`] })
	const two = (...values: string[]) => values.map((value): [string, string] => ['authorization', value])

	it.each<[string, TokenPlace, [string, string][] | Record<string, string>]>([
		['twice', BEARER, bearer(`${TOKEN}, Bearer ${TOKEN}`)],
		['in the second of two fields', BEARER, two('Basic YTpi', `Bearer ${TOKEN}`)],
		['in the first of two fields', BEARER, two(`Bearer ${TOKEN}`, 'Basic YTpi')],
		['in the third part', BEARER, { authorization: `Basic YTpi , x,bearer\t${TOKEN} ` }],
		['after a comma and no space', BEARER, { authorization: `Basic YTpi,Bearer ${TOKEN}` }],
		['after an empty part', BEARER, { authorization: `, Bearer ${TOKEN}` }],
		['before an empty part', BEARER, { authorization: `Bearer ${TOKEN},` }],
		['after its scheme as a part of its own', BEARER, two('Bearer', TOKEN)],
		['beside a scheme without one', BEARER, two('Basic YTpi', 'Bearer')],
		['beside the credential of a workload', BEARER, two(`Bearer ${svid()}`, `Bearer ${TOKEN}`)],
		['beside one after another scheme', BEARER, two('Basic YTpi', `Bearer ${svid()}`)],
		['in a field of its own', header('x-jwt'), { 'x-jwt': `${TOKEN}, ${TOKEN}` }],
		['in a field of its own, after nothing', header('x-jwt'), { 'x-jwt': `, ${TOKEN}` }],
		['in a field of its own, before nothing', header('x-jwt'), { 'x-jwt': `${TOKEN},` }],
		['after another prefix', header('x-jwt', 'jwt='), { 'x-jwt': `a=1, JWT=${TOKEN}` }],
		['after a prefix with a comma', header('x-jwt', 'jwt,'), { 'x-jwt': `JWT,${TOKEN}, x` }],
		['in a query parameter', PARAM, {}],
	])('%s', async (_, place, headers) => {
		const proxy = believing([jwtRule({ from: [place] })])
		const url = `http://shop.${DOMAIN}/${place.in === 'param' ? `?access_token=${TOKEN},x` : ''}`
		for (let time = 0; time < 2; time++)
			expect(await problem(proxy.get(new Request(url, { headers })))).toMatchObject({
				...{ status: 401, reason: 'invalid_token' },
				detail: 'malformed: a token stands alone in its place, with nothing beside it',
			})
		expect(proxy.sent).toEqual([])
	})
})

describe("a workload's JWT-SVID", () => {
	const svid = () => jwtSvid({ aud: [`http://shop.${DOMAIN}`] })

	it('in Authorization is no matter of users', async () => {
		const proxy = believing([jwtRule()])
		for (let time = 0; time < 2; time++) expect(await answered(proxy, bearer(svid()))).toBe('ok')
	})

	it('is one where a rule believes its issuer', async () => {
		const rule = jwtRule({ issuer: TRUSTED, keys: { inline: [published('k2', meshJwt)] }, audiences: ['bank'] })
		expect(await answered(believing([rule]), bearer(svid()))).toBe('401 invalid_token wrong_audience')
		const { audiences: _, ...any } = rule
		expect(await answered(believing([any]), bearer(svid()))).toBe('ok')
	})

	it('elsewhere is a token like any other', async () => {
		const proxy = believing([jwtRule({ from: [header('x-jwt')] })])
		expect(await answered(proxy, { 'x-jwt': svid() })).toBe('401 invalid_token wrong_issuer')
	})

	it('with something beside it is refused, also where nobody asks which workload calls', async () => {
		const proxy = believing([jwtRule()], { peers: { mode: 'DISABLE' } })
		expect(await answered(proxy, bearer(svid()))).toBe('ok')
		expect(await answered(proxy, bearer(`${svid()}, Basic YTpi`))).toBe('401 invalid_token malformed')
	})

	it('where no workload shows one is a token like any other', async () => {
		const proxy = believing([jwtRule({ from: [BEARER, header('authorization', 'Token ')] })])
		for (const authorization of [`Token ${svid()}`, `Bearer\t${svid()}`])
			expect(await answered(proxy, { authorization })).toBe('401 invalid_token wrong_issuer')
	})
})

describe('rules', () => {
	const mesh = (users: readonly object[]) => ({
		mesh: { kind: 'mesh', egress: 'registryOnly', defaultAccess: 'open', users } as const,
	})
	const namespace = (users: readonly object[]) => ({
		'namespace/default': { kind: 'namespace', namespace: 'default', users } as const,
	})

	it('of mesh, namespace and service add up', async () => {
		const issuers = ['https://mesh.example', 'https://ns.example', 'https://own.example']
		const rules = issuers.map((issuer) => jwtRule({ issuer }))
		const proxy = believing([rules[2]!])
		proxy.replica.change({ ...mesh([rules[0]!]), ...namespace([rules[1]!]) } as never)
		for (const iss of issuers) expect(await answered(proxy, bearer(userToken({ iss })))).toBe('ok')
		expect(await answered(proxy, bearer(TOKEN))).toBe('401 invalid_token wrong_issuer')
	})

	it('that come or go hold within a second, for tokens that were good before too', async () => {
		const proxy = believing([])
		expect(await answered(proxy, bearer('anything'))).toBe('ok')
		const change = async (parts: object) => {
			proxy.replica.change(parts as never)
			proxy.now += 2_000
			await proxy.get(`http://shop.${DOMAIN}/`)
		}
		await change(namespace([jwtRule()]))
		expect(await answered(proxy, bearer('anything'))).toBe('401 invalid_token malformed')
		expect(await answered(proxy, bearer(TOKEN))).toBe('ok')
		await change(namespace([jwtRule({ audiences: ['bank'] })]))
		expect(await answered(proxy, bearer(TOKEN))).toBe('401 invalid_token wrong_audience')
		await change(namespace([]))
		expect(await answered(proxy, bearer(TOKEN))).toBe('ok')
	})

	it('of the mesh say nothing of what is shown to services outside of it; their own do', async () => {
		const proxy = believing([], { external: true })
		proxy.replica.change(mesh([jwtRule()]) as never)
		expect(await answered(proxy, bearer('a-secret-of-theirs'))).toBe('ok')
		expect(received(proxy).headers.get('authorization')).toBe('Bearer a-secret-of-theirs')
		const own = believing([jwtRule()], { external: true })
		expect(await answered(own, bearer('a-secret-of-theirs'))).toBe('401 invalid_token malformed')
	})
})

describe('a token that was verified here before', () => {
	it('is verified no more, and costs look-ups only, also after its service has changed', async () => {
		const proxy = believing([jwtRule()])
		const verifying = vi.spyOn(crypto.subtle, 'verify')
		const importing = vi.spyOn(crypto.subtle, 'importKey')
		expect(await answered(proxy, bearer(TOKEN))).toBe('ok')
		expect([verifying.mock.calls.length, importing.mock.calls.length]).toEqual([1, 1])
		expect(await answered(proxy, bearer(TOKEN))).toBe('ok')
		proxy.replica.change({ ...served('shop', undefined, { users: [jwtRule()] }), ...service('default/x', { id: 'x' }) })
		const endpoints = [{ id: 'new', url: 'http://new.test', weight: 1 }]
		proxy.replica.change(served('shop', undefined, { users: [jwtRule()], endpoints }))
		proxy.now += 2_000
		for (let time = 0; time < 5; time++) expect(await answered(proxy, bearer(TOKEN))).toBe('ok')
		expect(new URL(received(proxy).url).hostname).toBe('new.test')
		expect(verifying).toHaveBeenCalledTimes(1)
		expect(await answered(proxy, bearer(userToken({ jti: '2' })))).toBe('ok')
		expect([verifying.mock.calls.length, importing.mock.calls.length]).toEqual([2, 1])
	})

	it('is refused when its time is over', async () => {
		const proxy = believing([jwtRule()])
		const token = userToken({ exp: SECONDS + 10 })
		expect(await answered(proxy, bearer(token))).toBe('ok')
		proxy.now += 69_000
		expect(await answered(proxy, bearer(token))).toBe('ok')
		proxy.now += 1_000
		expect(await answered(proxy, bearer(token))).toBe('401 invalid_token expired')
	})

	it('lends nothing to one that only ends like it', async () => {
		const proxy = believing([jwtRule()])
		expect(await answered(proxy, bearer(TOKEN))).toBe('ok')
		const [, , signature] = TOKEN.split('.')
		const [head, payload] = userToken({ sub: 'root' }).split('.')
		expect(await answered(proxy, bearer(`${head}.${payload}.${signature}`))).toBe('401 invalid_token bad_signature')
		expect(await answered(proxy, bearer(TOKEN))).toBe('ok')
	})

	it('is verified again for a service with other rules, and remembered for both', async () => {
		const strict = { issuer: jwtRule().issuer, audiences: ['bank'] }
		const proxy = believing([jwtRule()])
		proxy.replica.change(served('bank', undefined, { users: [jwtRule(strict)] }))
		const verifying = vi.spyOn(crypto.subtle, 'verify')
		const at = (host: string, token: string) =>
			proxy.get(new Request(`http://${host}.${DOMAIN}/`, { headers: bearer(token) })).then(({ status }) => status)
		const both = userToken({ aud: ['shop', 'bank'] })
		for (let time = 0; time < 3; time++)
			expect([
				await at('shop', TOKEN),
				await at('bank', TOKEN),
				await at('shop', both),
				await at('bank', both),
			]).toEqual([200, 401, 200, 200])
		expect(verifying).toHaveBeenCalledTimes(3)
	})

	it('is forgotten by and by when many others are shown, and is as good as before', async () => {
		const proxy = believing([jwtRule()])
		const tokens = Array.from({ length: 450 }, (_, i) => userToken({ pad: 'x'.repeat(5_000), sub: `s${i}` }))
		for (const token of tokens) expect(await answered(proxy, bearer(token))).toBe('ok')
		const verifying = vi.spyOn(crypto.subtle, 'verify')
		expect(await answered(proxy, bearer(tokens.at(-1)!))).toBe('ok')
		expect(verifying).not.toHaveBeenCalled()
		expect(await answered(proxy, bearer(tokens[0]!))).toBe('ok')
		expect(verifying).toHaveBeenCalledTimes(1)
	})
})

it('a service without rules pays nothing for what is shown', async () => {
	const proxy = believing([])
	const verifying = vi.spyOn(crypto.subtle, 'verify')
	for (const token of [TOKEN, 'opaque']) {
		expect(await answered(proxy, bearer(token), `?access_token=${token}`)).toBe('ok')
		expect(received(proxy).headers.get('authorization')).toBe(`Bearer ${token}`)
		expect(pathOf(received(proxy))).toBe(`/?access_token=${token}`)
	}
	expect(verifying).not.toHaveBeenCalled()
})
