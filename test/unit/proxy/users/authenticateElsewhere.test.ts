/** End users beside the plain way: on rules that do more, in copies for other services, and where no service is asked. */
import { describe, expect, it } from 'vitest'
import { ruleTo } from '../../../../src/proxy/compile/compileRule.ts'
import { admit } from '../../../../src/proxy/exchange.ts'
import { applyAnswer, createRoutingTable } from '../../../../src/proxy/knowledge/routingTable.ts'
import { authenticate } from '../../../../src/proxy/stages/authenticate.ts'
import { createUsers } from '../../../../src/proxy/users/users.ts'
import type { Filters } from '../../../../src/snapshot/filters.ts'
import type { JwtRule } from '../../../../src/snapshot/requestAuthentication.ts'
import type { PartBody } from '../../../../src/snapshot/snapshot.ts'
import { userToken } from '../../identity/users.ts'
import { NOW } from '../../identity/world.ts'
import { identifying, problem, served } from '../callers/identified.ts'
import { DOMAIN, rule, service, slice } from '../knowledge/fakeReplica.ts'
import { bearer, jwtRule, pathOf } from './signedIn.ts'

const HOST = `shop.${DOMAIN}`
const TELLING = jwtRule({ outputClaimToHeaders: [{ header: 'x-user', claim: ['sub'] }] })

function doing(filters: Filters) {
	const backends = [{ weight: 1, service: 'default/shop' }]
	return identifying({
		...served('shop', undefined, { users: [TELLING] }),
		...slice(HOST, 'r', [{ ...rule('default/r/0', '', 'default/shop'), backends, filters }]),
		...service('default/copied', { id: 'copied' }),
	})
}
const get = (proxy: ReturnType<typeof doing>, path: string, headers: Record<string, string>) =>
	proxy.get(new Request(`http://${HOST}${path}`, { headers }))

it('a rule that rewrites refuses and admits as the plain way does, and sends no token on', async () => {
	const proxy = doing({ rewrite: { path: { type: 'full', value: '/new' } }, requestHeaders: { set: [['x-set', '1']] } })
	const token = userToken()
	for (let time = 0; time < 2; time++) {
		expect((await get(proxy, `/old?access_token=${token}&a=1`, {})).status).toBe(200)
		const [sent] = proxy.sent.slice(-1)
		expect([pathOf(sent!), sent!.headers.get('x-user'), sent!.headers.get('x-set')]).toEqual(['/new?a=1', 'alice', '1'])
	}
	expect(await problem(get(proxy, '/', bearer('x')))).toMatchObject({ status: 401, reason: 'invalid_token' })
	expect(proxy.sent).toHaveLength(2)
})

it('a copy for another service has neither the token nor a word of the user', async () => {
	const proxy = doing({ mirrors: [{ service: 'default/copied' }] })
	const token = userToken()
	expect((await get(proxy, `/p?access_token=${token}`, { 'x-user': 'root', ...bearer(token) })).status).toBe(200)
	const copy = proxy.sent.find(({ url }) => new URL(url).hostname === 'copied.test')!
	const own = proxy.sent.find((request) => request !== copy)!
	expect([pathOf(copy), copy.headers.get('authorization'), copy.headers.get('x-user')]).toEqual(['/p', null, null])
	expect([pathOf(own), own.headers.get('authorization'), own.headers.get('x-user')]).toEqual(['/p', null, 'alice'])
})

describe('a copy goes to a service by what that one makes of a token, not by what the first one does:', () => {
	const longer = jwtRule({ issuer: `${TELLING.issuer}/b` })
	const from = [{ in: 'header', name: 'x-theirs', prefix: '' }] as const
	it.each<[says: string, theirs: readonly JwtRule[], headers: Record<string, string>, copies: number]>([
		['one of the same issuer', [TELLING], bearer(userToken({ sub: 'b/c' })), 1],
		['a name that is of two issuers there', [TELLING, longer], bearer(userToken({ sub: 'b/c' })), 0],
		['a name that is of one', [TELLING, longer], bearer(userToken({ sub: 'c/b' })), 1],
		['one of an issuer that nobody knows there', [longer], bearer(userToken()), 0],
		[
			'of another user beside it',
			[{ ...TELLING, from }],
			{ ...bearer(userToken()), 'x-theirs': userToken({ sub: 'bob' }) },
			1,
		],
		[
			'of two users, where both are looked at',
			[TELLING, { ...TELLING, from }],
			{ ...bearer(userToken()), 'x-theirs': userToken({ sub: 'bob' }) },
			0,
		],
	])('%s', async (_, theirs, headers, copies) => {
		const proxy = doing({ mirrors: [{ service: 'default/copied' }] })
		proxy.replica.change(served('copied', undefined, { users: theirs }))
		// The second time, whoever believes it remembers it.
		for (let time = 1; time <= 2; time++) {
			expect((await get(proxy, '/', headers)).status).toBe(200)
			const copied = proxy.sent.filter(({ url }) => new URL(url).hostname === 'copied.test')
			expect([proxy.sent.length, copied.length]).toEqual([time * (1 + copies), time * copies])
		}
	})
})

it('where a rule answers without a service, the mesh and the namespace of its route say who is believed', async () => {
	const table = createRoutingTable(DOMAIN, () => 0)
	const put = (parts: Record<string, PartBody>) =>
		applyAnswer(table, {
			...{ epoch: 'e', cursor: { epoch: 'e', sequence: 1 }, revision: 1, hosts: {} },
			parts: Object.entries(parts).map(([name, body], i) => ({
				...{ name, sequence: i, revision: 1, hash: JSON.stringify(body), body: JSON.stringify(body) },
			})),
		})
	const users = createUsers()
	const ports = { now: () => NOW, wait: async () => {}, issuerKeys: async () => null }
	const ask = async (iss: string) => {
		const request = new Request('http://h.test/', { headers: bearer(userToken({ iss })) })
		const exchange = admit(request, NOW, () => 0)
		exchange.rule = { ...ruleTo(''), name: 'ns/route/0' }
		const refusal = await authenticate(exchange, users, table, ports, { waitUntil: () => {} })
		return refusal?.reason ?? exchange.user?.issuer
	}
	expect(await ask('https://mesh.example')).toBeUndefined()
	const [mesh, namespace] = ['https://mesh.example', 'https://ns.example'].map((issuer) => [jwtRule({ issuer })])
	put({ mesh: { kind: 'mesh', egress: 'registryOnly', defaultAccess: 'open', users: mesh! } })
	expect([await ask('https://mesh.example'), await ask('https://ns.example')]).toEqual([
		'https://mesh.example',
		'invalid_token',
	])
	put({ 'namespace/ns': { kind: 'namespace', namespace: 'ns', users: namespace! } })
	for (const iss of ['https://mesh.example', 'https://ns.example']) expect(await ask(iss)).toBe(iss)
	put({ 'namespace/ns': { kind: 'namespace', namespace: 'ns' } })
	expect(await ask('https://ns.example')).toBe('invalid_token')
})
