/** What a replay says of other rules of end users, without having kept a token. */
import { describe, expect, it } from 'vitest'
import type { AccessLayers } from '../../../src/ports.ts'
import type { JwtRule } from '../../../src/snapshot/requestAuthentication.ts'
import {
	fields,
	ISSUER,
	layers,
	policy,
	type Remembered,
	replayed,
	request,
	SERVICE,
	user,
	verdict,
} from './remembered.ts'

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
	const ofSeveral = request({
		facts: { user: { ...user(), issuer: ISSUER, isOfSeveral: true } },
		...fields(['authorization', 'Bearer x'], ['cookie', 'jwt=x']),
	})
	const workloads = (workloadIssuer: string) => ({ ...bearer, facts: { workloadIssuer } })
	const unlisted = rule({ keys: { fetched: 'x' }, spaceDelimitedClaims: [] })
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
		[
			'that were others then leave it open',
			[rule({ issuer: 'https://new' })],
			[rule()],
			known,
			'RequestAuthentication',
		],
		[
			'that look into fewer places may miss the token',
			[rule(), rule({ issuer: 'https://new', from: elsewhere.from })],
			[rule({ issuer: 'https://new', from: elsewhere.from })],
			request({ user: user(), ...fields(['authorization', 'Bearer x'], ['x-jwt', 'x']) }),
			'RequestAuthentication',
		],
		['that look where no token can be leave no user', [rule()], [elsewhere], known, ['refused', null]],
		['that read claims otherwise leave it open', [rule()], [unlisted, rule()], known, 'RequestAuthentication'],
		[
			'of an issuer whose name goes on after the user’s leave it open',
			[rule()],
			[rule(), rule({ issuer: `${ISSUER}/al` })],
			known,
			'RequestAuthentication',
		],
		[
			'for other audiences may refuse one of two tokens',
			[inCookie],
			[{ ...inCookie, audiences: ['shop'] }],
			ofSeveral,
			'RequestAuthentication',
		],
		[
			'of a new issuer may find a workload’s',
			[rule()],
			[rule(), rule({ issuer: 'new' })],
			workloads('new'),
			'RequestAuthentication',
		],
		[
			'of a new issuer find no workload’s of others',
			[rule()],
			[rule(), rule({ issuer: 'new' })],
			workloads('spire'),
			'unchanged',
		],
		[
			'of a new issuer find no workload’s where they do not look',
			[elsewhere],
			[elsewhere, { ...elsewhere, issuer: 'new' }],
			request({ facts: { workloadIssuer: 'new' }, ...fields(['authorization', 'Bearer x'], ['x-jwt', 'x']) }),
			'unchanged',
		],
		[
			'of a new issuer find none where nothing is shown',
			[rule()],
			[rule(), rule({ issuer: 'new' })],
			stranger,
			'unchanged',
		],
		[
			'that go may pass over what counts as a workload’s',
			[rule(), rule({ issuer: 'https://new' })],
			[rule({ issuer: 'https://new' })],
			{ ...known, facts: { workloadIssuer: ISSUER } },
			'RequestAuthentication',
		],
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

	const refused = (token: Remembered['facts'], ...more: [string, string][]) =>
		request({ facts: { allowed: false, ...token }, ...fields(['authorization', 'Bearer x'], ...more) })
	const claiming = (issuer: string, isWorkloads?: true) =>
		refused({ refusedUser: { issuer }, ...(isWorkloads && { workloadIssuer: issuer }) })
	const other = rule({ issuer: 'https://new' })
	const anybody = { access: [policy('ALLOW', [{ from: [{ notRequestPrincipals: ['*'] }] }])] }
	const open = (...all: JwtRule[]): AccessLayers =>
		layers([], { mesh: { users: all }, services: new Map([[SERVICE, anybody]]) })

	it.each<[string, JwtRule[], JwtRule[], Remembered, unknown]>([
		['by the same rules is refused again', [rule()], [rule()], claiming(ISSUER), 'unchanged'],
		[
			'of an issuer that is believed then may be',
			[rule()],
			[rule(), other],
			claiming('https://new'),
			'RequestAuthentication',
		],
		[
			'of another issuer than that is refused again',
			[rule()],
			[rule(), other],
			claiming('https://stranger'),
			'unchanged',
		],
		['that is none is refused again', [rule()], [rule(), other], claiming(''), 'unchanged'],
		[
			'that is one of several may be another',
			[rule()],
			[rule(), other],
			refused({ refusedUser: {} }),
			'RequestAuthentication',
		],
		[
			'by a rule that changes may be believed',
			[rule()],
			[rule({ audiences: ['x'] })],
			claiming(ISSUER),
			'RequestAuthentication',
		],
		['by rules of which some stay is refused again', [rule(), other], [rule()], claiming(ISSUER), 'unchanged'],
		[
			'that nobody looks at any more goes on without a user',
			[rule()],
			[elsewhere],
			claiming(ISSUER),
			['admitted', 'shop/allow'],
		],
		[
			'in a place that may be another’s too leaves it open',
			[rule(), elsewhere],
			[rule()],
			refused({ refusedUser: { issuer: ISSUER } }, ['x-jwt', 'x']),
			'RequestAuthentication',
		],
		['without a rule of its issuer is refused', [rule(), other], [rule()], claiming('https://new'), 'unchanged'],
		[
			'without a rule of its issuer may count as a workload’s',
			[rule(), other],
			[rule()],
			claiming('https://new', true),
			'RequestAuthentication',
		],
		[
			'that named another issuer’s user may be believed without that issuer',
			[rule(), rule({ issuer: `${ISSUER}/b` })],
			[rule()],
			claiming(ISSUER),
			'RequestAuthentication',
		],
		[
			'that the rules in force pass over may be believed by others',
			[elsewhere],
			[elsewhere, other],
			claiming(ISSUER),
			'RequestAuthentication',
		],
	])('a token that was refused %s', async (_, before, after, one, expected) => {
		expect(await verdict(open(...after), one, open(...before))).toEqual(expected)
	})

	it('a token that was refused, and that the rules in force do not look at, counts no more', async () => {
		const denied = layers([], { mesh: { users: [elsewhere], access: [policy('DENY', [{}])] } })
		expect(await verdict(denied, claiming(ISSUER), open(elsewhere))).toEqual(['refused', 'shop/deny'])
	})

	it('a request whose token was refused stays refused whatever policies say, and counts as it was', async () => {
		const denied = layers([[policy('DENY', [{}])]], { mesh: { users: [rule()], access: [policy('DENY', [{}])] } })
		expect(await replayed(denied, claiming(ISSUER), open(rule()))).toMatchObject({ unchanged: 1, otherThen: 0 })
	})
})
