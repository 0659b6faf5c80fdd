/** Routing by who the user is, on the real data path: what Istio's page on JWT claim based routing shows, and what it leaves open. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, type Echoed, echo, startBackend, valuesOf } from './backend.ts'
import { eventually } from './client.ts'
import { gateway, grant, service } from './documents.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'
import { extension, extensionRef, prefix, ruled, to } from './rules.ts'
import { requestAuthentication, startUserIssuer, type UserIssuer } from './userIssuer.ts'
import { newKey } from './workload.ts'

let mesh: Mesh
let backend: Backend
let issuer: UserIssuer
let other: UserIssuer

const claim = (path: string, ...values: string[]) => ({ when: [{ key: `request.auth.claims${path}`, values }] })
const only = (...names: string[]) => ({ filters: names.map((name) => extensionRef('TrafficMatch', name)) })
const cors = { type: 'CORS', cors: { allowOrigins: ['https://app.test'], allowHeaders: ['Authorization'] } }

beforeAll(async () => {
	;[backend, issuer, other] = await Promise.all([startBackend(echo), startUserIssuer('RS256'), startUserIssuer()])
	mesh = await startMesh({ regions: ['weur'] })
	const jwks = JSON.stringify({ keys: [{ ...other.keys.get('first')!.jwk, kid: 'first' }] })
	const outputClaimToHeaders = [{ header: 'X-Jwt-Sub', claim: 'sub' }]
	await mesh.apply(
		...['httpbin', 'sidecar'].map((name) => service(name, `${backend.url}/${name}`)),
		...['second', 'plain'].map((name) => service(name, `${backend.url}/${name}`, name)),
		grant('plain', 'plain'),
		requestAuthentication('ingress-jwt', [{ issuer: issuer.url, outputClaimToHeaders }], {}),
		requestAuthentication('both', [{ issuer: issuer.url }, { issuer: other.url, jwks }], {}, 'second'),
		extension('TrafficMatch', 'group1', claim('[groups]', 'group1')),
		extension('TrafficMatch', 'named', claim('[name][givenName]', 'Ann')),
		extension('TrafficMatch', 'nobody', claim('[groups]', 'of nobody')),
		...ruled('httpbin', { ...prefix('/headers'), ...only('group1'), ...to('httpbin') }),
		...ruled('nested', { ...only('named'), ...to('httpbin') }),
		...ruled('page', { filters: [...only('group1').filters, cors], ...to('httpbin') }),
		...ruled('plain', { ...only('group1'), ...to('plain', { namespace: 'plain' }) }),
		...shared(),
		ofService(),
	)
	await eventually(
		async () => get('httpbin.test', '/headers', await bearing({ groups: ['group1'] })),
		({ status }) => status === 200,
	)
})
afterAll(async () => {
	await mesh?.stop()
	await Promise.all([backend, issuer, other].map((each) => each?.stop()))
})

interface Ruled {
	readonly metadata: { namespace?: string }
	readonly spec: { parentRefs: object[]; readonly rules: object[] }
}

/** One host with rules of two namespaces, of which only one believes both issuers. */
function shared(): object[] {
	const open = gateway('shared', 'shared.test')
	Object.assign(open.spec.listeners[0]!, { allowedRoutes: { namespaces: { from: 'All' } } })
	const [, own] = ruled('shared', { ...prefix('/both'), ...only('nobody'), ...to('httpbin') }) as [object, Ruled]
	const [, theirs] = ruled('second', { ...only('group1'), ...to('second') }) as [object, Ruled]
	theirs.metadata.namespace = 'second'
	theirs.spec.parentRefs = [{ name: 'shared', namespace: 'default' }]
	theirs.spec.rules.push({ name: 'same', ...prefix('/both'), ...only('group1'), ...to('second') })
	const match = extension('TrafficMatch', 'group1', claim('[groups]', 'group1'))
	return [open, own, theirs, { ...match, metadata: { name: 'group1', namespace: 'second' } }]
}

