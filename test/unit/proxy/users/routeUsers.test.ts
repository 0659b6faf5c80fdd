/** Rules that look at the end user: which requests they take, what those pay who come past them, and what nobody else pays. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { AccessCondition } from '../../../../src/snapshot/authorization.ts'
import type { Cors, TrafficMatch } from '../../../../src/snapshot/filters.ts'
import type { JwtRule } from '../../../../src/snapshot/requestAuthentication.ts'
import type { PartBody, RouteSlice, Rule } from '../../../../src/snapshot/snapshot.ts'
import { seeded } from '../../../random.ts'
import { userToken } from '../../identity/users.ts'
import { stranger } from '../../identity/world.ts'
import { freshProof, identifying, proving } from '../callers/identified.ts'
import { type FakeProxy, until } from '../fakeProxy.ts'
import { head, rule, service, slice } from '../knowledge/fakeReplica.ts'
import { bearer, jwtRule, PARAM, pathOf, published, received } from './signedIn.ts'

afterEach(() => vi.restoreAllMocks())

type Parts = Record<string, PartBody>
const SEED = 23

const claims = (...values: string[]): AccessCondition => ({ key: { of: 'claim', path: ['groups'] }, values })
const ofGroup: TrafficMatch = { when: [claims('group1')] }
const MEMBER = userToken({ groups: ['group0', 'group1'] })
const OTHER = userToken({ groups: ['group2'] })
const WRONG = userToken({ groups: ['group1'] }, {}, stranger)

const believes = (namespace: string, ...users: JwtRule[]): Parts => ({
	[`namespace/${namespace}`]: { kind: 'namespace', namespace, users },
})
/** A rule of a route for all of h.test, which leads to the service `d/<its last name>`. */
const ruleTo = (name: string, more: Partial<Rule> = {}): Rule => ({
	...rule(name, '', `d/${name.split('/').at(-1)}`),
	...more,
})
const services = (...names: string[]): Parts =>
	Object.assign({}, ...names.map((name) => service(`d/${name}`, { id: name })))
const SERVICES = services('members', 'rest', 'theirs', 'half')
const members = ruleTo('default/r/members', { only: [ofGroup] })
const rest = ruleTo('default/r/rest')
const routed = (...rules: Rule[]): Parts => ({ ...head('h.test'), ...SERVICES, ...slice('h.test', 'r', rules) })

async function outcome(
	proxy: FakeProxy,
	headers: Record<string, string> = {},
	target = '/',
	method = 'GET',
): Promise<string> {
	const before = proxy.sent.length
	const response = await proxy.get(new Request(`http://h.test${target}`, { method, headers }))
	if (proxy.sent.length > before) return new URL(received(proxy).url).hostname.split('.')[0]!
	if (response.status < 400) return `answered ${response.status}`
	const { reason } = (await response.json()) as { reason: string }
	return `${response.status} ${reason}`
}

