/** Who may call what, end to end: from documents to what a service gets, with real workloads and real users. */
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, type Echoed, echo, startBackend } from './backend.ts'
import { eventually, open, responseOf } from './client.ts'
import { service } from './documents.ts'
import { adminOf, type Identity, joined } from './identities.ts'
import { DOMAIN, type Mesh, startMesh } from './meshHarness.ts'
import { from, OF_MESH, ofNamespace, ofRoute, ofService, on, policy } from './policies.ts'
import { extension, extensionRef, prefix, ruled, to } from './rules.ts'
import { requestAuthentication, startUserIssuer, type UserIssuer } from './userIssuer.ts'
import { proofOf, workloadTrust } from './workload.ts'

let mesh: Mesh
let backend: Backend
let issuer: UserIssuer
let orders: Identity

const PLAIN = ['shop', 'plain', 'tried', 'noted', 'rebuked', 'changing', 'socket', 'nobody', 'banned']
const PRINCIPAL = `${DOMAIN}/ns/default/sa/orders`

beforeAll(async () => {
	;[backend, issuer] = await Promise.all([startBackend(echo), startUserIssuer()])
	mesh = await startMesh({ regions: ['weur'] })
	const inline = {
		issuer: issuer.url,
		jwks: JSON.stringify({ keys: [{ ...issuer.keys.get('first')!.jwk, kid: 'first' }] }),
	}
	const user = { principals: [PRINCIPAL], requestPrincipals: [`${issuer.url}/alice`] }
	await mesh.apply(
		workloadTrust('orders', { workload: 'orders', joinToken: {} }),
		...PLAIN.map((name) => service(name, backend.url)),
		...['one', 'two'].map((name) => service(name, backend.url, 'walled')),
		extension('PeerAuthentication', 'shop', { targetRefs: [ofService('shop')], proofReuse: 'UntilExpiry' }),
		requestAuthentication('shop', [inline]),
		policy('buyers', ofService('shop'), 'ALLOW', [
			{
				...from(user),
				...on(['/buy/{*}'], { methods: ['POST'] }),
				when: [{ key: 'request.auth.claims[role]', values: ['buyer'] }],
			},
		]),
		policy('nobody', ofService('nobody'), 'ALLOW'),
		policy('banned', ofService('banned'), 'DENY', [{}]),
		policy('mesh-wide', OF_MESH, 'DENY', [on(['/forbidden*'])]),
		policy('liberal', ofService('plain'), 'ALLOW', [{}]),
		{
			...policy('walled', ofNamespace('walled'), 'ALLOW', [on(['/open*'])]),
			metadata: { name: 'walled', namespace: 'walled' },
		},
		policy('tried', ofService('tried'), 'DENY', [on(['/old*'])], { mode: 'dryRun' }),
		policy('noted', ofService('noted'), 'AUDIT', [on(['/noted'])]),
		policy('socket', ofService('socket'), 'DENY', [on(['/ws'])]),
		...routes(),
	)
	orders = await joined(adminOf(mesh), 'orders')
	await eventually(
		async () => post('/buy/1', { role: 'buyer' }),
		({ status }) => status === 200,
	)
})
afterAll(async () => {
	await mesh?.stop()
	await Promise.all([backend?.stop(), issuer?.stop()])
})

/** A route of which two rules are guarded, one of them by a policy of its own; and one whose rules answer themselves. */
function routes(): object[] {
	const [gateway, route] = ruled('routed', to('plain')) as [object, { spec: { rules: object[] } }]
	route.spec.rules.push({ name: 'guarded', ...prefix('/guarded'), ...to('plain') })
	const [other, answering] = ruled('answering', { filters: [extensionRef('DirectResponse', 'hello')] }) as [
		object,
		{ spec: { rules: object[] } },
	]
	answering.spec.rules.push({
		...{ name: 'away', ...prefix('/away') },
		filters: [{ type: 'RequestRedirect', requestRedirect: { hostname: 'else.test' } }],
	})
	return [
		...[gateway, route, other, answering],
		extension('DirectResponse', 'hello', { statusCode: 200, body: 'hello' }),
		policy('routed', ofRoute('routed'), 'DENY', [{ to: [{ operation: { methods: ['DELETE'] } }] }]),
		policy('guarded', ofRoute('routed', 'guarded'), 'DENY', [on(['/guarded/secret'])]),
		policy('answering', ofRoute('answering', 'away'), 'DENY', [on(['/away/no'])]),
	]
}