/** On the host of a Service itself (GAMMA). */
function ofService(): object {
	const [, route] = ruled('sidecar', { ...only('group1'), ...to('sidecar') }) as [object, Ruled]
	route.spec.parentRefs = [{ group: '', kind: 'Service', name: 'sidecar' }]
	return route
}

const bearing = async (claims: object, of: UserIssuer = issuer, key?: Parameters<UserIssuer['token']>[2]) => ({
	authorization: `Bearer ${await of.token(claims as never, 'first', key)}`,
})

async function get(host: string, path = '/', headers: Record<string, string> = {}, method = 'GET') {
	const { status, text, headers: answered } = await mesh.via(host, path, { method, headers })
	return { status, answered, ...(text === '' ? {} : (JSON.parse(text) as Partial<Echoed> & { reason?: string })) }
}

describe("Istio's page: a rule for /headers and the claim groups: group1", () => {
	it.each<[string, () => Promise<Record<string, string>>, number]>([
		['without a JWT', async () => ({}), 404],
		['with an invalid JWT', async () => ({ authorization: 'Bearer some.invalid.token' }), 401],
		['with group1 among its groups', () => bearing({ groups: ['group1', 'group2'], scope: ['scope1', 'scope2'] }), 200],
		['with group1 as a text', () => bearing({ groups: 'group1' }), 200],
		['with a valid JWT without the claim', () => bearing({ foo: 'bar' }), 404],
		['with other groups', () => bearing({ groups: ['group2', 'group11'] }), 404],
		['with a JWT that has expired', () => bearing({ groups: ['group1'], exp: 1_600_000_000 }), 401],
		['with a JWT by another key', async () => bearing({ groups: ['group1'] }, issuer, await newKey('RS256')), 401],
		['with a JWT of another issuer', () => bearing({ groups: ['group1'] }, other), 401],
	])('answers %s', async (_, headers, expected) => {
		const shown = await headers()
		// Whatever was remembered of the first, the second is answered alike.
		for (const method of ['HEAD', 'GET', 'GET'])
			expect((await get('httpbin.test', '/headers', shown, method)).status).toBe(expected)
	})

	it('answers on other paths as if nothing had been shown', async () => {
		for (const headers of [{}, { authorization: 'Bearer some.invalid.token' }, await bearing({ groups: ['group1'] })])
			expect(await get('httpbin.test', '/ip', headers)).toMatchObject({ status: 404, reason: 'no_matching_rule' })
	})

	it('matches nested claims', async () => {
		expect((await get('nested.test', '/', await bearing({ name: { givenName: 'Ann' } }))).status).toBe(200)
		expect((await get('nested.test', '/', await bearing({ name: 'Ann', givenName: 'Ann' }))).status).toBe(404)
	})

	it('asks the issuer once, and goes on with remembered tokens and keys while it fails', async () => {
		const shown = await bearing({ groups: ['group1'] })
		expect((await get('httpbin.test', '/headers', shown)).status).toBe(200)
		issuer.answer = (_, response) => response.writeHead(500).end()
		expect((await get('httpbin.test', '/headers', shown)).status).toBe(200)
		expect((await get('httpbin.test', '/headers', await bearing({ groups: ['group1'], jti: '2' }))).status).toBe(200)
		expect(issuer.asked.filter((path) => path === '/keys')).toHaveLength(1)
		issuer.answer = undefined
	})
})