describe('a rule for the users of a group', () => {
	const proxy = () => identifying({ ...routed(members), ...believes('default', jwtRule()) })

	it.each<[string, Record<string, string>, string]>([
		['takes a member', bearer(MEMBER), 'members'],
		['passes another user over', bearer(OTHER), '404 no_matching_rule'],
		['passes a user without the claim over', bearer(userToken()), '404 no_matching_rule'],
		['passes nobody over', {}, '404 no_matching_rule'],
		['refuses a token that is wrong', bearer(WRONG), '401 invalid_token'],
		['refuses a token of a stranger', bearer(userToken({ iss: 'https://x' })), '401 invalid_token'],
		['refuses what is no token', bearer('deadbeef'), '401 invalid_token'],
	])('%s, the first time and later', async (_, headers, expected) => {
		const one = proxy()
		for (const time of ['first', 'again']) expect([time, await outcome(one, headers)]).toEqual([time, expected])
	})

	it('knows nobody where neither the Mesh nor its namespace believes an issuer, whatever the service believes', async () => {
		const parts = routed(members, rest)
		const target = parts['service/d/rest'] as Extract<PartBody, { kind: 'service' }>
		const one = identifying({
			...parts,
			'service/d/rest': { ...target, users: [jwtRule()] },
			...believes('elsewhere', jwtRule()),
		})
		expect(await outcome(one, bearer(MEMBER))).toBe('rest')
		expect(await outcome(one, bearer('deadbeef'))).toBe('401 invalid_token')
	})

	it('believes whom the Mesh believes, from the next sync on', async () => {
		const one = identifying(routed(members, rest))
		expect(await outcome(one, bearer(MEMBER))).toBe('rest')
		one.replica.change({ mesh: { kind: 'mesh', egress: 'registryOnly', defaultAccess: 'open', users: [jwtRule()] } })
		one.now += 2_000
		await outcome(one)
		expect(await outcome(one, bearer(MEMBER))).toBe('members')
	})

	it('that only says whom it excludes is for users all the same', async () => {
		const notValues = ['group2']
		const others = ruleTo('default/r/members', { only: [{ when: [{ key: claims().key, notValues }] }] })
		const one = identifying({ ...routed(others, rest), ...believes('default', jwtRule()) })
		const outcomes = [await outcome(one, bearer(MEMBER)), await outcome(one, bearer(OTHER)), await outcome(one)]
		expect(outcomes).toEqual(['members', 'rest', 'rest'])
	})

	it('counts the conditions of all its TrafficMatches together', async () => {
		const both = ruleTo('default/r/members', { only: [ofGroup, { when: [claims('group9')] }] })
		const one = identifying({ ...routed(both, rest), ...believes('default', jwtRule()) })
		expect(await outcome(one, bearer(MEMBER))).toBe('rest')
		expect(await outcome(one, bearer(userToken({ groups: ['group1', 'group9'] })))).toBe('members')
	})

	it('is refused with 503 while the keys of the issuer cannot be had', async () => {
		const { keys: _, ...others } = jwtRule()
		const one = identifying({
			...routed(members, rest),
			...believes('default', { ...others, keys: { fetched: others.issuer } }),
		})
		expect(await outcome(one, bearer(MEMBER))).toBe('503 issuer_unavailable')
		expect(await outcome(one)).toBe('rest')
	})
})

describe('the token goes on as it came', () => {
	it('to a service that does not know its issuer', async () => {
		const one = identifying({ ...routed(members), ...believes('default', jwtRule({ from: [PARAM] })) })
		expect(await outcome(one, {}, `/?a=1&access_token=${MEMBER}`)).toBe('members')
		expect(pathOf(received(one))).toBe(`/?a=1&access_token=${MEMBER}`)
	})

	it('unless the rules of the service take it off', async () => {
		const parts = routed(members)
		const target = parts['service/d/members'] as Extract<PartBody, { kind: 'service' }>
		const strict = { ...target, users: [jwtRule({ outputClaimToHeaders: [{ header: 'x-sub', claim: ['sub'] }] })] }
		const one = identifying({ ...parts, 'service/d/members': strict, ...believes('default', jwtRule()) })
		expect(await outcome(one, bearer(MEMBER))).toBe('members')
		expect(received(one).headers.get('authorization')).toBe(null)
		expect(received(one).headers.get('x-sub')).toBe('alice')
	})
})

