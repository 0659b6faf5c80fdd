/** Policies on the data path: which ones bear on a request, what they see of it, and how a request is refused. */
import { describe, expect, it } from 'vitest'
import type { PeerRules } from '../../../../src/snapshot/peerAuthentication.ts'
import type { PartBody } from '../../../../src/snapshot/snapshot.ts'
import { userToken } from '../../identity/users.ts'
import { ORDERS } from '../../identity/world.ts'
import { freshProof, problem, proving, served } from '../callers/identified.ts'
import { jwtRule } from '../users/signedIn.ts'
import {
	allow,
	ask,
	closed,
	deny,
	EVERYTHING,
	filtered,
	guarding,
	HOST,
	mesh,
	namespaced,
	outcome,
	paths,
	proxyWith,
	ruled,
} from './guarded.ts'

type Parts = Record<string, PartBody>
const PRINCIPAL = ORDERS.slice('spiffe://'.length)
const ALICE = 'https://id.example.com/alice'

describe('the policies of mesh, namespace, Service and rule add up:', () => {
	it.each<[string, Parts[], string]>([
		['without any, everybody may call', [], '200'],
		['in a closed mesh without any, nobody may', [closed], 'access_denied'],
		['in a closed mesh, whom an ALLOW admits', [closed, guarding([allow('a', EVERYTHING)])], '200'],
		['one ALLOW anywhere, and all others are refused', [mesh([allow('a', paths('/other'))])], 'access_denied'],
		['an ALLOW without rules admits nobody', [namespaced([allow('none')])], 'access_denied'],
		['a DENY without rules refuses nobody', [namespaced([deny('none')])], '200'],
		['a DENY of the mesh', [mesh([deny('m', EVERYTHING)])], 'access_denied by default/m'],
		['a DENY of the namespace', [namespaced([deny('n', EVERYTHING)])], 'access_denied by default/n'],
		['a DENY of the Service', [guarding([deny('s', EVERYTHING)])], 'access_denied by default/s'],
		['a DENY of the rule', [ruled({ access: [deny('r', EVERYTHING)] })], 'access_denied by default/r'],
		[
			'an ALLOW of the mesh and one of the rule',
			[mesh([allow('m', paths('/x'))]), ruled({ access: [allow('r', EVERYTHING)] })],
			'200',
		],
		[
			'DENY wins over a nearer ALLOW',
			[mesh([deny('m', EVERYTHING)]), guarding([allow('s', EVERYTHING)])],
			'access_denied by default/m',
		],
		[
			'DENY wins over an ALLOW farther off',
			[mesh([allow('m', EVERYTHING)]), ruled({ access: [deny('r', EVERYTHING)] })],
			'access_denied by default/r',
		],
		['those of another Service do not count', [served('other', undefined, { access: [deny('o', EVERYTHING)] })], '200'],
		[
			'a rule that does more is no way around',
			[guarding([deny('s', EVERYTHING)]), filtered({ requestHeaders: { set: [['x', '1']] } })],
			'access_denied by default/s',
		],
	])('%s', async (_, parts, expected) => {
		const proxy = proxyWith(...parts)
		expect(await outcome(ask(proxy))).toBe(expected)
		expect(proxy.sent).toHaveLength(expected === '200' ? 1 : 0)
	})

	it('for external Services, too', async () => {
		const proxy = proxyWith(mesh([deny('m', EVERYTHING)]), served('shop', undefined, { external: true }))
		expect(await outcome(ask(proxy))).toBe('access_denied by default/m')
	})
})

