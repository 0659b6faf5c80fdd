/** Looking rules up instead of trying them all: it finds the same, and takes no longer among a thousand. */
import { describe, expect, it } from 'vitest'
import { compileRule } from '../../../src/authorization/compileRule.ts'
import { type Facts, factsOf } from '../../../src/authorization/facts.ts'
import { allMatches, createRuleSet, type FindableRule, firstMatch } from '../../../src/authorization/ruleSet.ts'
import type { AccessRule } from '../../../src/snapshot/authorization.ts'
import { seeded } from '../../random.ts'
import { randomRequest, TRUST_DOMAIN } from '../../simulation/authorizationCases.ts'
import { randomWorld } from '../../simulation/authorizationCrowds.ts'
import { caller, request, user } from './asked.ts'

const SETS = 1_000
const REQUESTS = 20

function findable(rules: readonly AccessRule[], refuses: boolean, onTry: () => void = () => {}): FindableRule[] {
	return rules.flatMap((one, order) => {
		const compiled = compileRule(one, refuses ? 'DENY' : 'ALLOW', TRUST_DOMAIN)
		if (compiled === undefined) return []
		const matches = (facts: Facts) => {
			onTry()
			return compiled.matches(facts)
		}
		const rule = { name: { policy: 'a/b', rule: order }, order, matches, authorizer: undefined }
		return [{ rule, lookUps: compiled.lookUps }]
	})
}

describe('rules that are looked up', () => {
	it('are those that would be found by trying all', () => {
		let hits = 0
		let lookedUp = 0
		for (let seed = 1; seed <= SETS; seed++) {
			const random = seeded(seed)
			const rules = findable(
				randomWorld(random).flatMap((layer) => layer.flatMap((one) => one.rules)),
				seed % 2 === 0,
			)
			const set = createRuleSet(rules)
			const plain = createRuleSet(rules.map(({ rule }) => ({ rule, lookUps: [] })))
			if (set === undefined || plain === undefined) continue
			lookedUp += rules.length - set.always.length
			for (let i = 0; i < REQUESTS; i++) {
				const asked = {
					...randomRequest(random),
					...(i % 2 === 0 ? {} : { trustDomains: ['old.example', TRUST_DOMAIN] }),
				}
				const expected = allMatches(plain, factsOf(asked)).map(({ order }) => order)
				const say = `seed ${seed}, request ${i}`
				expect(
					allMatches(set, factsOf(asked)).map(({ order }) => order),
					say,
				).toEqual(expected)
				expect(firstMatch(set, factsOf(asked))?.order, say).toBe(expected[0])
				hits += expected.length
			}
		}
		expect(hits).toBeGreaterThan(SETS)
		expect(lookedUp).toBeGreaterThan(SETS)
	})
})

const THOUSAND = Array.from({ length: 1_000 }, (_, i) => i)
const claim = (value: string) => [{ key: { of: 'claim', path: ['team'] } as const, values: [value] }]