interface Answered extends Partial<Echoed> {
	readonly status: number
	readonly reason?: string
	readonly policy?: string
}

async function get(host: string, path = '/', headers: Record<string, string> = {}, method = 'GET'): Promise<Answered> {
	const { status, text } = await mesh.via(host.includes('.') ? host : `${host}.${DOMAIN}`, path, { headers, method })
	return { status, ...(text.startsWith('{') ? (JSON.parse(text) as object) : {}) }
}

/** What becomes of it, in a word: the status, or the policy that refused. */
const outcome = async (...asked: Parameters<typeof get>): Promise<string> => {
	const { status, reason, policy } = await get(...asked)
	return reason === undefined ? String(status) : [reason, policy].filter((one) => one !== undefined).join(' by ')
}

/** Of the workload, for a request that shows the user's token beside it. */
const proof = (token?: string): Promise<Record<string, string>> => {
	const ath = token && createHash('sha256').update(token).digest('base64url')
	return proofOf(orders.wit, orders.key, `http://shop.${DOMAIN}`, ath === undefined ? {} : { ath })
}
async function post(path: string, claims: object, { method = 'POST', isProving = true } = {}): Promise<Answered> {
	const token = await issuer.token({ role: 'buyer', ...claims })
	const shown = isProving ? await proof(token) : {}
	return get('shop', path, { authorization: `Bearer ${token}`, ...shown }, method)
}

describe('a rule that asks for workload, user, claim, method and path', () => {
	it('admits who has them all', async () => {
		const { status, url, rawHeaders } = await post('/buy/1', {})
		expect([status, url, rawHeaders!.map((field) => field.toLowerCase()).includes('authorization')]).toEqual([
			200,
			'/buy/1',
			false,
		])
	})

	it.each([
		['another user', '/buy/1', { sub: 'mallory' }, {}],
		['another claim', '/buy/1', { role: 'guest' }, {}],
		['another path', '/buy/1/2', {}, {}],
		['another method', '/buy/1', {}, { method: 'PUT' }],
		['no workload', '/buy/1', {}, { isProving: false }],
	])('refuses with %s', async (_, path, claims, more) => {
		expect(await post(path, claims, more)).toMatchObject({
			status: 403,
			reason: 'access_denied',
			detail: 'RBAC: access denied',
		})
	})

	it('refuses with no user', async () => {
		expect(await outcome('shop', '/buy/1', await proof(), 'POST')).toBe('access_denied')
	})
})

