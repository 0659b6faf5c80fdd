/** How policies of several layers and actions add up, and what the verdict says of them. */
import { describe, expect, it } from 'vitest'
import { compileAccess } from '../../../src/authorization/compileAccess.ts'
import type { AccessPolicies, AccessRule } from '../../../src/snapshot/authorization.ts'
import { ask, caller, custom, matches, policy, tried, user } from './asked.ts'

const GET: readonly AccessRule[] = [{ to: [{ methods: ['GET'] }] }]
const PUT: readonly AccessRule[] = [{ to: [{ methods: ['PUT'] }] }]

describe('layers', () => {
	it('add up: a DENY wins wherever it is attached, over an ALLOW wherever that is', () => {
		const allow = [policy('ALLOW', [{}], 'a/allow')]
		const deny = [policy('DENY', GET, 'a/deny')]
		for (const layers of [[allow, deny], [deny, allow], [[...allow, ...deny]]])
			expect(ask(layers)).toMatchObject({ allowed: false, by: { policy: 'a/deny', rule: 0 } })
	})

	it('need one ALLOW between them, and a layer without one needs none', () => {
		const layers = [[policy('ALLOW', PUT, 'mesh/put')], [], [policy('ALLOW', GET, 'shop/get')]]
		expect(ask(layers)).toMatchObject({ allowed: true, by: { policy: 'shop/get', rule: 0 } })
		expect(ask(layers, { method: 'POST' })).toEqual({ allowed: false, authorizers: [], audited: [] })
	})

	it('name the first policy that matches, by layer, by place in it, and by rule, however it is found', () => {
		const found: readonly AccessRule[] = [
			{ to: [{ paths: ['/a/b'] }] },
			{ from: [{ namespaces: ['shop'] }] },
			{ to: [{ paths: ['*/b'] }] },
		]
		for (const [i, first] of found.entries())
			for (const second of found) {
				const rules = [...PUT, first, second]
				const layers = [[], [policy('DENY', PUT, 'a/1'), policy('DENY', rules, 'a/2')], [policy('DENY', [{}], 'a/3')]]
				const asked = { path: '/a/b', caller: caller('shop', 'cart') }
				expect(ask(layers, asked).by, `${i}`).toEqual({ policy: 'a/2', rule: 1 })
			}
	})
})

describe('a mesh that is closed', () => {
	it('lets in whom an ALLOW names, and nobody without one', () => {
		expect(ask([], {}, 'closed').allowed).toBe(false)
		expect(ask([[policy('DENY', PUT)]], {}, 'closed').allowed).toBe(false)
		expect(ask([[policy('ALLOW', GET)]], {}, 'closed').allowed).toBe(true)
		expect(ask([[policy('AUDIT', GET), custom('opa', GET)]], {}, 'closed').allowed).toBe(false)
	})
})

it('a policy may call a service by any of its names', () => {
	const hosts = ['orders--shop.mesh.example', 'Orders.shop.mesh.example', 'orders.shop.mesh.example:443']
	for (const host of hosts)
		expect(ask([[policy('ALLOW', [{ to: [{ hosts: [host] }] }])]], { host: 'orders--shop.mesh.example' }).allowed).toBe(
			true,
		)
	const other = [[policy('ALLOW', [{ to: [{ hosts: ['orders.shop.mesh.example:80', 'orders.mesh.example'] }] }])]]
	expect(ask(other, { host: 'orders--shop.mesh.example' }).allowed).toBe(false)
})

describe('CUSTOM', () => {
	it('asks each authorizer once, in order, and only about what is not refused already', () => {
		const layers = [
			[custom('idp', GET, 'a/1'), custom('opa', GET, 'a/2')],
			[custom('opa', GET, 'a/3'), custom('none', PUT, 'a/4'), custom('last', [{}], 'a/5')],
		]
		expect(ask(layers).authorizers.map(({ name }) => name)).toEqual(['idp', 'opa', 'last'])
		expect(ask(layers).askedBy?.map(({ policy }) => policy)).toEqual(['a/1', 'a/2', 'a/5'])
		expect(ask([...layers, [policy('DENY', GET)]]).authorizers).toEqual([])
		expect(ask([...layers, [policy('ALLOW', PUT)]]).authorizers).toEqual([])
	})
})

describe('AUDIT', () => {
	it('notes what it matches, once, whatever becomes of the request, and changes nothing', () => {
		const audit = [policy('AUDIT', [...GET, {}], 'a/1'), policy('AUDIT', PUT, 'a/2'), policy('AUDIT', [{}], 'a/3')]
		expect(ask([audit])).toEqual({ allowed: true, authorizers: [], audited: ['a/1', 'a/3'] })
		expect(ask([audit, [policy('DENY', [{}])]])).toMatchObject({ allowed: false, audited: ['a/1', 'a/3'] })
	})
})