/** Rules that each demand one thing of their own beside what all of them demand. */
const KINDS: Readonly<Record<string, (i: number) => AccessRule>> = {
	principal: (i) => ({
		from: [{ principals: [`cluster.local/ns/shop/sa/w${i}`], namespaces: ['shop'] }],
		to: [{ methods: ['GET'] }],
	}),
	serviceAccount: (i) => ({ from: [{ serviceAccounts: [`shop/w${i}`, `shop/v${i}`] }] }),
	requestPrincipal: (i) => ({ from: [{ requestPrincipals: [`idp/u${i}`], namespaces: ['shop'] }] }),
	host: (i) => ({ from: [{ namespaces: ['shop'] }], to: [{ hosts: [`H${i}.example`] }] }),
	'host and port': (i) => ({ to: [{ hosts: [`h${i}.example:443`] }] }),
	path: (i) => ({
		from: [{ namespaces: ['shop'] }],
		to: [{ methods: ['GET'], paths: [`/api/v1/p${i}`, `/api/v2/p${i}/*`] }],
	}),
	'prefix of a path': (i) => ({
		to: [{ paths: [`/api/v1/p${i}/*`] }, { paths: [`/api/v2/p${i}/x*`], methods: ['PUT'] }],
	}),
	template: (i) => ({ to: [{ paths: [`/api/v1/p${i}/{*}/x`] }] }),
	claim: (i) => ({ from: [{ namespaces: ['shop'] }], when: claim(`t${i}`) }),
	header: (i) => ({ when: [{ key: { of: 'header', name: 'x-team' }, values: [`t${i}`] }] }),
	namespace: (i) => ({ from: [{ namespaces: [`n${i}`] }], to: [{ methods: ['GET'] }] }),
	method: (i) => ({ to: [{ methods: [`M${i}`] }] }),
	'beginning of a principal': (i) => ({ from: [{ principals: [`cluster.local/ns/shop/sa/w${i}*`, `w${i}/*`] }] }),
	'end of a principal': (i) => ({ from: [{ principals: [`*/w${i}`], namespaces: ['shop'] }] }),
	'beginning of a request principal': (i) => ({
		from: [{ requestPrincipals: [`idp/u${i}*`] }, { requestPrincipals: ['a'] }],
	}),
	'end of a host': (i) => ({ to: [{ hosts: [`*h${i}.EXAMPLE`], methods: ['GET'] }] }),
	'beginning of a host, with all ports': (i) => ({ to: [{ hosts: [`h${i}.example:*`] }] }),
	'beginning of a header': (i) => ({ when: [{ key: { of: 'header', name: 'x-team' }, values: [`t${i}*`] }] }),
	'end of a claim': (i) => ({ when: claim(`*t${i}`) }),
	'beginning of a segment': (i) => ({ to: [{ paths: [`/api/v1/p${i}/a*`] }] }),
	'end of a path': (i) => ({ to: [{ paths: [`*/p${i}/a/x`] }] }),
	'segment between others': (i) => ({ to: [{ paths: [`/{*}/v1/p${i}/{**}`] }] }),
	'segment below any': (i) => ({ to: [{ paths: [`/{*}/{*}/p${i}/{*}/x`, `/{*}/q${i}/{**}`] }] }),
	'end below any number of segments': (i) => ({ to: [{ paths: [`/{**}/p${i}/a/x`] }] }),
	'block of IPv4': (i) => ({ from: [{ ipBlocks: [`10.${i >> 8}.${i & 255}.0/24`], namespaces: ['shop'] }] }),
	'block of IPv6': (i) => ({ from: [{ ipBlocks: [`10.${i >> 8}.${i & 255}.9`, `2001:db8:${i}::/48`] }] }),
}

/** More segments than are looked up. */
const DEEP = `/a${'/x'.repeat(40)}`

