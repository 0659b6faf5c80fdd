/** What a replay says of other rules of end users, without having kept a token. */
import { describe, expect, it } from 'vitest'
import type { AccessLayers } from '../../../src/ports.ts'
import type { JwtRule } from '../../../src/snapshot/requestAuthentication.ts'
import { fields, ISSUER, layers, policy, type Remembered, replayed, request, user, verdict } from './remembered.ts'

describe('rules of end users', () => {
	const rule = (more: Partial<JwtRule> = {}): JwtRule => ({
		issuer: ISSUER,
		keys: { fetched: ISSUER },
		from: [{ in: 'header', name: 'authorization', prefix: 'Bearer ' }],
		clockSkewMs: 60_000,
		spaceDelimitedClaims: ['scope'],
		...more,
	})
	const users = (...rules: JwtRule[]): AccessLayers =>
		layers([undefined, undefined, [policy('ALLOW', [{ from: [{ requestPrincipals: ['*'] }] }])]], {
			mesh: rules.length === 0 ? {} : { users: rules },
		})
	const known = request({ user: user(), ...fields(['authorization', 'Bearer x']) })
	const stranger = request(fields(['accept', '*/*']))
	const bearer = request(fields(['authorization', 'Bearer x']))
	const elsewhere = rule({ from: [{ in: 'header', name: 'x-jwt', prefix: '' }] })
	const inCookie = rule({ from: [...rule().from, { in: 'cookie', name: 'jwt' }] })
	it.each<[string, JwtRule[], JwtRule[], Remembered, unknown]>([
		['that stay leave the user', [rule()], [rule(), rule({ issuer: 'https://new' })], known, 'unchanged'],
		['that go leave no user', [rule()], [], known, ['refused', null]],
		['that stay for other audiences refuse', [rule()], [rule({ audiences: ['pay'] })], known, ['refused', null]],
		['that stay for its audience too do not', [rule()], [rule({ audiences: ['pay', 'shop'] })], known, 'unchanged'],
		['of other keys leave it open', [rule()], [rule({ keys: { fetched: 'x' } })], known, 'RequestAuthentication'],
		[
			'of another issuer refuse, where they look',
			[rule()],
			[rule({ issuer: 'https://new' })],
			known,
			['refused', null],
		],
		['that look elsewhere find nothing there', [rule()], [rule(), elsewhere], known, 'unchanged'],
		['that look into a cookie find none', [rule()], [inCookie], stranger, 'unchanged'],
		['that come find no token of a stranger', [], [rule()], stranger, 'unchanged'],
		['that come may find a token', [], [rule()], bearer, 'RequestAuthentication'],
	])('%s', async (_, before, after, one, expected) => {
		expect(await verdict(users(...after), one, users(...before))).toEqual(expected)
	})

	it('of a query leave it open where there was one', async () => {
		const param = rule({ from: [{ in: 'param', name: 'access_token' }] })
		expect(await verdict(users(param), { ...stranger, facts: { query: true } }, users())).toBe('RequestAuthentication')
	})

	it('that are not believed refuse with invalid_token, by no policy', async () => {
		const { newlyRefused } = await replayed(users(rule({ audiences: ['pay'] })), known, users(rule()))
		expect(newlyRefused).toMatchObject([{ reason: 'invalid_token', by: null }])
	})
})