describe('a token is looked at', () => {
	const post = { method: 'POST' }
	const at = (value: string) => ({ type: 'PathPrefix', value }) as const

	it.each<[string, Rule[], string]>([
		['for another path', [{ ...members, matches: [{ path: at('/other') }] }, rest], 'rest'],
		['for another method', [{ ...members, matches: [{ path: at(''), ...post }] }, rest], 'rest'],
		[
			'for another field',
			[{ ...members, matches: [{ path: at(''), headers: [{ name: 'x-a', type: 'Exact', value: '1' }] }] }, rest],
			'rest',
		],
		['for another caller', [{ ...members, only: [{ ...ofGroup, sources: [{ namespace: 'n' }] }] }, rest], 'rest'],
		['for a share that is not drawn', [{ ...members, only: [ofGroup, { share: 0 }] }, rest], 'rest'],
		['after a rule that wins', [{ ...rest, matches: [{ path: at(''), method: 'GET' }] }, members], 'rest'],
	])('not by a rule %s', async (_, rules, expected) => {
		const verifying = vi.spyOn(crypto.subtle, 'verify')
		const one = identifying({ ...routed(...rules), ...believes('default', jwtRule()) })
		for (const token of [MEMBER, WRONG, 'deadbeef']) expect(await outcome(one, bearer(token))).toBe(expected)
		expect(verifying).not.toHaveBeenCalled()
	})

	it('once, however many rules ask, and never again while it is remembered', async () => {
		const verifying = vi.spyOn(crypto.subtle, 'verify')
		const nine = ruleTo('default/r/theirs', { only: [{ when: [claims('group9')] }] })
		const one = identifying({ ...routed(nine, members, rest), ...believes('default', jwtRule()) })
		for (let time = 0; time < 3; time++) expect(await outcome(one, bearer(MEMBER))).toBe('members')
		expect(verifying).toHaveBeenCalledTimes(1)
	})
})

describe('routes of two namespaces on one host', () => {
	const theirs: Parts = {
		'virtualHost/h.test/other/r': {
			...(slice('h.test', 'r', [ruleTo('other/r/theirs', { only: [ofGroup] })])[
				'virtualHost/h.test/default/r'
			] as RouteSlice),
			...{ route: 'other/r', createdAt: 1 },
		},
	}
	const own = jwtRule({ keys: { inline: [published('u1', stranger)] } })

	it('each see the user that their own namespace believes', async () => {
		const strict = ruleTo('default/r/members', { only: [{ when: [claims('group7')] }] })
		const parts = { ...routed(strict), ...theirs, ...believes('default', jwtRule()) }
		expect(await outcome(identifying({ ...parts, ...believes('other', jwtRule()) }), bearer(MEMBER))).toBe('theirs')
		expect(await outcome(identifying(parts), bearer(MEMBER))).toBe('404 no_matching_rule')
		const refused = identifying({ ...parts, ...believes('other', own) })
		expect(await outcome(refused, bearer(MEMBER))).toBe('401 invalid_token')
		expect(await outcome(refused)).toBe('404 no_matching_rule')
	})

	it('are asked once each', async () => {
		const parts = { ...routed(ruleTo('default/r/members', { only: [{ when: [claims('group7')] }] })), ...theirs }
		const one = identifying({
			...parts,
			...believes('default', jwtRule()),
			...believes('other', jwtRule({ audiences: ['shop'] })),
		})
		const verifying = vi.spyOn(crypto.subtle, 'verify')
		expect(await outcome(one, bearer(MEMBER))).toBe('theirs')
		expect(verifying).toHaveBeenCalledTimes(2)
		const asked = one.replica.loads.flatMap(({ parts = [] }) => parts).filter((name) => name.startsWith('namespace/'))
		expect(asked).toEqual(['namespace/default', 'namespace/other'])
	})
})

it('a consumer route goes by users as any other does', async () => {
	const mine = slice('h.test', 'mine', [ruleTo('default/mine/half', { only: [ofGroup] })], {
		callerNamespace: 'default',
	})
	const from = [{ in: 'header', name: 'x-user', prefix: '' }] as const
	const one = identifying({ ...routed(rest), ...mine, ...believes('default', jwtRule({ from })) })
	const asOrders = (user: string) => outcome(one, { ...proving(freshProof({ aud: 'http://h.test/' })), 'x-user': user })
	expect(await asOrders(MEMBER)).toBe('half')
	expect(await asOrders(OTHER)).toBe('404 no_matching_rule')
	expect(await asOrders(WRONG)).toBe('401 invalid_token')
	expect(await outcome(one, { 'x-user': WRONG })).toBe('rest')
})

