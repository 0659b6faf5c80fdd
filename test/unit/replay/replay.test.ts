/** What a replay says: who changes, by whom, and where it cannot tell. */
import { describe, expect, it } from 'vitest'
import { pathGroup } from '../../../src/replay/groups.ts'
import { replay } from '../../../src/replay/replay.ts'
import type { AccessPolicy, AccessRule, Authorizer } from '../../../src/snapshot/authorization.ts'
import {
	CALLER,
	DOMAIN,
	fields,
	ISSUER,
	layers,
	OPEN,
	ofService,
	policy,
	remember,
	replayed,
	request,
	SERVICE,
	user,
	verdict,
} from './remembered.ts'

const when = (key: AccessRule['when'] extends readonly (infer C)[] | undefined ? C : never): AccessRule => ({
	when: [key],
})
const header = (name: string, ...values: string[]) => when({ key: { of: 'header', name }, values })

describe('a policy that refuses', () => {
	it('is said to, with everything that tells whom', async () => {
		const result = await replayed(
			ofService(policy('DENY', [{ to: [{ methods: ['GET'] }] }])),
			request({ user: user() }),
		)
		expect(result).toEqual({
			samples: 1,
			unchanged: 0,
			newlyRefused: [
				{
					source: CALLER.spiffeId,
					user: { issuer: ISSUER },
					service: SERVICE,
					rule: 'shop/web/0',
					route: 'shop/web',
					method: 'GET',
					path: '/orders/{*}/…',
					by: 'shop/deny',
					reason: 'access_denied',
					count: 1,
				},
			],
			newlyAdmitted: [],
			undecided: [],
			leftOut: 0,
			otherThen: 0,
		})
	})

	it('counts requests that are alike together, the most frequent first', async () => {
		const requests = ['/a', '/b', '/b', '/b/1', '/b/2'].map((path) => request({ path }))
		const after = ofService(policy('DENY', [{}]))
		const { newlyRefused } = await replay([await remember(requests)], OPEN, after, DOMAIN)
		expect(newlyRefused.map(({ path, count }) => [path, count])).toEqual([
			['/b', 2],
			['/b/{*}', 2],
			['/a', 1],
		])
	})

	it('changes nothing while it is a dry run, or for AUDIT', async () => {
		expect(await verdict(ofService(policy('DENY', [{}], { dryRun: true })))).toBe('unchanged')
		expect(await verdict(ofService({ name: 'shop/audit', action: 'AUDIT', rules: [{}] }))).toBe('unchanged')
	})
})

it('an ALLOW that nobody meets refuses by no policy, and one that comes beside it admits by its name', async () => {
	const nobody = policy('ALLOW', [])
	const wide = policy('ALLOW', [{ from: [{ namespaces: ['shop'] }] }], { name: 'shop/wide' })
	expect(await verdict(ofService(nobody))).toEqual(['refused', null])
	expect(await verdict(ofService(nobody, wide), request(), ofService(nobody))).toEqual(['admitted', 'shop/wide'])
})

it('a mesh that is closed refuses whom no ALLOW admits', async () => {
	expect(await verdict(layers([], { defaultAccess: 'closed' }))).toEqual(['refused', null])
})

it('a former name of the trust domain, once the mesh goes by it, is the one that callers prove', async () => {
	const former = policy('ALLOW', [{ from: [{ principals: ['old-td/*'] }] }])
	const named = { trustDomainAliases: ['old-td'] }
	expect(await verdict(layers([undefined, undefined, [former]], named), request(), ofService(former))).toEqual([
		'admitted',
		'shop/allow',
	])
})

it('a verdict that was another when the sample was taken is told', async () => {
	const { otherThen } = await replayed(OPEN, request({ facts: { allowed: false } }))
	expect(otherThen).toBe(1)
})

describe('a digested value', () => {
	const sent = request(fields(['x-tenant', 'acme']))
	it.each<[string, string[], unknown]>([
		['is the text that it equals', ['acme'], ['refused', 'shop/deny']],
		['is none of the texts that it does not equal', ['acm', 'acme2'], 'unchanged'],
		['is there', ['*'], ['refused', 'shop/deny']],
		['may have a prefix', ['ac*'], 'request.headers[x-tenant]'],
		['may have a suffix', ['*me'], 'request.headers[x-tenant]'],
		['that is known has the prefix or not', ['other', 'acme', 'x*'], ['refused', 'shop/deny']],
	])('%s', async (_, values, expected) => {
		expect(await verdict(ofService(policy('DENY', [header('x-tenant', ...values)])), sent)).toEqual(expected)
	})

	it('of another field is another', async () => {
		const after = ofService(policy('DENY', [header('x-other', 'acme')]))
		expect(await verdict(after, request(fields(['x-tenant', 'acme'], ['x-other', 'b'])))).toBe('unchanged')
	})

	it('that could refuse, where another could admit, leaves it open', async () => {
		const after = ofService(policy('DENY', [header('x-tenant', 'ac*')]), policy('ALLOW', [header('x-tenant', '*me')]))
		expect(await verdict(after, sent)).toBe('request.headers[x-tenant]')
	})

	it('leaves nothing open where another policy decides', async () => {
		const after = ofService(policy('DENY', [header('x-tenant', 'ac*')]), policy('DENY', [{}], { name: 'shop/all' }))
		expect(await verdict(after, sent)).toEqual(['refused', 'shop/all'])
	})
})