describe('policies', () => {
	it.each([
		['of the mesh refuse what one of the Service admits', 'plain', '/forbidden', 'access_denied by default/mesh-wide'],
		['of a Service admit the rest', 'plain', '/', '200'],
		['of a Service that admit nobody', 'nobody', '/', 'access_denied'],
		['of a Service that refuse everybody', 'banned', '/', 'access_denied by default/banned'],
		['of a namespace hold for its Services', 'one--walled', '/', 'access_denied'],
		['of a namespace admit', 'two--walled', '/open', '200'],
		['of a route hold for all of its rules', 'routed.test', '/', 'access_denied by default/routed', 'DELETE'],
		['of a route hold for the other, too', 'routed.test', '/guarded', 'access_denied by default/routed', 'DELETE'],
		['of a rule hold for that rule', 'routed.test', '/guarded/secret', 'access_denied by default/guarded'],
		['of a rule are none of another', 'routed.test', '/secret', '200'],
		['of the mesh hold for what a route sends on', 'routed.test', '/forbidden', 'access_denied by default/mesh-wide'],
		[
			'of the mesh hold where a rule answers itself',
			'answering.test',
			'/forbidden',
			'access_denied by default/mesh-wide',
		],
		['let a rule answer', 'answering.test', '/', '200'],
		['of a rule hold where it redirects', 'answering.test', '/away/no', 'access_denied by default/answering'],
		['let a rule redirect', 'answering.test', '/away/yes', '302'],
	])('%s', async (_, host, path, expected, method = 'GET') => {
		expect(await outcome(host, path, {}, method)).toBe(expected)
	})

	it('refuse a handshake like any other request', async () => {
		const handshake = {
			connection: 'Upgrade',
			upgrade: 'websocket',
			'sec-websocket-version': '13',
			'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
		}
		const sent = open({ port: mesh.port('weur'), host: `socket.${DOMAIN}`, path: '/ws', headers: handshake })
		sent.end()
		const response = await responseOf(sent)
		response.resume()
		expect([response.statusCode, response.headers['content-type']]).toEqual([403, 'application/problem+json'])
	})

	it('refuse a HEAD without a body, and gRPC-Web with a status that its callers understand', async () => {
		const head = await mesh.via(`banned.${DOMAIN}`, '/', { method: 'HEAD' })
		expect([head.status, head.text, head.headers['proxy-status']]).toEqual([
			403,
			'',
			expect.stringContaining('policy="default/banned"'),
		])
		const headers = { 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1' }
		expect((await mesh.via(`banned.${DOMAIN}`, '/a.B/C', { method: 'POST', headers, body: 'x' })).status).toBe(403)
	})

	it('that change are in force within 1.5 s, and so is their end', async () => {
		const lock = policy('lock', ofService('changing'), 'DENY', [{}])
		const turns = (expected: string) =>
			eventually(
				() => outcome('changing'),
				(now) => now === expected,
				1_500,
			)
		expect(await outcome('changing')).toBe('200')
		for (let time = 0; time < 3; time++) {
			await Promise.all([mesh.apply(lock), turns('access_denied by default/lock')])
			await Promise.all([mesh.remove(lock), turns('200')])
		}
	})
})

describe('a policy that is tried out', () => {
	it('refuses nobody, and the access log says whom it would', async () => {
		const logged = () => mesh.log.filter((line) => line.path === '/old/log' && 'status' in line)
		expect(await outcome('tried', '/old/log')).toBe('200')
		await eventually(
			async () => logged().length,
			(length) => length > 0,
		)
		expect(logged()[0]).toMatchObject({ status: 200, would: 'refuse', wouldBy: 'default/tried' })
	})

	it('that only notes refuses nobody either', async () => {
		expect(await outcome('noted', '/noted')).toBe('200')
		const noted = () => mesh.log.filter((line) => line.path === '/noted' && line.policy === 'default/noted')
		expect(
			await eventually(
				async () => noted(),
				({ length }) => length > 0,
			),
		).toHaveLength(1)
	})
})

it('the access log names the user, and the policy that decided', async () => {
	await post('/buy/logged', {})
	await post('/forbidden/logged', {})
	const logged = (path: string) => mesh.log.find((line) => line.path === path && 'status' in line)
	await eventually(
		async () => logged('/forbidden/logged'),
		(line) => line !== undefined,
	)
	const user = `${issuer.url}/alice`
	expect(logged('/buy/logged')).toMatchObject({
		status: 200,
		user,
		policy: 'default/buyers',
		caller: `spiffe://${PRINCIPAL}`,
	})
	expect(logged('/forbidden/logged')).toMatchObject({
		status: 403,
		user,
		policy: 'default/mesh-wide',
		refusal: 'access_denied',
	})
})

it('a mesh that is closed lets in whom a policy admits, and nobody else', async () => {
	const closing = extension('Mesh', 'default', { defaultAccess: 'closed' })
	await mesh.apply(closing)
	await eventually(
		() => outcome('rebuked'),
		(now) => now === 'access_denied',
	)
	expect([await outcome('plain'), await outcome('answering.test'), await outcome('two--walled', '/open')]).toEqual([
		'200',
		'access_denied',
		'200',
	])
	await mesh.apply(policy('rebuked', ofService('rebuked'), 'ALLOW', [on(['/in'])]))
	await eventually(
		() => outcome('rebuked', '/in'),
		(now) => now === '200',
	)
	expect(await outcome('rebuked', '/out')).toBe('access_denied')
	await mesh.remove(closing)
	await eventually(
		() => outcome('changing'),
		(now) => now === '200',
	)
	expect(await outcome('rebuked', '/out')).toBe('access_denied')
})