it(`a share above a rule that looks at users stays a share, and so does its own (within 4 sigma, seed ${SEED})`, async () => {
	const random = seeded(SEED)
	const half = ruleTo('default/r/half', { only: [{ share: 0.5 }] })
	const some = ruleTo('default/r/members', { only: [{ share: 0.4 }, ofGroup] })
	const one = identifying({ ...routed(half, some, rest), ...believes('default', jwtRule()) })
	one.random = random
	const n = 4_000
	const counts = new Map<string, number>()
	for (let i = 0; i < n; i++) {
		// Half of the tokens are met for the first time, and so waited for.
		const name = await outcome(one, bearer(i % 2 === 0 ? MEMBER : userToken({ groups: ['group1'], jti: i })))
		counts.set(name, (counts.get(name) ?? 0) + 1)
	}
	for (const [name, share] of Object.entries({ half: 0.5, members: 0.2, rest: 0.3 }))
		expect(Math.abs((counts.get(name) ?? 0) - n * share), name).toBeLessThan(4 * Math.sqrt(n * share * (1 - share)))
})

describe('a CORS preflight, which carries no token,', () => {
	const cors: Cors = {
		...{ allowOrigins: ['https://app.test'], allowCredentials: false, allowMethods: ['GET'] },
		...{ allowHeaders: ['authorization'], exposeHeaders: [], maxAgeSeconds: 5 },
	}
	const asking = { origin: 'https://app.test', 'access-control-request-method': 'GET' }
	const believing = (...rules: Rule[]) => identifying({ ...routed(...rules), ...believes('default', jwtRule()) })

	it('is answered by a rule with a CORS filter, whoever it is for', async () => {
		const one = believing({ ...members, filters: { cors } })
		expect(await outcome(one, asking, '/', 'OPTIONS')).toBe('answered 204')
		expect(await outcome(one, {}, '/', 'OPTIONS')).toBe('404 no_matching_rule')
		expect(await outcome(one, asking)).toBe('404 no_matching_rule')
	})

	it('asks the other conditions of such a rule all the same', async () => {
		const one = believing({ ...members, filters: { cors }, only: [{ ...ofGroup, sources: [{ namespace: 'n' }] }] })
		expect(await outcome(one, asking, '/', 'OPTIONS')).toBe('404 no_matching_rule')
	})

	it('never gets to a service that is for users', async () => {
		expect(await outcome(believing(members), asking, '/', 'OPTIONS')).toBe('404 no_matching_rule')
		expect(await outcome(believing(members, rest), asking, '/', 'OPTIONS')).toBe('rest')
	})

	it('is followed by a refusal that its page can read', async () => {
		const one = believing({ ...members, filters: { cors } }, rest)
		const headers = { ...bearer(WRONG), origin: 'https://app.test' }
		const response = await one.get(new Request('http://h.test/', { headers }))
		expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([401, 'https://app.test'])
		expect(await response.json()).toMatchObject({ reason: 'invalid_token', rule: 'default/r/members' })
	})
})

it('rules that change while a token is verified are those that the request meets', async () => {
	const one = identifying({ ...routed(members), ...believes('default', jwtRule()) })
	await outcome(one)
	let verified = () => {}
	const waiting = new Promise<void>((resolve) => {
		verified = resolve
	})
	const verify = crypto.subtle.verify.bind(crypto.subtle)
	const verifying = vi.spyOn(crypto.subtle, 'verify').mockImplementation(async (...args) => {
		await waiting
		return verify(...(args as Parameters<typeof verify>))
	})
	const response = one.start(new Request('http://h.test/', { headers: bearer(MEMBER) }))
	await until(() => verifying.mock.calls.length > 0)
	one.replica.change(slice('h.test', 'r', [{ ...members, backends: [{ weight: 1, service: 'd/half' }] }]))
	one.now += 2_000
	await outcome(one)
	verified()
	expect((await response).status).toBe(200)
	expect(new URL(received(one).url).hostname).toBe('half.test')
})

it('who comes while the control plane does not answer is refused, not passed over', async () => {
	const cold = identifying({
		...routed({ ...members, matches: [{ path: { type: 'PathPrefix', value: '/m' } }] }, rest),
		...believes('default', jwtRule()),
	})
	expect(await outcome(cold)).toBe('rest')
	cold.replica.failing = true
	expect(await outcome(cold, bearer(MEMBER), '/m')).toBe('503 control_plane_unreachable')
	expect(await outcome(cold, bearer(MEMBER))).toBe('rest')
})