describe('what a sample does not say', () => {
	const deny = (...names: string[]) =>
		ofService(
			policy(
				'DENY',
				names.map((name) => header(name, 'x')),
			),
		)
	it('of a field that is hidden leaves open what asks for it, and not that it was not there', async () => {
		const shown = request(fields(['authorization', 'Bearer x'], ['x-login', 'token']))
		expect(await verdict(deny('authorization'), shown)).toBe('request.headers[authorization]')
		expect(await verdict(deny('x-login'), shown, OPEN, ['x-login'])).toBe('request.headers[x-login]')
		expect(await verdict(deny('cookie'), shown)).toBe('unchanged')
	})

	it('of fields beyond the thirty-second likewise', async () => {
		const many = request({ fields: Array.from({ length: 40 }, (_, i): [string, string] => [`x-${i}`, 'y']) })
		expect(await verdict(deny('x-31'), many)).toBe('unchanged')
		expect(await verdict(deny('x-32'), many)).toBe('request.headers[x-32]')
	})

	it('of a path that was cut leaves open what looks at paths', async () => {
		const after = ofService(policy('DENY', [{ to: [{ paths: ['/orders/*'] }] }]))
		expect(await verdict(after, request({ facts: { pathCut: true } }))).toBe('paths')
		expect(await verdict(ofService(policy('DENY', [{}])), request({ facts: { pathCut: true } }))).not.toBe('paths')
	})

	it('of claims that there was no room for leaves open what asks for them', async () => {
		const claims = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`c${i}`, 'y']))
		const deniedBy = (name: string) =>
			ofService(policy('DENY', [when({ key: { of: 'claim', path: [name] }, values: ['y'] })]))
		expect(await verdict(deniedBy('c63'), request({ user: user({ claims }) }))).toEqual(['refused', 'shop/deny'])
		expect(await verdict(deniedBy('c64'), request({ user: user({ claims }) }))).toBe('request.auth.claims[c64]')
	})
})

describe('an end user', () => {
	const principals = (...texts: string[]) => ofService(policy('DENY', [{ from: [{ requestPrincipals: texts }] }]))
	it.each<[string, unknown]>([
		['https://idp/alice', ['refused', 'shop/deny']],
		['https://idp/bob', 'unchanged'],
		['https://idp/*', ['refused', 'shop/deny']],
		['https://*', ['refused', 'shop/deny']],
		['https://other/a*', 'unchanged'],
		['https://idp/a*', 'request.auth.principal'],
		['*/alice', 'request.auth.principal'],
	])('is told from its issuer and digest: %s', async (text, expected) => {
		expect(await verdict(principals(text), request({ user: user() }))).toEqual(expected)
	})

	it('that there is none of is none of them', async () => {
		expect(await verdict(principals('*', 'https://idp/a*'))).toBe('unchanged')
	})
})

it('an ambiguous path is refused once a policy looks at paths', async () => {
	const after = ofService(policy('ALLOW', [{ to: [{ paths: ['/*'] }] }]))
	const odd = request({ path: '/a//b', facts: { ambiguous: 'an empty segment' } })
	const { newlyRefused } = await replayed(after, odd)
	expect(newlyRefused).toMatchObject([{ reason: 'ambiguous_path', by: null }])
	expect(await verdict(ofService(policy('ALLOW', [{}])), odd)).toBe('unchanged')
})

