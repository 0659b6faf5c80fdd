/** What a replay says where routes ask who the user is: a sample knows the rule by which it came, and not by which it would come then. */
import { describe, expect, it } from 'vitest'
import type { AccessLayer, AccessLayers } from '../../../src/ports.ts'
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

const RULE = 'shop/web/0'
const BY_WHICH_RULE = 'TrafficMatch.when'

const rule = (more: Partial<JwtRule> = {}): JwtRule => ({
	issuer: ISSUER,
	keys: { fetched: ISSUER },
	from: [{ in: 'header', name: 'authorization', prefix: 'Bearer ' }],
	clockSkewMs: 60_000,
	spaceDelimitedClaims: ['scope'],
	...more,
})
const other = rule({ issuer: 'https://new' })

interface Said {
	readonly mesh?: readonly JwtRule[]
	readonly shop?: readonly JwtRule[]
	readonly edge?: readonly JwtRule[]
	readonly service?: readonly JwtRule[]
}

/** Whoever has no user is refused. `askedBy`: namespaces of routes on the host of the rule, or on the Service's own. */
const stand = (said: Said, askedBy: readonly string[], ofService: readonly string[] = []): AccessLayers => {
	const believing = (users: readonly JwtRule[] = []): AccessLayer => (users.length === 0 ? {} : { users })
	const access = [policy('ALLOW', [{ from: [{ requestPrincipals: ['*'] }] }])]
	return layers([], {
		mesh: believing(said.mesh),
		namespaces: new Map([
			['shop', believing(said.shop)],
			['edge', believing(said.edge)],
		]),
		services: new Map([[SERVICE, { ...believing(said.service), access, askedBy: ofService }]]),
		rules: new Map([[RULE, { askedBy }]]),
	})
}

const known = request({ user: user(), ...fields(['authorization', 'Bearer x']) })
const stranger = request(fields(['accept', '*/*']))
const bearer = request(fields(['authorization', 'Bearer x']))
const refused = request({
	facts: { allowed: false, refusedUser: { issuer: 'https://stranger' } },
	...fields(['authorization', 'Bearer x']),
})

describe('where routes of the namespace ask who the user is, other rules of end users', () => {
	it.each<[string, Said, Said, Remembered, unknown]>([
		['that come may lead elsewhere whoever shows a token', {}, { mesh: [rule()] }, bearer, BY_WHICH_RULE],
		['of the namespace likewise', {}, { shop: [rule()] }, bearer, BY_WHICH_RULE],
		['that go lead elsewhere whom they made known', { shop: [rule()] }, {}, known, BY_WHICH_RULE],
		[
			'that refuse a token do so before any rule is chosen',
			{ shop: [rule()] },
			{ shop: [rule({ audiences: ['pay'] })] },
			known,
			BY_WHICH_RULE,
		],
		['that leave the user leave the rule', { shop: [rule()] }, { shop: [rule(), other] }, known, 'unchanged'],
		['that refuse a token as before do too', { shop: [rule()] }, { shop: [rule(), other] }, refused, 'unchanged'],
		['are nothing to who shows no token', { mesh: [rule()] }, {}, stranger, 'unchanged'],
		[
			'are nothing to who shows none to the Service either, whoever that believes',
			{ mesh: [rule()], service: [other] },
			{ service: [other] },
			stranger,
			'unchanged',
		],
		[
			'of the Service alone are not asked for its route',
			{ service: [rule()] },
			{ service: [] },
			known,
			['refused', null],
		],
		[
			'may lead elsewhere whom others made known to the Service',
			{ mesh: [rule()], service: [other] },
			{ mesh: [rule(), rule({ issuer: 'https://third' })], service: [other] },
			known,
			BY_WHICH_RULE,
		],
		['of a namespace that does not ask are nothing to routes', {}, { edge: [rule()] }, bearer, 'unchanged'],
	])('%s', async (_, before, after, one, expected) => {
		expect(await verdict(stand(after, ['shop']), one, stand(before, ['shop']))).toEqual(expected)
	})

	it('of another namespace count where its routes ask on the same host, though the Service is told nothing else', async () => {
		const [before, after] = [stand({}, ['shop', 'edge']), stand({ edge: [rule()] }, ['shop', 'edge'])]
		expect(await verdict(after, bearer, before)).toBe(BY_WHICH_RULE)
		expect(await replayed(after, bearer, before)).toMatchObject({
			samples: 1,
			unchanged: 0,
			undecided: [{ condition: BY_WHICH_RULE, policy: null, count: 1 }],
		})
	})

	it('count for who came by no rule where routes ask on the host of the Service, and for nobody else', async () => {
		const byNone = { ...known, facts: { rule: '' } }
		const [ofRule, ofService] = [(said: Said) => stand(said, ['shop']), (said: Said) => stand(said, [], ['shop'])]
		const shop = [rule()]
		expect(await verdict(ofService({}), byNone, ofService({ shop }))).toBe(BY_WHICH_RULE)
		expect(await verdict(ofRule({}), byNone, ofRule({ shop }))).toEqual(['refused', null])
		expect(await verdict(ofService({}), known, ofService({ shop }))).toEqual(['refused', null])
	})
})

it('where no route asks who the user is, other rules of end users are judged as they are', async () => {
	expect(await verdict(stand({}, []), known, stand({ shop: [rule()] }, []))).toEqual(['refused', null])
})

it('policies of access lead nobody elsewhere', async () => {
	const before = stand({ shop: [rule()] }, ['shop'])
	const services = new Map([[SERVICE, { access: [policy('DENY', [{}])] }]])
	expect(await verdict({ ...before, services }, known, before)).toEqual(['refused', 'shop/deny'])
})

it('who may be led elsewhere still counts as judged otherwise then', async () => {
	const was = { ...bearer, facts: { allowed: true } }
	expect(await replayed(stand({ mesh: [rule()] }, ['shop']), was, stand({}, ['shop']))).toMatchObject({ otherThen: 1 })
})
