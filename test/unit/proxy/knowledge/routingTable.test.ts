/** What an isolate's table answers while parts come and go. */
import { describe, expect, it } from 'vitest'
import { addToFilter, createFilter } from '../../../../src/matching/bloomFilter.ts'
import type { PartName } from '../../../../src/names.ts'
import { admit } from '../../../../src/proxy/exchange.ts'
import {
	applyAnswer,
	concerned,
	createRoutingTable,
	type RoutingTable,
	rememberAbsent,
	resolveHost,
} from '../../../../src/proxy/knowledge/routingTable.ts'
import { match } from '../../../../src/proxy/stages/match.ts'
import type { Part, PartBody } from '../../../../src/snapshot/snapshot.ts'
import { nobody } from '../compile/compiled.ts'
import { DOMAIN, gone, head, rule, service, slice } from './fakeReplica.ts'

function tableWith(...patterns: string[]): RoutingTable {
	const table = createRoutingTable(DOMAIN, () => 0)
	const filter = createFilter(100)
	for (const pattern of patterns) addToFilter(filter, pattern)
	applyAnswer(table, { cursor: { epoch: 'e', sequence: 1 }, revision: 1, hosts: {}, parts: [], filter })
	return table
}

function apply(
	table: RoutingTable,
	parts: Record<PartName, PartBody | null>,
	hosts: Record<string, string | null> = {},
) {
	const list = Object.entries(parts).map(([name, body]): Part => {
		const text = body === null ? null : JSON.stringify(body)
		return { name, sequence: 1, revision: 1, hash: text ?? '', body: text }
	})
	applyAnswer(table, { cursor: { epoch: 'e', sequence: 1 }, revision: 1, hosts, parts: list })
}

/** The name of the rule that a URL meets, or why there is none. */
function ruleFor(table: RoutingTable, url: string): string | null | undefined {
	const exchange = admit(new Request(url), 0, () => 0)
	const host = resolveHost(table, exchange.host)
	if (host === null || host === undefined) return host
	return match(exchange, host)?.reason ?? exchange.rule?.name
}

describe('a host', () => {
	it('is undecided while nothing was loaded: only the control plane can tell', () => {
		expect(
			resolveHost(
				createRoutingTable(DOMAIN, () => 0),
				'h.test',
			),
		).toBe(undefined)
	})

	it('that no pattern can match is unknown without asking anybody', () => {
		expect(resolveHost(tableWith('other.test'), 'h.test')).toBe(null)
	})

	it.each(['h.test', '*.test', '*'])('that %s may serve is undecided until it is loaded', (pattern) => {
		const table = tableWith(pattern)
		expect(resolveHost(table, 'h.test')).toBe(undefined)
		apply(table, { ...head(pattern), ...slice(pattern, 'r', 'd/s') })
		expect(ruleFor(table, 'http://h.test/')).toBe('default/r/0')
	})

	it('goes to the most specific pattern', () => {
		const table = tableWith('*', '*.test', '*.b.test', 'a.b.test')
		for (const [pattern, route] of [
			['*', 'any'],
			['*.test', 'test'],
			['*.b.test', 'b'],
			['a.b.test', 'a'],
		] as const)
			apply(table, { ...head(pattern), ...slice(pattern, route, 'd/s') })
		expect(
			['a.b.test', 'x.b.test', 'x.a.b.test', 'b.test', 'x.example'].map((host) => ruleFor(table, `http://${host}/`)),
		).toEqual(['default/a/0', 'default/b/0', 'default/b/0', 'default/test/0', 'default/any/0'])
	})

	it('below the mesh domain is a service in any of its spellings, and never a wildcard', () => {
		const table = tableWith(`cart.${DOMAIN}`, `cart--shop.${DOMAIN}`, '*')
		apply(table, { ...head('*'), ...slice('*', 'any', 'd/s') })
		apply(table, { ...head(`cart.${DOMAIN}`, 'default/cart'), ...head(`cart--shop.${DOMAIN}`, 'shop/cart') })
		const hosts = ['cart', 'cart.default', 'cart--default', 'cart.shop', 'cart--shop'].map((label) => {
			const resolved = resolveHost(table, `${label}.${DOMAIN}`)
			return resolved?.virtualHost.pattern
		})
		const [plain, other] = [`cart.${DOMAIN}`, `cart--shop.${DOMAIN}`]
		expect(hosts).toEqual([plain, plain, plain, other, other])
		expect(resolveHost(table, `none.${DOMAIN}`)).toBe(null)
	})

	it('that was answered to be unknown stays so although the filter says it may be there', () => {
		const table = tableWith('h.test')
		apply(table, {}, { 'h.test': null })
		expect(resolveHost(table, 'h.test')).toBe(null)
	})
})

