/** Who calls, on the real data path: from an identity that the ring has issued to what a service learns, and to its end. */
import { createLocalJWKSet, decodeProtectedHeader, importJWK, type JSONWebKeySet, type JWK, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Backend, type Echoed, echo, startBackend, valuesOf } from './backend.ts'
import { type Answer, call, eventually } from './client.ts'
import { service } from './documents.ts'
import { DOMAIN, type Mesh, runningClock, startMesh } from './meshHarness.ts'
import { extension, extensionRef, to } from './rules.ts'
import { dpop, exchange, JOIN_TOKEN, JWT, type Key, newKey, proofOf, workloadTrust } from './workload.ts'

let mesh: Mesh
let backends: Backend[]
let key: Key
let orders: string

const SHOP = `shop.${DOMAIN}`
const AUD = `http://${SHOP}`

const targeting = (kind: string, name: string, spec: object) => ({
	...extension(kind, name, {}),
	spec: { targetRefs: [{ group: 'selvedge.dev', kind: 'Service', name }], ...spec },
})
/** A route of a Service in whose namespace it stands, or of the callers of its own. */
const routeOf = (name: string, namespace: string, rules: object[], parent = 'default') => ({
	apiVersion: 'gateway.networking.k8s.io/v1',
	kind: 'HTTPRoute',
	metadata: { name: `${name}-${namespace}`, namespace },
	spec: { parentRefs: [{ group: '', kind: 'Service', name, namespace: parent }], rules },
})

beforeAll(async () => {
	backends = await Promise.all(Array.from({ length: 4 }, () => startBackend(echo)))
	const [one, two] = backends.map(({ url }) => url) as [string, string]
	mesh = await startMesh({ regions: ['weur'] })
	await mesh.apply(
		...['orders', 'brief'].map((workload) => workloadTrust(workload, { workload, joinToken: {} })),
		workloadTrust('cart', { workload: 'cart', joinToken: {} }, 'ops'),
		...['shop', 'once', 'public', 'chosen', 'consumed'].map((name) => service(name, one)),
		service('other', two),
		service(
			'spread',
			backends.map(({ url }) => url),
		),
		targeting('PeerAuthentication', 'shop', { mode: 'STRICT', proofReuse: 'UntilExpiry' }),
		targeting('PeerAuthentication', 'once', { mode: 'STRICT' }),
		targeting('TrafficPolicy', 'spread', { loadBalancer: { type: 'Maglev', hashOn: { source: 'Workload' } } }),
		extension('TrafficMatch', 'from-orders', { sources: [{ namespace: 'default', workload: 'orders' }] }),
		routeOf('chosen', 'default', [
			{ filters: [extensionRef('TrafficMatch', 'from-orders')], ...to('other') },
			to('chosen'),
		]),
		routeOf('consumed', 'ops', [to('other', { namespace: 'default' })]),
	)
	key = await newKey()
	orders = await join('orders')
	// The first trust part travels beside the path.
	const get = async () => mesh.via(SHOP, '/', { headers: await proofOf(orders, key, AUD) })
	await eventually(get, ({ status }) => status === 200)
})
afterAll(async () => {
	await mesh.stop()
	await Promise.all(backends.map((backend) => backend.stop()))
})

