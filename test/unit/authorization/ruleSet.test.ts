/** Looking rules up instead of trying them all: it finds the same, and takes no longer among a thousand. */
import { describe, expect, it } from 'vitest'
import { compileRule } from '../../../src/authorization/compileRule.ts'
import { type Facts, factsOf } from '../../../src/authorization/facts.ts'
import { allMatches, createRuleSet, type FindableRule, firstMatch } from '../../../src/authorization/ruleSet.ts'
import type { AccessRule } from '../../../src/snapshot/authorization.ts'
import { seeded } from '../../random.ts'
import { randomLayers, randomRequest, TRUST_DOMAIN } from '../../simulation/authorizationCases.ts'
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
				randomLayers(random).flatMap((layer) => layer.flatMap((one) => one.rules)),
				seed % 2 === 0,
			)
			const set = createRuleSet(rules)
			const plain = createRuleSet(rules.map(({ rule }) => ({ rule, lookUps: [] })))
			if (set === undefined || plain === undefined) continue
			lookedUp += rules.length - set.always.length
			for (let i = 0; i < REQUESTS; i++) {
				const asked = randomRequest(random)
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
}

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

	it('are looked up below the depth at which paths are, and no deeper', () => {
		const deep = (i: number): AccessRule => ({ to: [{ paths: [`/a/b/c/d/e/f${i}`] }] })
		const set = createRuleSet(findable(THOUSAND.map(deep), false))!
		expect(set.always).toEqual([])
		expect(firstMatch(set, factsOf(request({ path: '/a/b/c/d/e/f7' })))?.order).toBe(7)
		expect(firstMatch(set, factsOf(request({ path: `/a/b/c/d${'/x'.repeat(5_000)}` })))).toBeUndefined()
	})

	it('that demand nothing to the letter are always tried', () => {
		const rules = [
			{},
			{ to: [{ paths: ['*.js'] }] },
			{ from: [{ notNamespaces: ['a'] }] },
			{ from: [{ ipBlocks: ['::1'] }] },
		]
		expect(createRuleSet(findable(rules, true))!.always).toHaveLength(rules.length)
	})
})