describe('a dry run', () => {
	const allow = policy('ALLOW', GET, 'a/allow')
	const deny = policy('DENY', GET, 'a/deny')
	const allowPut = policy('ALLOW', PUT, 'a/put')
	const named = (name: string) => ({ policy: name, rule: 0 })
	it.each<[says: string, policies: AccessPolicies, access: 'open' | 'closed', allowed: boolean, dryRun: unknown]>([
		['of a DENY that matches would refuse', [tried(deny)], 'open', true, { allowed: false, by: named('a/deny') }],
		[
			'of a DENY over an ALLOW would refuse',
			[allow, tried(deny)],
			'open',
			true,
			{ allowed: false, by: named('a/deny') },
		],
		['of a DENY of others changes nothing', [tried(policy('DENY', PUT))], 'open', true, undefined],
		['of a DENY for who is refused already changes nothing', [deny, tried(deny)], 'open', false, undefined],
		['of a DENY for whom no ALLOW names changes nothing', [allowPut, tried(deny)], 'open', false, undefined],
		[
			'of the first ALLOW, of others, would refuse',
			[tried(allowPut)],
			'open',
			true,
			{ allowed: false, by: { policy: 'a/put' } },
		],
		['of the first ALLOW, that matches, changes nothing', [tried(allow)], 'open', true, undefined],
		['of one more ALLOW would admit', [allowPut, tried(allow)], 'open', false, { allowed: true, by: named('a/allow') }],
		[
			'of an ALLOW would admit to a closed mesh',
			[tried(allow)],
			'closed',
			false,
			{ allowed: true, by: named('a/allow') },
		],
		['of an ALLOW for who is admitted changes nothing', [allow, tried(allowPut)], 'open', true, undefined],
		['of an ALLOW does not help against a DENY', [deny, tried(allow)], 'closed', false, undefined],
		['of an ALLOW and a DENY that match refuses', [allowPut, tried(allow), tried(deny)], 'open', false, undefined],
		[
			'of AUDIT and CUSTOM changes nothing',
			[tried(policy('AUDIT', GET)), tried(custom('opa', GET))],
			'open',
			true,
			undefined,
		],
	])('%s', (_, policies, access, allowed, dryRun) => {
		const split = policies.map((one) => [one])
		for (const layers of [[policies], split]) {
			const verdict = ask(layers, {}, access)
			expect([verdict.allowed, verdict.dryRun]).toEqual([allowed, dryRun])
			expect([verdict.audited, verdict.authorizers]).toEqual([[], []])
		}
	})
})

describe('a layer', () => {
	const paths: readonly AccessRule[] = [{}, { to: [{}, { paths: ['/a'] }] }]
	const notPaths: readonly AccessRule[] = [{ to: [{ notPaths: ['/a'] }] }]
	it.each<[policies: AccessPolicies, looksAtPaths: boolean, hasAllow: boolean, hasDryRun: boolean]>([
		[[], false, false, false],
		[[policy('ALLOW', GET)], false, true, false],
		[[policy('ALLOW', [])], false, true, false],
		[[policy('DENY', GET)], false, false, false],
		[[policy('ALLOW', paths)], true, true, false],
		[[policy('DENY', notPaths)], true, false, false],
		[[custom('opa', paths)], true, false, false],
		// Neither may refuse a request, not even for its path.
		[[policy('AUDIT', paths)], false, false, false],
		[[tried(policy('DENY', paths)), tried(policy('ALLOW', notPaths))], false, false, true],
	])('says what it has: %j', (policies, looksAtPaths, hasAllow, hasDryRun) => {
		expect(compileAccess(policies, 'mesh.example')).toMatchObject({ looksAtPaths, hasAllow, hasDryRun })
	})
})

describe('an empty list', () => {
	const nobody = { admits: false, refuses: false }
	it.each<[says: string, rule: AccessRule]>([
		['from', { from: [] }],
		['to', { to: [] }],
		['when', { when: [] }],
		['principals', { from: [{ principals: [] }] }],
		['ipBlocks', { from: [{ ipBlocks: [] }] }],
		['paths', { to: [{ paths: [] }] }],
		['hosts', { to: [{ hosts: [] }] }],
		['values', { when: [{ key: { of: 'port' }, values: [] }] }],
		['request.time', { when: [{ key: { of: 'time' }, values: [] }] }],
	])('is met by nobody: %s', (_, rule) => {
		expect(matches(rule, { caller: caller('shop', 'cart') })).toEqual(nobody)
	})

	it('of what must not be excludes nobody', () => {
		const rule = { from: [{ notPrincipals: [], notIpBlocks: [] }], to: [{ notPaths: [], notHosts: [] }] }
		expect(matches(rule)).toEqual({ admits: true, refuses: true })
	})
})

