/** End users on the real data path: what Istio's task shows, where tokens may be, and what a service sees of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, type Echoed, echo, startBackend, valuesOf } from './backend.ts'
import { eventually } from './client.ts'
import { service } from './documents.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'
import { requestAuthentication, startUserIssuer, type UserIssuer } from './userIssuer.ts'
import { newKey } from './workload.ts'

let mesh: Mesh
let backend: Backend
let discovered: UserIssuer
let inline: UserIssuer

const SERVICES = ['httpbin', 'places', 'forwarding', 'telling', 'several', 'plain']

beforeAll(async () => {
	;[backend, discovered, inline] = await Promise.all([
		startBackend(echo),
		startUserIssuer('RS256'),
		startUserIssuer('EdDSA'),
	])
	mesh = await startMesh({ regions: ['weur'] })
	const places = {
		fromHeaders: [
			{ name: 'X-Token', prefix: 'jwt ' },
			{ name: 'Authorization', prefix: 'Bearer ' },
		],
		fromParams: ['token'],
		fromCookies: ['session'],
	}
	const { url: issuer } = discovered
	await mesh.apply(
		...SERVICES.map((name) => service(name, backend.url)),
		requestAuthentication('httpbin', [{ issuer }]),
		requestAuthentication('places', [{ issuer, ...places }]),
		requestAuthentication('forwarding', [{ issuer, ...places, forwardOriginalToken: true }]),
		requestAuthentication('telling', [
			{
				issuer,
				outputPayloadToHeader: 'X-Jwt-Payload',
				outputClaimToHeaders: [
					{ header: 'X-Jwt-Sub', claim: 'sub' },
					{ header: 'X-Jwt-Role', claim: 'realm.role' },
				],
			},
		]),
		requestAuthentication('several', [
			{ issuer, audiences: ['several'] },
			{ issuer: inline.url, jwks: JSON.stringify({ keys: [{ ...inline.keys.get('first')!.jwk, kid: 'first' }] }) },
		]),
	)
	const shown = async () => get('httpbin', '/', { authorization: `Bearer ${await discovered.token()}` })
	await eventually(shown, ({ status }) => status === 200)
})
afterAll(async () => {
	await mesh?.stop()
	await Promise.all([backend, discovered, inline].map((each) => each?.stop()))
})

async function get(name: string, path = '/', headers: Record<string, string> = {}) {
	const { status, text, headers: answered } = await mesh.via(`${name}.${DOMAIN}`, path, { headers })
	const body = JSON.parse(text) as Partial<Echoed> & { reason?: string; detail?: string }
	return { status, challenge: answered['www-authenticate'], ...body }
}
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const field = ({ rawHeaders }: Partial<Echoed>, name: string) => valuesOf(rawHeaders!, name)
const now = () => Math.floor(Date.now() / 1_000)

describe("Istio's task for JWTs, without an AuthorizationPolicy:", () => {
	it('a request with a valid token passes', async () => {
		expect((await get('httpbin', '/headers', bearer(await discovered.token()))).status).toBe(200)
	})

	it('a request with an invalid token is refused', async () => {
		expect(await get('httpbin', '/headers', bearer('invalidToken'))).toMatchObject({
			...{ status: 401, challenge: 'Bearer error="invalid_token"' },
			...{ reason: 'invalid_token', detail: expect.stringMatching(/^malformed: /) },
		})
	})

	it('a request without a token passes', async () => {
		expect((await get('httpbin', '/headers')).status).toBe(200)
	})

	it('a token that has expired is refused', async () => {
		const token = await discovered.token({ exp: now() - 61 })
		expect(await get('httpbin', '/', bearer(token))).toMatchObject({
			status: 401,
			detail: expect.stringMatching(/^expired: /),
		})
	})

	it('a token of an issuer that is not configured is refused', async () => {
		expect(await get('httpbin', '/', bearer(await inline.token()))).toMatchObject({
			...{ status: 401, detail: expect.stringMatching(/^wrong_issuer: /) },
		})
	})

	it('a token by a key that is not published is refused', async () => {
		const token = await discovered.token({}, 'first', await newKey('RS256'))
		expect(await get('httpbin', '/', bearer(token))).toMatchObject({
			...{ status: 401, detail: expect.stringMatching(/^bad_signature: /) },
		})
	})

	it('a service without a RequestAuthentication takes whatever comes', async () => {
		const answer = await get('plain', '/?access_token=x', bearer('invalidToken'))
		expect([answer.status, answer.url, field(answer, 'authorization')]).toEqual([
			200,
			'/?access_token=x',
			['Bearer invalidToken'],
		])
	})
})

it('keys are found by OpenID Connect discovery, by the control plane, and once for all services', () => {
	expect(discovered.asked).toEqual(['/.well-known/openid-configuration', '/keys'])
	expect(inline.asked).toEqual([])
})

describe('a token is taken off the request, wherever it was,', () => {
	const shown = (token: string): [string, string, Record<string, string>, string, Record<string, string[]>][] => [
		['a field', '/a?b=%7E', { 'x-token': `jwt ${token}` }, '/a?b=%7E', { 'x-token': [] }],
		['Authorization', '/', bearer(token), '/', { authorization: [] }],
		['the query', `/a?x=%7e&token=${token}&y=+`, {}, '/a?x=%7e&y=+', {}],
		['the query, by another spelling', `/a?%74oken=${token}`, {}, '/a', {}],
		['a cookie', '/', { cookie: `a=1; session=${token}; b="2"` }, '/', { cookie: ['a=1; b="2"'] }],
		['the only cookie', '/', { cookie: `session=${token}` }, '/', { cookie: [] }],
	]

	it('unless it is forwarded', async () => {
		const token = await discovered.token()
		for (const [where, path, headers, expectedPath, fields] of shown(token)) {
			const answer = await get('places', path, headers)
			expect([where, answer.status, answer.url]).toEqual([where, 200, expectedPath])
			for (const [name, values] of Object.entries(fields)) expect([where, field(answer, name)]).toEqual([where, values])
			expect(JSON.stringify(answer)).not.toContain(token)
			const forwarded = await get('forwarding', path, headers)
			expect([where, forwarded.status, forwarded.url]).toEqual([where, 200, path])
			for (const [name, value] of Object.entries(headers)) expect(field(forwarded, name)).toEqual([value])
		}
	})

	it('and where it is a wrong one it is refused', async () => {
		const token = await discovered.token({}, 'first', await newKey('RS256'))
		for (const [where, path, headers] of shown(token))
			expect([where, (await get('places', path, headers)).status]).toEqual([where, 401])
	})

	it('which a field or a parameter of another name is not', async () => {
		const answer = await get('places', '/?access_token=x', { cookie: 'token=x', 'x-other': 'x' })
		expect([answer.status, answer.url, field(answer, 'cookie')]).toEqual([200, '/?access_token=x', ['token=x']])
	})
})

describe('a service hears of the user', () => {
	const spoofed = {
		'X-Jwt-Payload': 'forged',
		'x-jwt-sub': 'root',
		X_Jwt_Sub: 'root',
		'X-Jwt_Role': 'admin',
		'x-jwt-role': 'admin',
	}

	it('in the fields that it asked for, and from nobody else', async () => {
		const token = await discovered.token({ sub: 'bob', realm: { role: 'clerk' } })
		const answer = await get('telling', '/', { ...spoofed, ...bearer(token) })
		expect(['x-jwt-payload', 'x-jwt-sub', 'x-jwt-role'].map((name) => field(answer, name))).toEqual([
			[token.split('.')[1]],
			['bob'],
			['clerk'],
		])
		expect(JSON.stringify(answer)).not.toMatch(/forged|root|admin|x_jwt|jwt_role/i)
	})

	it('nothing where nobody has signed in, whatever the client says', async () => {
		expect(JSON.stringify(await get('telling', '/', spoofed))).not.toMatch(/forged|root|admin|x.jwt/i)
	})
})

it('rules of several issuers add up, each with its own keys and audiences', async () => {
	for (const [token, status] of [
		[await discovered.token({ aud: ['x', 'several'] }), 200],
		[await discovered.token({ aud: 'x' }), 401],
		[await inline.token(), 200],
		[await inline.token({ iss: discovered.url, aud: 'several' }), 401],
		[await discovered.token({ iss: inline.url }), 401],
	] as const)
		expect((await get('several', '/', bearer(token))).status).toBe(status)
})

it('two tokens of one request must be of one user', async () => {
	const [alice, bob] = await Promise.all([discovered.token(), discovered.token({ sub: 'bob' })])
	expect((await get('places', `/?token=${alice}`, bearer(alice))).status).toBe(200)
	expect(await get('places', `/?token=${bob}`, bearer(alice))).toMatchObject({
		...{ status: 401, detail: expect.stringMatching(/^bad_subject: /) },
	})
})