describe('the path that policies look at', () => {
	const admin = guarding([deny('admin', paths('/admin*'))])

	it.each<[string, Parts[], string, string]>([
		['is the client’s', [admin], '/admin/x', 'access_denied by default/admin'],
		['has no query', [admin], '/?x=/admin', '200'],
		[
			'is the one after a rewrite',
			[admin, filtered({ rewrite: { path: { type: 'full', value: '/admin' } } })],
			'/x',
			'access_denied by default/admin',
		],
		[
			'is not the one before it',
			[admin, filtered({ rewrite: { path: { type: 'full', value: '/x' } } })],
			'/admin',
			'200',
		],
		[
			'is the one after a backend’s rewrite',
			[
				admin,
				ruled({
					backends: [
						{ weight: 1, service: 'default/shop', filters: { rewrite: { path: { type: 'full', value: '/admin' } } } },
					],
				}),
			],
			'/x',
			'access_denied by default/admin',
		],
		['may be written in several ways', [admin], '/%61dmin', 'access_denied by default/admin'],
		[
			'is not without the endpoint’s own prefix',
			[guarding([deny('admin', paths('/v1/*'))], { endpoints: [{ id: 'e', url: 'http://e.test/v1', weight: 1 }] })],
			'/x',
			'200',
		],
	])('%s', async (_, parts, path, expected) => {
		expect(await outcome(ask(proxyWith(...parts), path))).toBe(expected)
	})

	it('is refused where services may read it in several ways', async () => {
		const proxy = proxyWith(admin)
		expect(await problem(ask(proxy, '/a%2fadmin'))).toMatchObject({
			...{ status: 400, reason: 'ambiguous_path', owner: 'client' },
			detail: 'the path has an encoded slash, which services read in different ways',
		})
		expect(proxy.sent).toEqual([])
	})

	it('may be what it likes where no policy looks at it', async () => {
		const proxy = proxyWith(guarding([allow('all', { to: [{ methods: ['GET'] }] })]))
		expect(await outcome(ask(proxy, '/a%2f..;//x'))).toBe('200')
		expect(new URL(proxy.sent[0]!.url).pathname).toBe('/a%2f..;//x')
	})

	it('may be so, too, where only those look that refuse nobody', async () => {
		const rules = [paths('/admin')]
		const proxy = proxyWith(
			guarding([
				{ action: 'AUDIT', name: 'default/a', rules },
				{ ...deny('d', ...rules), dryRun: true },
			]),
		)
		expect(await outcome(ask(proxy, '/a%2fadmin'))).toBe('200')
	})
})

describe('the host that policies look at', () => {
	const denied = (...hosts: string[]) => guarding([deny('h', { to: [{ hosts }] })])

	it.each<[string, Parts[], string, string]>([
		['is the client’s', [denied(HOST)], HOST, 'access_denied by default/h'],
		[
			'is one, however a mesh host is spelled',
			[denied(HOST)],
			HOST.replace('shop.', 'shop.default.'),
			'access_denied by default/h',
		],
		['has a port where the client names one', [denied(`${HOST}:8080`)], `${HOST}:8080`, 'access_denied by default/h'],
		['has the scheme’s port where it names none', [denied(`${HOST}:80`)], HOST, 'access_denied by default/h'],
		[
			'is the one after a rewrite',
			[denied('new.test'), filtered({ rewrite: { hostname: 'new.test' } })],
			HOST,
			'access_denied by default/h',
		],
	])('%s', async (_, parts, host, expected) => {
		expect(await outcome(proxyWith(...parts).get(`http://${host}/`))).toBe(expected)
	})
})

describe('the caller', () => {
	const known = [allow('orders', { from: [{ principals: [PRINCIPAL] }] })]

	it.each<[PeerRules | undefined, boolean, string]>([
		[undefined, true, '200'],
		[undefined, false, 'access_denied'],
		[{ methods: ['JWTSVID'] }, true, 'access_denied'],
		[{ mode: 'DISABLE' }, true, 'access_denied'],
		[{ mode: 'STRICT' }, false, 'identity_required'],
	])('counts as PeerAuthentication %j takes it: with a proof %s', async (peers, isProving, expected) => {
		const proxy = proxyWith(guarding(known, peers && { peers }))
		expect(await outcome(ask(proxy, '/', isProving ? { headers: proving() } : {}))).toBe(expected)
	})

	it('counts for external Services, which are not told of it', async () => {
		const proxy = proxyWith(guarding(known, { external: true }))
		expect(await outcome(ask(proxy))).toBe('access_denied')
		expect(await outcome(ask(proxy, '/', { headers: proving(freshProof()) }))).toBe('200')
		expect(proxy.sent[0]!.headers.has('selvedge-caller')).toBe(false)
	})
})