describe('a thousand rules', () => {
	it.each(Object.keys(KINDS))('of which each demands another %s cost a request one of them', (kind) => {
		for (const refuses of [false, true]) {
			let tries = 0
			const set = createRuleSet(findable(THOUSAND.map(KINDS[kind]!), refuses, () => tries++))!
			expect(set.always).toEqual([])
			const asked = request({
				method: kind === 'method' ? 'M7' : 'GET',
				host: 'h7.example',
				path: '/api/v1/p7/a/x',
				headers: { 'x-team': 't7' },
				caller: { ...caller('shop', 'w7'), ...(kind === 'namespace' ? { namespace: 'n7' } : {}) },
				user: user('idp', 'u7', { team: ['t7', 't9999'] }),
				clientAddress: kind === 'block of IPv6' ? '2001:DB8:7::1' : '10.0.7.5',
			})
			const exact = kind === 'path' ? { ...asked, path: '/api/v1/p7' } : asked
			expect(firstMatch(set, factsOf(exact))?.order).toBe(7)
			expect(tries).toBe(1)
			expect(firstMatch(set, factsOf(request({ path: '/other', method: 'PATCH' })))).toBeUndefined()
			expect(tries).toBe(1)
		}
	})

	it('that demand different things cost those that share one with the request', () => {
		let tries = 0
		const kinds = Object.values(KINDS)
		const set = createRuleSet(
			findable(
				THOUSAND.map((i) => kinds[i % kinds.length]!(i)),
				true,
				() => tries++,
			),
		)!
		const asked = request({ path: '/api/v1/p30/a/x', caller: caller('shop', 'w24'), user: user('idp', 'u2') })
		firstMatch(set, factsOf(asked))
		expect(tries).toBeLessThanOrEqual(4)
	})

	it('with longer texts than are looked up, or deeper segments, are found among those that begin alike', () => {
		const long = 'x'.repeat(200)
		const rows: readonly (readonly [pattern: string, path: string, other: string])[] = [
			[`/${long}-7/*`, `/${long}-7/a`, `/${long}-8/a`],
			[`*7-${long}`, `/7-${long}`, `/8-${long}`],
			[`/${long}-7`, `/${long}-7`, `/${long}-8`],
			[`/{*}${DEEP}-7/{**}`, `/a${DEEP}-7/`, `/a${DEEP}-8/`],
		]
		for (const [pattern, path, other] of rows)
			for (const refuses of [false, true]) {
				const set = createRuleSet(findable([{ to: [{ paths: [pattern] }] }], refuses))!
				expect(set.always).toEqual([])
				expect(firstMatch(set, factsOf(request({ path }))), path).toBeDefined()
				expect(firstMatch(set, factsOf(request({ path: other }))), other).toBeUndefined()
			}
	})

	it('of as many lengths and depths cost a request a bounded number of look-ups', () => {
		const rows: readonly (readonly [demand: (i: number) => string, most: number])[] = [
			[(i) => `/${'x'.repeat(i)}*`, 128],
			[(i) => `*${'x'.repeat(i + 1)}`, 128],
			[(i) => `/{*}${'/{*}'.repeat(i % 50)}/x${i}/{*}`, 16],
		]
		for (const [demand, most] of rows) {
			const { indexes } = createRuleSet(
				findable(
					THOUSAND.map((i) => ({ to: [{ paths: [demand(i)] }] })),
					false,
				),
			)!
			expect(indexes).toHaveLength(1)
			expect(indexes[0]!.cuts.length).toBeLessThanOrEqual(most)
		}
	})

	it('for blocks of addresses are found by an address that is not known where that refuses', () => {
		const set = (refuses: boolean) => createRuleSet(findable(THOUSAND.map(KINDS['block of IPv4']!), refuses))!
		const asked = request({ clientAddress: '', caller: caller('shop', 'w') })
		expect(allMatches(set(true), factsOf(asked))).toHaveLength(1_000)
		expect(allMatches(set(false), factsOf(asked))).toEqual([])
	})

	it('with segments whose places are not known are not looked up by those', () => {
		const rows: readonly (readonly [pattern: (end: string) => string, path: string])[] = [
			[(end) => `/a%2Fb/{*}/${end}/{**}`, '/a%2Fb/x/c/y'],
			[(end) => `/{*}/a%2Fb/${end}/{**}`, '/x/a%2Fb/c/y'],
			[(end) => `/a%2F{*}/${end}/{**}`, '/a%2Fx/c/y'],
			[(end) => `/{**}/${end}/{*}`, '/a/b/c/y'],
		]
		for (const [pattern, path] of rows) {
			const set = createRuleSet(
				findable([{ to: [{ paths: [pattern('c')] }] }, { to: [{ paths: [pattern('d')] }] }], true),
			)!
			const found = allMatches(set, factsOf(request({ path })))
			expect(found.map(({ order }) => order)).toEqual([0])
		}
	})

	it('that demand no letter of anything are always tried', () => {
		const rules = [
			{},
			{ to: [{ paths: ['/a', '*'] }] },
			{ to: [{ paths: ['/a'] }, { methods: ['GET'] }] },
			{ to: [{ hosts: ['*'] }] },
			{ from: [{ notNamespaces: ['a'] }] },
			{ from: [{ ipBlocks: ['::/0'] }] },
			{ when: [{ key: { of: 'time' } as const, values: ['00:00-24:00'] }] },
		]
		expect(createRuleSet(findable(rules, true))!.always).toHaveLength(rules.length)
	})
})