async function admin(method: string, path: string, body?: object | URLSearchParams, more: Record<string, string> = {}) {
	const isForm = body instanceof URLSearchParams
	const headers = {
		'content-type': isForm ? 'application/x-www-form-urlencoded' : 'application/json',
		...(isForm ? {} : { authorization: 'Bearer the-first-token' }),
		...more,
	}
	const sent = body === undefined ? {} : { body: isForm ? String(body) : JSON.stringify(body) }
	const answer = await call({ port: mesh.adminPort, host: `admin.${DOMAIN}`, path, method, headers, ...sent })
	if (answer.status >= 300) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`)
	return JSON.parse(answer.text || 'null') as Record<string, unknown>
}

/** A WIT, or a JWT-SVID for an audience. */
async function join(
	workload: string,
	{ namespace = 'default', audience }: { namespace?: string; audience?: string } = {},
) {
	const { token } = await admin('POST', '/v1/identity/join-tokens', { namespace, workload })
	const asked = audience === undefined ? {} : { requested_token_type: JWT, audience }
	const form = new URLSearchParams(exchange(String(token), JOIN_TOKEN, asked))
	const proof: Record<string, string> = audience === undefined ? { dpop: await dpop(key) } : {}
	return String((await admin('POST', '/v1/identity/token', form, proof)).access_token)
}

const proven = async (host: string, wit = orders) =>
	mesh.via(host, '/', { headers: await proofOf(wit, key, `http://${host}`) })
const reason = ({ status, text }: Answer) => [
	status,
	status === 200 ? '' : (JSON.parse(text) as Echoed & { reason: string }).reason,
]
const got = ({ text }: Answer) => (JSON.parse(text) as Echoed).rawHeaders

/** As any JWT library does it: the delegation by the mesh's key set, the assertion by the delegation's key. */
async function verified(assertion: string, audience: string) {
	const jwks = (await admin('GET', '/.well-known/jwks.json')) as unknown as JSONWebKeySet
	const { delegation } = decodeProtectedHeader(assertion) as { delegation: string }
	const issuer = `https://admin.${DOMAIN}`
	const checked = await jwtVerify(delegation, createLocalJWKSet(jwks), { typ: 'selvedge-delegation+jwt', issuer })
	const { jwk } = checked.payload.cnf as { jwk: JWK }
	return (await jwtVerify(assertion, await importJWK(jwk, 'ES256'), { typ: 'selvedge-caller+jwt', issuer, audience }))
		.payload
}

describe('a strict service', () => {
	it('learns of its caller from an assertion that plain JOSE verifies, and from nothing else', async () => {
		const headers = { ...(await proofOf(orders, key, AUD)), 'selvedge-caller': 'forged', 'client-cert': ':forged:' }
		const raw = got(
			await eventually(
				() => mesh.via(SHOP, '/', { headers }),
				(answer) => valuesOf(got(answer), 'selvedge-caller').length === 1,
			),
		)
		const [assertion] = valuesOf(raw, 'selvedge-caller')
		const sub = `spiffe://${DOMAIN}/ns/default/sa/orders`
		expect(await verified(assertion!, AUD)).toMatchObject({ sub, method: 'WorkloadProof' })
		for (const name of ['workload-identity-token', 'workload-proof-token', 'client-cert'])
			expect(valuesOf(raw, name)).toEqual([])
	})

	it('refuses whoever proves nothing', async () => {
		expect(reason(await mesh.via(SHOP))).toEqual([403, 'identity_required'])
	})

	it('takes a JWT-SVID, and does not get it', async () => {
		const authorization = `Bearer ${await join('orders', { audience: AUD })}`
		const answer = await mesh.via(SHOP, '/', { headers: { authorization } })
		expect(answer.status).toBe(200)
		expect(valuesOf(got(answer), 'authorization')).toEqual([])
		const elsewhere = await mesh.via(`public.${DOMAIN}`, '/', { headers: { authorization } })
		expect(reason(elsewhere)).toEqual([401, 'invalid_token'])
		expect(elsewhere.headers['www-authenticate']).toBe('Bearer error="invalid_token"')
	})

	it.each([
		['shop', 200],
		['once', 400],
	])('%s answers a proof that is shown again: %i', async (name, expected) => {
		const headers = await proofOf(orders, key, `http://${name}.${DOMAIN}`)
		const statuses = []
		for (let i = 0; i < 2; i++) statuses.push((await mesh.via(`${name}.${DOMAIN}`, '/', { headers })).status)
		expect(statuses).toEqual([200, expected])
	})
})

describe('who calls decides', () => {
	const reached = async (answer: Answer) => Number(new URL(`http://${valuesOf(got(answer), 'host')[0]}`).port)

	it('which rule matches, by its TrafficMatch', async () => {
		expect(await reached(await proven(`chosen.${DOMAIN}`))).toBe(backends[1]!.port)
		expect(await reached(await mesh.via(`chosen.${DOMAIN}`))).toBe(backends[0]!.port)
	})

	it('which namespace’s route applies', async () => {
		const cart = await join('cart', { namespace: 'ops' })
		expect(await reached(await proven(`consumed.${DOMAIN}`, cart))).toBe(backends[1]!.port)
		expect(await reached(await proven(`consumed.${DOMAIN}`))).toBe(backends[0]!.port)
	})

	it('which endpoint is asked, where a policy hashes on it', async () => {
		const ports = async (ask: () => Promise<Answer>) => {
			const all = new Set<number>()
			for (let i = 0; i < 12; i++) all.add(await reached(await ask()))
			return all.size
		}
		expect(await ports(() => proven(`spread.${DOMAIN}`))).toBe(1)
		expect(await ports(() => mesh.via(`spread.${DOMAIN}`))).toBeGreaterThan(1)
	})
})

describe('soon', () => {
	it('within a second and a half of its revocation, nothing that a workload shows counts, also what counted before', async () => {
		const wit = await join('brief')
		const headers = await proofOf(wit, key, AUD)
		expect((await mesh.via(SHOP, '/', { headers })).status).toBe(200)
		await admin('POST', '/v1/revocations', { workload: { namespace: 'default', workload: 'brief' }, reason: 'test' })
		const clock = runningClock(() => proven(SHOP))
		const answeredAt = clock.now()
		const ask = async () => {
			const takesMs = clock.now() - answeredAt
			const said = reason(await mesh.via(SHOP, '/', { headers }))
			if (said[0] === 200) expect(takesMs).toBeLessThanOrEqual(1_500)
			return said
		}
		const said = await eventually(ask, ([status]) => status !== 200).finally(() => clock.stop())
		expect(said).toEqual([400, 'credential_revoked'])
		expect((await proven(SHOP)).status).toBe(200)
	})

	it('after a compromise of the ring’s key, assertions are signed under another', async () => {
		const kidOf = async () => {
			const [assertion] = valuesOf(got(await proven(SHOP)), 'selvedge-caller')
			// Who asks for its key to be certified anew waits for a second, and then calls without an assertion.
			if (assertion === undefined) return undefined
			const { delegation } = decodeProtectedHeader(assertion) as { delegation: string }
			return decodeProtectedHeader(delegation).kid
		}
		const before = await eventually(kidOf, (kid) => kid !== undefined)
		await admin('POST', '/v1/keys/rotate', { purpose: 'delegation', compromised: true })
		await eventually(kidOf, (kid) => kid !== undefined && kid !== before)
		const [assertion] = valuesOf(got(await proven(SHOP)), 'selvedge-caller')
		expect(await verified(assertion!, AUD)).toMatchObject({ aud: AUD })
	})
})

it('the access log names the caller, and no token', async () => {
	const wrong = await mesh.via(SHOP, '/', { headers: await proofOf(orders, key, 'http://elsewhere.test') })
	expect(reason(wrong)).toEqual([400, 'invalid_proof'])
	await eventually(
		async () => mesh.log,
		(log) => log.some(({ refusal }) => refusal === 'invalid_proof'),
	)
	expect(mesh.log.some(({ caller }) => caller === `spiffe://${DOMAIN}/ns/default/sa/orders`)).toBe(true)
	expect(JSON.stringify(mesh.log)).not.toContain('eyJ')
	expect(wrong.text).not.toContain('eyJ')
})
