/** Policies beside the plain way: when they change, where no service is asked, before filters, and for copies. */
import { describe, expect, it } from 'vitest'
import type { AccessPolicies } from '../../../../src/snapshot/authorization.ts'
import type { PartBody } from '../../../../src/snapshot/snapshot.ts'
import { userToken } from '../../identity/users.ts'
import { jwtSvid, makeKey, ORDERS } from '../../identity/world.ts'
import { freshProof, proving, served } from '../callers/identified.ts'
import { head, service } from '../knowledge/fakeReplica.ts'
import { bearer, jwtRule } from '../users/signedIn.ts'
import {
	allow,
	ask,
	closed,
	custom,
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

describe('a policy that changes', () => {
	it('is in force with the next sync, and so is its end', async () => {
		const proxy = proxyWith()
		expect(await outcome(ask(proxy))).toBe('200')
		const change = async (...parts: Parts[]) => {
			proxy.replica.change(Object.assign({}, ...parts))
			proxy.now += 1_500
			await ask(proxy)
			return outcome(ask(proxy))
		}
		expect(await change(guarding([deny('s', EVERYTHING)]))).toBe('access_denied by default/s')
		expect(await change(guarding([]), namespaced([deny('n', EVERYTHING)]))).toBe('access_denied by default/n')
		expect(await change(namespaced([]), closed)).toBe('access_denied')
		expect(await change(mesh([]))).toBe('200')
		expect(await change(ruled({ access: [deny('r', EVERYTHING)] }))).toBe('access_denied by default/r')
	})

	it('of mesh and namespace is compiled once for all services, and not again when endpoints come and go', async () => {
		const policies: AccessPolicies = [deny('x', paths('/x'))]
		const proxy = proxyWith(mesh(policies), namespaced(policies), guarding(policies), served('other'))
		const { services } = proxy.knowledge.table
		const layers = (name: string) => services.get(`default/${name}`)!.access
		await ask(proxy)
		await proxy.get(`http://other.${HOST.slice('shop.'.length)}/`)
		const before = layers('shop')
		expect(before).toHaveLength(3)
		for (const i of [0, 1]) expect(layers('other')[i]).toBe(before[i])
		const target = guarding(policies)
		const [name, part] = Object.entries(target).find(([, { kind }]) => kind === 'service')!
		proxy.replica.change({
			[name]: { ...part, endpoints: [{ id: 'new', url: 'http://new.test', weight: 1 }] } as PartBody,
		})
		proxy.now += 1_500
		await ask(proxy)
		await ask(proxy)
		expect(new URL(proxy.sent.at(-1)!.url).hostname).toBe('new.test')
		expect(layers('shop')[2]).toBe(before[2])
	})
})

describe('where no service is asked', () => {
	const direct = { directResponse: { status: 200, headers: [], body: 'hi' } }
	const redirect = { redirect: { statusCode: 302 as const, hostname: 'else.test' } }
	/** A host of a Gateway: no service of the route's namespace need be known. */
	const gateway = (filters: object, more = {}) => ({
		...head('gw.test'),
		'virtualHost/gw.test/default/r': {
			...{ kind: 'routeSlice' as const, route: 'default/r', createdAt: 0, hostnames: [] },
			rules: [
				{
					name: 'default/r/0',
					matches: [{ path: { type: 'PathPrefix' as const, value: '' } }],
					backends: [],
					filters,
					...more,
				},
			],
		},
	})

	it.each<[string, Parts, Parts, string]>([
		['without policies, a rule answers', gateway(direct), {}, '200'],
		['without policies, a rule redirects', gateway(redirect), {}, '302'],
		['the mesh’s policies decide', gateway(direct), mesh([deny('m', EVERYTHING)]), 'access_denied by default/m'],
		['a closed mesh is closed', gateway(redirect), closed, 'access_denied'],
		[
			'those of the route’s namespace decide',
			gateway(direct),
			namespaced([deny('n', EVERYTHING)]),
			'access_denied by default/n',
		],
		['for redirects, too', gateway(redirect), namespaced([deny('n', EVERYTHING)]), 'access_denied by default/n'],
		[
			'those of the rule decide',
			gateway(direct, { access: [deny('r', EVERYTHING)] }),
			{},
			'access_denied by default/r',
		],
		['an ALLOW of the rule admits', gateway(direct, { access: [allow('r', EVERYTHING)] }), closed, '200'],
	])('%s', async (_, host, policies, expected) => {
		const proxy = proxyWith(host, policies)
		expect(await outcome(proxy.get(new Request('http://gw.test/', { redirect: 'manual' })))).toBe(expected)
	})

	it('the caller counts as it would for the namespace', async () => {
		const policies = { ...namespaced([allow('a', { from: [{ principals: [PRINCIPAL] }] })]) }
		const headers = () => proving(freshProof({ aud: 'http://gw.test/' }))
		const asked = (proxy: ReturnType<typeof proxyWith>, init: RequestInit = {}) =>
			outcome(proxy.get(new Request('http://gw.test/', init)))
		expect(await asked(proxyWith(gateway(direct), policies))).toBe('access_denied')
		expect(await asked(proxyWith(gateway(direct), policies), { headers: headers() })).toBe('200')
		const disabled = proxyWith(gateway(direct), policies, mesh([], { peers: { mode: 'DISABLE' } }))
		expect(await asked(disabled, { headers: headers() })).toBe('access_denied')
	})

	it('nobody is answered while what holds for the namespace cannot be known', async () => {
		const proxy = proxyWith(gateway(direct), namespaced([deny('n', EVERYTHING)]))
		proxy.replica.beforeLoad = () => {
			proxy.replica.failing = proxy.replica.loads.length > 1
		}
		expect(await outcome(proxy.get('http://gw.test/'))).toBe('control_plane_unreachable')
	})
})

describe('of the filters of a rule', () => {
	const denied = guarding([deny('all', EVERYTHING)])
	const lists = { allowOrigins: ['*'], allowMethods: ['*'], allowHeaders: [], exposeHeaders: [] }
	const cors = { ...lists, allowCredentials: false, maxAgeSeconds: 5 }

	it('a CORS preflight is answered before anybody asks', async () => {
		const proxy = proxyWith(denied, filtered({ cors }))
		const preflight = {
			method: 'OPTIONS',
			headers: { origin: 'http://o.test', 'access-control-request-method': 'GET' },
		}
		expect((await ask(proxy, '/', preflight)).status).toBe(204)
		expect(await outcome(ask(proxy, '/', { method: 'OPTIONS', headers: { origin: 'http://o.test' } }))).toBe(
			'access_denied by default/all',
		)
	})

	it('faults come after: nobody is held up who is refused', async () => {
		const faults = [{ delay: { ms: 5_000, share: 1 } }, { abort: { status: 418, share: 1 } }]
		const proxy = proxyWith(denied, filtered({ faults }))
		expect(await outcome(ask(proxy))).toBe('access_denied by default/all')
		expect(proxy.waits).toEqual([])
	})
})

describe('a mirror', () => {
	const copied = (access: AccessPolicies, more = {}) => {
		const [[name, part]] = Object.entries(service('default/copied', { id: 'copied' })) as [[string, PartBody]]
		return { [name]: { ...part, access, ...more } as PartBody }
	}
	const mirrored = async (parts: Parts, path = '/p', init: RequestInit = {}) => {
		const proxy = proxyWith(
			guarding([], { users: [jwtRule()] }),
			filtered({ mirrors: [{ service: 'default/copied' }] }),
			parts,
		)
		expect((await ask(proxy, path, init)).status).toBe(200)
		return proxy.sent.some(({ url }) => new URL(url).hostname === 'copied.test')
	}

	it.each<[string, AccessPolicies, boolean]>([
		['gets a copy of what it admits', [allow('a', paths('/p'))], true],
		['gets none of what it would refuse', [deny('d', paths('/p'))], false],
		['gets none of what its authorizer would have to be asked about', [custom()], false],
	])('%s', async (_, access, expected) => {
		expect(await mirrored(copied(access))).toBe(expected)
	})

	it('gets none of a path that is ambiguous to its policies', async () => {
		expect(await mirrored(copied([deny('d', paths('/x'))]), '/p%2fx')).toBe(false)
	})

	it('knows the user where it believes the issuer', async () => {
		const access = [allow('alice', { from: [{ requestPrincipals: [ALICE] }] })]
		const path = `/p?access_token=${userToken()}`
		expect(await mirrored(copied(access), path)).toBe(false)
		expect(await mirrored(copied(access, { users: [jwtRule()] }), path)).toBe(true)
		expect(await mirrored(copied(access, { users: [jwtRule({ audiences: ['other'] })] }), path)).toBe(false)
	})

	const JWT_FIELD = { in: 'header', name: 'x-jwt', prefix: '' } as const
	const elsewhere = { users: [jwtRule({ from: [JWT_FIELD] })] }
	const stranger = { users: [jwtRule({ issuer: 'https://stranger.example' })] }
	const alsoElsewhere = { users: [jwtRule({ from: [...jwtRule().from, JWT_FIELD] })] }
	const good = userToken()
	const bad = userToken({}, {}, makeKey())
	it.each<[string, object, string, Record<string, string>, boolean]>([
		['with no token where it looks', elsewhere, '', {}, true],
		['with a token where only it looks, which it believes', elsewhere, '', { 'x-jwt': good }, true],
		['with a token where only it looks, which is by another key', elsewhere, '', { 'x-jwt': bad }, false],
		['with a token where only it looks, which is none', elsewhere, '', { 'x-jwt': 'x' }, false],
		['with two tokens, of two users', alsoElsewhere, good, { 'x-jwt': userToken({ sub: 'bob' }) }, false],
		['with two tokens, of one user', alsoElsewhere, good, { 'x-jwt': userToken({ exp: 2e9 }) }, true],
		['with a token that its service believes, and it does not', stranger, good, {}, false],
		[
			'with a workload’s token, which is not its affair',
			stranger,
			'',
			bearer(jwtSvid({ aud: [`http://${HOST}`] })),
			true,
		],
	])('and a copy of a request %s', async (_, more, param, headers, expected) => {
		const path = param === '' ? '/p' : `/p?access_token=${param}`
		expect(await mirrored(copied([], more), path, { headers })).toBe(expected)
	})
})