it('a workload, a user and a path may be asked for by one rule', async () => {
	const rule = { from: [{ principals: [PRINCIPAL], requestPrincipals: [ALICE] }], to: [{ paths: ['/buy'] }] }
	const proxy = proxyWith(guarding([allow('a', rule)], { users: [jwtRule()] }))
	const workload = (): Record<string, string> => proving()
	const user = userToken()
	expect(await outcome(ask(proxy, `/buy?access_token=${user}`, { headers: workload() }))).toBe('200')
	expect(await outcome(ask(proxy, `/sell?access_token=${user}`, { headers: workload() }))).toBe('access_denied')
	expect(await outcome(ask(proxy, `/buy?access_token=${user}`))).toBe('access_denied')
	expect(await outcome(ask(proxy, '/buy', { headers: workload() }))).toBe('access_denied')
	const mallory = userToken({ sub: 'mallory' })
	expect(await outcome(ask(proxy, `/buy?access_token=${mallory}`, { headers: workload() }))).toBe('access_denied')
	expect(new URL(proxy.sent[0]!.url).search).toBe('')
})

describe('a field', () => {
	const when = (name: string, value: string) => [
		allow('h', { when: [{ key: { of: 'header', name }, values: [value] }] }),
	]

	it.each([
		['of the client is what it says', 'x-role', 'admin', '200'],
		['that only the mesh writes is not the client’s', 'selvedge-caller', 'admin', 'access_denied'],
		['that the mesh strips is nothing to go by', 'x-real-ip', 'admin', 'access_denied'],
		['of forwarding is the mesh’s word', 'x-forwarded-for', '10.0.0.1', 'access_denied'],
	])('%s', async (_, name, value, expected) => {
		expect(await outcome(ask(proxyWith(guarding(when(name, value))), '/', { headers: { [name]: value } }))).toBe(
			expected,
		)
	})

	it('of forwarding says what the service is told', async () => {
		for (const [name, value] of [
			['x-forwarded-for', '192.0.2.1'],
			['x-forwarded-proto', 'http'],
			['x-forwarded-host', HOST],
		])
			expect(await outcome(ask(proxyWith(guarding(when(name!, value!)))))).toBe('200')
	})

	it('in which a service hears of users has the user’s word, and never the client’s', async () => {
		const users = [jwtRule({ outputClaimToHeaders: [{ header: 'x-name', claim: ['sub'] }] })]
		const proxy = proxyWith(guarding(when('x-name', 'alice'), { users }))
		expect(await outcome(ask(proxy, '/', { headers: { 'x-name': 'alice' } }))).toBe('access_denied')
		expect(await outcome(ask(proxy, `/?access_token=${userToken()}`))).toBe('200')
		expect(
			await outcome(ask(proxy, `/?access_token=${userToken({ sub: 'bob' })}`, { headers: { 'x-name': 'alice' } })),
		).toBe('access_denied')
	})
})

describe('a request that is refused', () => {
	const refusing = () => proxyWith(guarding([deny('all', EVERYTHING)]))

	it('is told so as Istio tells it, and by which policy', async () => {
		const response = await ask(refusing())
		expect(response.headers.get('proxy-status')).toContain('error=http_request_denied;details="access_denied"')
		expect(response.headers.get('proxy-status')).toContain('policy="default/all"')
		expect(await problem(response)).toMatchObject({
			...{ status: 403, reason: 'access_denied', owner: 'client', policy: 'default/all' },
			detail: 'RBAC: access denied',
		})
	})

	it.each<[string, RequestInit]>([
		['to switch protocols', { headers: { upgrade: 'websocket', connection: 'upgrade' } }],
		['of gRPC', { method: 'POST', headers: { 'content-type': 'application/grpc' }, body: 'x' }],
		['of gRPC-Web', { method: 'POST', headers: { 'content-type': 'application/grpc-web' }, body: 'x' }],
		['of OPTIONS that asks for no permission', { method: 'OPTIONS' }],
	])('%s is refused like any other', async (_, init) => {
		const proxy = refusing()
		expect(await problem(ask(proxy, '/', init))).toMatchObject({ status: 403, reason: 'access_denied' })
		expect(proxy.sent).toEqual([])
	})

	it('of HEAD gets no body', async () => {
		const response = await ask(refusing(), '/', { method: 'HEAD' })
		expect([response.status, response.body]).toEqual([403, null])
	})

	it('asks for no endpoint: one on trial is left for who may try it', async () => {
		const proxy = proxyWith(guarding([deny('all', paths('/no'))], { endpoints: [] }))
		expect([await outcome(ask(proxy, '/no')), await outcome(ask(proxy, '/yes'))]).toEqual([
			'access_denied by default/all',
			'no_endpoint',
		])
	})
})