describe('a virtual host', () => {
	const loaded = () => {
		const table = tableWith('h.test')
		apply(table, { ...head('h.test'), ...slice('h.test', 'r', 'd/s') })
		return table
	}

	it('without slices forwards to its default service, and with one only where it matches', () => {
		const table = tableWith('h.test')
		apply(table, head('h.test', 'd/s'))
		expect(ruleFor(table, 'http://h.test/x')).toBe('')
		apply(table, slice('h.test', 'r', 'd/t', { prefix: '/a' }))
		expect(['/a', '/x'].map((path) => ruleFor(table, `http://h.test${path}`))).toEqual([
			'default/r/0',
			'no_matching_rule',
		])
		apply(table, gone(slice('h.test', 'r', 'd/t')))
		expect(ruleFor(table, 'http://h.test/x')).toBe('')
	})

	it('that goes takes its slices along, and is new when it comes again', () => {
		const table = loaded()
		apply(table, gone(head('h.test')), { 'h.test': null })
		expect(ruleFor(table, 'http://h.test/')).toBe(null)
		expect([...table.held.keys()]).toEqual([])
		apply(table, head('h.test'))
		expect(ruleFor(table, 'http://h.test/')).toBe('no_matching_rule')
		apply(table, slice('h.test', 'r', 'd/s'))
		expect(ruleFor(table, 'http://h.test/')).toBe('default/r/0')
	})

	it('keeps its slices when only its head changes', () => {
		const table = loaded()
		apply(table, head('h.test', 'd/other'))
		expect(ruleFor(table, 'http://h.test/')).toBe('default/r/0')
	})

	it('replaces a slice whole: rules that are gone from it match no more', () => {
		const table = loaded()
		const rules = [rule('one', '/one', 'd/s'), rule('two', '/two', 'd/s')]
		apply(table, slice('h.test', 'r', rules))
		expect(['/', '/one', '/two'].map((path) => ruleFor(table, `http://h.test${path}`))).toEqual([
			'no_matching_rule',
			'one',
			'two',
		])
		apply(table, slice('h.test', 'r', rules.slice(1)))
		expect(ruleFor(table, 'http://h.test/one')).toBe('no_matching_rule')
	})

	it('loses a slice that goes, and keeps the others', () => {
		const table = loaded()
		apply(table, slice('h.test', 'other', 'd/s', { prefix: '/o' }))
		apply(table, gone(slice('h.test', 'r', 'd/s')))
		expect(['/', '/o'].map((path) => ruleFor(table, `http://h.test${path}`))).toEqual([
			'no_matching_rule',
			'default/other/0',
		])
	})

	it('looks again at the hostnames of its routes when a slice comes', () => {
		const table = tableWith('*.test')
		apply(table, { ...head('*.test'), ...slice('*.test', 'any', 'd/s') })
		expect(ruleFor(table, 'http://a.test/')).toBe('default/any/0')
		apply(table, slice('*.test', 'a', 'd/s', { hostnames: ['a.test'] }))
		expect(ruleFor(table, 'http://a.test/')).toBe('default/a/0')
		expect(ruleFor(table, 'http://b.test/')).toBe('default/any/0')
	})

	it('does not apply a consumer route: callers have no proven namespace', () => {
		const table = tableWith('h.test')
		apply(table, { ...head('h.test', 'd/s'), ...slice('h.test', 'r', 'd/t', { callerNamespace: 'other' }) })
		expect(ruleFor(table, 'http://h.test/')).toBe('')
	})

	it('ignores a slice of a host that it does not hold', () => {
		const table = tableWith('h.test')
		apply(table, slice('h.test', 'r', 'd/s'))
		expect(table.held.size + table.hosts.size).toBe(0)
	})
})

