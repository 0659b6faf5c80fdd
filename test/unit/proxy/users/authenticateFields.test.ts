/** What services get of requests with end users: without their tokens, and with what the mesh says of them. */
import { describe, expect, it } from 'vitest'
import type { TokenPlace } from '../../../../src/snapshot/requestAuthentication.ts'
import { userToken } from '../../identity/users.ts'
import { answered, BEARER, bearer, believing, jwtRule, PARAM, pathOf, received } from './signedIn.ts'

const TOKEN = userToken()
const header = (name: string): TokenPlace => ({ in: 'header', name, prefix: '' })
const cookie = (name: string): TokenPlace => ({ in: 'cookie', name })

describe('what the service gets', () => {
	it.each<[string, TokenPlace, string, Record<string, string>, string, Record<string, string | null>]>([
		['no field', BEARER, '', bearer(TOKEN), '/', { authorization: null }],
		['no field of its own', header('x-jwt'), '', { 'x-jwt': TOKEN, a: '1' }, '/', { 'x-jwt': null, a: '1' }],
		['no parameter', PARAM, `?access_token=${TOKEN}`, {}, '/', {}],
		['the other parameters as they were', PARAM, `?b=%7e&&access_token=${TOKEN}&a=+`, {}, '/?b=%7e&&a=+', {}],
		['none of several', PARAM, `?access_token=${TOKEN}&x=1&access%5ftoken=${TOKEN}`, {}, '/?x=1', {}],
		['no cookies', cookie('s'), '', { cookie: `s=${TOKEN}` }, '/', { cookie: null }],
		['the other cookies', cookie('s'), '', { cookie: `a="x y";  s=${TOKEN}; b=2` }, '/', { cookie: 'a="x y"; b=2' }],
		['others that were last', cookie('s'), '', { cookie: `a=1; s=${TOKEN}` }, '/', { cookie: 'a=1' }],
		[
			'others that look alike',
			cookie('s'),
			'',
			{ cookie: `ss=1; s=${TOKEN}; as=s=2` },
			'/',
			{ cookie: 'ss=1; as=s=2' },
		],
	])('of a token that is not forwarded: %s', async (_, place, query, headers, path, fields) => {
		const proxy = believing([jwtRule({ from: [place] })])
		for (let time = 0; time < 2; time++) {
			expect(await answered(proxy, headers, query)).toBe('ok')
			expect(pathOf(received(proxy))).toBe(path)
			for (const [name, value] of Object.entries(fields)) expect(received(proxy).headers.get(name)).toBe(value)
		}
		const forwarding = believing([jwtRule({ from: [place], forwardOriginalToken: true })])
		expect(await answered(forwarding, headers, query)).toBe('ok')
		expect(pathOf(received(forwarding))).toBe(`/${query}`)
		for (const name of Object.keys(headers)) expect(received(forwarding).headers.get(name)).toBe(headers[name])
	})

	const telling = jwtRule({
		outputPayloadToHeader: 'x-jwt-payload',
		outputClaimToHeaders: [
			{ header: 'x-user', claim: ['sub'] },
			{ header: 'x-role', claim: ['realm', 'role'] },
			{ header: 'x-groups', claim: ['groups'] },
			{ header: 'x-age', claim: ['age'] },
			{ header: 'x-vip', claim: ['vip'] },
			{ header: 'x-name', claim: ['name'] },
			{ header: 'x-none', claim: ['__proto__'] },
		],
	})

	it('of the user are the payload and the claims that it asked for', async () => {
		const proxy = believing([telling])
		const claims = { realm: { role: 'admin' }, groups: ['a', 'b'], age: 41, vip: false, name: 'Zoë\r\nx: y' }
		const token = userToken(claims)
		for (let time = 0; time < 2; time++) {
			expect(await answered(proxy, bearer(token))).toBe('ok')
			const field = (name: string) => received(proxy).headers.get(name)
			expect(field('x-jwt-payload')).toBe(token.split('.')[1])
			expect(['x-user', 'x-role', 'x-age', 'x-vip'].map(field)).toEqual(['alice', 'admin', '41', 'false'])
			expect(JSON.parse(Buffer.from(field('x-groups')!, 'base64url').toString())).toEqual(['a', 'b'])
			// What is no printable ASCII cannot stand in a field.
			expect(['x-name', 'x-none'].map(field)).toEqual([null, null])
		}
	})

	it('of the user has no spaces at its ends, which would be lost on the way past policies that compare them', async () => {
		const proxy = believing([telling])
		for (const [sub, expected] of [
			[' root', null],
			['root ', null],
			['r oot', 'r oot'],
		] as const) {
			expect(await answered(proxy, bearer(userToken({ sub })))).toBe('ok')
			expect(received(proxy).headers.get('x-user')).toBe(expected)
		}
	})

	it('is nothing that a client wrote in the place of the mesh, with a token or without', async () => {
		const proxy = believing([telling])
		const spoofed = { 'x-user': 'root', X_User: 'root', 'X-Jwt_Payload': 'forged', 'x-none': 'x', 'x-other': 'kept' }
		for (const headers of [spoofed, { ...spoofed, ...bearer(TOKEN) }]) {
			expect(await answered(proxy, headers)).toBe('ok')
			const { headers: got } = received(proxy)
			expect([got.get('x_user'), got.get('x-jwt_payload'), got.get('x-none')]).toEqual([null, null, null])
			expect(got.get('x-other')).toBe('kept')
			expect(got.get('x-user')).toBe('authorization' in headers ? 'alice' : null)
		}
	})

	it('is the same on every attempt, and tells one user nothing of another', async () => {
		const proxy = believing([telling])
		await Promise.all(
			['alice', 'bob', 'carol'].map(async (sub) => {
				expect(await answered(proxy, bearer(userToken({ sub })), `?who=${sub}`)).toBe('ok')
			}),
		)
		for (const request of proxy.sent)
			expect(request.headers.get('x-user')).toBe(new URL(request.url).searchParams.get('who'))
	})
})
