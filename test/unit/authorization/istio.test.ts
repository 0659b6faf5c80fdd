/** AuthorizationPolicy means what Istio's pages say: its reference, concepts, tasks and conditions, in our words. */
import { describe, expect, it } from 'vitest'
import { parseKey } from '../../../src/authorization/accessKey.ts'
import { ask, caller, custom, policy, tried, user } from './asked.ts'
import { CONCEPTS } from './istioConcepts.ts'
import { curl, google, REFERENCE, type Row, when } from './istioReference.ts'
import { TASKS, testing } from './istioTasks.ts'

type Asked = Parameters<typeof ask>[1]

function check({ policies, admits = [], refuses = [] }: Row): void {
	expect(admits.length + refuses.length).toBeGreaterThan(0)
	for (const made of admits) expect(ask([policies], made).allowed, JSON.stringify(made)).toBe(true)
	for (const made of refuses) expect(ask([policies], made).allowed, JSON.stringify(made)).toBe(false)
}

describe('Istio, reference of AuthorizationPolicy', () => {
	it.each(REFERENCE)('$says', check)
})

describe('Istio, concepts: authorization', () => {
	it.each(CONCEPTS)('$says', check)
})

describe('Istio, tasks', () => {
	it.each(TASKS)('$page: $says', check)

	it('External authorization: ext-authz is asked about /headers, not about /ip', () => {
		const policies = [custom('sample-ext-authz-http', [{ to: [{ paths: ['/headers'] }] }])]
		expect(ask([policies], { path: '/headers' }).authorizers).toMatchObject([{ name: 'sample-ext-authz-http' }])
		expect(ask([policies], { path: '/ip' })).toMatchObject({ allowed: true, authorizers: [] })
	})

	it('Dry run: tells what DENY and ALLOW would have done', () => {
		const deny = tried(policy('DENY', [{ to: [{ paths: ['/headers'] }] }], 'default/deny-path-headers'))
		const allow = tried(policy('ALLOW', [{ to: [{ paths: ['/headers'] }] }], 'default/allow-path-headers'))
		const wouldRefuse = (name: string) => ({ allowed: true, dryRun: { allowed: false, by: { policy: name } } })
		expect(ask([[deny]], { path: '/headers' })).toMatchObject(wouldRefuse('default/deny-path-headers'))
		expect(ask([[allow]], { path: '/' })).toMatchObject(wouldRefuse('default/allow-path-headers'))
		expect(ask([[allow]], { path: '/headers' }).dryRun).toBeUndefined()
	})
})

describe('Istio, values', () => {
	it.each([
		['exact', 'abc', ['abc'], ['ab', 'abcd', 'xabc', 'ABC']],
		['prefix', 'abc*', ['abc', 'abcd'], ['ab', 'xabc']],
		['suffix', '*abc', ['abc', 'xabc'], ['bc', 'abcd']],
		['suffix, of two wildcards', '*a*', ['a*', 'xa*'], ['a', 'xax', '*ax']],
		['presence', '*', ['abc', '-'], []],
	])('match by %s: %s', (_, pattern, same, other) => {
		const rule = when('request.auth.claims[name]', { values: [pattern] })
		const admits = (name: string) => ask([[policy('ALLOW', [rule])]], { user: testing({ name }) }).allowed
		expect(same.filter((name) => !admits(name))).toEqual([])
		expect([...other, ''].filter(admits)).toEqual([])
		expect(ask([[policy('ALLOW', [rule])]], { user: testing() }).allowed).toBe(false)
	})
})

const agent = { 'user-agent': 'Mozilla/5.0' }

describe('Istio, conditions', () => {
	it.each<[key: string, values: string[], has: Asked, hasNot: Asked]>([
		['request.headers[User-Agent]', ['Mozilla/*'], { headers: agent }, { headers: { 'user-agent': 'curl/8' } }],
		['source.ip', ['10.1.2.3', '10.2.0.0/16'], { clientAddress: '10.2.9.9' }, { clientAddress: '10.1.2.4' }],
		['remote.ip', ['10.1.2.3', '10.2.0.0/16'], { clientAddress: '10.1.2.3' }, { clientAddress: '10.3.0.1' }],
		['source.namespace', ['default'], { caller: curl }, { caller: caller('test', 'curl') }],
		['source.principal', ['cluster.local/ns/default/sa/curl'], { caller: curl }, { caller: caller('default', 'x') }],
		['source.serviceAccount', ['default/curl'], { caller: curl }, { caller: caller('default', 'x') }],
		[
			'request.auth.principal',
			['issuer.example.com/subject-1'],
			{ user: user('issuer.example.com', 'subject-1') },
			{ user: google },
		],
		[
			'request.auth.audiences',
			['example.com'],
			{ user: { ...google, audiences: ['a', 'example.com'] } },
			{ user: google },
		],
		[
			'request.auth.presenter',
			['123456789012.my-app.com'],
			{ user: { ...google, presenter: '123456789012.my-app.com' } },
			{ user: google },
		],
		['request.auth.claims[iss]', ['*@foo.com'], { user: user('a@foo.com', 'b') }, { user: google }],
		['request.auth.claims[a][b]', ['c'], { user: testing({ a: { b: ['c'] } }) }, { user: testing({ 'a][b': 'c' }) }],
		['destination.port', ['80', '443'], { port: 443 }, { port: 8080 }],
		// Our own.
		['source.trustDomain', ['cluster.local'], { caller: curl }, { caller: { spiffeId: 'spiffe://partner.example/a' } }],
		['request.time', ['Thu 00:00-12:00'], { now: 0 }, { now: 12 * 3_600_000 }],
	])('%s: %j', (key, values, has, hasNot) => {
		const allow = policy('ALLOW', [when(key, { values })])
		const allowOthers = policy('ALLOW', [when(key, { notValues: values })])
		expect([ask([[allow]], has).allowed, ask([[allow]], hasNot).allowed]).toEqual([true, false])
		expect([ask([[allowOthers]], has).allowed, ask([[allowOthers]], hasNot).allowed]).toEqual([false, true])
	})

	it.each([
		'',
		'source.labels[app]',
		'source.user',
		'destination.ip',
		'destination.namespace',
		'connection.sni',
		'experimental.envoy.filters.a.b[c]',
		'request.headers',
		'request.headers[]',
		'request.headers[:path]',
		'request.headers[a b]',
		'request.headers[a][b]',
		'request.auth.claims',
		'request.auth.claims[]',
		'request.auth.claims[a][]',
		'request.auth.claims[a]b',
		'request.auth.claims[a[b]]',
		'Source.ip',
		'source.ip ',
		'constructor',
	])('are not %j', (key) => {
		expect(parseKey(key)).toBeUndefined()
	})

	it('name fields in any case, and claims by any text without brackets', () => {
		expect(parseKey('request.headers[X-Token]')).toEqual({ of: 'header', name: 'x-token' })
		expect(parseKey('request.auth.claims[https://example.com/roles][a.b]')).toEqual({
			of: 'claim',
			path: ['https://example.com/roles', 'a.b'],
		})
	})
})