describe('a part', () => {
	it('of the same hash is not compiled again', () => {
		const table = tableWith('h.test')
		const parts = { ...head('h.test'), ...slice('h.test', 'r', 'd/s'), ...service('d/s', { id: 'a' }) }
		apply(table, parts)
		const before = table.services.get('d/s')
		apply(table, parts)
		expect(table.services.get('d/s')).toBe(before)
	})

	it('of a service that goes takes what was learnt of its endpoints along', () => {
		const table = tableWith()
		apply(table, service('d/s', { id: 'a' }))
		apply(table, gone(service('d/s')))
		expect([table.services.size, table.states.size, table.held.size]).toEqual([0, 0, 0])
	})
})

describe('of the parts that changed', () => {
	it('an isolate fetches those it holds and the slices of hosts it holds', () => {
		const table = tableWith('h.test')
		apply(table, { ...head('h.test'), ...slice('h.test', 'r', 'd/s'), ...service('d/s') })
		const changed = ['h.test', 'other.test'].flatMap((host) => [
			...Object.keys(head(host)),
			...Object.keys(slice(host, 'r', 'd/s')),
			...Object.keys(slice(host, 'new', 'd/s')),
		])
		expect(concerned(table, [...changed, 'service/d/s', 'service/d/t']).parts).toEqual([
			'virtualHost/h.test',
			'virtualHost/h.test/default/r',
			'virtualHost/h.test/default/new',
			'service/d/s',
		])
	})

	it('a service that was absent is one it holds', () => {
		const table = tableWith()
		rememberAbsent(table, 'd/s')
		expect(table.services.get('d/s')?.pick(nobody, 0)).toBe(undefined)
		expect(concerned(table, ['service/d/s']).parts).toEqual(['service/d/s'])
		apply(table, service('d/s', { id: 'a' }))
		expect(table.services.get('d/s')?.pick(nobody, 0)?.id).toBe('a')
	})

	it('a new virtual host makes unknown hosts undecided again, and only those it can serve', () => {
		const table = tableWith('other.test')
		expect([resolveHost(table, 'h.test'), resolveHost(table, 'g.test')]).toEqual([null, null])
		expect(concerned(table, ['virtualHost/h.test'])).toEqual({ parts: [], hosts: [] })
		expect([resolveHost(table, 'h.test'), resolveHost(table, 'g.test')]).toEqual([undefined, null])
	})

	it('a new virtual host has the served hosts that it takes over placed anew, while they go on being served', () => {
		const table = tableWith('*.test')
		apply(table, { ...head('*.test'), ...slice('*.test', 'any', 'd/s') })
		expect(ruleFor(table, 'http://a.test/')).toBe('default/any/0')
		expect(ruleFor(table, 'http://b.test/')).toBe('default/any/0')
		expect(concerned(table, ['virtualHost/a.test'])).toEqual({ parts: [], hosts: ['a.test'] })
		expect(ruleFor(table, 'http://a.test/')).toBe('default/any/0')
	})

	it('so many served hosts are placed anew, and the rest when they are asked for', () => {
		const table = tableWith('*')
		apply(table, { ...head('*'), ...slice('*', 'any', 'd/s') })
		for (let i = 0; i < 1_500; i++) resolveHost(table, `h${i}.test`)
		expect(concerned(table, ['virtualHost/*.test']).hosts.length).toBe(1_000)
		expect(resolveHost(table, 'h1499.test')).toBe(undefined)
	})
})

describe('a flood of distinct hosts', () => {
	it.each([
		['unknown', tableWith()],
		['of one wildcard', tableWith('*')],
	])('%s leaves the memory of hosts bounded', (_, table) => {
		apply(table, { ...head('*'), ...slice('*', 'any', 'd/s') })
		for (let i = 0; i < 30_000; i++) resolveHost(table, `h${i}.example`)
		expect(table.resolved.size).toBeLessThanOrEqual(10_000)
	})
})