describe('an authorizer', () => {
	const authorizer: Authorizer = {
		...{ name: 'opa', service: 'd/opa', pathPrefix: '', timeoutMs: 1, failOpen: false, statusOnError: 403 },
		...{ includeRequestHeaders: [], includeAdditionalHeaders: [], headersToUpstreamOnAllow: [] },
		...{ headersToDownstreamOnAllow: [], headersToDownstreamOnDeny: [] },
	}
	const custom = (rules: readonly AccessRule[], more: Partial<Authorizer> = {}): AccessPolicy => ({
		...{ name: 'shop/custom', action: 'CUSTOM', rules, authorizer: { ...authorizer, ...more } },
	})
	it('that is asked then may say anything, and so may one that is asked no more', async () => {
		expect(await verdict(ofService(custom([{}])))).toBe('CUSTOM opa')
		expect(await verdict(OPEN, request(), ofService(custom([{}])))).toBe('CUSTOM opa')
		expect(await verdict(ofService(custom([{}], { pathPrefix: '/v2' })), request(), ofService(custom([{}])))).toBe(
			'CUSTOM opa',
		)
	})

	it.each<[string, AccessRule[], readonly string[]]>([
		['of every request', [{}], ['opa']],
		['of some requests, and maybe of this', [header('x-tenant', 'ac*')], ['opa']],
		['of other requests', [header('x-tenant', 'other')], []],
	])('%s: what is refused for sure then, or was before, is a change for whom it lets in', async (_, rules, names) => {
		const sent = request(fields(['x-tenant', 'acme']))
		const admitting = ofService(policy('ALLOW', [{}]), custom(rules))
		const refusing = ofService(policy('ALLOW', [{ to: [{ methods: ['PUT'] }] }]), custom(rules))
		const asks = names.length === 0 ? {} : { asks: names }
		const [to, from] = [await replayed(refusing, sent, admitting), await replayed(admitting, sent, refusing)]
		expect([to.undecided, from.undecided]).toEqual([[], []])
		expect(to.newlyRefused).toEqual([expect.objectContaining({ by: null, reason: 'access_denied', count: 1, ...asks })])
		expect(from.newlyAdmitted).toEqual([expect.objectContaining({ by: 'shop/allow', count: 1, ...asks })])
		for (const [change] of [to.newlyRefused, from.newlyAdmitted])
			expect(Object.hasOwn(change!, 'asks')).toBe('asks' in asks)
	})

	it('of whom it cannot be told whether it is asked leaves open who is admitted both ways', async () => {
		const [some, each] = [ofService(custom([header('x-tenant', 'ac*')])), ofService(custom([{}]))]
		const sent = request(fields(['x-tenant', 'acme']))
		expect(await verdict(each, sent, some)).toBe('CUSTOM opa')
		expect(await verdict(some, sent, each)).toBe('CUSTOM opa')
	})

	it('that may be asked about fields which another one writes leaves open what policies read there', async () => {
		const writing = { headersToUpstreamOnAllow: ['x-role'] }
		const before = ofService(policy('ALLOW', [{}]), custom([header('x-tenant', 'ac*')], writing))
		expect(await verdict(ofService(policy('DENY', [{}])), request(fields(['x-tenant', 'acme'])), before)).toBe(
			'CUSTOM opa',
		)
	})

	it('that is asked as before changes nothing, and who is refused anyway is not asked about', async () => {
		const more = ofService(custom([{}]), policy('DENY', [{ to: [{ methods: ['PUT'] }] }]))
		expect(await verdict(more, request(), ofService(custom([{}])))).toBe('unchanged')
		expect(await verdict(ofService(custom([{ to: [{ methods: ['PUT'] }] }])))).toBe('unchanged')
	})
})

it('a service outside the mesh is shown tokens of its own rules only', async () => {
	const rules = {
		mesh: {
			users: [{ issuer: 'https://new', keys: { fetched: 'x' }, from: [], clockSkewMs: 0, spaceDelimitedClaims: [] }],
		},
	}
	const external = new Map([[SERVICE, { external: true as const }]])
	const { unchanged } = await replayed(layers([], { ...rules, services: external }))
	expect(unchanged).toBe(1)
})

it('samples of more keys than there is time for are left out, and counted', async () => {
	const values = Array.from({ length: 20_000 }, (_, i) => `v${i}`)
	const after = ofService(policy('DENY', [header('x-tenant', ...values)]))
	const batches = await Promise.all([1, 2, 3].map(() => remember([request(fields(['x-tenant', 'v7']))])))
	expect(await replay(batches, OPEN, after, DOMAIN)).toMatchObject({
		samples: 2,
		leftOut: 1,
		newlyRefused: [{ count: 2 }],
	})
})

it('paths are grouped by their first two segments, ids aside', () => {
	const uuid = '0b0d7c1e-9f3a-4a7e-8d75-0f6a1c2b3d4e'
	expect(
		['/', '/a', '/a/b', '/a/b/c', '/a/12', `/u/${uuid}/x`, '/s/sess_0123456789abcdef', '/a/'].map(pathGroup),
	).toEqual([...['/', '/a', '/a/b', '/a/b/…', '/a/{*}', '/u/{*}/…', '/s/{*}', '/a/']])
})