describe('hosts', () => {
	it.each([
		[
			'shop.example',
			443,
			['shop.example', 'SHOP.example', 'shop.example:443', 'shop.*', 'shop.example:*', '*:443', '*.example', '*'],
		],
		['shop.example', 8080, ['shop.example', 'shop.example:8080', '*:8080']],
		['[2001:db8::1]', 443, ['[2001:db8::1]', '[2001:DB8::1]:443', '[2001:db8:*', '*']],
	])('%s on port %i is each of %j', (host, port, hosts) => {
		const held = hosts.filter((one) => matches({ to: [{ hosts: [one] }] }, { host, port }).admits)
		expect(held).toEqual(hosts)
		expect(matches({ to: [{ hosts: ['other', ...hosts] }] }, { host, port })).toEqual({ admits: true, refuses: true })
	})

	it.each([
		'shop.example:80',
		'shop.example:',
		'example',
		'hop.example',
		'*.shop.example',
		'*:80',
		'*443',
		'shop.example.',
	])('shop.example on port 443 is not %s', (host) => {
		expect(matches({ to: [{ hosts: [host] }] })).toEqual({ admits: false, refuses: false })
	})
})

describe('claims', () => {
	const has = (path: readonly string[], value: string, claims: Record<string, unknown>) =>
		matches({ when: [{ key: { of: 'claim', path }, values: [value] }] }, { user: user('idp', 'alice', claims) }).admits

	it.each<[path: string[], value: string, claims: Record<string, unknown>]>([
		[['role'], 'admin', { role: 'admin' }],
		[['role'], 'admin', { role: ['reader', 'admin'] }],
		[['role'], 'adm*', { role: ['reader', 'admin'] }],
		[['realm_access', 'roles'], 'admin', { realm_access: { roles: ['admin'] } }],
		[['a', 'b', 'c'], '*', { a: { b: { c: 'x' } } }],
		[['level'], '3', { level: 3 }],
		[['level'], '0', { level: -0 }],
		[['level'], '1.5', { level: [1.5] }],
		[['level'], '1e+21', { level: 1e21 }],
		[['verified'], 'true', { verified: true }],
		[['verified'], 'false', { verified: false }],
		[['scope'], 'read', { scope: 'write read' }],
		[['scope'], 'read', { scope: ' read  write ' }],
		[['scope'], 'a b', { scope: ['a b'] }],
		[['https://example.com/role'], 'admin', { 'https://example.com/role': 'admin' }],
	])('%j has %s in %j', (path, value, claims) => {
		expect(has(path, value, claims)).toBe(true)
	})

	it.each<[path: string[], value: string, claims: Record<string, unknown>]>([
		[['role'], 'admin', { role: 'administrator' }],
		[['role'], 'admin', { role: 'reader admin' }],
		[['role'], '*', { role: '' }],
		[['role'], '*', { role: [] }],
		[['role'], '*', { role: [''] }],
		[['role'], '*', { role: null }],
		[['role'], '*', { role: {} }],
		[['role'], '*', { role: { admin: true } }],
		[['role'], 'admin', { role: [['admin']] }],
		[['role', '0'], 'admin', { role: ['admin'] }],
		[['role', 'length'], '*', { role: 'admin' }],
		[['scope'], 'a b', { scope: 'a b' }],
		[['a', 'scope'], 'read', { a: { scope: 'read write' } }],
		[['constructor'], '*', {}],
		[['__proto__', 'toString'], '*', {}],
		[['role', 'constructor', 'name'], '*', { role: {} }],
		[['role', 'name'], '*', { role: Object.create({ name: 'inherited' }) }],
		[['scope', 'scope'], 'read', { scope: { scope: 'read write' } }],
	])('%j has no %s in %j', (path, value, claims) => {
		expect(has(path, value, claims)).toBe(false)
	})
})

describe('a header', () => {
	it('is there when it is empty, and is one value however often it came', () => {
		const rule = (values: readonly string[]) => ({ when: [{ key: { of: 'header', name: 'x-a' } as const, values }] })
		expect(matches(rule(['*']), { headers: { 'x-a': '' } }).admits).toBe(true)
		expect(matches(rule(['*'])).admits).toBe(false)
		expect(matches(rule(['1']), { headers: { 'x-a': '1, 2' } }).admits).toBe(false)
		expect(matches(rule(['1, 2']), { headers: { 'x-a': '1, 2' } }).admits).toBe(true)
	})
})

describe('service accounts', () => {
	it('are compared to the letter: there is no wildcard, and none of another trust domain', () => {
		const rule = (account: string) => ({ from: [{ serviceAccounts: [account] }] })
		expect(matches(rule('shop/*'), { caller: caller('shop', 'cart') }).admits).toBe(false)
		expect(matches(rule('*'), { caller: caller('shop', 'cart') }).admits).toBe(false)
		expect(matches(rule('shop/cart'), { caller: { spiffeId: 'spiffe://partner/ns/shop/sa/cart' } }).admits).toBe(false)
	})
})