describe('the token that a rule has looked at', () => {
	it('goes on as it came to a service that believes nobody', async () => {
		const shown = await bearing({ groups: ['group1'] })
		const answer = await get('plain.test', '/a?access_token=', shown)
		expect([answer.status, answer.url]).toEqual([200, '/plain/a?access_token='])
		expect(valuesOf(answer.rawHeaders!, 'authorization')).toEqual([shown.authorization])
	})

	it('is taken off for a service that believes its issuer, and which hears of the user', async () => {
		const answer = await get('httpbin.test', '/headers', await bearing({ groups: ['group1'], sub: 'bob' }))
		const fields = ['authorization', 'x-jwt-sub'].map((name) => valuesOf(answer.rawHeaders!, name))
		expect([answer.url, ...fields]).toEqual(['/httpbin/headers', [], ['bob']])
	})
})

describe('rules of two namespaces on one host', () => {
	it.each<[string, string, () => UserIssuer, number, string?]>([
		['whom both believe', '/both', () => issuer, 200, '/second/both'],
		['whom only the second believes, where the first asks before it,', '/both', () => other, 401],
		['whom only the second believes, where it alone asks,', '/only', () => other, 200, '/second/only'],
	])('each see the user of their own: one %s', async (_, path, of, status, url) => {
		for (let time = 0; time < 2; time++)
			expect(await get('shared.test', path, await bearing({ groups: ['group1'] }, of()))).toMatchObject({
				status,
				...(url === undefined ? { reason: 'invalid_token', rule: 'default/shared/all' } : { url }),
			})
	})

	it('pass nobody on', async () => {
		expect((await get('shared.test', '/both')).status).toBe(404)
	})
})

it("a route of a Service's own host goes by users, too", async () => {
	const host = `sidecar.${DOMAIN}`
	expect((await get(host, '/', await bearing({ groups: ['group1'] }))).url).toBe('/sidecar/')
	expect((await get(host, '/', await bearing({ groups: ['group2'] }))).status).toBe(404)
	expect((await get(host)).status).toBe(404)
})

describe('a page in a browser', () => {
	const origin = 'https://app.test'
	const asking = { origin, 'access-control-request-method': 'GET', 'access-control-request-headers': 'authorization' }

	it('may ask whether it may call a rule for users, without a token', async () => {
		const { status, answered } = await get('page.test', '/', asking, 'OPTIONS')
		expect([status, answered['access-control-allow-origin']]).toEqual([204, origin])
		expect((await get('page.test', '/', { origin })).status).toBe(404)
	})

	it('calls it with a token, and can read why one is refused', async () => {
		const good = await get('page.test', '/', { origin, ...(await bearing({ groups: ['group1'] })) })
		const bad = await get('page.test', '/', { origin, authorization: 'Bearer x' })
		expect([good, bad].map(({ status, answered }) => [status, answered['access-control-allow-origin']])).toEqual([
			[200, origin],
			[401, origin],
		])
	})

	it('gets past no rule that leaves preflights to its service', async () => {
		expect((await get('httpbin.test', '/headers', asking, 'OPTIONS')).status).toBe(404)
	})
})

it('what would happen is explained, and who only just missed', async () => {
	const ask = (claims: object) =>
		mesh.api<{ rule?: { name: string }; outcome: string; nearMisses: object[] }>('POST', '/v1/explain', {
			...{ url: 'http://httpbin.test/headers', user: { issuer: issuer.url, subject: 'alice', claims } },
		} as object as object[])
	expect((await ask({ groups: ['group1'] })).rule?.name).toBe('default/httpbin/all')
	expect((await ask({ groups: ['group2'] })).nearMisses).toMatchObject([
		{
			rule: 'default/httpbin/all',
			failed: [
				{
					...{ condition: 'user', name: 'request.auth.claims[groups]', wanted: 'group1' },
					got: `${issuer.url}/alice`,
				},
			],
		},
	])
})

it('a key that no other kind of condition may have is refused by name', async () => {
	const wrong = extension('TrafficMatch', 'wrong', { when: [{ key: 'source.ip', values: ['192.0.2.1'] }] })
	await expect(mesh.apply(wrong)).rejects.toThrow(/spec\.when\[0\]\.key.*request\.auth\.claims\[<name>\]/)
})
